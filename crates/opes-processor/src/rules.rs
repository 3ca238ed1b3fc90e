//! Rules: which services adapt which messages, and what happens when they fail.

use std::sync::Arc;

use ocp::client::{Client, GroupSpec};
use opes_profile::bypass::Bypass;
use opes_profile::http::Profile;
use opes_profile::trace::same_agent;

/// What happens to a message whose adaptation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// The application peer gets a clear failure.
    #[default]
    Fail,
    /// The original goes on, where nothing adapted has been passed on and the original is still whole.
    Pass,
}

/// A rule: services of one callout server for the messages of one direction.
#[derive(Clone)]
pub struct Rule {
    /// Where the services are.
    pub client: Client,
    /// Which messages are adapted.
    pub profile: Profile,
    /// The services' identifiers in the order of application.
    pub services: Arc<[String]>,
    /// Those of the services that never change a message.
    pub read_only: Arc<[String]>,
    /// The failure policy.
    pub on_failure: OnFailure,
    /// How many octets of the original are kept for a further attempt or for `pass`.
    pub replay_octets: u64,
    /// How many octets of a request are kept for the services of its response; 0 where `client` does not offer them.
    pub request_octets: u64,
}

/// Which services may be applied to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowed {
    /// Those that never change a message (`Cache-Control: no-transform`, RFC 9111 section 5.2).
    ReadOnly,
    /// Every one.
    All,
}

/// A rule applied to one message: the services that remain after bypass.
#[derive(Clone)]
pub struct Selected {
    /// Where the services are.
    pub client: Client,
    /// The services to invoke.
    pub group: GroupSpec,
    /// The failure policy.
    pub on_failure: OnFailure,
    /// How many octets of the original are kept for a further attempt or for `pass`.
    pub replay_octets: u64,
    /// How many octets of a request are kept for the services of its response.
    pub request_octets: u64,
    /// Some of the services may change the message.
    pub changes: bool,
}

/// All rules of a processor.
#[derive(Clone, Default)]
pub struct Rules {
    rules: Arc<[Rule]>,
    /// Identifiers that stand for every service here (RFC 3897 section 4: the system and the processor).
    owners: Arc<[String]>,
}

impl Rules {
    /// Rules in the order in which they are tried. `owners` are the agent ids of the system and the processor.
    pub fn new(rules: Vec<Rule>, owners: Vec<String>) -> Self {
        Self { rules: rules.into(), owners: owners.into() }
    }

    /// The services that adapt a message of this direction: those of the first rule that matches, without those that
    /// the data consumer bypasses or that are not allowed. `None` when nothing is left to do.
    pub fn select(&self, profile: Profile, bypass: &Bypass, allowed: Allowed) -> Option<Selected> {
        let rule = self.rules.iter().find(|rule| rule.profile == profile)?;
        let owners: Vec<&str> = self.owners.iter().map(String::as_str).collect();
        let remaining: Arc<[String]> = match (bypass, allowed) {
            (Bypass::None, Allowed::All) => Arc::clone(&rule.services),
            _ => {
                let bypassed = |service: &String| bypass.applies(service, &owners, |uri| self.knows(uri));
                let left = |service: &&String| allowed == Allowed::All || rule.read_only.contains(service);
                rule.services.iter().filter(left).filter(|service| !bypassed(service)).cloned().collect()
            }
        };
        if remaining.is_empty() {
            return None;
        }
        Some(Selected {
            client: rule.client.clone(),
            changes: remaining.iter().any(|service| !rule.read_only.contains(service)),
            group: GroupSpec { profile, services: remaining },
            on_failure: rule.on_failure,
            replay_octets: rule.replay_octets,
            request_octets: rule.request_octets,
        })
    }

    /// Whether this is for certain a service of ours.
    fn knows(&self, uri: &str) -> bool {
        self.rules.iter().flat_map(|rule| rule.services.iter()).any(|service| same_agent(service, uri))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use ocp::client::ClientConfig;
    use opes_profile::trace::OPES_BYPASS;

    use super::*;

    const A: &str = "http://services.example.com/a";
    const B: &str = "http://services.example.com/b";
    const C: &str = "http://services.example.com/c";
    const SYSTEM: &str = "http://opes.example.com/system";

    fn rules() -> Rules {
        let rule = |profile, services: &[&str]| Rule {
            client: Client::new(ClientConfig::new("127.0.0.1:9")),
            profile,
            services: services.iter().map(|&uri| uri.to_owned()).collect(),
            read_only: [A.to_owned()].into(),
            on_failure: OnFailure::Fail,
            replay_octets: 0,
            request_octets: 0,
        };
        let rules = vec![
            rule(Profile::Response, &[A, B]),
            rule(Profile::Request, &[C]),
            rule(Profile::Response, &[C]),
        ];
        Rules::new(rules, vec![SYSTEM.to_owned()])
    }

    fn selected(profile: Profile, bypass: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        if !bypass.is_empty() {
            headers.insert(OPES_BYPASS, HeaderValue::from_str(bypass).unwrap());
        }
        let selected = rules().select(profile, &Bypass::parse(&headers), Allowed::All);
        selected.map_or(Vec::new(), |selected| selected.group.services.to_vec())
    }

    #[test]
    fn the_first_rule_of_a_direction_decides() {
        assert_eq!(selected(Profile::Response, ""), [A, B]);
        assert_eq!(selected(Profile::Request, ""), [C]);
    }

    // RFC 3897 section 4: a bypassed service is not invoked; the others are.
    // req: EEPC-4-01
    #[test]
    fn bypass_removes_what_it_names() {
        assert_eq!(selected(Profile::Response, A), [B]);
        assert_eq!(selected(Profile::Response, &format!("{A}, {B}")), [""; 0]);
        assert_eq!(selected(Profile::Response, C), [A, B], "a service of another rule");
        assert_eq!(selected(Profile::Request, C), [""; 0]);
    }

    // RFC 3897 section 4: the system's identifier matches all its services; an unknown one has to be taken to.
    #[test]
    fn bypass_of_the_system_or_of_something_unknown_removes_all() {
        for bypass in ["*", SYSTEM, "http://unknown.example.org/x", "not a uri"] {
            assert_eq!(selected(Profile::Response, bypass), [""; 0], "{bypass}");
        }
    }

    // RFC 9111 section 5.2.2.6.
    #[test]
    fn where_nothing_may_be_changed_only_those_are_left_that_never_do() {
        let select = |profile, allowed| rules().select(profile, &Bypass::None, allowed);
        let left = select(Profile::Response, Allowed::ReadOnly).expect("one is left");
        assert_eq!((&*left.group.services, left.changes), (&[A.to_owned()][..], false));
        assert!(select(Profile::Request, Allowed::ReadOnly).is_none());
        assert!(select(Profile::Response, Allowed::All).expect("all are left").changes);
    }
}
