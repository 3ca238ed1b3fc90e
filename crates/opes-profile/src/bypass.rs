//! Requests to bypass services (RFC 4236 section 5, RFC 3897 section 4).

use http::{HeaderMap, HeaderValue};

use crate::list;
use crate::trace::{OPES_BYPASS, same_agent};

/// What the OPES-Bypass field of a request asks for. The field itself goes on to the next hop as it is
/// (RFC 3897 section 4.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Bypass {
    /// Nothing.
    #[default]
    None,
    /// The bypass of all services: `*`.
    All,
    /// The bypass of the listed agents.
    Agents(Agents),
}

/// A non-empty list of agents in an OPES-Bypass field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agents(Vec<HeaderValue>);

impl Bypass {
    /// Reads the request's OPES-Bypass field; several are taken as one list. A `*` anywhere in it asks for
    /// the bypass of everything, and an empty list for nothing.
    pub fn parse(headers: &HeaderMap) -> Self {
        let agents = Agents(headers.get_all(OPES_BYPASS).iter().cloned().collect());
        if agents.iter().any(|agent| agent == b"*") {
            Self::All
        } else if agents.iter().next().is_some() {
            Self::Agents(agents)
        } else {
            Self::None
        }
    }

    /// Whether `service` is to be bypassed.
    ///
    /// `owners` are the URIs of this OPES System and processor, which stand for all their services. `known`
    /// says whether a URI is for certain one of the processor's services (compare with [`same_agent`]); a URI
    /// that is not might be this service for all that the processor knows, and so counts as the service's.
    pub fn applies(&self, service: &str, owners: &[&str], known: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Agents(agents) => agents.iter().any(|agent| matches(agent, service, owners, &known)),
        }
    }
}

impl Agents {
    /// The listed elements, in order; they need not be valid `opes-agent-id`s.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(|value| list::elements(value.as_bytes()))
    }
}

fn matches(agent: &[u8], service: &str, owners: &[&str], known: impl Fn(&str) -> bool) -> bool {
    let Ok(agent) = std::str::from_utf8(agent) else {
        return true;
    };
    // RFC 3897 section 4: a URI of the system or processor matches all services attached to it.
    let is_ours = same_agent(agent, service) || owners.iter().any(|owner| same_agent(agent, owner));
    // RFC 3897 section 4.3: a URI that identifies no known entity is treated as a wildcard.
    is_ours || !known(agent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SYSTEM: &str = "http://opes.example.com/system";
    const PROCESSOR: &str = "http://opes.example.com/p1";
    const ONE: &str = "http://services.example.com/one";
    const TWO: &str = "http://services.example.com/two";

    fn parse(values: &[&[u8]]) -> Bypass {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(OPES_BYPASS, HeaderValue::from_bytes(value).unwrap());
        }
        Bypass::parse(&headers)
    }

    /// Whether service one, then service two, is bypassed.
    fn bypassed(value: &str) -> [bool; 2] {
        let bypass = parse(&[value.as_bytes()]);
        let known = |uri: &str| [ONE, TWO].iter().any(|service| same_agent(service, uri));
        [ONE, TWO].map(|service| bypass.applies(service, &[SYSTEM, PROCESSOR], known))
    }

    // RFC 4236 section 5, figure 18: "*" or a list of agents.
    // req: HTTP-5-01
    #[test]
    fn figure_18() {
        assert_eq!(parse(&[]), Bypass::None);
        assert_eq!(parse(&[b"*"]), Bypass::All);
        let Bypass::Agents(agents) = parse(&[b"http://a/ , http://b/", b"x"]) else {
            panic!("a list of agents");
        };
        let expected: [&[u8]; 3] = [b"http://a/", b"http://b/", b"x"];
        assert_eq!(agents.iter().collect::<Vec<_>>(), expected);
        assert_eq!(parse(&[b"", b" , "]), Bypass::None);
        assert_eq!(Bypass::default(), Bypass::None);
    }

    // RFC 4236 section 5: the asterisk represents all possible agents.
    // req: HTTP-5-03
    #[test]
    fn an_asterisk_bypasses_everything() {
        assert_eq!(bypassed("*"), [true, true]);
        assert_eq!(parse(&[ONE.as_bytes(), b"http://a/, *"]), Bypass::All);
    }

    #[test]
    fn without_the_field_nothing_is_bypassed() {
        assert!(!Bypass::None.applies(ONE, &[SYSTEM], |_| false));
        assert_eq!(bypassed(""), [false, false]);
    }

    // RFC 3897 section 4.2: services whose URIs are identified are bypassed.
    // req: HTTP-5-02, EEPC-4.2-01
    #[test]
    fn a_listed_service_is_bypassed_and_no_other() {
        assert_eq!(bypassed(ONE), [true, false]);
        assert_eq!(bypassed(TWO), [false, true]);
        assert_eq!(bypassed(&format!("{TWO}, {ONE}")), [true, true]);
        assert_eq!(bypassed("HTTP://Services.Example.com/one"), [true, false]);
    }

    // RFC 3897 section 4: a URI of the system or processor matches all its services.
    // req: EEPC-4-02
    #[test]
    fn the_system_and_the_processor_stand_for_their_services() {
        assert_eq!(bypassed(SYSTEM), [true, true]);
        assert_eq!(bypassed(PROCESSOR), [true, true]);
        assert_eq!(bypassed("http://OPES.example.com/system"), [true, true]);
    }

    // RFC 3897 sections 4 and 4.3: what is not known for certain not to match, matches.
    // req: EEPC-4.3-01, EEPC-4.3-04
    #[test]
    fn an_unknown_uri_is_a_wildcard() {
        assert_eq!(bypassed("http://unknown.example.org/x"), [true, true]);
        assert_eq!(bypassed(&format!("http://unknown.example.org/x, {ONE}")), [true, true]);
        assert_eq!(bypassed("http://services.example.com/ONE"), [true, true]);
    }

    #[test]
    fn malformed_entries_are_unknown() {
        assert_eq!(bypassed("one"), [true, true]);
        assert_eq!(bypassed(&format!("\"{ONE}\"")), [true, true]);
        assert!(parse(&[b"\xff"]).applies(ONE, &[], |_| true));
    }

    proptest! {
        #[test]
        fn arbitrary_values_never_panic_and_say_something(
            value in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            if HeaderValue::from_bytes(&value).is_ok() {
                let bypass = parse(&[&value]);
                let empty = list::elements(&value).next().is_none();
                prop_assert_eq!(bypass.applies(ONE, &[SYSTEM], |_| false), !empty);
            }
        }
    }
}
