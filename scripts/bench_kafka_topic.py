"""The topic that scripts/bench_kafka measures: its messages, and the reader that sets the limit. Two commands are children:

    bench_kafka_topic.py fill BROKERS TOPIC PARTITIONS MESSAGES     makes the topic and writes its messages
    bench_kafka_topic.py drain BROKERS TOPIC PARTITIONS MESSAGES    reads and drops them

Each prints what it did as JSON.
"""

import datetime
import itertools
import json
import random
import re
import sys
import time

TEMPLATES = 2000
FIRST_ID = 52_000_000_000
EVENTS_A_SECOND = 50  # by their `created_at`
BEGIN = datetime.datetime(2025, 7, 1, tzinfo=datetime.timezone.utc)
PATIENCE = 60  # seconds
HOLES = re.compile('<id>|"<number>"|<created_at>')

ACTIONS = {"IssuesEvent": ("opened", "closed", "reopened", "labeled"), "IssueCommentEvent": ("created", "edited"),
           "PullRequestEvent": ("opened", "closed", "synchronize")}
VERBS = "fix add remove update refactor simplify document rename move revert improve handle bump split merge drop".split()
NOUNS = ("login page|error message|config loader|test case|retry loop|cache key|search form|parser|tokenizer|download button"
         "|invoice total|timeout|release notes|scheduler|validator|mail template|permission check|progress bar").split("|")
WORDS = ("the a of in on after before when and but with without it we this that not only every still run build request answer"
         " value row index release branch commit thread memory page queue worker broker offset schema token client server"
         " fails works returns hangs repeats breaks passes waits größer élan 修复 🚀").split()
LINES = ["\r\n\r\n", "\n- [ ] ", ".\r\n> ", ' "as is", ', "\n```\nC:\\temp\\new\t0x1f\n```\n", ". ", ", ", ". "]
LABELS = "bug enhancement question documentation p2 wontfix good-first-issue security regression".split()

TRICKLE = 8_000  # messages a second of `trickle`

# Those of src/connectors/kafka/client.rs.
READER = {"group.id": "engine", "enable.auto.commit": False, "enable.auto.offset.store": False, "auto.offset.reset": "error",
          "fetch.wait.max.ms": 100, "queued.min.messages": 100_000, "queued.max.messages.kbytes": 65536,
          "fetch.queue.backoff.ms": 10, "socket.keepalive.enable": True, "check.crcs": True}


def user(rng):
    login, number = f"{rng.choice(NOUNS).replace(' ', '-')}-{rng.randrange(9000)}", rng.randrange(1_000, 200_000_000)
    return {"id": number, "login": login, "display_login": login, "gravatar_id": "",
            "url": f"https://api.github.com/users/{login}", "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?"}


def body(rng):
    """Text as people write it, a few hundred characters, with what JSON must escape."""
    lines = rng.randrange(6, 15)
    return "".join(f"{' '.join(rng.choices(WORDS, k=rng.randrange(4, 14)))}{rng.choice(LINES)}" for _ in range(lines))


def template(rng):
    """An event as the pieces around its holes: its id, its number and its time."""
    kind, actor, author = rng.choice(list(ACTIONS)), user(rng), user(rng)
    repo = f"{author['login']}/{rng.choice(NOUNS).replace(' ', '-')}"
    issue = {"url": f"https://api.github.com/repos/{repo}/issues", "id": rng.randrange(10**9, 4 * 10**9),
             "title": f"{rng.choice(VERBS)} {rng.choice(NOUNS)} {' '.join(rng.choices(WORDS, k=5))}",
             "user": {"login": author["login"], "id": author["id"], "type": "User", "site_admin": False},
             "labels": [{"name": name, "color": "d73a4a", "default": True} for name in rng.sample(LABELS, rng.randrange(3))],
             "state": rng.choice(["open", "closed"]), "locked": False, "assignee": None, "comments": rng.randrange(40),
             "body": body(rng), "reactions": {"total_count": 0, "+1": 0, "-1": 0}, "score": rng.random()}
    event = {"id": "<id>", "type": kind, "actor": actor,
             "repo": {"id": rng.randrange(10**6, 10**9), "name": repo, "url": f"https://api.github.com/repos/{repo}"},
             "payload": {"action": rng.choice(ACTIONS[kind]), "number": "<number>", "issue": issue},
             "public": True, "created_at": "<created_at>"}
    return [piece.encode() for piece in HOLES.split(json.dumps(event, ensure_ascii=False, separators=(",", ":")))]


