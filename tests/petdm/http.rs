//! The HTTP profile feature and the message extensions of RFC 4236, against `http.petdm`.

use std::collections::BTreeSet;
use std::rc::Rc;

use ocp_proto::message::{Feature, Message};
use opes_profile::http::{
    AM_EL, AM_PART, AuxParts, Extensions, LARGE_SIZES, Part, Profile, ProfileError, Settings, TRACE_RECORDS,
    VARIABLES, Wanted, accept, am_el_parameter, answer, offer_extended,
};

use crate::conform::value_conforms;
use crate::declared;
use crate::language::{Named, Payload, Schema, Type};
use crate::prose;
use crate::reading::{decode, parse, plain};
use crate::sample::{bad, good};
use crate::shape::{Parameters, Shape};

const PROFILES: [Profile; 2] = [Profile::Request, Profile::Response];

fn profile_type(schema: &Schema) -> &Rc<Type> {
    schema.get("Opes", "HTTP-Profile").expect("extensions.petdm declares the profile with all its members")
}

/// A feature of this profile with these members, as it comes from the wire.
fn feature(profile: Profile, members: Vec<(String, Shape)>) -> Feature {
    let shape = Shape::Structure(vec![Shape::atom(profile.uri())], members);
    let query = Parameters { anonymous: vec![shape], ..Parameters::default() };
    match parse("AQ", &query, false) {
        Ok(Ok(Message::Aq { feature })) => feature,
        other => panic!("{other:?}"),
    }
}

fn everything() -> Wanted {
    Wanted {
        aux: AuxParts::ALL,
        pause_at_body: Some(1),
        stop_receiving_body: Some(2),
        preservation_interest_body: Some(3),
        content_encodings: vec!["gzip".to_owned()],
        extensions: Extensions::ALL,
    }
}

fn offer_everything(profile: Profile) -> Feature {
    offer_extended(profile, AuxParts::ALL, Extensions::ALL)
}

/// What was negotiated, by declared member. The pattern names every field: a new one has to be declared.
fn view(settings: &Settings) -> Vec<(&'static str, Option<Shape>)> {
    let Settings {
        profile: _,
        aux,
        pause_at_body,
        stop_receiving_body,
        preservation_interest_body,
        content_encodings,
        extensions,
    } = settings;
    let number = |value: &Option<u64>| value.map(|number| Shape::atom(number.to_string()));
    let list = |items: Vec<Shape>| (!items.is_empty()).then_some(Shape::List(items));
    vec![
        ("Aux-Parts", list(aux.iter().map(|part| Shape::atom(part.token())).collect())),
        ("Pause-At-Body", number(pause_at_body)),
        ("Stop-Receiving-Body", number(stop_receiving_body)),
        ("Preservation-Interest-Body", number(preservation_interest_body)),
        ("Content-Encodings", list(content_encodings.iter().map(Shape::atom).collect())),
        ("Extensions", list(names(*extensions).into_iter().map(Shape::atom).collect())),
    ]
}

/// The names of these extensions. The pattern names every field: a new one has to be declared.
fn names(extensions: Extensions) -> Vec<&'static str> {
    let Extensions { large_sizes, trace_records, variables } = extensions;
    let all = [(large_sizes, LARGE_SIZES), (trace_records, TRACE_RECORDS), (variables, VARIABLES)];
    all.into_iter().filter(|(is_in, _)| *is_in).map(|(_, name)| name).collect()
}

fn seen(settings: &Settings, name: &str) -> Option<Shape> {
    view(settings).into_iter().find(|(known, _)| *known == name).and_then(|(_, value)| value)
}

/// Which parts the value of Aux-Parts may name in the server's selection (RFC 4236 section 3.2.3: offered ones).
fn selectable(profile: Profile, value: &Shape) -> bool {
    let Shape::List(items) = value else { return false };
    let request = |item: &Shape| matches!(item, Shape::Atom(token) if token.starts_with(b"request-"));
    items.is_empty() || profile == Profile::Response && items.iter().all(request)
}

#[test]
fn the_code_knows_the_declared_members_and_no_other() {
    let schema = declared::schema();
    let declared: BTreeSet<_> =
        profile_type(&schema).named.iter().map(|member| member.name.clone()).collect();
    let offered = offer_everything(Profile::Response);
    let (selected, settings) = answer(&offered, &everything()).unwrap().unwrap();
    let written: BTreeSet<_> = selected
        .structure()
        .named
        .iter()
        .map(|(name, _)| String::from_utf8(name.to_vec()).unwrap())
        .collect();
    let read: BTreeSet<_> = view(&settings).into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!((&written, &read), (&declared, &declared));
    for feature in [&offered, &selected] {
        let shape = Shape::of_structure(feature.structure());
        assert!(value_conforms(&schema, profile_type(&schema), &shape), "{shape:?}");
    }
}

#[test]
fn the_profiles_are_those_that_the_declaration_names() {
    let text = declared::text("http.petdm");
    let named: BTreeSet<_> = text.lines().filter_map(|line| line.strip_prefix("#   http")).collect();
    let known = PROFILES.iter().map(|profile| profile.uri().strip_prefix("http").unwrap());
    assert_eq!(named, known.collect());
}

