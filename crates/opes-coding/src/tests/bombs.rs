//! Bodies that are made to cost a decoder more than they cost who sent them.

use super::*;

/// So many zeros, coded in pieces, since no test wants them all in memory.
fn zeros(coding: Coding, len: usize) -> Vec<u8> {
    let piece = vec![0; 1 << 20];
    let pieces = || std::iter::repeat_n(&piece[..], len >> 20);
    match coding {
        Coding::Br => {
            let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 24);
            pieces().for_each(|piece| writer.write_all(piece).unwrap());
            writer.into_inner()
        }
        Coding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            pieces().for_each(|piece| writer.write_all(piece).unwrap());
            writer.finish().unwrap()
        }
        Coding::Deflate => {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            pieces().for_each(|piece| writer.write_all(piece).unwrap());
            writer.finish().unwrap()
        }
        Coding::Zstd => {
            let mut writer = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            pieces().for_each(|piece| writer.write_all(piece).unwrap());
            writer.finish().unwrap()
        }
    }
}

/// How much comes out before it is refused, and why it is.
fn refused(codings: &Codings, bounds: Bounds, coded: &[u8]) -> (u64, DecodeError) {
    let mut decoder = Decoder::new(codings, bounds);
    let mut given = 0;
    for piece in cut(coded, &[4096]) {
        decoder.push(piece);
        loop {
            match decoder.pull() {
                Ok(Some(octets)) => given += octets.len() as u64,
                Ok(None) => break,
                Err(error) => return (given, error),
            }
        }
    }
    panic!("{given} octets came out of a bomb");
}

#[test]
fn a_bomb_of_any_coding_is_refused_early() {
    for coding in Coding::ALL {
        let bomb = zeros(coding, 16 << 20);
        assert!(bomb.len() < (16 << 20) / 900, "{coding}: {}", bomb.len());
        let (given, error) = refused(&coding.into(), Bounds::default(), &bomb);
        assert_eq!(error, DecodeError::Ratio { ratio: 250 });
        // What came out before is what the ratio allows for the pieces that went in.
        assert!(given < 4 << 20, "{coding}: {given}");
    }
}

#[test]
fn a_bomb_in_a_bomb_is_refused_within_the_inner_one() {
    for inner in Coding::ALL {
        for outer in [Coding::Gzip, Coding::Br] {
            let bomb = coded_once(outer, &zeros(inner, 32 << 20));
            let codings = codings(&[inner.name(), outer.name()]);
            let (given, error) = refused(&codings, Bounds::default(), &bomb);
            assert_eq!(error, DecodeError::Ratio { ratio: 250 }, "{inner} in {outer}");
            assert!(given < 4 << 20, "{inner} in {outer}: {given}");
        }
    }
}

#[test]
fn a_layer_that_explodes_is_found_although_the_whole_does_not() {
    let plain = vec![0; 8 << 20];
    let codings = codings(&["gzip", "gzip"]);
    let bounds = Bounds { ratio: 2000, ..Bounds::default() };
    let coded = coded(&codings, &plain);
    assert!(plain.len() / coded.len() > 2000, "the whole is a bomb");
    assert!(matches!(refused(&codings, bounds, &coded), (_, DecodeError::Ratio { ratio: 2000 })));
    let layer = coded_once(Coding::Gzip, &plain);
    assert_eq!(
        decode_within(&Coding::Gzip.into(), bounds, whole(&layer)).map(|plain| plain.len()),
        Ok(8 << 20)
    );
}

#[test]
fn what_is_short_may_be_as_dense_as_it_likes() {
    for coding in Coding::ALL {
        let plain = vec![0; 256 * 1024];
        assert_eq!(decode(&coding.into(), whole(&coded_once(coding, &plain))), Ok(plain));
    }
}

#[test]
fn the_decoded_length_is_bounded() {
    let bounds = Bounds { octets: 100_000, ..Bounds::default() };
    for codings in stacks() {
        let coded = coded(&codings, &text(100_000));
        assert!(decode_within(&codings, bounds, whole(&coded)).is_ok(), "{codings:?}");
        let coded = self::coded(&codings, &text(100_001));
        let outcome = decode_within(&codings, bounds, whole(&coded));
        assert_eq!(outcome, Err(DecodeError::TooLong { octets: 100_000 }), "{codings:?}");
    }
}

#[test]
fn windows_are_bounded() {
    let framed = |window_log: u32| {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(window_log).unwrap();
        encoder.write_all(&text(100_000)).unwrap();
        encoder.finish().unwrap()
    };
    assert!(decode(&Coding::Zstd.into(), whole(&framed(23))).is_ok());
    for log in [24, 27] {
        let outcome = decode(&Coding::Zstd.into(), cut(&framed(log), &[10]));
        assert_eq!(outcome, Err(DecodeError::Window { coding: Coding::Zstd }));
    }
    // RFC 7932 section 9.1: 0x11 announces the large window that is no part of it.
    let large = [0x11, 30, 0, 0, 0, 0];
    assert!(matches!(decode(&Coding::Br.into(), whole(&large)), Err(DecodeError::Malformed { .. })));
}
