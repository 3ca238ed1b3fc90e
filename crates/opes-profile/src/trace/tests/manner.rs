//! Granularity, rendering and size.

use super::*;

const ALL: [HeaderName; 4] = [OPES_SYSTEM, OPES_VIA, OPES_PROCESSOR, OPES_SERVICE];
const RENDERINGS: [Rendering; 3] = [Rendering::Rfc4236, Rendering::EndComm, Rendering::Both];

fn trace(services: usize) -> Trace {
    let services = (1..=services).map(|n| entry(&format!("http://s.example/{n}")).with("result", "passed"));
    Trace {
        system: entry(SYSTEM).with("id", "7"),
        processor: Some(entry("http://opes.example.com/p1")),
        services: services.collect(),
    }
}

fn written(trace: &Trace, manner: Manner, mut headers: HeaderMap) -> HeaderMap {
    let entries: Vec<_> = trace.write_into(&mut headers, &manner).entries().map(str::to_owned).collect();
    assert!(
        entries.iter().all(|entry| headers
            .values()
            .any(|value| value.to_str().is_ok_and(|value| value.contains(entry))))
    );
    headers
}

fn text(headers: &HeaderMap, field: HeaderName) -> &str {
    std::str::from_utf8(sole(headers, field)).unwrap()
}

fn size(headers: &HeaderMap) -> usize {
    ALL.iter().flat_map(|field| headers.get_all(field)).map(HeaderValue::len).sum()
}

// RFC 3897 section 3.1: the system's entry is required, others are not.
// req: EEPC-3.1-01, HTTP-4-03
#[test]
fn switched_off_the_trace_is_the_systems_entry() {
    for rendering in RENDERINGS {
        let manner = Manner { granularity: Granularity::Off, rendering, ..Manner::default() };
        let headers = written(&trace(3), manner, HeaderMap::new());
        assert_eq!(text(&headers, OPES_SYSTEM), "http://opes.example.com/system;id=7");
        assert_eq!(headers.len(), 1, "{rendering:?}");
        // RFC 4236 section 4: where OPES-Via is used already, the system's entry goes there too.
        let headers = written(&trace(3), manner, map(OPES_VIA, &[b"http://f.example/"]));
        assert_eq!(text(&headers, OPES_VIA), "http://f.example/, http://opes.example.com/system;id=7");
    }
}

// req: COMM-3.1-07, COMM-7-08, COMM-7-09
#[test]
fn a_summary_is_one_entry_for_all() {
    let manner = Manner { granularity: Granularity::Summary, ..Manner::default() };
    let headers = written(&trace(3), manner, HeaderMap::new());
    let summary = "http://opes.example.com/p1;mode=aggregate;services=3";
    assert_eq!(text(&headers, OPES_VIA), format!("{}, {summary}", text(&headers, OPES_SYSTEM)));
    let headers = written(&trace(3), Manner { rendering: Rendering::EndComm, ..manner }, HeaderMap::new());
    assert_eq!(text(&headers, OPES_PROCESSOR), summary);
    assert!(!headers.contains_key(OPES_SERVICE));

    let without = Trace { processor: None, ..trace(2) };
    let headers = written(&without, manner, HeaderMap::new());
    assert!(text(&headers, OPES_VIA).ends_with(", http://opes.example.com/system;mode=aggregate;services=2"));
    let headers = written(&Trace { processor: None, ..trace(1) }, manner, HeaderMap::new());
    assert!(text(&headers, OPES_VIA).ends_with(", http://s.example/1;result=passed"), "one is not merged");
}

#[test]
fn the_size_leaves_optional_entries_out_and_says_how_many() {
    let full = size(&written(&trace(9), Manner::default(), HeaderMap::new()));
    for rendering in RENDERINGS {
        for most_octets in 0..2 * full + 100 {
            let manner = Manner { rendering, most_octets, ..Manner::default() };
            let headers = written(&trace(9), manner, HeaderMap::new());
            let system = Entry::parse(sole(&headers, OPES_SYSTEM)).expect("one entry, of the system");
            assert_eq!(system.agent.as_str(), SYSTEM, "it is always there");
            let fields = if rendering == Rendering::EndComm { &ALL[2..] } else { &ALL[1..2] };
            let told: usize = fields
                .iter()
                .flat_map(|field| headers.get_all(field))
                .map(|value| entries(value.as_bytes()).count())
                .sum();
            // OPES-Via has the system's entry, too.
            let told = if rendering == Rendering::EndComm { told } else { told.saturating_sub(1) };
            let omitted = system.parameters.iter().find(|(name, _)| name == "omitted");
            let omitted = omitted.map_or(0, |(_, value)| value.as_ref().unwrap().parse().unwrap());
            assert_eq!(told + omitted, 10, "{rendering:?} {most_octets}");
            assert!(omitted > 0 || told == 10);
            assert!(told == 0 || size(&headers) <= most_octets, "{} of {most_octets}", size(&headers));
        }
        let manner = Manner { rendering, most_octets: 3 * full, ..Manner::default() };
        assert!(!text(&written(&trace(9), manner, HeaderMap::new()), OPES_SYSTEM).contains("omitted"));
    }
}

