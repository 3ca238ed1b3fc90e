//! What the RFCs attach to declarations by prose, as data with the section that says it.

use crate::language::Type;
use crate::shape::Shape;

/// The rule for an atom.
pub(crate) struct AtomRule {
    /// The type, with its namespace tag.
    pub(crate) name: (&'static str, &'static str),
    /// Where the rule stands.
    pub(crate) section: &'static str,
    /// Values that obey it, among them its limits.
    pub(crate) good: &'static [&'static [u8]],
    /// Values that do not.
    pub(crate) bad: &'static [&'static [u8]],
    /// The rule.
    pub(crate) holds: fn(&[u8]) -> bool,
}

const BAD_NUMBERS: [&[u8]; 11] =
    [b"2147483648", b"18446744073709551616", b"01", b"00", b"-1", b"+1", b"", b" 1", b"1 ", b"0x1", b"one"];

const fn large(name: (&'static str, &'static str)) -> AtomRule {
    AtomRule {
        name,
        section: "extensions/large-sizes.md",
        good: &[b"0", b"2147483648", b"4611686018427387903"],
        bad: &[b"4611686018427387904", b"01", b"-1", b"", b"1e9"],
        holds: |octets| is_number(octets, (1 << 62) - 1),
    }
}

const GOOD_NUMBERS: [&[u8]; 3] = [b"0", b"7", b"2147483647"];

/// The rules of the types that extend `atom` directly or narrow another such type.
pub(crate) const ATOMS: &[AtomRule] = &[
    AtomRule {
        name: ("Core", "uri"),
        section: "RFC 4037 10.1, RFC 2396",
        good: &[
            b"http://www.iana.org/assignments/opes/ocp/http/request",
            b"urn:x-a:b%20c#d",
            b"mailto:a@b.c",
        ],
        bad: &[b"", b"http://a b/", b"http://a/\r\n", b"\xc3\xa9", b"http://a/%zz", b"<http://a/>"],
        holds: is_uri,
    },
    number(("Core", "uni"), "RFC 4037 10.2"),
    number(("Core", "size"), "RFC 4037 10.3"),
    number(("Core", "offset"), "RFC 4037 10.4"),
    AtomRule {
        name: ("Core", "percent"),
        section: "RFC 4037 10.5",
        good: &[b"0", b"50", b"100"],
        bad: &[b"101", b"2147483647", b"050", b"-1", b"50%", b"", b"true"],
        holds: |octets| is_number(octets, 100),
    },
    AtomRule {
        name: ("Core", "boolean"),
        section: "RFC 4037 10.6",
        good: &[b"true", b"false"],
        bad: &[b"True", b"FALSE", b"1", b"0", b"yes", b"", b"true "],
        holds: |octets| matches!(octets, b"true" | b"false"),
    },
    AtomRule {
        name: ("HTTP", "am-part"),
        section: "RFC 4236 3.1",
        good: &[
            b"request-header",
            b"request-body",
            b"request-trailer",
            b"response-header",
            b"response-body",
            b"response-trailer",
        ],
        bad: &[b"header", b"Request-Header", b"request-header ", b"", b"request"],
        holds: |octets| {
            let mut halves = octets.splitn(2, |octet| *octet == b'-');
            matches!(halves.next(), Some(b"request" | b"response"))
                && matches!(halves.next(), Some(b"header" | b"body" | b"trailer"))
        },
    },
    AtomRule {
        name: ("HTTP", "content-coding"),
        section: "RFC 4236 3.2.7, RFC 2616 3.5",
        good: &[b"gzip", b"x-own", b"identity"],
        bad: &[b"", b"g zip", b"gzip,deflate", b"gzip;q=1", b"\xff", b"(gzip)"],
        holds: |octets| !octets.is_empty() && octets.iter().all(is_token),
    },
    large(("Opes", "large-size")),
    large(("Opes", "large-offset")),
    AtomRule {
        name: ("Opes", "text"),
        section: "extensions/trace-records.md, extensions/variables.md",
        good: &[b"plain", b"", b"a \"b\"\r\n;{}(),:", "\u{e9}".as_bytes()],
        bad: &[b"\xff", b"a\xc3"],
        holds: |octets| std::str::from_utf8(octets).is_ok(),
    },
    AtomRule {
        name: ("Opes", "trace-name"),
        section: "extensions/trace-records.md, RFC 9110 5.6.2",
        good: &[b"sha256", b"octets-in", b"a.b!"],
        bad: &[b"", b"a b", b"a=b", b"a\r\nb", b"\xff", b"\"a\""],
        holds: |octets| !octets.is_empty() && octets.iter().all(is_token),
    },
    AtomRule {
        name: ("Opes", "variable-name"),
        section: "extensions/variables.md",
        good: &[b"a", b"0_z", &[b'n'; 64]],
        bad: &[b"", b"A", b"a-b", b"a b", b"\xc3\xa9", &[b'n'; 65]],
        holds: |octets| {
            let allowed = |octet: &u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'_');
            (1..=64).contains(&octets.len()) && octets.iter().all(allowed)
        },
    },
];

