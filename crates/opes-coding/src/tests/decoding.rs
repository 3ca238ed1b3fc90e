//! What is decoded, and what is refused.

use super::*;

proptest! {
    #[test]
    fn whatever_the_cuts_the_same_comes_out(
        codings in any_stack(),
        len in prop_oneof![Just(0), 1usize..100, 1usize..200_000],
        cuts in proptest::collection::vec(prop_oneof![1usize..4, 1usize..70_000], 1..6),
    ) {
        let plain = text(len);
        let coded = coded(&codings, &plain);
        prop_assert_eq!(decode(&codings, cut(&coded, &cuts)), Ok(plain));
    }

    #[test]
    fn a_body_that_is_cut_short_is_truncated(codings in any_stack(), len in 0usize..5000, at in 0.0..1.0f64) {
        let coded = coded(&codings, &text(len));
        let end = (((coded.len() - 1) as f64 * at) as usize).max(1);
        let outcome = decode(&codings, whole(&coded[..end]));
        prop_assert!(matches!(outcome, Err(DecodeError::Truncated { .. })), "{:?}", outcome);
    }

    #[test]
    fn what_no_encoder_wrote_is_refused_or_decoded_but_never_worse(
        codings in any_stack(),
        octets in proptest::collection::vec(any::<u8>(), 0..400),
        broken in any::<proptest::sample::Index>(),
        with in any::<u8>(),
    ) {
        let _ = decode(&codings, whole(&octets));
        let mut coded = coded(&codings, &text(3000));
        let at = broken.index(coded.len());
        coded[at] ^= with;
        let _ = decode(&codings, whole(&coded));
    }
}

#[test]
fn a_body_without_octets_is_empty_whatever_its_codings() {
    for codings in stacks() {
        assert_eq!(decode(&codings, []), Ok(Vec::new()));
        assert_eq!(decode(&codings, [Bytes::new()]), Ok(Vec::new()));
    }
}

#[test]
fn without_codings_everything_passes() {
    assert_eq!(decode(&Codings::default(), whole(b"plain")), Ok(b"plain".to_vec()));
}

#[test]
fn gzip_may_have_members_and_zeros_after_them() {
    let mut coded = coded_once(Coding::Gzip, b"my ");
    coded.extend(coded_once(Coding::Gzip, b""));
    coded.extend(coded_once(Coding::Gzip, b"cat"));
    for cuts in [&[1][..], &[usize::MAX], &[7, 3]] {
        assert_eq!(decode(&Coding::Gzip.into(), cut(&coded, cuts)), Ok(b"my cat".to_vec()));
    }
    coded.extend([0; 700]);
    assert_eq!(decode(&Coding::Gzip.into(), whole(&coded)), Ok(b"my cat".to_vec()));
    coded.push(1);
    assert_eq!(decode(&Coding::Gzip.into(), whole(&coded)), Err(after_the_end(Coding::Gzip)));
}

#[test]
fn what_follows_the_end_is_refused() {
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Br] {
        let mut coded = coded_once(coding, b"my cat");
        coded.push(b'!');
        assert_eq!(decode(&coding.into(), whole(&coded)), Err(after_the_end(coding)));
        assert_eq!(decode(&coding.into(), cut(&coded, &[1])), Err(after_the_end(coding)));
    }
    let mut coded = coded_once(Coding::Zstd, b"my cat");
    coded.extend(b"!!!!!!!!");
    assert!(matches!(decode(&Coding::Zstd.into(), whole(&coded)), Err(DecodeError::Malformed { .. })));
}

fn after_the_end(coding: Coding) -> DecodeError {
    DecodeError::Malformed { coding, problem: "something follows its end" }
}

#[test]
fn zstd_may_have_frames_and_others_to_skip() {
    let mut coded = coded_once(Coding::Zstd, b"my ");
    coded.extend(0x184d_2a53u32.to_le_bytes());
    coded.extend(3u32.to_le_bytes());
    coded.extend(b"xyz");
    coded.extend(coded_once(Coding::Zstd, b"cat"));
    for cuts in [&[1][..], &[usize::MAX], &[7, 3]] {
        assert_eq!(decode(&Coding::Zstd.into(), cut(&coded, cuts)), Ok(b"my cat".to_vec()));
    }
}

#[test]
fn deflate_may_be_bare() {
    for plain in [&b""[..], b"x", b"my cat", &text(100_000)] {
        for level in [0, 1, 9] {
            let level = flate2::Compression::new(level);
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            let coded = encoder.finish().unwrap();
            assert_eq!(decode(&Coding::Deflate.into(), cut(&coded, &[1])).as_deref(), Ok(plain));
            assert_eq!(decode(&Coding::Deflate.into(), whole(&coded)).as_deref(), Ok(plain));
        }
    }
}

#[test]
fn a_check_value_or_a_length_that_is_wrong_shows() {
    for (from_end, problem) in [(8, "its check value is wrong"), (4, "its length is wrong")] {
        let mut coded = coded_once(Coding::Gzip, b"my cat");
        let at = coded.len() - from_end;
        coded[at] ^= 1;
        let expected = DecodeError::Malformed { coding: Coding::Gzip, problem };
        assert_eq!(decode(&Coding::Gzip.into(), whole(&coded)), Err(expected));
    }
    let mut coded = coded_once(Coding::Deflate, b"my cat");
    *coded.last_mut().unwrap() ^= 1;
    assert!(matches!(decode(&Coding::Deflate.into(), whole(&coded)), Err(DecodeError::Malformed { .. })));
}

#[test]
fn headers_of_gzip_are_bounded_and_their_flags_known() {
    let mut endless = vec![0x1f, 0x8b, 8, 1 << 3, 0, 0, 0, 0, 0, 3];
    endless.resize(200_000, b'n');
    let too_long = DecodeError::Malformed { coding: Coding::Gzip, problem: "its header is too long" };
    assert_eq!(decode(&Coding::Gzip.into(), cut(&endless, &[5000])), Err(too_long));
    let unknown = [0x1f, 0x8b, 8, 1 << 5, 0, 0, 0, 0, 0, 3];
    assert!(matches!(decode(&Coding::Gzip.into(), whole(&unknown)), Err(DecodeError::Malformed { .. })));
}

#[test]
fn an_error_stays() {
    let mut decoder = Decoder::new(&Coding::Gzip.into(), Bounds::default());
    decoder.push(Bytes::from_static(b"no gzip at all"));
    let error = decoder.pull().unwrap_err();
    decoder.push(coded_once(Coding::Gzip, b"my cat").into());
    assert_eq!(decoder.pull(), Err(error.clone()));
    assert_eq!(decoder.finish(), Err(error.clone()));
    assert_eq!(error.to_string(), "the body is no valid gzip: it does not begin like one");
}
