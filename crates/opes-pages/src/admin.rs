//! The pages of the administrator: every record, found, drawn and explained.

mod attempts;
mod explained;
mod guard;
mod json;
mod list;
mod message;
mod sessions;
mod timeline;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use maud::{Markup, html};
use opes_profile::trace::AgentId;
use opes_record::{Outcome, Store, StoreError, TraceId};

pub use attempts::WRONG_TOKENS;
pub use sessions::{SESSION_LASTS, SESSIONS};
pub use token::{Token, TokenError};

use crate::answer::{Answer, Refusal, check_target};
use crate::negotiate::Format;
use crate::page::page;
use crate::query::Query;
use crate::shown::Shown;
use attempts::Attempts;
use guard::Caller;
use sessions::Sessions;
use token::Secret;

/// The most octets of a request's body; a longer one is refused. Whoever reads requests should read no more.
pub const BODY_OCTETS: usize = 64 * 1024;

/// What the pages are about.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The systems whose trace entries are ours.
    pub systems: Vec<AgentId>,
}

/// The pages of the administrator, to be served on a listener of their own.
///
/// | Path | |
/// |---|---|
/// | `/`, `/messages` | the recent messages: `uri`, `service`, `outcome`, `since`, `until` filter, `before` and `limit` page |
/// | `/messages/ID` | one message, as it is kept and as a timeline |
/// | `/explain` | a trace that was pasted, explained |
/// | `/login`, `/logout` | for people |
///
/// The same paths after `/api` always answer in JSON; without it `Accept` decides. A program POSTs to `/api/explain` the
/// header as it is, with `Content-Type: text/plain`.
///
/// **Who may.** A program sends `Authorization: Bearer TOKEN` each time. A person opens `/?token=TOKEN` ([`Token::link`])
/// or types the token, and has a session from then on: a random name in a cookie that no script and no other site can
/// use, at most [`SESSIONS`] of them, each for [`SESSION_LASTS`]. Everybody else gets 401 and learns nothing, not even
/// which paths there are; after [`WRONG_TOKENS`] wrong tokens none is looked at for the rest of a second (429). A form works
/// only with the secret of its session and only from our own pages; so it does not matter by which name a browser was
/// brought here (DNS rebinding): another name has no session.
///
/// The token and all records are in clear text on the wire: listen on a loopback address, or behind TLS.
pub struct Admin {
    token: Secret,
    store: Arc<dyn Store>,
    about: About,
    sessions: Sessions,
    attempts: Attempts,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Messages,
    Message(&'a str),
    Explain,
    Login,
    Logout,
}

impl Place<'_> {
    /// What is at this path, and whether it is there for programs only.
    fn of(path: &str) -> Option<(Place<'_>, bool)> {
        let (path, api) = match path.strip_prefix("/api") {
            Some(rest) if rest.starts_with('/') => (rest, true),
            _ => (path, false),
        };
        let place = match path {
            "/messages" => Place::Messages,
            "/" if !api => Place::Messages,
            "/explain" => Place::Explain,
            "/login" if !api => Place::Login,
            "/logout" if !api => Place::Logout,
            _ => Place::Message(path.strip_prefix("/messages/")?),
        };
        Some((place, api))
    }

    /// Its methods.
    fn methods(self) -> &'static str {
        match self {
            Place::Messages | Place::Message(_) => "GET, HEAD",
            Place::Explain | Place::Login => "GET, HEAD, POST",
            Place::Logout => "POST",
        }
    }
}

impl Admin {
    /// Pages about the records of this store, for those who have the token.
    pub fn new(token: &Token, store: Arc<dyn Store>, about: About) -> Self {
        Self {
            token: token.secret(),
            store,
            about,
            sessions: Sessions::default(),
            attempts: Attempts::default(),
        }
    }