const fn number(name: (&'static str, &'static str), section: &'static str) -> AtomRule {
    AtomRule {
        name,
        section,
        good: &GOOD_NUMBERS,
        bad: &BAD_NUMBERS,
        holds: |octets| is_number(octets, 2_147_483_647),
    }
}

/// An anonymous member whose type prose makes narrower than its declaration.
struct Narrowed {
    owner: (&'static str, &'static str),
    position: usize,
    to: (&'static str, &'static str),
}

const NARROWED: &[Narrowed] = &[
    // RFC 4037 10.10: "a required Uni status code".
    Narrowed { owner: ("Core", "result"), position: 0, to: ("Core", "uni") },
];

/// Where a parameter stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// By position.
    Anonymous(usize),
    /// By name.
    Named(String),
}

/// Parameters whose invalid value leaves the message valid, as if they were absent.
pub(crate) fn is_ignored_when_invalid(message: &str, place: &Place) -> Option<&'static str> {
    match (message, place) {
        ("DUM", Place::Named(name)) if name == "As-is" => {
            Some("RFC 4037 11.9: the recipient MUST ignore invalid As-is parameters")
        }
        ("PQ", Place::Anonymous(0)) => {
            Some("RFC 4037 11.22: the recipient MUST respond even if the xid is invalid to it")
        }
        _ => None,
    }
}

/// What an absent parameter means, where its absence says something.
pub(crate) fn default(message: &str, place: &Place) -> Option<Shape> {
    match (message, place) {
        // RFC 4037 10.10: as if code 200 were received.
        ("CE", Place::Anonymous(0)) | ("TE" | "AME", Place::Anonymous(1)) => {
            Some(Shape::structure(Shape::atom("200")))
        }
        // RFC 4037 11.18, 11.19: defaults to false.
        ("NO" | "NR", Place::Named(name)) if name == "Offer-Pending" => Some(Shape::atom("false")),
        _ => None,
    }
}

/// The rule that a type has by itself or by the nearest type that it extends; plain atoms have none.
pub(crate) fn rule(declared: &Type) -> Option<&'static AtomRule> {
    declared
        .lineage()
        .find_map(|name| ATOMS.iter().find(|rule| rule.name == (name.namespace.as_str(), name.name.as_str())))
}

/// The type by which prose narrows this member.
pub(crate) fn narrowed(owner: &Type, position: usize) -> Option<(&'static str, &'static str)> {
    let is_owner = |name: (&str, &str)| {
        owner.lineage().any(|ancestor| name == (ancestor.namespace.as_str(), ancestor.name.as_str()))
    };
    let found = NARROWED.iter().find(|rule| rule.position == position && is_owner(rule.owner));
    found.map(|rule| rule.to)
}

fn is_number(octets: &[u8], most: u64) -> bool {
    let text = std::str::from_utf8(octets).unwrap_or_default();
    text.parse::<u64>().is_ok_and(|number| number <= most && number.to_string() == text)
}

fn is_uri(octets: &[u8]) -> bool {
    let text = std::str::from_utf8(octets).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || ";/?:@&=+$,-_.!~*'()%#[]".contains(c);
    let is_hex = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|octet| octet.is_ascii_hexdigit());
    !text.is_empty() && text.chars().all(allowed) && text.split('%').skip(1).all(is_hex)
}

fn is_token(octet: &u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet)
}

/// A rule stands exactly where a type begins: a derived type that had one of its own would hide its parent's.
#[test]
fn rules_are_those_of_the_types_that_extend_atom() {
    let schema = crate::declared::schema();
    let begins = |declared: &&std::rc::Rc<Type>| {
        declared.kind == crate::language::Kind::Atom && declared.ancestors.is_empty()
    };
    let types = schema.types().filter(begins);
    let types: Vec<_> = types.map(|declared| (&*declared.name.namespace, &*declared.name.name)).collect();
    let mut ruled: Vec<_> = ATOMS.iter().map(|rule| rule.name).collect();
    ruled.sort_by_key(|name| types.iter().position(|declared| declared == name));
    assert_eq!(ruled, types);
    for rule in ATOMS {
        assert!(rule.good.iter().all(|octets| (rule.holds)(octets)), "{:?}", rule.name);
        assert!(!rule.bad.iter().any(|octets| (rule.holds)(octets)), "{:?}", rule.name);
    }
}
