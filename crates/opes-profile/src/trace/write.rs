//! A trace's way into a message's fields.

use std::borrow::Cow;
use std::iter;

use http::{HeaderMap, HeaderName};

use super::{
    Entry, Granularity, Manner, OPES_PROCESSOR, OPES_SERVICE, OPES_SYSTEM, OPES_VIA, Trace, append_texts,
    fields, same_agent,
};

use crate::list::elements;

/// The parameter of a system's entry that says how many entries were left out for the sake of size.
const OMITTED: &str = "omitted";

/// What the parameter adds at most.
const OMITTED_OCTETS: usize = ";omitted=".len() + 20;

/// The parameter of a system's entry that says how many entries with its identity stood in the message's OPES-System and
/// OPES-Via when it came: those are of others, or of an earlier way through the system.
pub(super) const CLAIMED: &str = "claimed";

/// What stands between two entries.
const BETWEEN: usize = ", ".len();

/// An entry that is optional, as it is written.
#[derive(Debug)]
struct Detail<'a> {
    is_processor: bool,
    text: Cow<'a, str>,
}

impl<'a> Detail<'a> {
    fn processor(entry: &'a Entry) -> Self {
        Self { is_processor: true, text: entry.text() }
    }

    fn service(entry: &'a Entry) -> Self {
        Self { is_processor: false, text: entry.text() }
    }
}

/// What was written of a trace.
#[derive(Debug)]
pub struct Written<'a> {
    system: Cow<'a, str>,
    details: Vec<Detail<'a>>,
}

impl Written<'_> {
    /// The entries, as they stand in the fields: the system's first.
    pub fn entries(&self) -> impl Iterator<Item = &str> {
        iter::once(&*self.system).chain(self.details.iter().map(|detail| &*detail.text))
    }
}

