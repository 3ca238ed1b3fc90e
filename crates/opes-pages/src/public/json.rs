//! The page for programs.

use opes_profile::trace::AgentId;
use opes_record::Dropped;
use serde_json::{Value, json};

use super::{Bypassable, Disclosures, Kept, SystemPage};

impl SystemPage {
    pub(super) fn json(&self, dropped: Dropped) -> Value {
        let said = &self.disclosures;
        json!({
            "system": self.system.as_str(),
            "processors": self.processors.iter().map(AgentId::as_str).collect::<Vec<_>>(),
            "references": disclosure(said.references.as_deref(), Disclosures::REFERENCES),
            "privacy_policy": disclosure(said.privacy.as_deref(), Disclosures::PRIVACY),
            "responsible": disclosure(said.responsible.as_deref(), Disclosures::RESPONSIBLE),
            "contact": disclosure(said.contact.as_deref(), Disclosures::CONTACT),
            "tracing": {
                "granularity": self.tracing.granularity(),
                "fields": self.tracing.fields(),
                "kept": self.tracing.kept.as_ref().map(kept),
                "dropped": dropped.total(),
            },
            "bypass": {
                "field": "OPES-Bypass",
                "wildcard": "*",
                "separator": ",",
                "all": self.owners().collect::<Vec<_>>(),
                "unknown": "wildcard",
                "services": self.services.iter().map(|service| match &service.bypassable {
                    Bypassable::Yes => json!({ "uri": service.uri.as_str(), "bypassable": true, "why": null }),
                    Bypassable::No(why) => {
                        json!({ "uri": service.uri.as_str(), "bypassable": false, "why": why })
                    }
                }).collect::<Vec<_>>(),
            },
            "summary": self.summary.name(),
        })
    }

    /// The URIs that stand for all services in a bypass (RFC 3897 section 4).
    fn owners(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.system).chain(&self.processors).map(AgentId::as_str)
    }
}

fn disclosure(said: Option<&str>, unset: &str) -> Value {
    json!({ "configured": said.is_some(), "text": said.unwrap_or(unset) })
}

fn kept(kept: &Kept) -> Value {
    json!({
        "seconds": kept.age.map(|age| age.as_secs()),
        "uri": kept.uri(),
        "client": kept.client(),
        "headers": kept.headers,
    })
}
