//! The OPES System that the processor belongs to, and the trace entries it makes (RFC 3897 section 3).

use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, Request, Uri};
use opes_pages::SystemPage;
use opes_profile::trace::{AgentId, AgentIdError, Entry, Granularity, Manner, Rendering, Trace, has_trace};
use opes_record::{Text, TraceId};
use opes_sdk::TraceRecord;

use crate::ready::{Fields, Ready};

/// The parameter of the system's entry that says why services were applied although they were to be bypassed: they are
/// `required` (RFC 3897 section 4.2).
const BYPASS_IGNORED: &str = "bypass-ignored";

/// What a trace tells of a message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Account<'a> {
    /// The services that were applied, in order.
    pub services: &'a [String],
    /// What they and their hosts have recorded.
    pub records: &'a [TraceRecord],
    /// Under which the operator finds more.
    pub id: Option<TraceId>,
    /// Some of the services are applied although the data consumer wanted to bypass them.
    pub insisted: bool,
}

/// Who we are in traces.
#[derive(Debug, Clone)]
pub struct System {
    system: AgentId,
    /// Where its page is; an identifier need not be an address.
    address: Option<Uri>,
    processor: AgentId,
    manner: Manner,
    records: bool,
    /// For messages without a record, and for those with one.
    ready: Arc<[Ready; 2]>,
}

impl System {
    /// A system with this identifier. The processor's own identifier, unique within the system, is derived from it
    /// when none is given.
    ///
    /// # Errors
    /// An identifier is no absolute URI, or has `,` or `;` in it.
    pub fn new(uri: &str, processor: Option<&str>) -> Result<Self, AgentIdError> {
        let system = AgentId::new(uri)?;
        let processor = match processor {
            Some(processor) => AgentId::new(processor)?,
            None => AgentId::new(&format!("{}/processor", uri.trim_end_matches('/')))?,
        };
        Ok(Self {
            address: system.as_str().parse().ok(),
            system,
            processor,
            manner: Manner::default(),
            records: false,
            ready: Arc::default(),
        })
    }

    /// The same, with its traces written so. `records`: what services record goes into their entries.
    #[must_use]
    pub fn tracing(self, manner: Manner, records: bool) -> Self {
        Self { manner, records, ready: Arc::default(), ..self }
    }

    /// Its identifier.
    pub fn agent(&self) -> &AgentId {
        &self.system
    }

    /// The identifiers that stand for all services here (RFC 3897 section 4).
    pub fn owners(&self) -> Vec<String> {
        [&self.system, &self.processor].map(|agent| agent.as_str().to_owned()).to_vec()
    }

    /// Whether a request is for the system's own page: its authority and path are those of the system's identifier.
    pub fn is_addressed_by<B>(&self, request: &Request<B>) -> bool {
        let Some(own) = &self.address else { return false };
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let authority = request.uri().authority().map(|authority| authority.as_str()).or(host);
        let same = |own: &str, asked: &str| own.eq_ignore_ascii_case(asked);
        own.path() == request.uri().path()
            && own.authority().zip(authority).is_some_and(|(own, asked)| same(own.as_str(), asked))
    }

    /// What the system tells everybody about itself, where nothing else is configured.
    pub fn page(&self) -> SystemPage {
        let mut page = SystemPage::new(self.system.clone());
        page.processors = vec![self.processor.clone()];
        page.tracing.manner = self.manner;
        page
    }

    /// Adds the trace of a message; without services only the system is named.
    pub fn add_trace(&self, headers: &mut HeaderMap, account: &Account<'_>) {
        self.tell(headers, account, |_| ());
    }

