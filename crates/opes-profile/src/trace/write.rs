//! A trace's way into a message's fields.

use std::iter;

use http::HeaderMap;

use super::{
    Entry, Granularity, Manner, OPES_PROCESSOR, OPES_SERVICE, OPES_SYSTEM, OPES_VIA, Trace, append_each,
};

/// The parameter of a system's entry that says how many entries were left out for the sake of size.
const OMITTED: &str = "omitted";

/// What the parameter adds at most.
const OMITTED_OCTETS: usize = ";omitted=".len() + 20;

/// What stands between two entries.
const BETWEEN: usize = ", ".len();

/// An entry that is optional.
#[derive(Debug)]
enum Detail {
    Processor(Entry),
    Service(Entry),
}

impl Detail {
    fn entry(&self) -> &Entry {
        match self {
            Self::Processor(entry) | Self::Service(entry) => entry,
        }
    }
}

impl Trace {
    /// Appends the entries to the message's trace fields, in this manner. Entries of others stay as they are, octet for
    /// octet, and every field becomes one (RFC 4236 section 4).
    ///
    /// The system's entry goes to OPES-System; and to OPES-Via, where that field exists already or details are told in
    /// it, to open the group of what follows. Where the size allows fewer entries than there are, the entry in
    /// OPES-System has the parameter `omitted` with the number of those that are missing.
    pub fn write_into(&self, headers: &mut HeaderMap, manner: &Manner) {
        let mut details = self.details(manner.granularity);
        let kept = self.fitting(headers, &details, manner);
        let mut system = self.system.clone();
        if kept < details.len() {
            system = system.with(OMITTED, (details.len() - kept).to_string());
            details.truncate(kept);
        }
        // RFC 4236 section 4: an OPES System MUST add its entry to OPES-System.
        append_each(headers, OPES_SYSTEM, iter::once(&system));
        // RFC 4236 section 4: where OPES-Via is used already, the System MUST append its entry there too.
        let has_details = manner.rendering.has_via() && !details.is_empty();
        if headers.contains_key(OPES_VIA) || has_details {
            // RFC 4236 section 4: the entries in both fields are identical, and this one opens the group.
            let told = details.iter().filter(|_| has_details).map(Detail::entry);
            append_each(headers, OPES_VIA, iter::once(&system).chain(told));
        }
        if manner.rendering.has_end_comm() {
            let processors = details.iter().filter(|detail| matches!(detail, Detail::Processor(_)));
            append_each(headers, OPES_PROCESSOR, processors.map(Detail::entry));
            let services = details.iter().filter(|detail| matches!(detail, Detail::Service(_)));
            append_each(headers, OPES_SERVICE, services.map(Detail::entry));
        }
    }

    fn details(&self, granularity: Granularity) -> Vec<Detail> {
        let processor = self.processor.iter().cloned().map(Detail::Processor);
        let all = || processor.chain(self.services.iter().cloned().map(Detail::Service));
        match granularity {
            Granularity::Off => Vec::new(),
            Granularity::Summary => self.summary().map_or_else(|| all().collect(), |merged| vec![merged]),
            Granularity::Full => all().collect(),
        }
    }

    /// One entry in place of all; `None` where there are not several.
    fn summary(&self) -> Option<Detail> {
        let several = usize::from(self.processor.is_some()) + self.services.len() > 1;
        let services = self.services.len().to_string();
        let merged = |entry: Entry| entry.with("mode", "aggregate").with("services", services);
        several.then(|| match &self.processor {
            Some(processor) => Detail::Processor(merged(processor.clone())),
            None => Detail::Service(merged(Entry::new(self.system.agent.clone()))),
        })
    }

    /// How many of the details fit beside what has to be there.
    fn fitting(&self, headers: &HeaderMap, details: &[Detail], manner: &Manner) -> usize {
        if manner.most_octets == usize::MAX {
            return details.len();
        }
        let system = self.system.to_string().len() + BETWEEN;
        let fields = [OPES_SYSTEM, OPES_VIA, OPES_PROCESSOR, OPES_SERVICE];
        let values = fields.iter().flat_map(|field| headers.get_all(field));
        let present: usize = values.map(|value| value.len() + BETWEEN).sum();
        let has_via = headers.contains_key(OPES_VIA);
        let required = present + system + OMITTED_OCTETS;
        let mut total = if has_via { required + system + OMITTED_OCTETS } else { required };
        let opens_via = manner.rendering.has_via() && !has_via;
        for (index, detail) in details.iter().enumerate() {
            let entry = detail.entry().to_string().len() + BETWEEN;
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
}
