//! The body of one message on its way through the services, decoded for those that want that.

use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use opes_profile::http::{self, Profile};
use opes_sdk::{Attributes, Chain, Description, Segment, ServiceFactory};

use super::recoded::{Recoded, Recoding};

/// The most that the services may hold besides what they have stated, and what waits for them to decide about the
/// head.
const HELD: u64 = 16 * 1024 * 1024;

/// The services of a group, and how their host decodes for them.
pub(super) struct Served {
    pub(super) services: Vec<Arc<dyn ServiceFactory>>,
    pub(super) recoding: Arc<Recoding>,
}

/// What the original tells of its body.
pub(super) struct Head<'a> {
    /// None for data without a profile, which has no codings.
    pub(super) whole: Option<(Profile, &'a [u8])>,
    /// It is only a range of the content (RFC 9110 section 15.3.7).
    pub(super) is_range: bool,
}

/// The services of one message at work on its body. Offsets, as everything outside of this, are of the body as it
/// crosses OCP.
pub(super) struct Body {
    chain: Chain,
    coding: Coding,
}

/// What stands between the body and the services.
enum Coding {
    /// Nothing.
    Plain,
    Recoded(Box<Recoded>),
    /// The services want the body decoded, which cannot be for this reason; it fails with the body's first octet.
    Undecodable(String),
    Failed(String),
}

impl Body {
    /// Starts the services.
    ///
    /// # Errors
    ///
    /// Why the message fails: its head cannot be read, or it is not what the services want.
    pub(super) fn begin(
        served: &Served,
        attributes: Attributes,
        head: &Head<'_>,
        waker: &Waker,
    ) -> Result<Self, String> {
        let mut chain = Chain::new(&served.services, attributes, waker.clone());
        let mut coding = Coding::Plain;
        if chain.wants_decoded()
            && let Some((profile, octets)) = head.whole
        {
            let content = http::attributes(profile, None, octets, None).map_err(unusable)?;
            if !content.coding.is_empty() {
                let decoded = Attributes { coding: Vec::new(), length: None, ..chain.attributes().clone() };
                match served.recoding.start(&content, head.is_range) {
                    Ok(recoded) => {
                        chain = Chain::new(&served.services, decoded, waker.clone());
                        coding = Coding::Recoded(Box::new(recoded));
                    }
                    Err(reason) => coding = Coding::Undecodable(reason),
                }
            }
        }
        chain.start();
        if chain.wants_whole() && head.is_range {
            return Err(
                "the message is only a range of the content (206), and a service needs all of it".to_owned()
            );
        }
        let mut body = Self { chain, coding };
        body.settle();
        Ok(body)
    }

    /// Once it is known what the services have done at their start.
    fn settle(&mut self) {
        if self.chain.has_left() && !self.chain.modified() {
            self.coding = Coding::Plain;
        } else if let Coding::Recoded(recoded) = &mut self.coding {
            recoded.begin(self.chain.modifies());
        }
    }

    /// The services.
    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The services, for what they say beside the body.
    pub(super) fn chain_mut(&mut self) -> &mut Chain {
        &mut self.chain
    }

    /// Takes the next octets of the original body.
    pub(super) fn receive(&mut self, octets: Bytes) {
        match &mut self.coding {
            Coding::Plain => self.chain.push(octets),
            Coding::Recoded(recoded) => {
                if let Err(error) = recoded.receive(octets) {
                    self.coding = Coding::Failed(error);
                }
            }
            Coding::Undecodable(reason) => self.coding = Coding::Failed(std::mem::take(reason)),
            Coding::Failed(_) => {}
        }
    }

    /// The original body is complete.
    pub(super) fn end(&mut self) {
        match &mut self.coding {
            Coding::Recoded(recoded) => recoded.end_received(),
            Coding::Undecodable(_) => {
                // Without a body there is nothing to decode.
                self.coding = Coding::Plain;
                self.chain.finish();
            }
            Coding::Plain | Coding::Failed(_) => self.chain.finish(),
        }
    }

