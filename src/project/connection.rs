//! `connections:`: a service several sources read from, with the budget they share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::Place;
use super::auth::{Auth, auth};
use super::fields::Fields;
use super::span_of_time::{Rate, parse_duration, parse_percent};
use super::yaml::{Node, NodeKind};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::names;

/// An entry of `connections:`.
#[derive(Debug, Clone)]
pub struct Connection {
    pub name: String,
    pub kind: ConnectionKind,
    pub place: Place,
}

#[derive(Debug, Clone)]
pub enum ConnectionKind {
    Http(Arc<HttpConnection>),
    Kafka(Arc<KafkaConnection>),
    /// Its mistakes are told.
    Broken,
}

/// `http:` of a connection.
#[derive(Debug, Clone)]
pub struct HttpConnection {
    pub name: String,
    /// Paths are appended to it.
    pub base_url: Url,
    /// Sent with every request, under `user-agent: engine` unless given.
    pub headers: Vec<(String, Secret)>,
    pub auth: Auth,
    /// Default: no limit but what the service's own answers ask for.
    pub rate: RateConfig,
    pub retry: RetryConfig,
    pub timeout: TimeoutConfig,
    /// Requests of one `for_each` at the same time. Default: 4.
    pub concurrency: usize,
}

/// `kafka:` of a connection.
#[derive(Debug, Clone)]
pub struct KafkaConnection {
    pub name: String,
    /// Hosts with ports, separated by commas.
    pub brokers: String,
    /// librdkafka's, those of `security` among them.
    pub properties: Vec<(String, Secret)>,
}

/// Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

#[derive(Debug, Clone)]
pub struct RateConfig {
    pub budget: Option<Rate>,
    /// The part of the budget that is left to others. Default: 0.
    pub reserve: f64,
    /// The answer's header with the requests left. Default: `x-ratelimit-remaining`.
    pub remaining_header: String,
    /// The answer's header with the time the budget is full again, in seconds since 1970 or from now.
    /// Default: `x-ratelimit-reset`.
    pub reset_header: String,
}

#[derive(Debug, Clone)]
pub struct RetryConfig {
    /// Requests after the first one. Default: 5.
    pub max: usize,
    /// Default: 1s to 60s, doubled each time and jittered.
    pub first: Duration,
    pub longest: Duration,
    /// How long a service may ask us to wait before that counts as a failure. Default: 15m.
    pub max_wait: Duration,
}

#[derive(Debug, Clone)]
pub struct TimeoutConfig {
    /// Default: 10s.
    pub connect: Duration,
    /// Until the answer begins, and for each further piece of it. Default: 30s.
    pub request: Duration,
}

impl Connection {
    /// The mistake of a second connection of one name.
    pub(super) fn declared_twice(&self, first: &Self) -> Diagnostic {
        let twice = Diagnostic::error(Code::Duplicate, format!("connection `{}` is declared twice", self.name));
        match (self.place.clone(), first.place.clone()) {
            (Some(again), Some(first)) => {
                twice.label(again, "declared again here").secondary(first, "first declared here")
            }
            _ => twice,
        }
    }
}

/// The `connections:` of a file.
pub(super) fn read_connections(fields: &mut Fields<'_>) -> Vec<Connection> {
    let Some(node) = fields.node("connections") else {
        return Vec::new();
    };
    let NodeKind::Mapping(entries) = &node.kind else {
        fields.map("connections");
        return Vec::new();
    };
    let mut connections = Vec::new();
    for (key, node) in entries {
        let place = Some(key.span.clone());
        if !names::is_name(&key.name) {
            fields.push(super::fields::invalid_name(&key.name, key.span.clone()));
            continue;
        }
        let kind = read_kind(&key.name, node, fields.found()).unwrap_or(ConnectionKind::Broken);
        connections.push(Connection { name: key.name.clone(), kind, place });
    }
    connections
}

fn read_kind(name: &str, node: &Node, found: &mut Diagnostics) -> Option<ConnectionKind> {
    let mut fields = Fields::new(node, "a connection", found)?;
    if let Some(mut inner) = fields.fields("kafka", "`kafka`") {
        let kafka = read_kafka(name, &mut inner);
        inner.finish(fields.found());
        fields.finish(found);
        return kafka.map(|kafka| ConnectionKind::Kafka(Arc::new(kafka)));
    }
    let http = match fields.fields("http", "`http`") {
        Some(mut inner) => {
            let http = read_http(name, &mut inner);
            inner.finish(fields.found());
            http
        }
        None => {
            if fields.entry("http").is_none() {
                let span = fields.span().clone();
                fields.push(
                    Diagnostic::error(Code::Config, format!("connection `{name}` says nothing of what it connects to"))
                        .label(span, "neither `http` nor `kafka`")
                        .hint("add `http: {base_url: https://...}` or `kafka: {brokers: localhost:9092}`"),
                );
            }
            None
        }
    };
    fields.finish(found);
    http.map(|http| ConnectionKind::Http(Arc::new(http)))
}

