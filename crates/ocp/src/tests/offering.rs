//! What a link offers, and what follows from the responses (RFC 4037 sections 6, 10.12, 10.14, 11.18 and 11.19).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use opes_profile::http::Profile;
use opes_sdk::ServiceFactory;
use opes_services::Identity;

use super::alone::{Alone, create, feature, messages, scoped};
use super::both::{Client, HEAD, Pair, give, identity, take};
use crate::client::link::Link;
use crate::client::pool::Choice;
use crate::client::{GroupSpec, Transaction};

fn response() -> GroupSpec {
    GroupSpec::new(Profile::Response, ["urn:identity"])
}

/// Groups of both profiles, and of the same services in two orders.
fn groups() -> Vec<GroupSpec> {
    vec![
        GroupSpec::new(Profile::Response, ["urn:a", "urn:b"]),
        GroupSpec::new(Profile::Request, ["urn:a"]),
        GroupSpec::new(Profile::Response, ["urn:b", "urn:a"]),
    ]
}

fn services() -> Vec<Arc<dyn ServiceFactory>> {
    vec![Arc::new(Identity::new("urn:a")), Arc::new(Identity::new("urn:b"))]
}

/// The service group in a message, where it has one.
fn scope(message: &str) -> Option<u64> {
    let (_, rest) = message.split_once("|SG: ")?;
    rest.split('|').next()?.parse().ok()
}

/// A pair with all groups, used while more of them are created.
fn used() -> Pair {
    let client = Client::new();
    let groups = groups();
    let mut pair = client.pair(&groups[..1], services());
    let first = client.start(&groups[0]);
    give(&first, "first");
    for spec in &groups[1..] {
        assert!(matches!(client.choose(spec), Choice::Wait(_)));
        pair.exchange();
        drop(client.start(spec));
    }
    let second = client.start(&groups[2]);
    give(&second, "second");
    pair.exchange();
    for (transaction, body) in [(&first, "first"), (&second, "second")] {
        assert_eq!(take(transaction), ([HEAD, body].concat(), Some(Ok(()))));
    }
    pair
}

// req: OCP-6.1-08
#[test]
fn an_offer_comes_right_after_cs() {
    let client = Client::new();
    for groups in [&[][..], &groups()] {
        let (_, link) = client.link(groups);
        assert_eq!(link.said(), ["CS;", "NO ();"], "before anything was heard");
    }
}

// req: OCP-6-06, HTTP-3-01, HTTP-3.2.1-15, HTTP-3.2.2-03
#[test]
fn no_offer_conflicts_with_what_is_negotiated() {
    let pair = used();
    let mut profiles = HashMap::new();
    for message in pair.of_link().iter().filter(|message| message.starts_with("NO")) {
        let offered: Vec<_> = [Profile::Request, Profile::Response]
            .into_iter()
            .filter(|profile| message.contains(profile.uri()))
            .collect();
        match scope(message) {
            // A profile for the connection would meet those of the groups.
            None => assert_eq!(message, "NO ();"),
            Some(group) => assert!(profiles.insert(group, offered).is_none(), "twice for group {group}"),
        }
    }
    let offered: Vec<_> = [1, 2, 3].iter().map(|group| &profiles[group][..]).collect();
    assert_eq!(offered, [[Profile::Response], [Profile::Request], [Profile::Response]]);
    assert!(!pair.of_host().iter().any(|message| message.contains("Rejects")));
}

// req: OCP-6.1-12
#[test]
fn who_negotiates_on_in_a_phase_says_so_before() {
    let pair = used();
    let mut open = None;
    let mut offers = 0;
    for message in pair.of_link() {
        let name = message.split([' ', ';', '|']).next().unwrap_or_default().to_owned();
        match &name[..] {
            "NO" => {
                assert_ne!(open, Some(false), "{message} after an offer that was the last of its phase");
                open = Some(message.contains("|Offer-Pending: true|"));
                offers += 1;
            }
            "NR" | "AQ" | "AA" | "PQ" | "PA" | "PR" => {}
            // What no phase allows: the phase is over, and a new one may begin.
            _ => open = None,
        }
    }
    assert_eq!(offers, 4);
    assert!(!pair.of_host().iter().any(|message| message.starts_with("NO")), "a host has nothing to offer");
}

// req: OCP-10.14-03
#[test]
fn a_group_lists_its_services_in_the_order_of_application() {
    let said = used().of_link();
    let created: Vec<_> = said.iter().filter(|message| message.starts_with("SGC")).cloned().collect();
    assert_eq!(
        created,
        [create(1, &["urn:a", "urn:b"]), create(2, &["urn:a"]), create(3, &["urn:b", "urn:a"])]
    );
}