#[test]
fn every_value_of_a_declared_type_is_taken() {
    let schema = declared::schema();
    for (profile, Named { name, values, .. }) in members(&schema) {
        for value in good(&schema, &values[0]) {
            let with = feature(profile, vec![(name.clone(), value.clone())]);
            let answered = answer(&with, &everything());
            assert!(matches!(answered, Ok(Some(_))), "{name}: {value:?} in an offer");
            let offered = offer_everything(profile);
            let accepted = accept(&offered, &with);
            if name == "Aux-Parts" && !selectable(profile, &value) {
                assert!(matches!(accepted, Err(ProfileError::NotOffered(_))), "{value:?}: {accepted:?}");
                continue;
            }
            let accepted = accepted.unwrap_or_else(|error| panic!("{name}: {value:?}: {error}"));
            // Extensions that are not known are not taken up.
            let nothing = name == "Extensions" || value == Shape::List(Vec::new());
            let wanted = if nothing { None } else { Some(value) };
            assert_eq!(seen(&accepted, &name), wanted, "{name}");
        }
    }
}

#[test]
fn an_ill_typed_value_is_refused() {
    let schema = declared::schema();
    let mut cases = 0;
    for (profile, Named { name, values, .. }) in members(&schema) {
        for bad in bad(&schema, &values[0]) {
            let with = feature(profile, vec![(name.clone(), bad.shape.clone())]);
            let answered = answer(&with, &everything());
            // RFC 4236 section 3.2.3: the server ignores every part of an offer that is not auxiliary, known or not.
            let unknown_part = name == "Aux-Parts" && is_list_of_atoms(&bad.shape);
            let ignored = name == "Extensions";
            assert_eq!(answered.is_ok(), unknown_part || ignored, "{name}, {}: {:?}", bad.why, bad.shape);
            let accepted = accept(&offer_everything(profile), &with);
            assert_eq!(accepted.is_ok(), ignored, "{name}, {}: {:?}", bad.why, bad.shape);
            cases += 1;
        }
    }
    assert!(cases > 100, "only {cases} ill-typed values");
}

fn is_list_of_atoms(shape: &Shape) -> bool {
    matches!(shape, Shape::List(items) if items.iter().all(|item| matches!(item, Shape::Atom(_))))
}

fn members(schema: &Schema) -> impl Iterator<Item = (Profile, Named)> {
    let members = profile_type(schema).named.clone();
    PROFILES
        .into_iter()
        .flat_map(move |profile| members.clone().into_iter().map(move |member| (profile, member)))
}

#[test]
fn every_member_may_be_absent_and_unknown_ones_are_ignored() {
    for profile in PROFILES {
        let unknown = vec![("X-Member".to_owned(), Shape::List(Vec::new()))];
        for members in [Vec::new(), unknown] {
            let bare = feature(profile, members);
            assert!(matches!(answer(&bare, &Wanted::default()), Ok(Some(_))));
            let settings = accept(&offer_everything(profile), &bare).unwrap();
            assert!(view(&settings).iter().all(|(_, value)| value.is_none()), "{settings:?}");
            assert_eq!(settings.profile, profile);
        }
    }
}

#[test]
fn the_parts_are_those_of_the_type() {
    let schema = declared::schema();
    let rule = prose::rule(schema.get("HTTP", "am-part").unwrap()).unwrap();
    let known: BTreeSet<_> = Part::ALL.iter().map(|part| part.token().as_bytes()).collect();
    assert_eq!(known, rule.good.iter().copied().collect());
    for octets in rule.good.iter().chain(rule.bad) {
        assert_eq!(Part::from_token(octets).is_some(), (rule.holds)(octets), "{}", octets.escape_ascii());
    }
}

/// The parameters that RFC 4236 adds to messages of OCP Core.
#[test]
fn the_code_writes_the_declared_extensions_of_messages() {
    let schema = declared::schema();
    let extensions: Vec<_> = declared::messages("HTTP")
        .iter()
        .map(|extended| {
            let core =
                schema.get("Core", &extended.name.name).expect("only messages of OCP Core are extended");
            assert_eq!(extended.anonymous, core.anonymous);
            assert_eq!(extended.payload, core.payload);
            let added = extended.named.iter().filter(|member| !core.named.contains(member));
            let added: Vec<_> = added.map(|member| (member.name.clone(), member.optional)).collect();
            (extended.name.name.clone(), added)
        })
        .collect();
    let wanted = [("AMS", AM_EL, true), ("DUM", AM_PART, false)];
    let wanted =
        wanted.map(|(message, name, optional)| (message.to_owned(), vec![(name.to_owned(), optional)]));
    assert_eq!(extensions, wanted);

    for part in Part::ALL {
        written(&schema, "DUM", &part.parameter());
    }
    for length in [0, 1, 2_147_483_647] {
        written(&schema, "AMS", &am_el_parameter(length));
    }
}

/// A message with this encoded parameter is what the profile declares.
fn written(schema: &Schema, name: &str, line: &[u8]) {
    let declared = schema.get("HTTP", name).unwrap();
    let bare = plain(schema, schema.get("Core", name).unwrap(), false);
    let head = Parameters { payload: None, ..bare.clone() }.encode(name, false);
    let head = head.strip_suffix(b";\r\n").unwrap();
    let tail: &[u8] = if declared.payload == Payload::Required { b"\r\n0:\r\n;\r\n" } else { b";\r\n" };
    let raw = decode(&[head, b"\r\n", line, tail].concat()).expect("a message");
    let parameters = Parameters::of(&raw);
    assert!(crate::conform::message_conforms(schema, declared, &parameters), "{parameters:?}");
    assert_eq!(crate::conform::undeclared(declared, &parameters), [""; 0]);
    assert!(Message::parse(&raw).is_ok(), "an extension leaves the message of OCP Core valid");
}
