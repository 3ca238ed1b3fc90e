//! The records that a processor keeps of its messages, so that every trace can be answered for (RFC 3897 section 3.1).

use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, Method, Uri};
use opes_pages::Kept;
use opes_profile::http::Profile;
use opes_profile::trace::same_agent;
use opes_record::{
    Bypass, Bypassed, Client, ClientDetail, Direction, HeaderValue, Outcome, Parameter, Record, RuleMatch,
    ServiceUse, Span, Store, Text, TraceId, TraceIds, UriDetail,
};
use opes_sdk::TraceRecord;

use crate::adapt::{Pause, Pauses, Traffic};
use crate::report::End;
use crate::rules::{Place, Plan, Point, Selected};

/// Keeps a record of each message for which a rule decides, with as much in it as policy says.
#[derive(Clone)]
pub struct Recorder {
    store: Arc<dyn Store>,
    ids: Arc<TraceIds>,
    uri: UriDetail,
    client: ClientDetail,
    headers: Arc<[HeaderName]>,
}

impl Recorder {
    /// Records go to `store`, with neither query, client nor header values.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            ids: Arc::default(),
            uri: UriDetail::default(),
            client: ClientDetail::default(),
            headers: Arc::default(),
        }
    }

    /// The same, with so much of URIs and of who the data consumer is, and with the values of these header fields.
    #[must_use]
    pub fn telling(self, uri: UriDetail, client: ClientDetail, headers: Vec<HeaderName>) -> Self {
        Self { uri, client, headers: headers.into(), ..self }
    }

    /// Where the records are.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What is kept of each message.
    pub(crate) fn kept(&self) -> Kept {
        let headers = self.headers.iter().map(ToString::to_string).collect();
        Kept { age: None, uri: self.uri, client: self.client, headers }
    }

    fn client(&self, address: &str) -> Option<Client> {
        match self.client {
            ClientDetail::None => None,
            detail => detail.of(address.parse().ok()?),
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("uri", &self.uri)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// What a record begins with.
pub(crate) struct Subject<'a> {
    pub(crate) profile: Profile,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) client: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
}

/// The record of a message on its way, or none where nothing is kept. It is submitted once nobody holds it any more: when
/// the message and all its services are over, whatever became of them.
#[derive(Clone, Default)]
pub(crate) struct Recording(Option<Arc<Draft>>);

struct Draft {
    store: Arc<dyn Store>,
    id: TraceId,
    began: Instant,
    /// Until it is submitted.
    record: Mutex<Option<Record>>,
    /// The last run that has begun.
    last_run: AtomicU16,
}

/// A run at work, for its part of the record.
#[derive(Clone)]
pub(crate) struct RunUse {
    number: u16,
    start: u64,
}

/// A run that was at work.
pub(crate) struct Ran<'a> {
    pub(crate) selected: &'a Selected,
    /// The services that were applied, or had to be.
    pub(crate) services: &'a Arc<[String]>,
    pub(crate) records: &'a [TraceRecord],
}

/// How a run has ended.
pub(crate) struct RunEnd {
    pub(crate) traffic: Traffic,
    pub(crate) pauses: Pauses,
    /// It has certainly changed nothing.
    pub(crate) unmodified: bool,
    /// Trace records of others, which were dropped.
    pub(crate) strangers: u32,
    /// The result code of the transaction, where it had one.
    pub(crate) result: Option<u16>,
    pub(crate) end: End,
}

impl RunEnd {
    /// The run failed before it made a head.
    pub(crate) fn failed(reason: String, result: Option<u16>) -> Self {
        let (traffic, pauses) = (Traffic::default(), Pauses::default());
        Self { traffic, pauses, unmodified: false, strangers: 0, result, end: End::Failed(reason) }
    }
}