    /// Answers a request. Reads the store, which may wait for a disk.
    pub fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.answer_at(&request, Instant::now())
    }

    fn answer_at(&self, request: &Request<Bytes>, now: Instant) -> Response<Bytes> {
        let path = request.uri().path();
        let format = match path == "/api" || path.starts_with("/api/") {
            true => Format::Json,
            false => Format::wanted(request.headers()),
        };
        let answer = self.enter(request, format, now);
        answer.unwrap_or_else(|refusal| self.refuse(&refusal, format)).to(request.method())
    }

    fn refuse(&self, refusal: &Refusal, format: Format) -> Answer {
        let stranger = matches!(refusal.status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS);
        // A stranger learns no names.
        let answer = refusal.answer(format, if stranger { "OPES" } else { self.name() }, "/");
        match format {
            Format::Html if stranger => answer.showing(login(&refusal.why)),
            _ => answer,
        }
    }

    /// Finds out who asks.
    fn enter(&self, request: &Request<Bytes>, format: Format, now: Instant) -> Result<Answer, Refusal> {
        let (target, body) = (request.uri(), request.body());
        check_target(target)?;
        if body.len() > BODY_OCTETS {
            let why = format!("The body has more than {BODY_OCTETS} octets.");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why));
        }
        let query = Query::read(target.query().unwrap_or_default().as_bytes());
        let place = Place::of(target.path());
        if request.method() == Method::GET && target.path() == "/" && query.has("token") {
            return self.log_in(query.sole("token")?, now);
        }
        if request.method() == Method::POST && matches!(place, Some((Place::Login, _))) {
            guard::check_origin(request)?;
            return self.log_in(Query::read(body).sole("token")?, now);
        }
        let caller = self.caller(request.headers(), now)?;
        let (place, _) =
            place.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "There is nothing here."))?;
        if !place.methods().split(", ").any(|method| request.method() == method) {
            return Err(Refusal::method(place.methods()));
        }
        if request.method() == Method::POST {
            caller.check_form(request)?;
        }
        self.dispatch(request, place, &caller, format)
    }

    fn dispatch(
        &self,
        request: &Request<Bytes>,
        place: Place<'_>,
        caller: &Caller,
        format: Format,
    ) -> Result<Answer, Refusal> {
        let query = Query::read(request.uri().query().unwrap_or_default().as_bytes());
        match place {
            Place::Messages => self.list(&query, caller, format),
            Place::Message(id) => self.message(id, caller, format),
            Place::Explain if request.method() == Method::POST => self.explain(request, caller, format),
            Place::Explain => Ok(self.ask(caller, format)),
            Place::Login => Ok(see_other("/")),
            Place::Logout => {
                self.sessions.close(request.headers());
                Ok(see_other("/").with(SET_COOKIE, sessions::forgotten()))
            }
        }
    }

    /// Opens a session for this token.
    fn log_in(&self, token: Option<&str>, now: Instant) -> Result<Answer, Refusal> {
        self.attempts.judge(now, || token.is_some_and(|token| self.token.is(token)))?;
        let cookie = self.sessions.open(now).ok_or_else(|| {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "The operating system gives no random numbers.")
        })?;
        Ok(see_other("/").with(SET_COOKIE, cookie))
    }

    /// What the pages are headed by.
    fn name(&self) -> &str {
        self.about.systems.first().map_or("OPES", AgentId::as_str)
    }

    /// A page for an administrator.
    fn page(&self, title: &str, caller: &Caller, content: &Markup) -> Markup {
        let beside = html! {
            strong { (Shown(self.name())) }
            a href="/" { "Messages" }
            a href="/explain" { "Explain a trace" }
            @if let Some(secret) = caller.secret() {
                form method="post" action="/logout" {
                    input type="hidden" name="secret" value=(secret);
                    button { "Log out" }
                }
            }
        };
        page(title, &beside, content)
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("about", &self.about).finish_non_exhaustive()
    }
}

/// The page for those who are not known.
fn login(why: &str) -> Markup {
    let content = html! {
        h1 { "Administration" }
        p { (Shown(why)) " The address that was printed at the start has it." }
        form.fields method="post" action="/login" {
            label { "Token" input type="password" name="token" size="32" autocomplete="current-password" required; }
            button { "Enter" }
        }
        // A browser that comes from another site sends its new cookie only from the next page on.
        p.soft { "If you have just opened that address: " a href="/" { "go on" } "." }
    };
    page("Administration", &html! { strong { "OPES" } }, &content)
}

/// To another of our pages, with GET.
fn see_other(place: &'static str) -> Answer {
    let answer = Answer::new(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", Bytes::new());
    answer.with(LOCATION, HeaderValue::from_static(place))
}

/// What is answered where the store cannot be read. The administrator may know why.
fn unreadable(error: &StoreError) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, format!("The records cannot be read: {error}"))
}

/// An outcome, in the colour of what it means.
pub(crate) fn outcome_tag(outcome: Outcome) -> Markup {
    let class = match outcome {
        Outcome::Adapted | Outcome::Answered => "tag good",
        Outcome::Failed => "tag bad",
        Outcome::OriginalPassed | Outcome::Abandoned | Outcome::Bypassed => "tag odd",
        Outcome::NotMatched | Outcome::Unchanged => "tag",
    };
    html! { span class=(class) { (outcome.name()) } }
}

/// Where a record's page is.
fn address(id: TraceId) -> String {
    format!("/messages/{id}")
}

#[cfg(test)]
mod tests;
