//! Brokers that go and come back.

use super::super::broker::Broker;
use super::super::topic::Topic;
use super::super::{assert_once, count};
use super::child::Streaming;
use super::{EVENTS, EVENTS_AND_BELOW, assert_refreshed, number, with_totals};

#[test]
fn a_broker_that_comes_back_is_read_on_from() {
    let Some(broker) = Broker::own() else { return };
    let topic = Topic::on(broker, 2);
    let project = with_totals(topic.project(", batch: {every: 200ms}"));
    let mut stream = Streaming::start(&project, &EVENTS_AND_BELOW);
    topic.numbers(0..100, 2);
    stream.until("the first rows", || number(&project, "silver.totals", "n") == 100);

    topic.broker.stop();
    topic.broker.start();
    topic.numbers(100..200, 2);
    stream.until("rows after a restart", || count(&project, "bronze.events") >= 200);

    topic.broker.kill();
    topic.broker.start();
    topic.numbers(200..300, 2);
    stream.until("rows after a kill", || {
        number(&project, "gold.report", "tens") == 3000 && number(&project, "silver.by_rest", "sum(n)") == 300
    });
    stream.end("-TERM");
    assert_once(&project, 300);
    assert_refreshed(&project, 300);
}

#[test]
fn a_broker_that_goes_in_the_middle_of_batches_costs_nothing() {
    let Some(broker) = Broker::own() else { return };
    let topic = Topic::on(broker, 3);
    topic.numbers(0..30_000, 3);
    let project = topic.project(", batch: {rows: 1000}");
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until("a commit", || count(&project, "bronze.events") > 0);
    topic.broker.kill();
    topic.broker.start();
    stream.until("all", || count(&project, "bronze.events") >= 30_000);
    stream.end("-TERM");
    assert_once(&project, 30_000);
}

#[test]
fn a_broker_that_is_not_there_yet_is_waited_for() {
    let Some(broker) = Broker::own() else { return };
    let topic = Topic::on(broker, 1);
    topic.numbers(0..10, 1);
    topic.broker.stop();
    let project = topic.project("");
    let words = ["bronze.events", topic.broker.address(), "trying again in"];
    // One that waits can be ended.
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until_said(1, &words);
    stream.end("-TERM");

    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until_said(2, &words);
    topic.broker.start();
    stream.until("the rows", || count(&project, "bronze.events") >= 10);
    stream.end("-INT");
    assert_once(&project, 10);
}
