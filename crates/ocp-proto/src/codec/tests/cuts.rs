//! The same messages however the input is cut, and no panic on any octets.

use proptest::collection::vec;
use proptest::prelude::*;

use super::sample::{Sample, samples};
use super::{Decoded, DecoderLimits, decode, decode_octets, decode_pieces};

/// `input` cut at these places, counted modulo its length.
fn cut<'a>(input: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (input.len() + 1)).collect();
    places.sort_unstable();
    let starts = std::iter::once(0).chain(places.iter().copied());
    let ends = places.iter().copied().chain(std::iter::once(input.len()));
    starts.zip(ends).map(|(start, end)| &input[start..end]).collect()
}

/// Octets that are more like messages than random ones: tokens of the grammar in any order.
fn grammatical() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        8 => prop::sample::select(vec![
            "\r\n", ";\r\n", " ", ";", ": ", ":", ",", "(", ")", "{", "}", "\"", "\r", "\n", "Kept: 1 2\r\n", "A: 1\r\n",
            "1", "0", "05", "2147483647", "2147483648", "\"1:a\"", "\"0:\"", "3:abc", "DUM 1 0", "X", "{1 2}", "({})",
            "\r\n2:ab\r\n;\r\n", "{\r\nKept: 1\r\n}",
        ]).prop_map(|token| token.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

fn wire(samples: &[Sample]) -> Vec<u8> {
    samples.iter().flat_map(Sample::wire).collect()
}

proptest! {
    // req: OCP-3.1-01, OCP-3.1-04, OCP-3.1-14, OCP-11-06
    #[test]
    fn random_messages_are_decoded(samples in samples()) {
        let seen = samples.iter().flat_map(Sample::seen).collect();
        prop_assert_eq!(decode(&wire(&samples)), Decoded { seen, error: None, unfinished: false });
    }

    #[test]
    fn cuts_change_nothing(samples in samples(), places in vec(any::<usize>(), 0..12)) {
        let wire = wire(&samples);
        let whole = decode(&wire);
        prop_assert_eq!(&decode_pieces(DecoderLimits::default(), cut(&wire, &places)), &whole);
        prop_assert_eq!(&decode_octets(&wire), &whole);
    }

    #[test]
    fn cuts_change_nothing_about_violations(input in grammatical(), places in vec(any::<usize>(), 0..12)) {
        let limits = DecoderLimits { message_octets: 40, nesting_depth: 3 };
        let whole = decode_pieces(limits, [&input[..]]);
        prop_assert_eq!(&decode_pieces(limits, cut(&input, &places)), &whole);
        prop_assert_eq!(&decode_pieces(limits, input.chunks(1)), &whole);
    }

    #[test]
    fn no_octets_panic(input in vec(any::<u8>(), 0..256), places in vec(any::<usize>(), 0..6)) {
        let decoded = decode_pieces(DecoderLimits::default(), cut(&input, &places));
        prop_assert_eq!(decoded, decode(&input));
    }

    #[test]
    fn a_changed_octet_panics_nowhere(
        samples in samples(), place in any::<usize>(), octet in any::<u8>(), remove in any::<bool>(),
    ) {
        let mut wire = wire(&samples);
        let place = place % wire.len();
        if remove {
            wire.remove(place);
        } else {
            wire[place] = octet;
        }
        prop_assert_eq!(decode_octets(&wire), decode(&wire));
    }
}