#[test]
fn what_others_have_written_counts_and_stays() {
    let foreign = [b"http://foreign.example/".as_slice(), &b"x".repeat(500)].concat();
    for rendering in RENDERINGS {
        let manner = Manner { rendering, most_octets: 500, ..Manner::default() };
        let headers = written(&trace(2), manner, map(OPES_SYSTEM, &[&foreign]));
        let expected = [&foreign[..], b", http://opes.example.com/system;id=7;omitted=3"].concat();
        assert_eq!(sole(&headers, OPES_SYSTEM), expected);
        assert_eq!(headers.len(), 1);
    }
}

// req: HTTP-4-05, HTTP-4-10
#[test]
fn every_field_is_one_and_is_only_appended_to() {
    for rendering in RENDERINGS {
        let mut headers = HeaderMap::new();
        for field in ALL {
            for value in [&b"http://f.example/a;x=\"1, 2\""[..], b"not an entry"] {
                headers.append(field.clone(), HeaderValue::from_bytes(value).unwrap());
            }
        }
        let written = written(&trace(2), Manner { rendering, ..Manner::default() }, headers);
        for field in [OPES_SYSTEM, OPES_VIA] {
            assert!(text(&written, field).starts_with("http://f.example/a;x=\"1, 2\", not an entry, http"));
        }
        let touched = written.get_all(OPES_SERVICE).iter().count() == 1;
        assert_eq!(touched, rendering != Rendering::Rfc4236, "fields that are not written stay as they are");
    }
}

// RFC 4236 section 4: entries of others stay as they are; ours says how many of them claim to be ours.
// req: HTTP-4-05
#[test]
fn entries_that_claim_our_identity_stay_and_are_told_apart_from_ours() {
    let manner = Manner::default();
    for (fields, claimed) in [
        (&[(OPES_SYSTEM, "http://f.example/")][..], 0),
        (&[(OPES_SYSTEM, "http://opes.example.com/system2, http://opes.example.com/systeM")], 0),
        (&[(OPES_SYSTEM, "http://f.example/;x=\"http://opes.example.com/system, \"")], 0),
        (&[(OPES_SYSTEM, "http://opes.example.com/system;id=1")], 1),
        (&[(OPES_SYSTEM, "HTTP://OPES.example.com/system ;;=, http://f.example/")], 1),
        (&[(OPES_SYSTEM, "http://opes.example.com/system;claimed=0, http://opes.example.com/system")], 2),
        (&[(OPES_SYSTEM, "a:b"), (OPES_VIA, "http://opes.example.com/system;claimed=9;id=7, a:b")], 1),
        (
            &[
                (OPES_SYSTEM, "http://opes.example.com/system"),
                (OPES_VIA, "http://opes.example.com/system;\""),
            ],
            2,
        ),
    ] {
        let mut headers = HeaderMap::new();
        for (field, value) in fields {
            headers.append(field, HeaderValue::from_static(value));
        }
        let own = match claimed {
            0 => "http://opes.example.com/system;id=7".to_owned(),
            claimed => format!("http://opes.example.com/system;id=7;claimed={claimed}"),
        };
        let headers = written(&trace(1), manner, headers);
        for (field, value) in fields {
            assert!(text(&headers, field.clone()).starts_with(value), "{value} stays");
        }
        assert!(text(&headers, OPES_SYSTEM).ends_with(&format!(", {own}")), "{headers:?}");
        assert!(
            text(&headers, OPES_VIA).contains(&format!("{own}, http://opes.example.com/p1, ")),
            "{headers:?}"
        );
    }
    let mut trailer = map(OPES_VIA, &[b"http://opes.example.com/system;id=7"]);
    trace(1).append_details(&mut trailer, OPES_VIA, usize::MAX);
    assert!(
        text(&trailer, OPES_VIA)
            .contains(", http://opes.example.com/system;id=7;claimed=1, http://s.example/1")
    );
}

#[test]
fn a_trailer_keeps_to_its_size_and_says_what_is_missing() {
    for most_octets in 0..500 {
        let mut trailer = HeaderMap::new();
        let added = trace(9).append_details(&mut trailer, OPES_VIA, most_octets);
        if added.is_empty() {
            assert!(trailer.is_empty() && most_octets < 120, "{most_octets}: one service fits");
            continue;
        }
        assert!(size(&trailer) <= most_octets, "{} of {most_octets}", size(&trailer));
        assert_eq!(text(&trailer, OPES_VIA), added.join(", "));
        let omitted = 9 - (added.len() - 1);
        let expected = if omitted > 0 { format!(";omitted={omitted}") } else { String::new() };
        assert_eq!(added[0], format!("http://opes.example.com/system;id=7{expected}"));
    }
    assert_eq!(trace(9).append_details(&mut HeaderMap::new(), OPES_VIA, 500).len(), 10);
}