    /// Adds the trace of a message, and gives its entries, as they stand in it, to `told`.
    pub(crate) fn tell(
        &self,
        headers: &mut HeaderMap,
        account: &Account<'_>,
        told: impl FnOnce(&mut dyn Iterator<Item = Text>),
    ) {
        let recorded = self.records && !account.records.is_empty();
        if account.insisted || recorded || has_trace(headers) {
            told(&mut self.write(account, headers).into_iter());
            return;
        }
        let [without_id, with_id] = &*self.ready;
        let ready = if account.id.is_some() { with_id } else { without_id };
        let fields = ready.fields(account.services, || {
            Fields::of(account.id.is_some(), |id, headers| self.write(&Account { id, ..*account }, headers))
        });
        let digits = account.id.map(|id| id.digits());
        let id = digits.as_deref();
        fields.add_to(headers, id);
        told(&mut fields.entries(id));
    }

    /// Adds a trace to a message, in the system's manner.
    fn write(&self, account: &Account<'_>, headers: &mut HeaderMap) -> Vec<Text> {
        let trace = self.trace(account);
        trace.write_into(headers, &self.manner).entries().map(Text::new).collect()
    }

    /// Whether entries that are known only at the end of a message are told, to those who take trailers.
    pub(crate) fn tells_late(&self) -> bool {
        self.records
            && self.manner.granularity == Granularity::Full
            && self.manner.rendering != Rendering::EndComm
    }

    /// How many octets of a message its trace may have.
    pub(crate) fn most_octets(&self) -> usize {
        self.manner.most_octets
    }

    /// A trace with the system's entry only.
    pub(crate) fn alone(&self, account: &Account<'_>) -> Trace {
        self.trace(&Account { services: &[], records: &[], ..*account })
    }

    /// What there is to tell of a message.
    fn trace(&self, account: &Account<'_>) -> Trace {
        let mut system = Entry::new(self.system.clone());
        if let Some(id) = account.id {
            system = system.with("id", id.to_string());
        }
        if account.insisted {
            system = system.with(BYPASS_IGNORED, "required");
        }
        let mut trace = Trace::new(system);
        if !account.services.is_empty() {
            trace.processor = Some(Entry::new(self.processor.clone()));
            // An identifier that is no URI cannot stand in a trace (RFC 4236 section 4).
            let agents = account.services.iter().filter_map(|uri| AgentId::new(uri).ok());
            trace.services = agents.map(Entry::new).collect();
            if self.records {
                trace.add_records(account.records);
            }
        }
        trace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 3897 section 3.1, RFC 4236 section 4.
    // req: HTTP-4-01, HTTP-4-03, EEPC-3.1-01, EEPC-3.1-02, EEPC-3.2-01, EEPC-3.2-04, EEPC-3.3-01
    #[test]
    fn the_system_is_always_named_and_services_when_they_were_applied() {
        let system = System::new("http://opes.example.com/system", None).unwrap();
        let mut headers = HeaderMap::new();
        system.add_trace(&mut headers, &Account::default());
        assert_eq!(headers["opes-system"], "http://opes.example.com/system");
        assert!(!headers.contains_key("opes-via"));

        let mut headers = HeaderMap::new();
        let services = ["http://s.example.com/a".to_owned()];
        system.add_trace(&mut headers, &Account { services: &services, ..Account::default() });
        assert_eq!(
            headers["opes-via"],
            "http://opes.example.com/system, http://opes.example.com/system/processor, http://s.example.com/a"
        );
    }

    #[test]
    fn the_page_is_at_the_systems_own_uri() {
        let system = System::new("http://opes.example.com/system", None).unwrap();
        let request =
            |uri: &str, host: &str| Request::builder().uri(uri).header(HOST, host).body(()).unwrap();
        assert!(system.is_addressed_by(&request("/system", "OPES.example.com")));
        assert!(system.is_addressed_by(&request("http://opes.example.com/system?x", "other")));
        assert!(!system.is_addressed_by(&request("/system", "other.example.com")));
        assert!(!system.is_addressed_by(&request("/systems", "opes.example.com")));
    }

    #[test]
    fn an_identifier_with_a_separator_is_refused() {
        for uri in ["http://a.example/x;y", "http://a.example/x,y", "no-uri"] {
            assert!(System::new(uri, None).is_err(), "{uri}");
        }
    }
}
