//! Who asks, and whether it was our own page that made them ask.

use std::time::Instant;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, Request, StatusCode};

use super::Admin;
use super::token::Secret;
use crate::answer::Refusal;
use crate::query::Query;

/// Somebody who may.
pub(super) enum Caller {
    /// It sent the token itself, which no page of others can make a browser do.
    Program,
    /// A browser with a session, and the secret of its forms.
    Person(String),
}

impl Admin {
    /// Who sent this.
    pub(super) fn caller(&self, headers: &HeaderMap, now: Instant) -> Result<Caller, Refusal> {
        let mut authorizations = headers.get_all(AUTHORIZATION).iter();
        if let Some(authorization) = authorizations.next() {
            let token =
                authorization.to_str().ok().and_then(bearer).filter(|_| authorizations.next().is_none());
            let right = || token.is_some_and(|token| self.token.is(token));
            return self.attempts.judge(now, right).map(|()| Caller::Program);
        }
        let secret = self.sessions.find(headers, now);
        let why = "This needs the token of the administrator.";
        secret.map(Caller::Person).ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, why))
    }
}

impl Caller {
    /// The secret of the caller's forms.
    pub(super) fn secret(&self) -> Option<&str> {
        match self {
            Self::Program => None,
            Self::Person(secret) => Some(secret),
        }
    }

    /// Refuses what a page of somebody else made a browser send.
    pub(super) fn check_form(&self, request: &Request<Bytes>) -> Result<(), Refusal> {
        let Self::Person(secret) = self else { return Ok(()) };
        check_origin(request)?;
        match Query::read(request.body()).sole("secret")? {
            Some(given) if Secret::new(secret).is(given) => Ok(()),
            _ => Err(Refusal::new(StatusCode::FORBIDDEN, "The form is not one of this session.")),
        }
    }
}

/// RFC 6750 section 2.1.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// Refuses a request that a browser sent for a page that is not ours. A browser says that by `Sec-Fetch-Site`, where it
/// trusts the connection, and by `Origin`, always with POST.
pub(super) fn check_origin(request: &Request<Bytes>) -> Result<(), Refusal> {
    let value = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let (site, origin) = (value("sec-fetch-site"), value(ORIGIN.as_str()));
    let host = request.uri().authority().map(|authority| authority.as_str()).or_else(|| value(HOST.as_str()));
    let of = |origin: &str| {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
    };
    match (site, origin) {
        (None, None) => Err(cross_site()),
        (site, origin) if site.is_none_or(|site| site == "same-origin") && origin.is_none_or(of) => Ok(()),
        _ => Err(cross_site()),
    }
}

fn cross_site() -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, "Another site sent this form.")
}
