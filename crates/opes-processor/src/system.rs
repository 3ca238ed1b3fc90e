//! The OPES System that the processor belongs to, and the trace entries it makes (RFC 3897 section 3).

use opes_profile::trace::{AgentId, AgentIdError, Entry, Trace};

/// Who we are in traces.
#[derive(Debug, Clone)]
pub struct System {
    system: AgentId,
    processor: AgentId,
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
        Ok(Self { system, processor })
    }

    /// The identifiers that stand for all services here (RFC 3897 section 4).
    pub fn owners(&self) -> Vec<String> {
        [&self.system, &self.processor].map(|agent| agent.as_str().to_owned()).to_vec()
    }

    /// The trace of a message that these services have adapted; without services only the system is named.
    pub fn trace(&self, services: &[String]) -> Trace {
        let mut trace = Trace::new(Entry::new(self.system.clone()));
        if !services.is_empty() {
            trace.processor = Some(Entry::new(self.processor.clone()));
            // An identifier that is no URI cannot stand in a trace (RFC 4236 section 4).
            trace.services =
                services.iter().filter_map(|uri| AgentId::new(uri).ok()).map(Entry::new).collect();
        }
        trace
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    // RFC 3897 section 3.1, RFC 4236 section 4.
    #[test]
    fn the_system_is_always_named_and_services_when_they_were_applied() {
        let system = System::new("http://opes.example.com/system", None).unwrap();
        let mut headers = HeaderMap::new();
        system.trace(&[]).merge_into(&mut headers);
        assert_eq!(headers["opes-system"], "http://opes.example.com/system");
        assert!(!headers.contains_key("opes-via"));

        let mut headers = HeaderMap::new();
        system.trace(&["http://s.example.com/a".to_owned()]).merge_into(&mut headers);
        assert_eq!(
            headers["opes-via"],
            "http://opes.example.com/system, http://opes.example.com/system/processor, http://s.example.com/a"
        );
    }

    #[test]
    fn an_identifier_with_a_separator_is_refused() {
        for uri in ["http://a.example/x;y", "http://a.example/x,y", "no-uri"] {
            assert!(System::new(uri, None).is_err(), "{uri}");
        }
    }
}
