//! The services of the simulated server: stock ones, and ones that do what services rarely do.

mod shaping;
mod stopping;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use opes_sdk::{Attributes, Decision, ServiceFactory, factory};
use opes_services::{Block, Digest, Identity, Inject, Peek, Substitute};

use super::random::{Random, mix};
use super::timeline::Timeline;
use shaping::{Describe, Drop, Echo, Label, Leave, Whole};
use stopping::{Fail, Refuse};
use waiting::{Pauses, Wait, asynchronous};

/// What a service does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Identity,
    Substitute(&'static str, &'static str),
    Block,
    Digest,
    Inject {
        within: u64,
    },
    Peek {
        octets: u64,
    },
    /// Passes the payload on, with waits; only looks at it, or holds each piece while it waits.
    Wait {
        look: bool,
        late: bool,
        percent: usize,
        most: Duration,
    },
    /// Waits for ever, once the payload has begun.
    Stuck {
        look: bool,
    },
    /// Wants the first octets at once, then everything as it comes; passes it on.
    First {
        octets: u64,
    },
    /// Wants everything at once and gives its second half first.
    Whole {
        late: bool,
    },
    /// Puts a text behind the first octets and leaves.
    Leave {
        after: usize,
    },
    /// Wants no payload.
    Nothing,
    /// Lets nothing pass.
    Drop,
    /// Gives the first octets once more at the end.
    Echo {
        first: usize,
    },
    /// Says at the end what the message is about.
    Label,
    /// Describes the payload as something else.
    Describe,
    /// Fails some messages in the middle.
    Fail {
        salt: u64,
        look: bool,
    },
    /// Refuses some messages in the middle, lets others pass in the middle.
    Refuse {
        salt: u64,
        decides: Option<usize>,
    },
    /// An async function that waits, then passes, changes or refuses the message.
    Async {
        salt: u64,
    },
}

/// The text that [`Kind::Inject`] and [`Kind::Leave`] insert.
pub(super) const TEXT: &str = "<<inserted>>";
/// What [`Kind::Inject`] looks for.
pub(super) const MARKER: &str = "<b>";
/// What [`Kind::Peek`] does not let pass.
pub(super) const EVIL: &str = "evil";
/// The media type of [`Kind::Describe`].
pub(super) const DESCRIBED: &str = "application/described";

/// What the services of a simulation wait with.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub(super) timeline: Timeline,
    pub(super) random: Random,
    /// How long a stuck service is waited for, at most.
    pub(super) patience: Duration,
}

impl Kind {
    /// The service under this identifier.
    pub(super) fn service(&self, uri: &str, tools: &Tools) -> Arc<dyn ServiceFactory> {
        match self.clone() {
            Self::Identity => Arc::new(Identity::new(uri)),
            Self::Substitute(from, to) => Arc::new(Substitute::new(uri, from, to).expect("a pattern")),
            Self::Block => Arc::new(Block::new(uri, reason("blocked", 0))),
            Self::Digest => Arc::new(Digest::new(uri)),
            Self::Inject { within } => Arc::new(Inject::new(uri, MARKER, TEXT, within).expect("a marker")),
            Self::Peek { octets } => Arc::new(Peek::new(uri, octets, EVIL, reason("peeked", octets))),
            Self::Wait { look, late, percent, most } => {
                let pauses = Pauses { tools: tools.clone(), percent, most };
                let decides = if late { Decision::Later } else { Decision::AtStart };
                Arc::new(factory(uri, move |_: &Attributes| Wait::new(pauses.clone(), look, decides)))
            }
            Self::Stuck { look } => {
                let most = tools.patience + Duration::from_secs(60);
                let pauses = Pauses { tools: tools.clone(), percent: 100, most };
                Arc::new(factory(uri, move |_: &Attributes| Wait::stuck(pauses.clone(), look)))
            }
            Self::First { octets } => Arc::new(factory(uri, move |_: &Attributes| shaping::First(octets))),
            Self::Whole { late } => Arc::new(factory(uri, move |_: &Attributes| Whole::new(late))),
            Self::Leave { after } => Arc::new(factory(uri, move |_: &Attributes| Leave::new(after))),
            Self::Nothing => Arc::new(factory(uri, |_: &Attributes| shaping::Nothing)),
            Self::Drop => Arc::new(factory(uri, |_: &Attributes| Drop)),
            Self::Echo { first } => Arc::new(factory(uri, move |_: &Attributes| Echo::new(first))),
            Self::Label => Arc::new(factory(uri, |_: &Attributes| Label)),
            Self::Describe => Arc::new(factory(uri, |_: &Attributes| Describe)),
            Self::Fail { salt, look } => Arc::new(factory(uri, move |attributes: &Attributes| {
                Fail::new(at(salt, number(attributes)), look)
            })),
            Self::Refuse { salt, decides } => Arc::new(factory(uri, move |attributes: &Attributes| {
                Refuse::new(at(salt, number(attributes)), decides, reason("refused", salt))
            })),
            Self::Async { salt } => asynchronous(uri, salt, tools),
        }
    }
}

/// The reason of a refusal, so that each service's is known from the others'.
pub(super) fn reason(word: &str, number: u64) -> String {
    format!("{word} by service {number}")
}

/// The number of a message: its media type tells.
fn number(attributes: &Attributes) -> u64 {
    let digits = attributes.media_type.as_deref().and_then(|media_type| media_type.strip_prefix("text/n"));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// After how many octets a service stops a message with this number, if it does.
pub(super) fn at(salt: u64, number: u64) -> Option<usize> {
    let decision = mix(mix(salt) ^ number);
    let octets = (decision >> 8) % (1 << ((decision >> 32) % 17));
    decision.is_multiple_of(2).then_some(octets as usize)
}

/// What an asynchronous service does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Unchanged,
    Reversed,
    Refused,
}

/// The answer of [`Kind::Async`] to a message with this number.
pub(super) fn answer(salt: u64, number: u64) -> Answer {
    [Answer::Unchanged, Answer::Reversed, Answer::Refused][(mix(salt ^ mix(number)) % 3) as usize]
}
