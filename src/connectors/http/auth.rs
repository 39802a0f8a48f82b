//! What signs a request: a token of a pool, a key, or a token fetched with client credentials.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::Value;

use super::error::HttpErrorKind;
use super::mask::Mask;
use crate::project::{Auth, Secret};

/// A token is renewed this long before it expires.
const EARLY: Duration = Duration::from_secs(30);

/// What is added to a request.
#[derive(Debug, Clone)]
pub(super) enum Signed {
    Header { name: String, value: Secret },
    Query { name: String, value: Secret },
}

#[derive(Debug)]
pub(super) struct Credentials {
    auth: Auth,
    /// Of each token of a pool: the requests left and when there will be more, as far as the service said.
    pool: Mutex<Vec<Quota>>,
    fetched: tokio::sync::Mutex<Option<(Secret, Instant)>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Quota {
    left: Option<u64>,
    reset: Option<Instant>,
}

impl Quota {
    fn left_at(self, now: Instant) -> u64 {
        match self.reset {
            Some(reset) if reset <= now => u64::MAX,
            _ => self.left.unwrap_or(u64::MAX),
        }
    }
}

impl Credentials {
    pub(super) fn new(auth: &Auth) -> Self {
        let tokens = if let Auth::Bearer(tokens) = auth { tokens.len() } else { 0 };
        Self {
            auth: auth.clone(),
            pool: Mutex::new(vec![Quota::default(); tokens]),
            fetched: tokio::sync::Mutex::default(),
        }
    }

    /// Whether signing in again may help.
    pub(super) fn is_renewable(&self) -> bool {
        matches!(self.auth, Auth::ClientCredentials { .. })
    }

    /// This token was refused: the next request fetches another, unless somebody has already.
    pub(super) async fn forget(&self, refused: Option<&Signed>) {
        let Some(Signed::Header { value, .. }) = refused else { return };
        let mut fetched = self.fetched.lock().await;
        if fetched.as_ref().is_some_and(|(token, _)| value.0.strip_prefix("Bearer ") == Some(&token.0)) {
            *fetched = None;
        }
    }

    pub(super) async fn sign(&self, http: &reqwest::Client, limit: Duration) -> Result<Option<Signed>, HttpErrorKind> {
        let header = |name: &str, value: String| Some(Signed::Header { name: name.to_owned(), value: Secret(value) });
        Ok(match &self.auth {
            Auth::Anonymous => None,
            Auth::Bearer(tokens) => {
                let best = self.best();
                tokens.get(best).and_then(|token| header("authorization", format!("Bearer {}", token.0)))
            }
            Auth::Basic { user, password } => header("authorization", format!("Basic {}", basic(user, password))),
            Auth::ApiKeyHeader { name, value } => header(name, value.0.clone()),
            Auth::ApiKeyQuery { name, value } => Some(Signed::Query { name: name.clone(), value: value.clone() }),
            Auth::ClientCredentials { .. } => {
                let token = self.token(http, limit).await?;
                header("authorization", format!("Bearer {}", token.0))
            }
        })
    }

    fn best(&self) -> usize {
        let now = Instant::now();
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let most = pool.iter().enumerate().max_by_key(|(index, quota)| (quota.left_at(now), std::cmp::Reverse(*index)));
        most.map_or(0, |(index, _)| index)
    }

    /// Notes what a token has left; gives what the best of the others has, if that is more than nothing.
    pub(super) fn told(&self, signed: Option<&Signed>, left: u64, reset: Option<Duration>) -> Option<u64> {
        let Auth::Bearer(tokens) = &self.auth else { return None };
        let Some(Signed::Header { value, .. }) = signed else { return None };
        let index = position(tokens, value)?;
        let now = Instant::now();
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool[index] = Quota { left: Some(left), reset: reset.map(|reset| now + reset) };
        let best = pool.iter().map(|quota| quota.left_at(now)).max().unwrap_or(0);
        (pool.len() > 1 && best > 0 && best > left).then_some(best)
    }

    /// The token may not be used for a while; whether the pool has another that may.
    pub(super) fn set_aside(&self, signed: Option<&Signed>, wait: Duration) -> bool {
        let Auth::Bearer(tokens) = &self.auth else { return false };
        let Some(Signed::Header { value, .. }) = signed else { return false };
        let Some(index) = position(tokens, value) else { return false };
        let now = Instant::now();
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool[index] = Quota { left: Some(0), reset: Some(now + wait) };
        pool.iter().any(|quota| quota.left_at(now) > 0)
    }

    /// A text without what signs the caller in, where that is not known before it is used.
    pub(super) fn mask(&self, text: &str) -> String {
        let fetched = self.fetched.try_lock().ok();
        match fetched.as_ref().and_then(|fetched| fetched.as_ref()) {
            Some((token, _)) if text.contains(&token.0) => text.replace(&token.0, "***"),
            _ => text.to_owned(),
        }
    }

    async fn token(&self, http: &reqwest::Client, limit: Duration) -> Result<Secret, HttpErrorKind> {
        let Auth::ClientCredentials { token_url, client_id, client_secret, scope } = &self.auth else {
            return Err(HttpErrorKind::Cancelled);
        };
        let mut fetched = self.fetched.lock().await;
        if let Some((token, until)) = fetched.as_ref()
            && *until > Instant::now()
        {
            return Ok(token.clone());
        }
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id.as_str()),
            ("client_secret", client_secret.0.as_str()),
        ];
        fields.extend(scope.as_deref().map(|scope| ("scope", scope)));
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let sent = http
            .post(token_url.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .timeout(limit)
            .body(form)
            .send()
            .await
            .map_err(|error| HttpErrorKind::of_send(&error, limit))?;
        let status = sent.status();
        let text = sent.text().await.map_err(|error| HttpErrorKind::of_send(&error, limit))?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let place = format!("{}{}", token_url.host_str().unwrap_or_default(), token_url.path());
        let Some(token) = answer["access_token"].as_str().filter(|_| status.is_success()) else {
            let reason =
                answer["error_description"].as_str().or(answer["error"].as_str()).unwrap_or("no access token in it");
            let reason = format!("`{place}` answered {status}: {reason}");
            let reason = Mask::new([client_secret.0.clone()]).text(&reason);
            let is_passing = status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS;
            return Err(HttpErrorKind::SignIn { reason, is_passing });
        };
        let token = Secret(token.to_owned());
        let lives = Duration::from_secs(answer["expires_in"].as_u64().unwrap_or(3600)).saturating_sub(EARLY);
        *fetched = Some((token.clone(), Instant::now() + lives));
        Ok(token)
    }
}

fn position(tokens: &[Secret], value: &Secret) -> Option<usize> {
    let token = value.0.strip_prefix("Bearer ")?;
    tokens.iter().position(|known| known.0 == token)
}

/// RFC 7617.
pub(super) fn basic(user: &str, password: &Secret) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.0))
}
