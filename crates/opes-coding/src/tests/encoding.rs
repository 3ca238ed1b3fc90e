//! What is encoded.

use super::*;

proptest! {
    #[test]
    fn what_was_encoded_decodes_to_what_it_was(
        codings in any_stack(),
        len in prop_oneof![Just(0), 1usize..100, 1usize..200_000],
        cuts in proptest::collection::vec(prop_oneof![1usize..4, 1usize..70_000], 1..6),
        flush in any::<bool>(),
    ) {
        let plain = text(if cuts.iter().sum::<usize>() < 20 { len.min(2000) } else { len });
        let mut encoder = Encoder::new(&codings).unwrap();
        let mut coded = Vec::new();
        for piece in cut(&plain, &cuts) {
            encoder.push(piece).unwrap();
            if flush {
                encoder.flush().unwrap();
            }
            drain(&mut encoder, &mut coded);
        }
        encoder.finish().unwrap();
        drain(&mut encoder, &mut coded);
        prop_assert_eq!(encoder.waiting(), 0);
        prop_assert_eq!(decode(&codings, whole(&coded)), Ok(plain));
    }
}

#[test]
fn after_a_flush_all_that_was_pushed_can_be_decoded() {
    for codings in stacks() {
        let mut encoder = Encoder::new(&codings).unwrap();
        let mut decoder = Decoder::new(&codings, Bounds::default());
        for event in ["data: one\n\n", "data: two\n\n", "data: three\n\n"] {
            encoder.push(Bytes::from_static(event.as_bytes())).unwrap();
            encoder.flush().unwrap();
            let mut plain = Vec::new();
            while let Some(octets) = encoder.pull() {
                decoder.push(octets);
                while let Some(octets) = decoder.pull().unwrap() {
                    plain.extend_from_slice(&octets);
                }
            }
            assert_eq!(plain, event.as_bytes(), "{codings:?}");
            encoder.flush().unwrap();
            assert_eq!(encoder.waiting(), 0, "nothing to flush, nothing written");
        }
    }
}

#[test]
fn text_becomes_shorter() {
    for codings in Coding::ALL.map(Codings::from) {
        let mut encoder = Encoder::new(&codings).unwrap();
        encoder.push(text(100_000).into()).unwrap();
        encoder.finish().unwrap();
        assert!(encoder.waiting() < 60_000, "{codings:?}: {}", encoder.waiting());
    }
}

#[test]
fn what_is_pushed_after_the_end_is_dropped() {
    let codings = Coding::Gzip.into();
    let mut encoder = Encoder::new(&codings).unwrap();
    let mut coded = Vec::new();
    encoder.finish().unwrap();
    encoder.push(Bytes::from_static(b"late")).unwrap();
    encoder.flush().unwrap();
    encoder.finish().unwrap();
    drain(&mut encoder, &mut coded);
    assert_eq!(decode(&codings, whole(&coded)), Ok(Vec::new()));
}