    /// The original ends here although it is not complete; nothing that is still to be sent depends on it.
    pub(super) fn cut(&mut self) {
        self.coding = Coding::Plain;
    }

    /// Goes on with the services that wait.
    pub(super) fn resume(&mut self) {
        if self.chain.waiting() {
            self.chain.resume();
        }
    }

    /// Moves what was received through the services. While they wait, no more than `high` octets are decoded for them.
    pub(super) fn advance(&mut self, high: u64) {
        if let Coding::Recoded(recoded) = &mut self.coding
            && let Err(error) = recoded.advance(&mut self.chain, high, HELD)
        {
            self.coding = Coding::Failed(error);
        }
    }

    /// The next octets of the adapted body.
    pub(super) fn pull(&mut self) -> Option<Segment> {
        match &mut self.coding {
            Coding::Recoded(recoded) => recoded.pull(),
            _ => self.chain.pull(),
        }
    }

    /// Drops the services and everything held.
    pub(super) fn abort(&mut self) {
        self.chain.abort();
    }

    /// Why the message fails.
    pub(super) fn failure(&self) -> Option<&str> {
        match (&self.coding, self.chain.failure()) {
            (Coding::Failed(reason), _) => Some(reason),
            (_, failure) => failure.map(|failure| &failure.reason[..]),
        }
    }

    /// Whether more is held than the services have stated and what is allowed besides.
    pub(super) fn holds_too_much(&self) -> bool {
        let gathered = self.chain.gathered();
        match &self.coding {
            // What is gathered is kept twice, coded and decoded.
            Coding::Recoded(recoded) if recoded.unplanned() > HELD + 2 * gathered => true,
            _ => self.chain.buffered() - gathered > HELD,
        }
    }

    /// Whether head and length of the adapted message are decided about.
    pub(super) fn decided(&self) -> bool {
        let known = match &self.coding {
            Coding::Recoded(recoded) => recoded.fate().is_some(),
            // The first octet of the body fails the message.
            Coding::Undecodable(_) => false,
            _ => true,
        };
        known && self.chain.decided()
    }

    /// Whether the adapted body may differ from the original.
    pub(super) fn modifies(&self) -> bool {
        match &self.coding {
            Coding::Recoded(recoded) => recoded.modifies(),
            _ => self.chain.modifies(),
        }
    }

    /// What the services say about the adapted body.
    pub(super) fn description(&self) -> Description {
        let mut description = self.chain.description().clone();
        if let Coding::Recoded(recoded) = &self.coding {
            recoded.describe(&mut description);
        }
        description
    }

    /// Whether all that is still to be sent is the original, and no service can refuse any more.
    pub(super) fn only_looks(&self) -> bool {
        match &self.coding {
            Coding::Recoded(recoded) => recoded.passes(),
            _ => self.chain.only_looks(),
        }
    }

    /// Whether nothing more of the original is needed.
    pub(super) fn has_left(&self) -> bool {
        let needed = matches!(&self.coding, Coding::Recoded(recoded) if !recoded.passes());
        !needed && self.chain.has_left()
    }

    /// Octets that are held.
    pub(super) fn buffered(&self) -> u64 {
        match &self.coding {
            Coding::Recoded(recoded) => self.chain.buffered() + recoded.held(),
            _ => self.chain.buffered(),
        }
    }

    /// Octets that wait for a service which waits itself.
    pub(super) fn stuck(&self) -> u64 {
        if !self.chain.waiting() {
            return 0;
        }
        let undecoded = match &self.coding {
            Coding::Recoded(recoded) => recoded.undecoded(),
            _ => 0,
        };
        self.chain.buffered() - self.chain.gathered() + undecoded
    }

    /// Whether the adapted body is complete and was pulled.
    pub(super) fn finished(&self) -> bool {
        let ended = match &self.coding {
            Coding::Recoded(recoded) => recoded.ended(),
            _ => true,
        };
        ended && self.chain.finished()
    }
}

pub(super) fn unusable(error: http::HeadError) -> String {
    format!("unusable head: {error}")
}