def events(count):
    """So many events, always the same ones, as `(key, value, number)`; the key is the id."""
    rng = random.Random("bench kafka")
    templates = [template(rng) for _ in range(TEMPLATES)]
    for second in itertools.count():
        created_at = (BEGIN + datetime.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        first = second * EVENTS_A_SECOND
        if first >= count:
            return
        for index in range(first, min(first + EVENTS_A_SECOND, count)):
            key, number = b"%d" % (FIRST_ID + index), index * 7919 % 99_991
            head, middle, tail, end = templates[index * 769 % TEMPLATES]
            yield key, b"".join((head, key, middle, b"%d" % number, tail, created_at, end)), number


def make(brokers, topic, partitions):
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": brokers})  # in a variable: it must live until the answer
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(PATIENCE)


def delete(brokers, topic):
    """Removes the topic; it need not be there."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": brokers})
    try:
        admin.delete_topics([topic])[topic].result(PATIENCE)
    except (KafkaException, TimeoutError) as error:
        print(f"topic {topic} was not deleted: {error!r}", file=sys.stderr)


def producer(brokers, **settings):
    """Idempotent, so that nothing is there twice. What fails is missing in the topic; nobody is told of what succeeds."""
    from confluent_kafka import Producer

    defaults = {"bootstrap.servers": brokers, "enable.idempotence": True, "compression.type": "lz4",
                "delivery.report.only.error": True}
    return Producer(defaults | settings)


def fill(brokers, topic, partitions, messages):
    """Writes the events, in large batches, to the partitions in turn."""
    make(brokers, topic, partitions)
    began = time.monotonic()
    writer = producer(brokers, **{"linger.ms": 20, "batch.size": 256 << 10, "batch.num.messages": 10_000,
                                  "queue.buffering.max.messages": 500_000, "queue.buffering.max.kbytes": 256 << 10})
    size = total = 0
    for index, (key, value, number) in enumerate(events(messages)):
        while True:
            try:
                writer.produce(topic, value, key, index % partitions)
                break
            except BufferError:
                writer.poll(0.02)
        size += len(value)
        total += number
    left = writer.flush(PATIENCE)
    there = ends(brokers, topic, partitions)
    if left or there != messages:
        sys.exit(f"{messages} messages were written, {there} are in the topic, {left} never left")
    return {"wall": time.monotonic() - began, "bytes": size, "numbers": total}


def trickle(brokers, topic, partitions, messages):
    """Writes the events to a topic that is there, at a pace that leaves time for others: some two minutes for a million."""
    # So patient that it outlives a broker that is stopped for minutes.
    writer = producer(brokers, **{"linger.ms": 20, "queue.buffering.max.messages": 500_000, "message.timeout.ms": 900_000})
    began = time.monotonic()
    total = 0
    for index, (key, value, number) in enumerate(events(messages)):
        if index % 100 == 0 and (pause := began + index / TRICKLE - time.monotonic()) > 0:
            time.sleep(pause)
        while True:
            try:
                writer.produce(topic, value, key, index % partitions)
                break
            except BufferError:
                writer.poll(0.02)
        total += number
    left = writer.flush(PATIENCE)
    there = ends(brokers, topic, partitions)
    if left or there != messages:
        sys.exit(f"{messages} messages were written, {there} are in the topic, {left} never left")
    return {"numbers": total}


def send(writer, topic, messages, rate):
    """So many messages a second, each with the time at which it is handed to the producer."""
    began = time.monotonic()
    for index, (key, value, _) in enumerate(messages):
        pause = began + index / rate - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        writer.produce(topic, b'%s,"sent":%d}' % (value[:-1], time.time_ns() // 1000), key)
        writer.poll(0)
    writer.flush(PATIENCE)


def ends(brokers, topic, partitions):
    """How many messages the topic has."""
    from confluent_kafka import Consumer, TopicPartition

    reader = Consumer(READER | {"bootstrap.servers": brokers})
    marks = [reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE) for partition in range(partitions)]
    reader.close()
    return sum(high - low for low, high in marks)


def drain(brokers, topic, partitions, messages):
    """Reads and drops all messages: as fast as this library gets here, the start of Python left out."""
    from confluent_kafka import Consumer, Message, TopicPartition

    began, cpu = time.monotonic(), time.process_time()
    reader = Consumer(READER | {"bootstrap.servers": brokers})
    reader.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    read = size = 0
    while read < messages:
        # No more than there are: it waits until it has so many.
        batch = reader.consume(min(10_000, messages - read), timeout=PATIENCE)
        failed = next((error for error in map(Message.error, batch) if error is not None), None)
        if failed is not None or not batch:
            sys.exit(f"after {read} messages: {failed or 'none came any more'}")
        read += len(batch)
        size += sum(map(len, batch))
    used = {"wall": time.monotonic() - began, "cpu": time.process_time() - cpu, "bytes": size}
    reader.close()
    return used


def main(command, brokers, topic, partitions, messages):
    does = {"fill": fill, "drain": drain, "trickle": trickle}[command]
    print(json.dumps(does(brokers, topic, int(partitions), int(messages))))


if __name__ == "__main__":
    main(*sys.argv[1:])
