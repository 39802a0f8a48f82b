//! `connections:`: a service several sources read from, with the budget they share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::Place;
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
pub enum Auth {
    Anonymous,
    /// One token, or a pool: the one with the most quota left is used.
    Bearer(Vec<Secret>),
    Basic {
        user: String,
        password: Secret,
    },
    ApiKeyHeader {
        name: String,
        value: Secret,
    },
    ApiKeyQuery {
        name: String,
        value: Secret,
    },
    /// The client credentials grant of RFC 6749, section 4.4.
    ClientCredentials {
        token_url: Url,
        client_id: String,
        client_secret: Secret,
        scope: Option<String>,
    },
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

fn auth(fields: &mut Fields<'_>) -> Option<Auth> {
    let Some(mut auth) = fields.fields("auth", "`auth`") else {
        return Some(Auth::Anonymous);
    };
    let ways = ["bearer", "basic", "api_key", "oauth2"];
    let given: Vec<_> = ways.into_iter().filter(|way| auth.entry(way).is_some()).collect();
    let read = match given.as_slice() {
        [] => Some(Auth::Anonymous),
        ["bearer"] => {
            let tokens = auth.strings("bearer").unwrap_or_default();
            let tokens: Vec<Secret> =
                tokens.into_iter().filter(|(token, _)| !token.is_empty()).map(|(token, _)| Secret(token)).collect();
            Some(if tokens.is_empty() { Auth::Anonymous } else { Auth::Bearer(tokens) })
        }
        ["basic"] => auth.fields("basic", "`basic`").and_then(|mut basic| {
            let user = basic.required_string("user").map(|(user, _)| user);
            let password = basic.text("password").unwrap_or_default();
            basic.finish(auth.found());
            user.map(|user| match user.is_empty() && password.is_empty() {
                true => Auth::Anonymous,
                false => Auth::Basic { user, password: Secret(password) },
            })
        }),
        ["api_key"] => api_key(&mut auth),
        ["oauth2"] => oauth2(&mut auth),
        [_, second, ..] => {
            let second = ["basic", "api_key", "oauth2"].into_iter().find(|way| way == second).unwrap_or("bearer");
            let span = auth.entry(second).map_or_else(|| auth.span().clone(), |(key, _)| key.span.clone());
            auth.push(Diagnostic::error(Code::Config, "`auth` takes one way to sign in").label(span, "a second one"));
            None
        }
        [_] => None,
    };
    auth.finish(fields.found());
    read
}

fn api_key(auth: &mut Fields<'_>) -> Option<Auth> {
    let mut key = auth.fields("api_key", "`api_key`")?;
    let header = key.string("header").map(|(name, _)| name);
    let query = key.string("query").map(|(name, _)| name);
    let value = key.text("value");
    let read = match (header, query, value) {
        (_, _, None) => {
            let span = key.span().clone();
            key.push(Diagnostic::error(Code::Config, "`api_key` needs `value`").label(span, "`value` is missing"));
            None
        }
        (_, _, Some(value)) if value.is_empty() => Some(Auth::Anonymous),
        (Some(name), None, Some(value)) => Some(Auth::ApiKeyHeader { name, value: Secret(value) }),
        (None, Some(name), Some(value)) => Some(Auth::ApiKeyQuery { name, value: Secret(value) }),
        (_, _, Some(_)) => {
            let span = key.span().clone();
            key.push(
                Diagnostic::error(Code::Config, "`api_key` needs to know where the key goes")
                    .label(span, "expected `header` or `query`, one of them")
                    .hint("write `api_key: {header: x-api-key, value: \"{{ env_var('API_KEY') }}\"}`"),
            );
            None
        }
    };
    key.finish(auth.found());
    read
}

fn oauth2(auth: &mut Fields<'_>) -> Option<Auth> {
    let mut oauth2 = auth.fields("oauth2", "`oauth2`")?;
    let mut read = None;
    if oauth2.entry("client_credentials").is_none() {
        let span = oauth2.span().clone();
        oauth2.push(
            Diagnostic::error(Code::Config, "`oauth2` needs `client_credentials`")
                .label(span, "the one grant that can be used here"),
        );
    }
    if let Some(mut grant) = oauth2.fields("client_credentials", "`client_credentials`") {
        let token_url = grant.required_string("token_url").and_then(|(text, node)| {
            let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            if url.is_none() {
                grant.push(
                    Diagnostic::error(Code::Config, "`token_url` is not a URL")
                        .label(node.span.clone(), "expected `https://host/...`"),
                );
            }
            url
        });
        let client_id = grant.required_string("client_id").map(|(text, _)| text);
        let client_secret = grant.required_string("client_secret").map(|(text, _)| Secret(text));
        let scope = grant.text("scope").filter(|scope| !scope.is_empty());
        grant.finish(oauth2.found());
        if let (Some(token_url), Some(client_id), Some(client_secret)) = (token_url, client_id, client_secret) {
            read = Some(Auth::ClientCredentials { token_url, client_id, client_secret, scope });
        }
    }
    oauth2.finish(auth.found());
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
