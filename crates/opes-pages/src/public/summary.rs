//! What anybody may learn about one message.

use maud::{Markup, html};
use opes_record::{Direction, Outcome, Record};
use serde_json::{Value, json};

use crate::page::page;
use crate::shown::Shown;
use crate::units::utc;

/// What anybody learns who has the `id` of a trace. Whoever gets the message has it, and so has whoever they show it to.
/// Clients, URIs of messages, names of rules, addresses of callout servers and values of header fields are never told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Summary {
    /// Nothing, not even whether there is such a message.
    Off,
    /// When it was traced, which message of its transaction it was, and what became of it.
    #[default]
    Outcome,
    /// The services that were applied, too, by their identifiers.
    Services,
}

/// What is told of one message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    id: String,
    time: String,
    direction: Direction,
    outcome: Outcome,
    /// `None` where it is not told.
    services: Option<Vec<String>>,
}

impl Summary {
    /// The name in JSON and configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Outcome => "outcome",
            Self::Services => "services",
        }
    }

    pub(super) fn tells(self) -> bool {
        self != Self::Off
    }

    /// The policy in words.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Off => "This system tells about single messages only to those who administer it.",
            Self::Outcome => {
                "Whoever has the id in a message's trace is told when it passed and what became of it."
            }
            Self::Services => {
                "Whoever has the id in a message's trace is told when it passed, what became of it, and which services \
                 were applied."
            }
        }
    }

    /// What of this record is told.
    pub(super) fn of(self, record: &Record) -> Told {
        let services = record.services.iter().map(|service| service.uri.to_string());
        Told {
            id: record.id.to_string(),
            time: utc(record.id.millis()),
            direction: record.direction,
            outcome: record.outcome,
            services: (self == Self::Services).then(|| services.collect()),
        }
    }
}

impl Told {
    pub(super) fn html(&self, system: &str) -> Markup {
        let content = html! {
            h1 { "One message" }
            dl {
                dt { "Id" } dd.id { (self.id) }
                dt { "Traced" } dd { time datetime=(self.time) { (self.time) } }
                dt { "Message" } dd { (self.direction) }
                dt { "Outcome" } dd { (crate::admin::outcome_tag(self.outcome)) " " (explained(self.outcome)) }
                @if let Some(services) = &self.services {
                    dt { "Services" }
                    dd {
                        @if services.is_empty() { "none" }
                        @for service in services { code { (Shown(service)) } br; }
                    }
                }
            }
            p { a href="?" { "About this system" } }
        };
        page("One message", &html! { strong { (Shown(system)) } }, &content)
    }

    pub(super) fn json(&self, system: &str) -> Value {
        let mut told = json!({
            "system": system,
            "id": self.id,
            "time": self.time,
            "direction": self.direction.name(),
            "outcome": self.outcome.name(),
        });
        if let Some(services) = &self.services {
            told["services"] = json!(services);
        }
        told
    }
}

fn explained(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NotMatched => "No service was to be applied.",
        Outcome::Adapted => "Services changed it.",
        Outcome::Unchanged => "Services saw it and changed nothing.",
        Outcome::Answered => "A service answered in the place of the data provider.",
        Outcome::Bypassed => "Services were left out because an end asked for that.",
        Outcome::OriginalPassed => "The adaptation failed, and the original was passed on.",
        Outcome::Failed => "The adaptation failed, and with it the message.",
        Outcome::Abandoned => "An end went away before the message was complete.",
    }
}
