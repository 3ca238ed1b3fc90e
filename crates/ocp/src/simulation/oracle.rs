//! What services make of a message, without OCP: the pure functions that everything else has to agree with.

use bytes::Bytes;
use opes_profile::http::{self, Part, Profile};
use opes_sdk::Description;

use super::services::{self, Answer, DESCRIBED, EVIL, Kind, MARKER, TEXT, answer, reason};

/// A message as a sequence of parts.
pub(super) type Parts = Vec<(Part, Bytes)>;

/// The message that is adapted.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) number: u64,
    pub(super) profile: Profile,
    /// What the services see as the message's URI.
    pub(super) uri: String,
    pub(super) head: Bytes,
    pub(super) body: Bytes,
    pub(super) trailer: Bytes,
}

/// What a service does to a payload.
enum Effect {
    /// It comes out like this.
    Passes(Vec<u8>),
    /// It does not pass.
    Refuses(String),
    /// It fails before it is complete.
    Fails,
    /// It comes out as it came, unless a failure that does not matter any more is noticed.
    MayFail,
}

/// What may become of a message.
#[derive(Debug)]
pub(super) struct Expected {
    /// The adapted messages, one of which it is. Only a beginning of the first may be seen if something fails.
    pub(super) messages: Vec<Parts>,
    /// Whether the first of them can be complete.
    pub(super) completes: bool,
    /// Whether the adaptation may fail on account of the services.
    pub(super) may_fail: bool,
}

/// What becomes of `message` under these services.
pub(super) fn expect(message: &Message, chain: &[Kind]) -> Expected {
    let mut body = message.body.to_vec();
    let mut description = Description::default();
    let (mut refusals, mut fails, mut may_fail) = (Vec::new(), false, false);
    for kind in chain {
        if *kind == Kind::Describe {
            description.media_type = Some(DESCRIBED.to_owned());
        }
        match effect(kind, message, &body) {
            Effect::Passes(adapted) => body = adapted,
            Effect::Refuses(reason) => refusals.push(reason),
            Effect::Fails => fails = true,
            Effect::MayFail => may_fail = true,
        }
    }
    let refused = !refusals.is_empty();
    let mut messages = Vec::new();
    if !refused {
        messages.push(adapted(message, &description, body));
    }
    messages.extend(refusals.iter().map(|reason| refusal(message.profile, reason)));
    Expected { messages, completes: refused || !fails, may_fail: fails || may_fail }
}

fn adapted(message: &Message, description: &Description, body: Vec<u8>) -> Parts {
    let head = if description.is_empty() {
        message.head.clone()
    } else {
        http::describe(&message.head, description).expect("a head that can be described")
    };
    let profile = message.profile;
    vec![
        (profile.header(), head),
        (profile.body(), body.into()),
        (profile.trailer(), message.trailer.clone()),
    ]
}

fn refusal(profile: Profile, reason: &str) -> Parts {
    let (head, body) = http::refusal(profile, reason);
    vec![(Part::ResponseHeader, head), (Part::ResponseBody, body)]
}