fn read_kafka(name: &str, fields: &mut Fields<'_>) -> Option<KafkaConnection> {
    let brokers = fields.required_string("brokers").map(|(brokers, _)| brokers);
    let mut properties = Vec::new();
    if let Some(mut security) = fields.fields("security", "`security`") {
        let names = [
            ("protocol", "security.protocol"),
            ("mechanism", "sasl.mechanism"),
            ("username", "sasl.username"),
            ("password", "sasl.password"),
            ("ca", "ssl.ca.location"),
            ("certificate", "ssl.certificate.location"),
            ("key", "ssl.key.location"),
            ("key_password", "ssl.key.password"),
        ];
        for (key, property) in names {
            if let Some(value) = security.text(key).filter(|value| !value.is_empty()) {
                properties.push((property.to_owned(), Secret(value)));
            }
        }
        security.finish(fields.found());
    }
    properties.extend(super::kafka_reader::properties(fields).into_iter().map(|(name, value)| (name, Secret(value))));
    Some(KafkaConnection { name: name.to_owned(), brokers: brokers?, properties })
}

fn read_http(name: &str, fields: &mut Fields<'_>) -> Option<HttpConnection> {
    let base_url = base_url(fields);
    let mut headers = Vec::new();
    if let Some(node) = fields.node("headers") {
        headers = secrets(fields, "headers", node);
    }
    let auth = auth(fields);
    let rate = rate(fields);
    let retry = retry(fields);
    let timeout = timeout(fields);
    let concurrency = fields.count("concurrency").unwrap_or(4);
    Some(HttpConnection {
        name: name.to_owned(),
        base_url: base_url?,
        headers,
        auth: auth?,
        rate,
        retry,
        timeout,
        concurrency,
    })
}

fn base_url(fields: &mut Fields<'_>) -> Option<Url> {
    let (text, node) = fields.required_string("base_url")?;
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    let refused = match &url {
        None => Some("expected `https://host/...`"),
        Some(url) if url.query().is_some() || url.fragment().is_some() => Some("a base URL ends with its path"),
        Some(url) if !url.username().is_empty() || url.password().is_some() => {
            Some("credentials belong to `auth: {basic: {user: ..., password: ...}}`")
        }
        Some(_) => None,
    };
    if let Some(refused) = refused {
        fields.push(
            Diagnostic::error(Code::Config, "`base_url` is not a URL that can be used")
                .label(node.span.clone(), refused),
        );
        return None;
    }
    url
}

/// A mapping of strings whose values are never shown.
fn secrets(fields: &mut Fields<'_>, name: &'static str, node: &Node) -> Vec<(String, Secret)> {
    let NodeKind::Mapping(entries) = &node.kind else {
        fields.map(name);
        return Vec::new();
    };
    let mut read = Vec::new();
    for (key, value) in entries {
        match value.as_text() {
            Some(text) if text.is_empty() => {}
            Some(text) => read.push((key.name.clone(), Secret(text))),
            None => fields.push(
                Diagnostic::error(Code::Config, format!("`{}` is a string, not {}", key.name, value.describe()))
                    .label(value.span.clone(), "expected a string"),
            ),
        }
    }
    read
}

fn rate(fields: &mut Fields<'_>) -> RateConfig {
    let mut config = RateConfig {
        budget: None,
        reserve: 0.0,
        remaining_header: "x-ratelimit-remaining".to_owned(),
        reset_header: "x-ratelimit-reset".to_owned(),
    };
    let Some(mut rate) = fields.fields("rate", "`rate`") else {
        return config;
    };
    config.budget = rate.parsed("budget", "a rate such as `5000/h`", Rate::parse);
    config.reserve = rate.parsed("reserve", "a percentage such as `10%`", parse_percent).unwrap_or(0.0);
    if let Some((name, _)) = rate.string("remaining_header") {
        config.remaining_header = name.to_lowercase();
    }
    if let Some((name, _)) = rate.string("reset_header") {
        config.reset_header = name.to_lowercase();
    }
    rate.finish(fields.found());
    config
}

fn retry(fields: &mut Fields<'_>) -> RetryConfig {
    let mut config = RetryConfig {
        max: 5,
        first: Duration::from_secs(1),
        longest: Duration::from_mins(1),
        max_wait: Duration::from_mins(15),
    };
    let Some(mut retry) = fields.fields("retry", "`retry`") else {
        return config;
    };
    if let Some(max) = retry.whole("max") {
        config.max = max;
    }
    let range = |text: &str| {
        let (first, longest) = text.split_once("..")?;
        let (first, longest) = (parse_duration(first)?, parse_duration(longest)?);
        (first <= longest).then_some((first, longest))
    };
    if let Some((first, longest)) = retry.parsed("backoff", "two times such as `1s..60s`", range) {
        (config.first, config.longest) = (first, longest);
    }
    if let Some(longest) = retry.duration("max_wait") {
        config.max_wait = longest;
    }
    retry.finish(fields.found());
    config
}

fn timeout(fields: &mut Fields<'_>) -> TimeoutConfig {
    let mut config = TimeoutConfig { connect: Duration::from_secs(10), request: Duration::from_secs(30) };
    if let Some(mut timeout) = fields.fields("timeout", "`timeout`") {
        config.connect = timeout.duration("connect").unwrap_or(config.connect);
        config.request = timeout.duration("request").unwrap_or(config.request);
        timeout.finish(fields.found());
    }
    config
}
