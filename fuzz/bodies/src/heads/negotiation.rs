//! The negotiation of profiles, and the order of parts.

use ocp_proto::codec::{Decoder, DecoderLimits, Item, Value};
use ocp_proto::message::{Feature, Message};
use opes_profile::http::{
    AuxParts, Part, PartOrder, Profile, Transition, Wanted, accept, am_el_parameter, answer, offer,
};

/// The input is messages; each of their features is offered and answered.
pub(super) fn profile(octets: &[u8]) {
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.buffer().extend_from_slice(octets);
    let mut before = offer(Profile::Response, AuxParts::ALL);
    while let Ok(Some(item)) = decoder.next() {
        let Item::Message(raw) = item else { continue };
        let features = match Message::parse(&raw) {
            Ok(Message::No { features, .. }) => features,
            Ok(Message::Aq { feature }) => vec![feature],
            Ok(Message::Nr { selected, rejects, unknowns, .. }) => {
                selected.into_iter().chain(rejects).chain(unknowns).collect()
            }
            _ => continue,
        };
        for feature in features {
            negotiate(&feature);
            // As the answer to another offer.
            if let Ok(settings) = accept(&before, &feature) {
                assert_eq!(settings.profile.uri().as_bytes(), feature.uri());
                assert_eq!(Profile::from_uri(before.uri()), Some(settings.profile));
                let offered = before.named("Aux-Parts").and_then(AuxParts::from_value).unwrap_or_default();
                assert!(settings.aux.iter().all(|part| offered.contains(part)), "only what was offered");
            }
            before = feature;
        }
    }
}

fn negotiate(offered: &Feature) {
    let wanted = Wanted {
        aux: AuxParts::ALL,
        pause_at_body: Some(0),
        stop_receiving_body: Some(u64::MAX),
        preservation_interest_body: Some(2_147_483_647),
        content_encodings: vec!["GZIP".to_owned()],
        ..Wanted::default()
    };
    match answer(offered, &wanted) {
        Ok(None) => assert_eq!(Profile::from_uri(offered.uri()), None),
        Ok(Some((selected, settings))) => {
            assert_eq!(selected.uri(), offered.uri());
            assert_eq!(accept(offered, &selected).as_ref(), Ok(&settings), "both agree on the answer");
            assert_eq!(settings.stop_receiving_body, None, "no size that OCP cannot carry");
            let aux = selected.named("Aux-Parts").map(AuxParts::from_value);
            assert_eq!(aux.unwrap_or(Some(AuxParts::NONE)), Some(settings.aux));
        }
        Err(_) => assert!(Profile::from_uri(offered.uri()).is_some()),
    }
}

/// The input is parts in the order in which they come.
pub(super) fn parts(octets: &[u8]) {
    let mut rest = octets;
    let choice = rest.split_off_first().copied().unwrap_or_default();
    let profile = if choice & 1 == 0 { Profile::Request } else { Profile::Response };
    let aux: AuxParts = (0..3).filter(|at| choice >> (at + 1) & 1 != 0).map(|at| Part::ALL[at]).collect();
    let adapted = choice & 16 != 0;
    let mut order = match adapted {
        true => PartOrder::new_adapted(profile),
        false => PartOrder::new_original(profile, aux),
    };
    let mut seen = Vec::new();
    for octet in rest {
        let part = Part::ALL[usize::from(*octet) % Part::ALL.len()];
        assert_eq!(Part::from_token(part.token().as_bytes()), Some(part));
        let before = order.clone();
        match order.accept(part) {
            Ok(Transition::Begins) => {
                assert!(seen.last().is_none_or(|last| *last < part), "parts never go back");
                assert!(adapted || profile.original_part_allowed(part, aux));
                assert!(!adapted || profile.adapted_part_allowed(part));
                seen.push(part);
            }
            Ok(Transition::Continues) => assert_eq!(seen.last(), Some(&part)),
            Err(_) => assert_eq!(order, before, "what is refused changes nothing"),
        }
    }
    assert_eq!(order.current(), seen.last().copied());
    let sides = seen.iter().filter(|part| part.side() != seen[0].side()).count();
    assert!(!adapted || sides == 0, "an adapted message is of one side");
    if order.finish().is_ok() {
        assert!(adapted && seen[0].is_header() || seen.contains(&profile.header()));
    }
    let line = am_el_parameter(u64::from_le_bytes(std::array::from_fn(|at| *octets.get(at).unwrap_or(&0))));
    assert!(line.ends_with(b"\r\n") && line.starts_with(b"AM-EL: "));
    if let Some(value) = aux.to_value() {
        assert_eq!(AuxParts::from_value(&value), Some(aux));
        assert_eq!(AuxParts::from_value(&Value::List(vec![value])), None);
    }
}