fn effect(kind: &Kind, message: &Message, body: &[u8]) -> Effect {
    let stops = |salt: u64| services::at(salt, message.number).filter(|at| body.len() >= *at);
    Effect::Passes(match kind {
        Kind::Substitute(from, to) => replaced(body, from.as_bytes(), to.as_bytes()),
        Kind::Inject { within } => injected(body, *within),
        Kind::Whole { .. } => [&body[body.len() / 2..], &body[..body.len() / 2]].concat(),
        Kind::Leave { after } if !body.is_empty() && body.len() >= *after => {
            [&body[..*after], TEXT.as_bytes(), &body[*after..]].concat()
        }
        Kind::Drop => Vec::new(),
        Kind::Echo { first } => [body, &body[..body.len().min(*first)]].concat(),
        Kind::Label => [body, format!("[{}]", message.uri).as_bytes()].concat(),
        Kind::Block => return Effect::Refuses(reason("blocked", 0)),
        Kind::Peek { octets } if contains(&body[..body.len().min(*octets as usize)], EVIL.as_bytes()) => {
            return Effect::Refuses(reason("peeked", *octets));
        }
        Kind::Stuck { look: false } => return Effect::Fails,
        Kind::Stuck { look: true } => return Effect::MayFail,
        Kind::Fail { salt, look } if stops(*salt).is_some() => {
            return if *look { Effect::MayFail } else { Effect::Fails };
        }
        Kind::Refuse { salt, decides } => {
            let stop =
                services::at(*salt, message.number).filter(|at| decides.is_none_or(|size| *at <= size));
            match stop {
                Some(at) if body.len() >= at => return Effect::Refuses(reason("refused", *salt)),
                _ => body.to_vec(),
            }
        }
        Kind::Async { salt } => match answer(*salt, message.number) {
            Answer::Unchanged => body.to_vec(),
            Answer::Reversed => body.iter().rev().copied().collect(),
            Answer::Refused => return Effect::Refuses(reason("refused", *salt)),
        },
        Kind::Identity
        | Kind::Digest
        | Kind::Peek { .. }
        | Kind::Wait { .. }
        | Kind::Leave { .. }
        | Kind::Nothing
        | Kind::First { .. }
        | Kind::Describe
        | Kind::Fail { .. } => body.to_vec(),
    })
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len()).position(|window| window == pattern)
}

fn contains(text: &[u8], pattern: &[u8]) -> bool {
    find(text, pattern).is_some()
}

fn replaced(mut text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    while let Some(start) = find(text, from) {
        replaced.extend_from_slice(&text[..start]);
        replaced.extend_from_slice(to);
        text = &text[start + from.len()..];
    }
    replaced.extend_from_slice(text);
    replaced
}

fn injected(body: &[u8], within: u64) -> Vec<u8> {
    let end = find(body, MARKER.as_bytes()).map(|start| start + MARKER.len());
    match end.filter(|end| *end as u64 <= within) {
        Some(end) => [&body[..end], TEXT.as_bytes(), &body[end..]].concat(),
        None => body.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &'static str) -> Message {
        Message {
            number: 1,
            profile: Profile::Response,
            uri: "http://o.example/1".to_owned(),
            head: Bytes::from_static(b"HTTP/1.1 200 OK\r\nContent-Type: text/n1\r\n\r\n"),
            body: Bytes::from_static(body.as_bytes()),
            trailer: Bytes::new(),
        }
    }

    fn body(body: &'static str, chain: &[Kind]) -> String {
        let expected = expect(&message(body), chain);
        assert!(expected.completes && !expected.may_fail && expected.messages.len() == 1);
        String::from_utf8(expected.messages[0][1].1.to_vec()).unwrap()
    }

    #[test]
    fn services_apply_in_their_order() {
        assert_eq!(body("a cat", &[]), "a cat");
        assert_eq!(body("a cat", &[Kind::Substitute("cat", "dog"), Kind::Echo { first: 3 }]), "a doga d");
        assert_eq!(body("a cat", &[Kind::Echo { first: 3 }, Kind::Substitute("cat", "dog")]), "a doga c");
        assert_eq!(body("0123", &[Kind::Whole { late: false }]), "2301");
        assert_eq!(body("x<b>y", &[Kind::Inject { within: 4 }]), format!("x<b>{TEXT}y"));
        assert_eq!(body("x<b>y", &[Kind::Inject { within: 3 }]), "x<b>y");
        assert_eq!(body("xy", &[Kind::Leave { after: 1 }]), format!("x{TEXT}y"));
        assert_eq!(body("xy", &[Kind::Leave { after: 3 }]), "xy");
        assert_eq!(body("xy", &[Kind::Label, Kind::Drop]), "");
    }

    #[test]
    fn a_refusal_takes_the_place_of_the_message() {
        let expected = expect(&message("so evil"), &[Kind::Peek { octets: 7 }, Kind::Identity]);
        assert_eq!(expected.messages, [refusal(Profile::Response, &reason("peeked", 7))]);
        let passed = expect(&message("so evil"), &[Kind::Peek { octets: 6 }]);
        assert_eq!(passed.messages[0][1].1, "so evil");
    }
}
