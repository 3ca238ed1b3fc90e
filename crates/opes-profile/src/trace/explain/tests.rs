use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const OWN: &str = "http://opes.example.com/system";

fn own() -> Vec<AgentId> {
    vec![AgentId::new(OWN).unwrap()]
}

fn lines(text: &str) -> Vec<String> {
    explain(text, &own()).lines.iter().map(ToString::to_string).collect()
}

#[test]
fn a_pasted_header_is_explained_entry_by_entry() {
    let text = "HTTP/1.1 200 OK\r\n\
        opes-via: http://cdn.example/opes, http://svc.example/a;mode=A,\r\n \
        http://opes.example.com/system, http://opes.example.com/p1, http://s.example/b;why=\"a, b\"\r\n\
        Content-Type: text/html; charset=utf-8\r\n \
        folded, and no entry\r\n\
        OPES-System: http://cdn.example/opes, http://opes.example.com/system;id=7\r\n\r\n";
    let expected = [
        "OPES-System: system, of http://cdn.example/opes: http://cdn.example/opes",
        "OPES-System: system, ours: http://opes.example.com/system id=7",
        "OPES-Via: system, of http://cdn.example/opes: http://cdn.example/opes",
        "OPES-Via: processor or service, of http://cdn.example/opes: http://svc.example/a mode=A",
        "OPES-Via: system, ours: http://opes.example.com/system",
        "OPES-Via: processor or service, ours: http://opes.example.com/p1",
        "OPES-Via: processor or service, ours: http://s.example/b why=a, b",
    ];
    assert_eq!(lines(text), expected);
}

#[test]
fn the_fields_of_the_draft_are_understood() {
    let text = "< OPES-System: http://www.example-opes-systemA.com/opes?session=ac79a7901549f56\n\
        < OPES-Processor: http://www.example-opes-systemA.com/p\n\
        < OPES-Service: http:// www.example-opes-systemA.com /?sid=123\n\
        < OPES-Service: http://www.example-opes-systemA.com/cat/?sid=124 ; Mode = Aggregate\n\
        < OPES-Service: http://www.example-opes-systemA.com/cat/?sid=125 ; Mode B\n";
    let system = "http://www.example-opes-systemA.com/opes?session=ac79a7901549f56";
    let expected = [
        format!("OPES-System: system, of {system}: {system}"),
        format!("OPES-Processor: processor, of {system}: http://www.example-opes-systemA.com/p"),
        format!(
            "OPES-Service: service, of {system}: malformed, the identifier is none: it contains ' ', which an \
             absolute URI cannot hold: http:// www.example-opes-systemA.com /?sid=123"
        ),
        format!(
            "OPES-Service: service, of {system}: http://www.example-opes-systemA.com/cat/?sid=124 Mode=Aggregate"
        ),
        format!(
            "OPES-Service: service, of {system}: malformed, no parameter: \"Mode B\": \
             http://www.example-opes-systemA.com/cat/?sid=125 ; Mode B"
        ),
    ];
    assert_eq!(lines(text), expected);
}

#[test]
fn a_bare_value_is_explained_as_far_as_it_goes() {
    let expected = [
        "trace: processor or service, of an unknown system: http://svc.example/a",
        "trace: system, ours: http://opes.example.com/system",
        "trace: processor or service, ours: http://s.example/b",
    ];
    assert_eq!(lines("http://svc.example/a, http://opes.example.com/system,\n http://s.example/b"), expected);
    assert_eq!(lines(""), [""; 0]);
}

#[test]
fn what_is_malformed_is_said() {
    let problem = |value: &str| explain(value, &[]).lines.remove(0).entry.unwrap_err();
    assert!(matches!(problem("OPES-Via: nothing"), Problem::Agent(_)));
    assert!(matches!(problem("OPES-Via: http://a/;=x"), Problem::Parameter(_)));
    assert!(matches!(problem("OPES-Via: http://a/;x=\"y, http://b/"), Problem::OpenQuote));
    assert!(matches!(problem("OPES-Via: http://a/;x=\"\u{1b}[2J\""), Problem::Control));
    let mut headers = HeaderMap::new();
    headers.append(OPES_VIA, HeaderValue::from_bytes(b"http://a/\xff").unwrap());
    headers.append(OPES_SYSTEM, HeaderValue::from_static(OWN));
    let explanation = explain_headers(&headers, &own());
    assert_eq!(explanation.lines[0].whose, Whose::Ours);
    assert_eq!(explanation.lines[1].entry, Err(Problem::NotText));
}