// req: OCP-11.18-18
#[test]
fn no_offer_is_for_a_group_in_use() {
    let mut started: HashMap<String, u64> = HashMap::new();
    let mut beside_others = 0;
    for message in used().of_link() {
        let words: Vec<_> = message.trim_end_matches(';').split([' ', '|']).collect();
        match words[0] {
            "TS" => {
                started.insert(words[1].to_owned(), words[2].parse().expect("a group"));
            }
            "TE" => {
                started.remove(words[1]);
            }
            "NO" => {
                let used: HashSet<_> = started.values().copied().collect();
                assert!(scope(&message).is_none_or(|group| !used.contains(&group)), "{message} {started:?}");
                beside_others += usize::from(!used.is_empty());
            }
            _ => {}
        }
    }
    assert!(beside_others > 0, "offers were made while transactions were pending");
}

/// A link whose offer of the response profile for group 1 waits for its response.
fn offering(client: &Client) -> Alone<Link> {
    let (_, link) = client.link(&[response()]);
    link.hear(&["CS;", "NR;"]);
    let said = link.said();
    assert_eq!(said[..4], ["CS;", "NO ();", "SGC 1 ({\"12:urn:identity\"});", "PQ;"]);
    assert!(said[4].starts_with("NO ({") && scope(&said[4]) == Some(1), "{said:?}");
    link
}

fn started(choice: Choice) -> Option<Transaction> {
    match choice {
        Choice::Started(transaction) => Some(transaction),
        _ => None,
    }
}

// req: OCP-6-03, OCP-11.19-08
#[test]
fn a_selected_feature_is_in_effect_though_the_phase_goes_on() {
    let client = Client::new();
    let link = offering(&client);
    assert!(started(client.choose(&response())).is_none());
    link.hear(&["PA;".to_owned(), format!("NR {}|SG: 1|Offer-Pending: true|;", feature(Profile::Response))]);
    assert!(started(client.choose(&response())).is_none(), "nothing starts inside the phase");
    assert_eq!(link.reply(&["NO ();"]), ["NR;"], "and the feature needs no further offer");
    let transaction = started(client.choose(&response())).expect("the phase is over");
    assert_eq!(transaction.settings().profile, Profile::Response);
    give(&transaction, "body");
    let said = link.said();
    assert_eq!(said[..2], ["TS 0 1;", "AMS 0;"]);
    assert!(said[2].contains("|AM-Part: response-header|"), "{said:?}");
}

// req: OCP-6-03
#[test]
fn a_positive_response_takes_effect_on_both_sides() {
    let client = Client::new();
    let (id, link) = client.link(&[response()]);
    let mut pair = Pair::new(id, link, identity());
    let has_answered = |pair: &Pair| pair.of_host().iter().any(|message| message.starts_with("NR {"));
    for _ in 0..10 {
        assert!(started(client.choose(&response())).is_none(), "not before the response");
        pair.hand_over();
        pair.host_speaks();
        if has_answered(&pair) {
            break;
        }
        pair.link_listens();
    }
    assert!(has_answered(&pair));
    assert!(started(client.choose(&response())).is_none(), "the response has not reached the link");
    pair.link_listens();
    let transaction = started(client.choose(&response())).expect("at once");
    give(&transaction, "body");
    pair.exchange();
    assert!(pair.of_host().iter().any(|message| message.contains("|AM-Part: response-body|")));
    assert_eq!(take(&transaction), ([HEAD, "body"].concat(), Some(Ok(()))));
}

// req: OCP-6-04
#[test]
fn a_negative_response_changes_nothing() {
    let client = Client::new();
    let link = offering(&client);
    link.hear(&["PA;".to_owned(), scoped(&format!("NR {}", feature(Profile::Response)), Some(1))]);
    let transaction = started(client.choose(&response())).expect("the group is ready");
    give(&transaction, "before");
    link.said();
    let other = GroupSpec::new(Profile::Request, ["urn:identity"]);
    assert!(matches!(client.choose(&other), Choice::Wait(_)));
    link.said();
    let said =
        link.reply(&["PA;".to_owned(), format!("NR|SG: 2|Unknowns: ({})|;", feature(Profile::Request))]);
    assert_eq!(said, ["SGD 2;"], "a group without profile is of no use");
    assert!(matches!(client.choose(&other), Choice::Failed(_)));
    link.hear(&["AMS 0;".to_owned(), super::alone::part(0, 0, "response-header", HEAD), "AME 0;".to_owned()]);
    assert_eq!(take(&transaction), (HEAD.to_owned(), Some(Ok(()))));
    let transaction = started(client.choose(&response())).expect("the other group is as it was");
    assert_eq!(transaction.settings().profile, Profile::Response);
    assert!(messages(&link.octets()).iter().any(|message| message == "TS 1 1;"));
}
