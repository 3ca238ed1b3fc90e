//! Messages of random parameters: the code takes one exactly if the declarations do.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::conform::message_conforms;
use crate::declared;
use crate::language::Type;
use crate::prose::ATOMS;
use crate::reading::{parse, plain};
use crate::shape::{Parameters, Shape};

fn atom() -> impl Strategy<Value = Shape> {
    let known = ATOMS.iter().flat_map(|rule| rule.good.iter().chain(rule.bad));
    let known: Vec<_> = known.map(Shape::atom).collect();
    prop_oneof![6 => select(known), 3 => select(vec!["0", "1", "100", "200", "206", "true"]).prop_map(Shape::atom),
        1 => vec(any::<u8>(), 0..6).prop_map(Shape::Atom)]
}

fn value() -> impl Strategy<Value = Shape> {
    atom().prop_recursive(3, 12, 3, |inner| {
        let named = (select(vec!["X-Member", "Aux-Parts"]).prop_map(str::to_owned), inner.clone());
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Shape::List),
            (vec(inner.clone(), 0..3), vec(named, 0..2)).prop_map(|(a, n)| Shape::Structure(a, n)),
            inner.prop_map(Shape::structure),
        ]
    })
}

/// Values for random places of a message.
fn changes() -> impl Strategy<Value = Vec<(usize, Shape)>> {
    vec((0_usize..8, value()), 0..3)
}

/// Puts a value at a place: a position, or a named parameter, declared or not.
fn change(declared: &Type, parameters: &mut Parameters, place: usize, value: Shape) {
    let positions = declared.anonymous.len();
    if let Some(slot) = parameters.anonymous.get_mut(place) {
        *slot = value;
        return;
    }
    if let Some((_, row)) = parameters.named.get_mut(place.saturating_sub(positions)) {
        *row = vec![value];
    } else if parameters.named.is_empty() {
        parameters.anonymous.push(value);
    } else {
        parameters.named.push(("X-Parameter".to_owned(), vec![value]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_code_takes_what_the_declarations_take(
        index in 0_usize..24,
        all in any::<bool>(),
        changes in changes(),
        drop_payload in any::<bool>(),
        quoted in any::<bool>(),
    ) {
        let schema = declared::schema();
        let message = &declared::messages("Core")[index];
        let mut parameters = plain(&schema, message, all);
        for (place, value) in changes {
            change(message, &mut parameters, place, value);
        }
        if drop_payload {
            parameters.payload = None;
        }
        let conforms = message_conforms(&schema, message, &parameters);
        let read = parse(&message.name.name, &parameters, quoted);
        prop_assert!(read.is_ok(), "syntax");
        prop_assert_eq!(
            read.is_ok_and(|read| read.is_ok()),
            conforms,
            "{}",
            parameters.encode(&message.name.name, quoted).escape_ascii()
        );
    }
}