#[test]
fn an_entry_that_our_own_disowns_only_claims_to_be_ours() {
    let told = |text: &str| -> Vec<String> {
        let lines = explain(text, &own()).lines;
        let words = lines.iter().map(|line| line.to_string().split_once(", ").unwrap().1.to_owned());
        words.map(|line| line.split_once(": ").unwrap().0.to_owned()).collect()
    };
    let (ours, claims) = ("ours", "claims to be ours");
    let (foreign, unknown) = ("of http://f.example/", "of an unknown system");
    for (trace, expected) in [
        ("OPES-System: @;id=1, @;id=2", &[ours, ours][..]),
        ("OPES-System: @;id=1, @;id=2;claimed=0", &[ours, ours]),
        ("OPES-System: @;id=1, @;id=2;claimed=1", &[claims, ours]),
        (
            "OPES-System: @;id=1, http://f.example/, @;id=2, @;id=3;Claimed=2",
            &[claims, foreign, claims, ours],
        ),
        ("OPES-System: HTTP://OPES.example.com/system;id=1, @;claimed=1", &[claims, ours]),
        // What is malformed claims as well; what only begins alike does not.
        ("OPES-System: @;\"x\", @2, @;claimed=1", &[claims, "of http://opes.example.com/system2", ours]),
        // Another message may stand before.
        ("OPES-System: @;id=1\nOPES-System: @;id=2, @;id=3;claimed=1", &[ours, claims, ours]),
        // A forger can only disown more of what is before it.
        ("OPES-System: @;id=1, @;claimed=99, @;id=2;claimed=2", &[claims, claims, ours]),
        ("OPES-System: @;id=1, @;claimed=0, @;id=2;claimed=2", &[claims, claims, ours]),
        ("OPES-System: @;id=1, http://f.example/;claimed=1", &[ours, foreign]),
        ("OPES-System: @;id=1, http://f.example/;x=\"@;claimed=1\"", &[ours, foreign]),
        ("OPES-System: @;id=1, @;claimed=-1, @;claimed=99999999999999999999999, @;claimed", &[ours; 4]),
        // Both fields count, and what follows belongs to it.
        (
            "OPES-Via: a:b, @;id=1, s:a, @;id=3;claimed=2, s:b\nOPES-System: @;id=2, @;id=3;claimed=2",
            &[claims, ours, unknown, claims, claims, ours, ours],
        ),
        ("@;id=1, s:a, @;claimed=1, s:b", &[claims, claims, ours, ours]),
        // OPES-Service has no groups.
        ("OPES-System: @, @;claimed=1\nOPES-Service: s:a", &[claims, ours, unknown]),
        ("OPES-System: @\nOPES-Service: s:a", &[ours, ours]),
    ] {
        assert_eq!(told(&trace.replace('@', OWN)), expected, "{trace}");
    }
    let twice = [own(), own()].concat();
    let lines = explain(&format!("OPES-System: {OWN}, {OWN}, {OWN};claimed=1"), &twice).lines;
    assert_eq!([0, 1, 2].map(|at| &lines[at].whose), [&Whose::Ours, &Whose::Claimed, &Whose::Ours]);
}

#[test]
fn much_is_cut_and_says_so() {
    for unit in
        ["a,", "http://a/;x=\"", "\"", "http://a/,", "OPES-System: http://a/\n ", "\u{e4}", ";", "\\\""]
    {
        let text = unit.repeat(2 * MOST_OCTETS / unit.len());
        let explanation = explain(&text, &own());
        assert!(explanation.cut && explanation.lines.len() <= MOST_ENTRIES, "{unit:?}");
        let text = format!("OPES-Via: {}", &text[..MOST_OCTETS / 2]);
        assert!(explain(&text, &own()).lines.len() <= MOST_ENTRIES);
    }
    let mut headers = HeaderMap::new();
    for _ in 0..3 {
        headers.append(OPES_VIA, HeaderValue::from_bytes(&b"x".repeat(MOST_OCTETS / 2)).unwrap());
    }
    let explanation = explain_headers(&headers, &own());
    assert!(explanation.cut);
    assert_eq!(explanation.lines.len(), 2);
}

proptest! {
    #[test]
    fn a_line_is_one_line_and_safe_to_print(text: String, field in "(OPES-(System|Via|Service): )?") {
        for line in explain(&format!("{field}{text}"), &own()).lines {
            let shown = line.to_string();
            prop_assert!(!shown.chars().any(|c| c.is_control()), "{shown:?}");
        }
    }

    #[test]
    fn of_what_claims_to_be_ours_only_our_own_entry_is_taken_for_it(
        system in proptest::collection::vec("(http://opes\\.example\\.com/system|http://f/)(;id=[0-9]|;claimed=[0-9]|;\"|;=| x)?", 0..5),
        via in proptest::collection::vec("(HTTP://OPES\\.example\\.com/system|http://f/)(;id=[0-9]|;claimed=[0-9]|;=)?", 0..5),
    ) {
        let mut headers = HeaderMap::new();
        for (field, elements) in [(OPES_SYSTEM, &system), (OPES_VIA, &via)] {
            for element in elements {
                headers.append(field.clone(), HeaderValue::from_str(element).unwrap());
            }
        }
        let entry = |uri: &str| Entry::new(AgentId::new(uri).unwrap());
        let own_entry = entry(OWN).with("id", "own");
        let trace = super::super::Trace { services: vec![entry("http://s/")], ..super::super::Trace::new(own_entry) };
        trace.merge_into(&mut headers);
        let lines = explain_headers(&headers, &own()).lines;
        let ours: Vec<_> = lines.iter().filter(|line| line.whose == Whose::Ours).collect();
        prop_assert_eq!(ours.len(), 3, "{:?}", lines);
        prop_assert!(ours[..2].iter().all(|line| line.text.contains(";id=own")) && ours[2].text == "http://s/");
    }

    #[test]
    fn what_is_written_is_explained(values in proptest::collection::vec("[^\\pC]{0,20}", 0..5)) {
        let entry = |uri: &str| Entry::new(AgentId::new(uri).unwrap());
        let service = values.iter().fold(entry("http://s.example/"), |entry, value| entry.with("v", value.as_str()));
        let trace = super::super::Trace {
            services: vec![service.clone()],
            ..super::super::Trace::new(entry(OWN))
        };
        let mut headers = HeaderMap::new();
        trace.merge_into(&mut headers);
        let explanation = explain_headers(&headers, &own());
        prop_assert!(explanation.lines.iter().all(|line| line.whose == Whose::Ours));
        prop_assert_eq!(&explanation.lines[2].entry, &Ok(service));
    }
}