impl Recording {
    /// Begins a record, where records are kept.
    pub(crate) fn begin(recorder: Option<&Recorder>, subject: &Subject<'_>) -> Self {
        let Some(recorder) = recorder else { return Self(None) };
        let direction = match subject.profile {
            Profile::Request => Direction::Request,
            Profile::Response => Direction::Response,
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = since.as_millis().try_into().unwrap_or(u64::MAX);
        let id = recorder.ids.make_at(millis);
        let mut record = Record::new(id, millis, direction, method(subject.method));
        record.uri = uri(subject.uri, recorder.uri);
        record.client = subject.client.and_then(|client| recorder.client(client));
        for name in &*recorder.headers {
            record.headers.extend(subject.headers.get_all(name).iter().map(|value| HeaderValue {
                name: name.as_str().into(),
                value: String::from_utf8_lossy(value.as_bytes()).into_owned().into(),
            }));
        }
        let (store, record) = (Arc::clone(&recorder.store), Mutex::new(Some(record)));
        let (began, last_run) = (Instant::now(), AtomicU16::new(0));
        Self(Some(Arc::new(Draft { store, id, began, record, last_run })))
    }

    /// Whether a record is kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// What stands in the trace.
    pub(crate) fn id(&self) -> Option<TraceId> {
        self.0.as_ref().map(|draft| draft.id)
    }

    fn note<T>(&self, note: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let draft = self.0.as_ref()?;
        draft.record.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(note)
    }

    fn micros(&self) -> u64 {
        self.0.as_ref().map_or(0, |draft| micros(draft.began.elapsed()))
    }

    /// Microseconds from the message's beginning to this time.
    fn micros_at(&self, at: Instant) -> u64 {
        self.0.as_ref().map_or(0, |draft| micros(at.saturating_duration_since(draft.began)))
    }

    fn span(&self, pause: &Pause) -> Span {
        Span { start: self.micros_at(pause.start), end: self.micros_at(pause.end) }
    }

    /// A rule has decided.
    pub(crate) fn decided(&self, point: Point, plan: &Plan) {
        self.note(|record| {
            record.rules.push(RuleMatch { rule: Text::shared(&plan.rule), point: place(point) });
            let bypassed = plan.bypassed.iter().map(|entry| (entry, Bypassed::Honoured));
            let why =
                || Bypassed::Ignored(Text::constant("the operator does not let this service be bypassed"));
            let insisted = plan.insisted.iter().map(|entry| (entry, why()));
            record
                .bypasses
                .extend(bypassed.chain(insisted).map(|(entry, done)| Bypass { entry: entry.into(), done }));
            if plan.runs.is_empty() && !plan.bypassed.is_empty() && record.services.is_empty() {
                record.outcome = Outcome::Bypassed;
            }
        });
    }

    /// A run has begun.
    pub(crate) fn run(&self, number: usize) -> RunUse {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        if let Some(draft) = &self.0 {
            draft.last_run.store(number, Ordering::Relaxed);
        }
        RunUse { number, start: self.micros() }
    }

    /// The services of a run have done all that they do.
    pub(crate) fn ran(&self, run: &RunUse, ran: &Ran<'_>, end: &RunEnd) {
        let span = Span { start: run.start, end: self.micros() };
        let failure = end.end.failure();
        self.note(|record| {
            record.services.reserve(ran.services.len());
            for (index, uri) in ran.services.iter().enumerate() {
                let mut service = ServiceUse::new(Text::listed(ran.services, index), located(ran.selected));
                service.run = run.number;
                service.result = end.result;
                service.octets_in = end.traffic.sent.saturating_sub(end.traffic.before_body);
                service.octets_out = end.traffic.adapted;
                service.span = Some(span);
                service.pauses.extend(end.pauses.over().iter().map(|pause| self.span(pause)));
                service.pauses.leave_out(end.pauses.left_out());
                service.verdict = failure.map(Text::new);
                let own = ran.records.iter().filter(|told| same_agent(&told.agent, uri));
                service.parameters.extend(
                    own.flat_map(|told| &told.parameters)
                        .map(|(name, value)| Parameter { name: name.into(), value: value.into() }),
                );
                record.services.push(service);
            }
            record.strangers = record.strangers.saturating_add(end.strangers);
        });
    }

    /// The message has passed a run, or will not. Told of each run, in any order.
    pub(crate) fn over(&self, run: &RunUse, end: &RunEnd) {
        let Some(draft) = &self.0 else { return };
        let is_last = draft.last_run.load(Ordering::Relaxed) == run.number;
        self.note(|record| {
            if run.number == 0 {
                record.octets_in = end.traffic.original;
            }
            if is_last {
                record.octets_out = end.traffic.adapted;
            }
            // A run behind it may have had enough: one that answers itself, for example.
            if is_last || end.end != End::Gone {
                became(record, end);
            }
        });
    }

    /// A run has failed before it made a head.
    pub(crate) fn failed(&self, run: &RunUse, ran: &Ran<'_>, end: &RunEnd) {
        self.ran(run, ran, end);
        self.note(|record| became(record, end));
    }

    /// The message goes no further, for this reason.
    pub(crate) fn stopped(&self, status: http::StatusCode, reason: &str) {
        self.note(|record| {
            record.status = Some(status.as_u16());
            record.outcome = Outcome::Failed;
            record.failure.get_or_insert_with(|| reason.into());
        });
    }

    /// What became of the message is known otherwise.
    pub(crate) fn ended(&self, outcome: Outcome) {
        self.note(|record| record.outcome = outcome);
    }

    /// The response has this status.
    pub(crate) fn status(&self, status: http::StatusCode) {
        self.note(|record| record.status = Some(status.as_u16()));
    }

    /// These entries were added to the trace.
    pub(crate) fn traced(&self, entries: &mut dyn Iterator<Item = Text>) {
        self.note(|record| record.trace.extend(entries));
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros().try_into().unwrap_or(u64::MAX)
}

impl Drop for Draft {
    fn drop(&mut self) {
        let micros = micros(self.began.elapsed());
        if let Some(mut record) = self.record.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            record.micros = micros;
            // Those of a callout server may tell later than those after them.
            record.services.sort_by_key(|service| service.run);
            // What there is no room for is counted by the store.
            let _ = self.store.submit(record);
        }
    }
}

/// One run more is over. Of several ends the worst is told.
fn became(record: &mut Record, end: &RunEnd) {
    record.outcome = outcome(record.outcome, end);
    if let Some(failure) = end.end.failure() {
        record.failure = Some(failure.into());
    }
}

fn outcome(so_far: Outcome, end: &RunEnd) -> Outcome {
    match (so_far, &end.end, end.unmodified) {
        (Outcome::Failed, ..) | (_, End::Failed(_), _) => Outcome::Failed,
        (Outcome::Abandoned, ..) | (_, End::Gone, _) => Outcome::Abandoned,
        (Outcome::Answered | Outcome::OriginalPassed | Outcome::Adapted, End::Complete, _) => so_far,
        (_, End::Complete, false) => Outcome::Adapted,
        (_, End::Complete, true) => Outcome::Unchanged,
    }
}

fn place(point: Point) -> opes_record::Point {
    match point {
        Point::RequestIn => opes_record::Point::RequestIn,
        Point::RequestOut => opes_record::Point::RequestOut,
        Point::ResponseIn => opes_record::Point::ResponseIn,
        Point::ResponseOut => opes_record::Point::ResponseOut,
    }
}

fn located(selected: &Selected) -> opes_record::Place {
    match &selected.place {
        Place::Here(_) => opes_record::Place::Here,
        Place::Callout(client) => opes_record::Place::Callout {
            name: selected.server.as_ref().map(Text::shared).unwrap_or_default(),
            address: client.address().into(),
        },
    }
}

fn method(method: &Method) -> Text {
    match *method {
        Method::GET => Text::constant("GET"),
        Method::POST => Text::constant("POST"),
        Method::HEAD => Text::constant("HEAD"),
        _ => method.as_str().into(),
    }
}

/// What of this URI is kept.
fn uri(uri: &Uri, detail: UriDetail) -> Option<Text> {
    match detail {
        UriDetail::Full => Some(uri.to_string().into()),
        UriDetail::WithoutQuery => Some(without_query(uri).into()),
        UriDetail::None => None,
    }
}

/// Scheme, authority without user information, and path.
fn without_query(uri: &Uri) -> String {
    let [scheme, slashes] = uri.scheme_str().map_or(["", ""], |scheme| [scheme, "://"]);
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    [scheme, slashes, host, uri.path()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_kept_as_far_as_the_policy_says() {
        let kept = |text: &str, detail| uri(&text.parse().unwrap(), detail);
        let full = "http://me:pw@a.example/path?q=secret";
        assert_eq!(kept(full, UriDetail::Full).as_deref(), Some(full));
        assert_eq!(kept(full, UriDetail::None), None);
        for (text, without_query) in [
            (full, "http://a.example/path"),
            ("http://a.example?q@x", "http://a.example/"),
            ("http://a.example/@me", "http://a.example/@me"),
            ("/path?q", "/path"),
            ("*", "*"),
            ("a.example:443", "a.example:443"),
        ] {
            assert_eq!(kept(text, UriDetail::default()).as_deref(), Some(without_query), "{text}");
        }
    }
}
