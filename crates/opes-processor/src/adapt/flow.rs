//! A run at work on one message, wherever its services are.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ocp::client::{Adapted, Briefing, ClientError, LinkId, Transaction, TransactionError};
use opes_profile::http::{AuxParts, Part, Settings};
use opes_sdk::Attributes;

use super::head::LazyHead;
use super::here::{self, Here};
use super::original::Known;
use crate::rules::{Place, Selected};

/// What comes back of a message.
pub(super) enum Came {
    /// A part of the adapted message.
    Adapted(Adapted),
    /// Its head is the one that was given.
    HeadStays {
        /// Nothing else is changed either, for certain.
        unmodified: bool,
    },
}

/// One message on its way through the services of a run. Dropping it ends that.
pub(super) enum Flow {
    /// On a callout server.
    Callout(Transaction),
    /// In this process; apart, since it is large.
    Here(Box<Here>),
}

impl Flow {
    /// Begins with a message whose body has this length. Cancel safe.
    ///
    /// # Errors
    /// The services cannot be reached.
    pub(super) async fn start(
        selected: &Selected,
        length: Option<u64>,
        known: &Known,
        avoid: Option<LinkId>,
    ) -> Result<Self, ClientError> {
        match &selected.place {
            Place::Callout(client) => {
                let briefing = brief(selected, known);
                client.start(&selected.group, length, avoid, &briefing).await.map(Self::Callout)
            }
            Place::Here(factories) => {
                let Briefing { parameters, variables, client } = brief(selected, known);
                let known = Attributes { length, parameters, client, variables, ..Attributes::default() };
                Ok(Self::Here(Box::new(Here::new(selected.group.profile, factories.clone(), known))))
            }
        }
    }

    /// Whether the services of a run may want a body with these codings plain, as far as that is known before it starts.
    pub(super) fn may_want_plain(selected: &Selected, codings: &[String]) -> bool {
        match &selected.place {
            Place::Callout(client) => {
                client.settings(&selected.group).is_none_or(|settings| prefers_plain(&settings, codings))
            }
            Place::Here(factories) => here::wants_plain(factories),
        }
    }

    /// Whether the services want a body with these codings plain.
    pub(super) fn wants_plain(&self, codings: &[String]) -> bool {
        match self {
            Self::Callout(transaction) => prefers_plain(transaction.settings(), codings),
            Self::Here(here) => here.wants_plain(),
        }
    }

    /// Takes a body with its codings, although the services want it plain: it cannot be decoded. A callout server says
    /// itself what it makes of that.
    ///
    /// # Errors
    /// The services are of this process, and cannot read it.
    pub(super) fn take_coded(&self) -> Result<(), TransactionError> {
        match self {
            Self::Callout(_) => Ok(()),
            Self::Here(_) => {
                let reason = "a service wants the content decoded, and that is not possible here";
                Err(TransactionError::Refused(reason.to_owned()))
            }
        }
    }

    /// The auxiliary parts that have to be given.
    pub(super) fn aux(&self) -> AuxParts {
        match self {
            Self::Callout(transaction) => transaction.settings().aux,
            Self::Here(here) => here.aux(),
        }
    }

    /// The connection, where there is one.
    pub(super) fn link(&self) -> Option<LinkId> {
        match self {
            Self::Callout(transaction) => Some(transaction.link()),
            Self::Here(_) => None,
        }
    }

    /// Ready once more of the original may be given.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        match self {
            Self::Callout(transaction) => transaction.poll_room(cx),
            Self::Here(here) => here.poll_room(cx),
        }
    }

    /// Whether there is no room because the services have enough, and not because they have something ready.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Callout(_) => true,
            Self::Here(here) => here.is_full(),
        }
    }

    /// Gives the head of a request that the message answers. Says how many octets of the flow it takes.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub(super) fn send_request_head(&mut self, head: &Arc<LazyHead>) -> Result<u64, TransactionError> {
        match self {
            Self::Callout(transaction) => give(transaction, Part::RequestHeader, head),
            Self::Here(here) => {
                here.take_request_head(Arc::clone(head));
                Ok(0)
            }
        }
    }

    /// Gives the head of the message, which ends the auxiliary parts. Says how many octets of the flow it takes.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub(super) fn send_head(&mut self, part: Part, head: &Arc<LazyHead>) -> Result<u64, TransactionError> {
        match self {
            Self::Callout(transaction) => give(transaction, part, head),
            Self::Here(here) => here.begin(Arc::clone(head)).map(|()| 0),
        }
    }

    /// Gives the next octets of the original, after its head or before it those of the request.
    ///
    /// # Errors
    /// The message is more than the services can take.
    pub(super) fn send(&mut self, part: Part, octets: Bytes) -> Result<(), TransactionError> {
        match self {
            Self::Callout(transaction) => transaction.send(part, octets),
            Self::Here(here) => here.send(part, octets),
        }
    }

    /// The original is complete.
    pub(super) fn complete(&mut self) {
        match self {
            Self::Callout(transaction) => transaction.complete(),
            Self::Here(here) => here.complete(),
        }
    }

    /// Octets of the original that have gone to the services.
    pub(super) fn crossed(&self) -> u64 {
        match self {
            Self::Callout(transaction) => transaction.crossed(),
            Self::Here(here) => here.given(),
        }
    }

    /// Where in the original body that begins which the services of this process leave as it is and do not need, once all
    /// before it was taken.
    pub(super) fn left_here(&self) -> Option<u64> {
        match self {
            Self::Callout(_) => None,
            Self::Here(here) => here.left(),
        }
    }

    /// Whether the services still take original data.
    pub(super) fn wants_original(&self) -> bool {
        match self {
            Self::Callout(transaction) => transaction.wants_original(),
            Self::Here(here) => here.left().is_none(),
        }
    }

    /// The next piece of the adapted message.
    ///
    /// # Errors
    /// Why it will not be complete.
    pub(super) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Result<Came, TransactionError>> {
        match self {
            Self::Callout(transaction) => Poll::Ready(ready!(transaction.poll_next(cx)).map(Came::Adapted)),
            Self::Here(here) => here.poll_next(cx),
        }
    }
}

/// Gives a head whole.
fn give(transaction: &Transaction, part: Part, head: &LazyHead) -> Result<u64, TransactionError> {
    let octets = head.octets();
    transaction.send(part, octets.clone())?;
    Ok(octets.len() as u64)
}

/// What the services of a run are told.
fn brief(selected: &Selected, known: &Known) -> Briefing {
    let client = known.client.as_ref().filter(|_| selected.tells_client);
    Briefing {
        parameters: (*selected.parameters).clone(),
        variables: known.variables.clone(),
        client: client.map(|client| client.to_string()),
    }
}

/// RFC 4236 section 3.2.7: the codings that a callout server prefers; others are decoded where it takes plain content.
fn prefers_plain(settings: &Settings, codings: &[String]) -> bool {
    let preferred = |coding: &str| settings.content_encodings.iter().any(|known| known == coding);
    preferred("identity") && !codings.iter().all(|coding| preferred(coding))
}