impl Trace {
    /// Appends the entries to the message's trace fields, in this manner. Entries of others stay as they are, octet for
    /// octet, and every field becomes one (RFC 4236 section 4).
    ///
    /// The system's entry goes to OPES-System; and to OPES-Via, where that field exists already or details are told in
    /// it, to open the group of what follows. Where the size allows fewer entries than there are, the entry in
    /// OPES-System has the parameter `omitted` with the number of those that are missing.
    ///
    /// Entries that claim the identity of this system already stay, too: the entry then has the parameter `claimed` with
    /// their number, so that nobody takes them for it.
    pub fn write_into(&self, headers: &mut HeaderMap, manner: &Manner) -> Written<'_> {
        let own = self.told_apart(headers, &[OPES_SYSTEM, OPES_VIA]);
        let mut system = match &own {
            Cow::Borrowed(own) => own.text(),
            Cow::Owned(own) => Cow::Owned(own.to_string()),
        };
        let mut details = self.details(manner.granularity);
        let kept = fitting(headers, system.len(), &details, manner);
        if kept < details.len() {
            let omitted = (details.len() - kept).to_string();
            system = Cow::Owned(own.into_owned().with(OMITTED, omitted).to_string());
            details.truncate(kept);
        }
        // RFC 4236 section 4: an OPES System MUST add its entry to OPES-System.
        append_texts(headers, OPES_SYSTEM, iter::once(&*system));
        // RFC 4236 section 4: where OPES-Via is used already, the System MUST append its entry there too.
        let has_details = manner.rendering.has_via() && !details.is_empty();
        if has_details || headers.contains_key(OPES_VIA) {
            // RFC 4236 section 4: the entries in both fields are identical, and this one opens the group.
            let told = details.iter().filter(|_| has_details).map(|detail| &*detail.text);
            append_texts(headers, OPES_VIA, iter::once(&*system).chain(told));
        }
        if manner.rendering.has_end_comm() {
            let of = |is_processor| {
                let those = details.iter().filter(move |detail| detail.is_processor == is_processor);
                those.map(|detail| &*detail.text)
            };
            append_texts(headers, OPES_PROCESSOR, of(true));
            append_texts(headers, OPES_SERVICE, of(false));
        }
        Written { system, details }
    }

    /// The system's entry for a message whose trace is in these fields.
    fn told_apart(&self, headers: &HeaderMap, fields: &[HeaderName]) -> Cow<'_, Entry> {
        let values = fields.iter().flat_map(|field| headers.get_all(field));
        let agent = self.system.agent.as_str();
        let claims = |text: &&[u8]| claims(agent, text);
        let claimed: usize = values.map(|value| elements(value.as_bytes()).filter(claims).count()).sum();
        match claimed {
            0 => Cow::Borrowed(&self.system),
            claimed => Cow::Owned(self.system.clone().with(CLAIMED, claimed.to_string())),
        }
    }

    /// Appends the system's entry and those of services to one field, whatever the manner: for a trailer. What would make
    /// it longer than `most_octets` is left out, and the system's entry says how much (`omitted`). Gives what was added.
    pub fn append_details(
        &self,
        headers: &mut HeaderMap,
        field: HeaderName,
        most_octets: usize,
    ) -> Vec<String> {
        let mut system = self.told_apart(headers, std::slice::from_ref(&field));
        let texts: Vec<_> = self.services.iter().map(Entry::text).collect();
        let mut total = system.text().len() + OMITTED_OCTETS;
        let fits = texts.iter().take_while(|text| {
            total = total.saturating_add(BETWEEN + text.len());
            total <= most_octets
        });
        let fits = fits.count();
        if fits == 0 {
            return Vec::new();
        }
        if fits < texts.len() {
            let omitted = (texts.len() - fits).to_string();
            system = Cow::Owned(system.into_owned().with(OMITTED, omitted));
        }
        let texts = iter::once(system.text()).chain(texts.into_iter().take(fits));
        let texts: Vec<_> = texts.map(Cow::into_owned).collect();
        append_texts(headers, field, texts.iter().map(String::as_str));
        texts
    }

    fn details(&self, granularity: Granularity) -> Vec<Detail<'_>> {
        let services = || self.services.iter().map(Detail::service);
        let all = || self.processor.iter().map(Detail::processor).chain(services());
        match granularity {
            Granularity::Off => Vec::new(),
            Granularity::Summary => self.summary().map_or_else(|| all().collect(), |merged| vec![merged]),
            Granularity::Full => all().collect(),
        }
    }

    /// One entry in place of all; `None` where there are not several.
    fn summary(&self) -> Option<Detail<'_>> {
        let several = usize::from(self.processor.is_some()) + self.services.len() > 1;
        let services = self.services.len().to_string();
        let merged =
            |entry: Entry| Cow::Owned(entry.with("mode", "aggregate").with("services", services).to_string());
        several.then(|| match &self.processor {
            Some(processor) => Detail { is_processor: true, text: merged(processor.clone()) },
            None => Detail { is_processor: false, text: merged(Entry::new(self.system.agent.clone())) },
        })
    }
}

/// The octets of all entries in a message's trace fields, and of what stands between them.
pub fn trace_octets(headers: &HeaderMap) -> usize {
    let values = fields().into_iter().flat_map(|field| headers.get_all(field));
    values.map(|value| value.len() + BETWEEN).sum()
}

/// Whether an element of a trace field claims to be of this agent: also what is no valid entry may look like it.
pub(super) fn claims(agent: &str, element: &[u8]) -> bool {
    let end = element.iter().position(|octet| matches!(octet, b';' | b' ' | b'\t'));
    let claimed = std::str::from_utf8(&element[..end.unwrap_or(element.len())]);
    claimed.is_ok_and(|claimed| same_agent(agent, claimed))
}

/// How many of the details fit beside what has to be there, with a system's entry of so many octets.
fn fitting(headers: &HeaderMap, system: usize, details: &[Detail<'_>], manner: &Manner) -> usize {
    if manner.most_octets == usize::MAX || details.is_empty() {
        return details.len();
    }
    let system = system + BETWEEN;
    let present = trace_octets(headers);
    let has_via = headers.contains_key(OPES_VIA);
    let required = present + system + OMITTED_OCTETS;
    let mut total = if has_via { required + system + OMITTED_OCTETS } else { required };
    let opens_via = manner.rendering.has_via() && !has_via;
    for (index, detail) in details.iter().enumerate() {
        let entry = detail.text.len() + BETWEEN;
        let (via, other) = (manner.rendering.has_via(), manner.rendering.has_end_comm());
        total += entry * (usize::from(via) + usize::from(other));
        if index == 0 && opens_via {
            total += system + OMITTED_OCTETS;
        }
        if total > manner.most_octets {
            return index;
        }
    }
    details.len()
}
