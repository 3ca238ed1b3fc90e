use proptest::prelude::*;

use super::*;

fn atoms(tokens: &[&'static str]) -> Value {
    Value::List(tokens.iter().map(|token| Value::atom(*token)).collect())
}

fn aux(parts: &[Part]) -> AuxParts {
    parts.iter().copied().collect()
}

fn everything() -> Wanted {
    Wanted {
        aux: AuxParts::ALL,
        pause_at_body: Some(30),
        stop_receiving_body: Some(7),
        preservation_interest_body: Some(0),
        content_encodings: vec!["GZIP".into(), "identity".into()],
        extensions: Extensions::default(),
    }
}

fn response() -> Feature {
    Feature::new(RESPONSE)
}

// RFC 4236 sections 3.2 and 8: the identifiers.
// req: HTTP-3.2-01
#[test]
fn identifiers_name_the_profiles() {
    assert_eq!(Profile::Request.uri(), "http://www.iana.org/assignments/opes/ocp/http/request");
    assert_eq!(Profile::Response.uri(), "http://www.iana.org/assignments/opes/ocp/http/response");
    assert_eq!(REQUEST.len(), 53);
    assert_eq!(RESPONSE.len(), 54);
    for profile in [Profile::Request, Profile::Response] {
        assert_eq!(Profile::from_uri(profile.uri().as_bytes()), Some(profile));
    }
    assert_eq!(Profile::from_uri(b"http://www.iana.org/assignments/opes/ocp/http/Request"), None);
}

// RFC 4236 section 3.2: the lists of original and adapted parts.
// req: HTTP-3.2-02
#[test]
fn the_part_lists_are_those_of_the_profiles() {
    for part in Part::ALL {
        let (request, response) = (part.side() == Side::Request, part.side() == Side::Response);
        assert_eq!(Profile::Request.original_part_allowed(part, AuxParts::ALL), request);
        assert!(Profile::Request.adapted_part_allowed(part));
        assert_eq!(Profile::Response.original_part_allowed(part, AuxParts::NONE), response);
        assert!(Profile::Response.original_part_allowed(part, AuxParts::ALL));
        assert_eq!(Profile::Response.adapted_part_allowed(part), response);
    }
    let header = aux(&[Part::RequestHeader]);
    assert!(Profile::Response.original_part_allowed(Part::RequestHeader, header));
    assert!(!Profile::Response.original_part_allowed(Part::RequestBody, header));
}

#[test]
fn each_profile_adapts_the_parts_of_its_side() {
    let request = [Profile::Request.header(), Profile::Request.body(), Profile::Request.trailer()];
    assert_eq!(request, [Part::RequestHeader, Part::RequestBody, Part::RequestTrailer]);
    let response = [Profile::Response.header(), Profile::Response.body(), Profile::Response.trailer()];
    assert_eq!(response, [Part::ResponseHeader, Part::ResponseBody, Part::ResponseTrailer]);
}

// RFC 4236 section 3.2.8, figure 9.
// req: HTTP-3.2.2-01, HTTP-3.2.2-03
#[test]
fn figure_9() {
    let offered = offer(Profile::Response, aux(&[Part::RequestHeader, Part::RequestBody]));
    assert_eq!(offered, response().with("Aux-Parts", atoms(&["request-header", "request-body"])));

    let wanted = Wanted {
        aux: aux(&[Part::RequestHeader]),
        pause_at_body: Some(30),
        preservation_interest_body: Some(0),
        content_encodings: vec!["gzip".into()],
        extensions: Extensions::ALL,
        ..Wanted::default()
    };
    let (selected, settings) = answer(&offered, &wanted).unwrap().unwrap();
    let expected = response()
        .with("Aux-Parts", atoms(&["request-header"]))
        .with("Pause-At-Body", Value::number(30))
        .with("Preservation-Interest-Body", Value::number(0))
        .with("Content-Encodings", atoms(&["gzip"]));
    assert_eq!(selected, expected);

    let accepted = accept(&offered, &selected).unwrap();
    assert_eq!(accepted, settings);
    assert_eq!(accepted.pause_at_body, Some(30));
    assert_eq!(accepted.stop_receiving_body, None);
    assert_eq!(accepted.aux, aux(&[Part::RequestHeader]));
}

// RFC 4236 section 3.2.3: the parameter is the response profile's, and may be left out.
// req: HTTP-3.2.3-01
#[test]
fn an_offer_lists_auxiliary_parts_only_where_there_are_any() {
    assert_eq!(offer(Profile::Request, AuxParts::ALL), Feature::new(REQUEST));
    assert_eq!(offer(Profile::Response, AuxParts::NONE), response());
}

// RFC 4236 section 3.2.3: the answer selects nothing that was not explicitly listed.
// req: HTTP-3.2.3-02, HTTP-3.2.3-05
#[test]
fn the_answer_selects_wanted_parts_that_were_offered() {
    let wanted = Wanted { aux: aux(&[Part::RequestHeader, Part::RequestTrailer]), ..Wanted::default() };
    let offered = offer(Profile::Response, aux(&[Part::RequestHeader, Part::RequestBody]));
    let (selected, settings) = answer(&offered, &wanted).unwrap().unwrap();
    assert_eq!(settings.aux, aux(&[Part::RequestHeader]));
    assert_eq!(selected.named("Aux-Parts"), Some(&atoms(&["request-header"])));
    let (selected, settings) = answer(&response(), &everything()).unwrap().unwrap();
    assert!(settings.aux.is_empty());
    assert_eq!(selected.named("Aux-Parts"), None);
}

// RFC 4236 section 3.2.3: the server must ignore non-auxiliary parts in the offer.
// req: HTTP-3.2.3-04
#[test]
fn non_auxiliary_parts_in_the_offer_are_ignored() {
    let offered = response().with("Aux-Parts", atoms(&["response-body", "x-part", "request-body"]));
    let (_, settings) = answer(&offered, &everything()).unwrap().unwrap();
    assert_eq!(settings.aux, aux(&[Part::RequestBody]));
    let request = Feature::new(REQUEST).with("Aux-Parts", atoms(&["request-header"]));
    let (selected, settings) = answer(&request, &everything()).unwrap().unwrap();
    assert!(settings.aux.is_empty());
    assert_eq!(selected.named("Aux-Parts"), None);
}

// req: HTTP-3.2.2-01
#[test]
fn the_answer_carries_every_wish() {
    let (selected, settings) = answer(&response(), &everything()).unwrap().unwrap();
    assert_eq!(selected.named("Pause-At-Body"), Some(&Value::number(30)));
    assert_eq!(selected.named("Stop-Receiving-Body"), Some(&Value::number(7)));
    assert_eq!(selected.named("Preservation-Interest-Body"), Some(&Value::number(0)));
    assert_eq!(selected.named("Content-Encodings"), Some(&atoms(&["gzip", "identity"])));
    assert_eq!(settings.content_encodings, ["gzip", "identity"]);
}

// RFC 4037 section 10.2: a size has an upper bound.
#[test]
fn sizes_that_cannot_be_written_are_not_asked_for() {
    let wanted = Wanted { pause_at_body: Some(number::MAX + 1), ..Wanted::default() };
    let (selected, settings) = answer(&response(), &wanted).unwrap().unwrap();
    assert_eq!((selected.named("Pause-At-Body"), settings.pause_at_body), (None, None));
}

#[test]
fn other_features_are_not_answered() {
    assert_eq!(answer(&Feature::new("http://iana.org/opes/ocp/SMTP/sender"), &everything()), Ok(None));
}

// RFC 4037 section 15.1: unknown members of a feature are ignored.
#[test]
fn unknown_members_are_ignored() {
    let offered = response().with("X-More", Value::List(vec![]));
    assert!(answer(&offered, &Wanted::default()).unwrap().is_some());
    assert!(accept(&response(), &offered).is_ok());
}

// RFC 4236 section 3.2.2: the types of the parameters.
// req: HTTP-3.2.2-01
#[test]
fn ill_typed_parameters_are_refused_by_both_sides() {
    let cases = [
        ("Aux-Parts", Value::atom("request-header")),
        ("Aux-Parts", Value::List(vec![Value::Structure(Structure::default())])),
        ("Pause-At-Body", Value::atom("-1")),
        ("Stop-Receiving-Body", Value::atom("2147483648")),
        ("Preservation-Interest-Body", Value::List(vec![Value::number(0)])),
        ("Content-Encodings", Value::atom("gzip")),
        ("Content-Encodings", Value::List(vec![Value::List(vec![])])),
        ("Content-Encodings", Value::List(vec![Value::atom("two words")])),
    ];
    for (name, value) in cases {
        let feature = response().with(name, value);
        assert_eq!(answer(&feature, &everything()), Err(ProfileError::IllTyped(name)));
        let offered = offer(Profile::Response, AuxParts::ALL);
        assert_eq!(accept(&offered, &feature), Err(ProfileError::IllTyped(name)));
    }
}

// RFC 4236 section 3.2.3: selecting what was not offered is a violation.
// req: HTTP-3.2.3-06
#[test]
fn selecting_a_part_that_was_not_offered_is_an_error() {
    let offered = offer(Profile::Response, aux(&[Part::RequestHeader]));
    for token in ["request-body", "response-body", "x-part"] {
        let selected = response().with("Aux-Parts", atoms(&["request-header", token]));
        assert_eq!(accept(&offered, &selected), Err(ProfileError::NotOffered(token.into())));
    }
    let request = Feature::new(REQUEST).with("Aux-Parts", atoms(&["request-header"]));
    let refused = accept(&offer(Profile::Request, AuxParts::ALL), &request);
    assert_eq!(refused, Err(ProfileError::NotOffered("request-header".into())));
}

#[test]
fn selecting_another_feature_is_an_error() {
    let offered = offer(Profile::Response, AuxParts::NONE);
    for uri in [REQUEST, "http://other.example.org/"] {
        assert_eq!(accept(&offered, &Feature::new(uri)), Err(ProfileError::OtherProfile));
    }
}

// RFC 4236 section 3.2.7: the preference order is kept, the case of codings does not matter.
// req: HTTP-3.2.7-01
#[test]
fn content_encodings_keep_their_order() {
    let selected = response().with("Content-Encodings", atoms(&["br", "GZip", "br"]));
    let settings = accept(&offer(Profile::Response, AuxParts::NONE), &selected).unwrap();
    assert_eq!(settings.content_encodings, ["br", "gzip", "br"]);
}

proptest! {
    #[test]
    fn what_the_server_answers_the_processor_accepts(
        offered in 0..8_u8, wanted in 0..8_u8, request: bool,
        pause: Option<u32>, stop: Option<u32>, preserve: Option<u32>,
    ) {
        let set = |bits: u8| AuxParts::ALL.iter().filter(|part| bits & (1 << *part as u8) != 0).collect();
        let profile = if request { Profile::Request } else { Profile::Response };
        let wanted = Wanted {
            aux: set(wanted),
            pause_at_body: pause.map(u64::from),
            stop_receiving_body: stop.map(u64::from),
            preservation_interest_body: preserve.map(u64::from),
            content_encodings: vec!["gzip".into()],
            extensions: Extensions::ALL,
        };
        let offered = offer(profile, set(offered));
        let (selected, settings) = answer(&offered, &wanted).unwrap().unwrap();
        prop_assert_eq!(accept(&offered, &selected), Ok(settings));
    }
}
