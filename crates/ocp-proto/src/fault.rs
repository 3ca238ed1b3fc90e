//! Faults: what went wrong, in which scope, by whose doing, and what that puts on the wire (RFC 4037 section 5).

use bytes::Bytes;
use thiserror::Error;

use crate::codec::SyntaxError;
use crate::message::{InvalidMessage, Outcome, Scope, Xid};

/// Who is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The other agent sent something invalid, or too much of it.
    Peer,
    /// This agent cannot or will not go on.
    Local,
    /// The transport between them ended or fell silent.
    Transport,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Cause {
    /// Octets that form no message (section 3.1).
    #[error("syntax: {0}")]
    Syntax(#[from] SyntaxError),
    /// A message that breaks a type rule (section 10).
    #[error("{0}")]
    Message(#[from] InvalidMessage),
    /// A message that breaks a rule about state.
    #[error("{0}")]
    Rule(&'static str),
    /// A limit of this agent (sections 5 and 13).
    #[error("{0}")]
    Limit(&'static str),
    /// No progress for too long (section 2.7).
    #[error("no progress for {0:?}")]
    Timeout(std::time::Duration),
    /// No sign of life for so long, although the peer was asked for one (sections 2.7 and 11.22).
    #[error("no progress for {0:?}, and no answer to the question whether the peer is there")]
    Unanswered(std::time::Duration),
    /// The transport closed without CE (section 11.2).
    #[error("the connection was closed without CE")]
    Closed,
    /// The agent above this machine gave up, for this reason.
    #[error("{0}")]
    Refused(String),
}

/// Something that ends a transaction or connection with a failure.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{cause}")]
pub struct Fault {
    /// What it ends.
    pub scope: Scope,
    /// Who is at fault.
    pub origin: Origin,
    /// What went wrong.
    pub cause: Cause,
}

/// What a fault puts on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A TE for this transaction.
    EndTransaction(Xid, Outcome),
    /// A CE.
    EndConnection(Outcome),
    /// Nothing: nobody is there to read it.
    Silence,
}

impl Fault {
    /// A violation of a rule by the peer.
    pub fn rule(scope: Scope, rule: &'static str) -> Self {
        Self { scope, origin: Origin::Peer, cause: Cause::Rule(rule) }
    }

    /// The peer asks for more than a limit allows.
    pub fn limit(scope: Scope, limit: &'static str) -> Self {
        Self { scope, origin: Origin::Peer, cause: Cause::Limit(limit) }
    }

    /// What section 5 demands: the scope decides between TE and CE, the code is always 400.
    pub fn verdict(&self) -> Verdict {
        let outcome = || Outcome::failure(Bytes::from(self.cause.to_string()));
        match (self.origin, self.scope) {
            (Origin::Transport, _) if self.cause == Cause::Closed => Verdict::Silence,
            (_, Scope::Transaction(xid)) => Verdict::EndTransaction(xid, outcome()),
            (_, Scope::Connection) => Verdict::EndConnection(outcome()),
        }
    }
}

impl From<SyntaxError> for Fault {
    fn from(error: SyntaxError) -> Self {
        Self { scope: Scope::Connection, origin: Origin::Peer, cause: Cause::Syntax(error) }
    }
}

impl From<InvalidMessage> for Fault {
    fn from(error: InvalidMessage) -> Self {
        Self { scope: error.scope, origin: Origin::Peer, cause: Cause::Message(error) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::message::Problem;

    const X: Scope = Scope::Transaction(Xid(7));

    fn invalid(scope: Scope) -> InvalidMessage {
        InvalidMessage { scope, message: "DUM", problem: Problem::NoPayload }
    }

    // req: OCP-5-03, OCP-5-04, OCP-5-05, OCP-5-06
    #[test]
    fn the_scope_decides_and_the_code_is_400() {
        let faults = |scope| {
            let causes = [
                Cause::Message(invalid(scope)),
                Cause::Rule("a rule"),
                Cause::Limit("a limit"),
                Cause::Timeout(Duration::from_secs(1)),
                Cause::Unanswered(Duration::from_secs(1)),
                Cause::Refused("no".to_owned()),
                Cause::Syntax(SyntaxError::Size),
            ];
            causes.map(move |cause| Fault { scope, origin: Origin::Peer, cause })
        };
        for fault in faults(X) {
            let outcome = Outcome::failure(fault.to_string());
            assert_eq!(fault.verdict(), Verdict::EndTransaction(Xid(7), outcome));
        }
        for fault in faults(Scope::Connection) {
            assert_eq!(fault.verdict(), Verdict::EndConnection(Outcome::failure(fault.to_string())));
        }
    }

    #[test]
    fn a_transport_that_is_gone_is_told_nothing() {
        let fault = |cause| Fault { scope: Scope::Connection, origin: Origin::Transport, cause };
        assert_eq!(fault(Cause::Closed).verdict(), Verdict::Silence);
        let silent = fault(Cause::Timeout(Duration::from_secs(60))).verdict();
        assert_eq!(silent, Verdict::EndConnection(Outcome::failure("no progress for 60s")));
    }

    // req: OCP-5-07
    #[test]
    fn what_cannot_be_read_belongs_to_the_connection() {
        assert_eq!(Fault::from(SyntaxError::Size).scope, Scope::Connection);
        assert_eq!(Fault::from(invalid(X)).scope, X);
        assert_eq!(Fault::from(invalid(Scope::Connection)).scope, Scope::Connection);
    }
}
