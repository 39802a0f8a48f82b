//! `auth:` of a connection: how it signs in.

use url::Url;

use super::connection::Secret;
use super::fields::Fields;
use crate::diagnostic::{Code, Diagnostic};

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

pub(super) fn auth(fields: &mut Fields<'_>) -> Option<Auth> {
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
