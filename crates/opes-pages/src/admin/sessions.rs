//! Who has shown the token already.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::token::{Secret, random};

/// The most sessions at a time; one more ends the oldest.
pub const SESSIONS: usize = 64;

/// How long a session lasts.
pub const SESSION_LASTS: Duration = Duration::from_hours(12);

/// Of the cookie.
const NAME: &str = "opes-session";

/// The sessions, by the secrets in their cookies.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Secret, Session>>);

struct Session {
    begun: Instant,
    /// What stands in its forms.
    secret: String,
}

impl Sessions {
    /// Opens one and gives its cookie; `None` where there are no random numbers.
    pub(super) fn open(&self, now: Instant) -> Option<HeaderValue> {
        let (key, secret) = (random()?, random()?);
        let cookie =
            format!("{NAME}={key}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict", SESSION_LASTS.as_secs());
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.lasts(now));
        if sessions.len() >= SESSIONS {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.begun).map(|(key, _)| *key);
            oldest.and_then(|key| sessions.remove(&key));
        }
        sessions.insert(Secret::new(&key), Session { begun: now, secret });
        HeaderValue::try_from(cookie).ok()
    }

    /// The secret for the forms of the session that a request belongs to.
    pub(super) fn find(&self, headers: &HeaderMap, now: Instant) -> Option<String> {
        let sessions = self.lock();
        let mut found = keys(headers).filter_map(|key| sessions.get(&Secret::new(key)));
        found.find(|session| session.lasts(now)).map(|session| session.secret.clone())
    }

    /// Ends the session that a request belongs to.
    pub(super) fn close(&self, headers: &HeaderMap) {
        let mut sessions = self.lock();
        for key in keys(headers) {
            sessions.remove(&Secret::new(key));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Secret, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn lasts(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) < SESSION_LASTS
    }
}

/// The cookie that makes a browser forget its session.
pub(super) fn forgotten() -> HeaderValue {
    HeaderValue::from_static("opes-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
}

/// The values of our cookies. Others that share the host's name may have set some too.
fn keys(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies =
        values.flat_map(|value| value.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.filter(|(name, _)| *name == NAME).map(|(_, value)| value).take(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a browser sends back.
    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(
            COOKIE,
            HeaderValue::from_str(&format!("a=b; {pair}; opes-session=x")).unwrap(),
        )])
    }

    #[test]
    fn a_session_lasts_its_time_and_ends_when_it_is_closed() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let cookie = sent(&sessions.open(now).unwrap());
        let secret = sessions.find(&cookie, now).unwrap();
        assert_eq!(sessions.find(&cookie, now + SESSION_LASTS - Duration::from_secs(1)), Some(secret));
        assert_eq!(sessions.find(&cookie, now + SESSION_LASTS), None);
        assert_eq!(sessions.find(&HeaderMap::new(), now), None);
        sessions.close(&cookie);
        assert_eq!(sessions.find(&cookie, now), None);
    }

    #[test]
    fn there_are_never_too_many_and_the_oldest_goes_first() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let at = |index: usize| start + Duration::from_secs(index as u64);
        let cookies: Vec<_> = (0..=SESSIONS).map(|index| sent(&sessions.open(at(index)).unwrap())).collect();
        let now = at(SESSIONS);
        assert_eq!(sessions.lock().len(), SESSIONS);
        assert_eq!(sessions.find(&cookies[0], now), None);
        assert!(cookies[1..].iter().all(|cookie| sessions.find(cookie, now).is_some()));
        let secrets: std::collections::HashSet<_> =
            cookies[1..].iter().map(|cookie| sessions.find(cookie, now)).collect();
        assert_eq!(secrets.len(), SESSIONS, "each has its own");
        sessions.open(now + SESSION_LASTS).unwrap();
        assert_eq!(sessions.lock().len(), 1, "those that have ended are forgotten");
    }

    #[test]
    fn the_cookie_is_for_us_only_and_for_no_script() {
        let cookie = Sessions::default().open(Instant::now()).unwrap();
        let (pair, attributes) = cookie.to_str().unwrap().split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
        assert_eq!(pair.len(), "opes-session=".len() + 43);
        assert!(forgotten().to_str().unwrap().starts_with(NAME));
    }
}
