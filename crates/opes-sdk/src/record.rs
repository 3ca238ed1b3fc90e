//! What a service says besides payload: trace records, and a changed description of the payload.

/// One entry for the message's OPES trace (RFC 3897).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRecord {
    /// The URI of the service that speaks.
    pub agent: String,
    /// Names and values, in the order in which they are to appear.
    pub parameters: Vec<(String, String)>,
}

impl TraceRecord {
    /// A record of this agent without parameters.
    pub fn new(agent: impl Into<String>) -> Self {
        Self { agent: agent.into(), parameters: Vec::new() }
    }

    /// The record with one more parameter at its end.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }
}

/// How the adapted payload is to be described, where that differs from the original's description.
///
/// `None` leaves the part as it was. A profile binding maps the description to headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// The media type without parameters, in lower case.
    pub media_type: Option<String>,
    /// The content codings applied to the adapted payload, in the order of application; empty for none.
    pub coding: Option<Vec<String>>,
}

impl Description {
    /// Whether nothing is described differently.
    pub fn is_empty(&self) -> bool {
        self.media_type.is_none() && self.coding.is_none()
    }

    /// Takes over each part that the later description states.
    pub(crate) fn override_with(&mut self, later: &Self) {
        if later.media_type.is_some() {
            self.media_type.clone_from(&later.media_type);
        }
        if later.coding.is_some() {
            self.coding.clone_from(&later.coding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_description_overrides_part_by_part() {
        let mut merged = Description { media_type: Some("text/html".into()), coding: None };
        merged.override_with(&Description { media_type: None, coding: Some(vec![]) });
        assert_eq!(merged, Description { media_type: Some("text/html".into()), coding: Some(vec![]) });
        merged.override_with(&Description { media_type: Some("text/plain".into()), coding: None });
        assert_eq!(merged.media_type.as_deref(), Some("text/plain"));
        assert!(!merged.is_empty() && Description::default().is_empty());
    }

    #[test]
    fn a_record_keeps_the_order_of_its_parameters() {
        let record = TraceRecord::new("http://s.example/").with("b", "1").with("a", "2");
        assert_eq!(record.parameters, [("b".into(), "1".into()), ("a".into(), "2".into())]);
    }
}
