//! Bodies of every coding, cut anywhere, compared with decoders that others wrote.

mod bombs;
mod decoding;
mod encoding;
mod foreign;
mod memory;
mod recoding;

use std::io::Write;

use bytes::Bytes;
use proptest::prelude::*;

use crate::{Bounds, Coding, Codings, DecodeError, Decoder, Encoder};

/// Every coding, and every pair of two.
fn stacks() -> Vec<Codings> {
    let mut stacks: Vec<Codings> = Coding::ALL.into_iter().map(Codings::from).collect();
    for first in Coding::ALL {
        stacks.extend(Coding::ALL.map(|second| codings(&[first.name(), second.name()])));
    }
    stacks
}

fn any_stack() -> impl Strategy<Value = Codings> {
    proptest::sample::select(stacks())
}

fn codings(names: &[&str]) -> Codings {
    Codings::parse(names.iter().copied()).expect("codings that are known")
}

/// Text that can be compressed, but not by much.
fn text(len: usize) -> Vec<u8> {
    let mut state = 7u32;
    let words = ["the cat ", "sat ", "on ", "a mat, ", "then ", "<p>it ran</p>\n"];
    let mut text = Vec::with_capacity(len + 16);
    while text.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(words[(state >> 24) as usize % words.len()].as_bytes());
        text.push((state >> 16) as u8);
    }
    text.truncate(len);
    text
}

/// A body as the libraries themselves write it, not our [`Encoder`].
fn coded(codings: &Codings, plain: &[u8]) -> Vec<u8> {
    codings.iter().fold(plain.to_vec(), |octets, coding| coded_once(coding, &octets))
}

fn coded_once(coding: Coding, plain: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip => {
            let mut encoder = flate2::GzBuilder::new()
                .filename("a name")
                .comment("what for")
                .extra("extra")
                .write(Vec::new(), flate2::Compression::best());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Br => {
            let mut coded = Vec::new();
            let parameters = brotli::enc::BrotliEncoderParams { quality: 6, lgwin: 24, ..Default::default() };
            brotli::BrotliCompress(&mut &plain[..], &mut coded, &parameters).unwrap();
            coded
        }
        Coding::Zstd => zstd::encode_all(plain, 5).unwrap(),
    }
}

/// Cuts octets into pieces whose lengths are taken from `cuts` again and again.
fn cut(octets: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let mut rest = Bytes::copy_from_slice(octets);
    let mut pieces = Vec::new();
    for len in cuts.iter().cycle() {
        if rest.is_empty() {
            return pieces;
        }
        pieces.push(rest.split_to((*len).clamp(1, rest.len())));
    }
    vec![rest]
}

fn decode(codings: &Codings, pieces: impl IntoIterator<Item = Bytes>) -> Result<Vec<u8>, DecodeError> {
    decode_within(codings, Bounds::default(), pieces)
}

fn decode_within(
    codings: &Codings,
    bounds: Bounds,
    pieces: impl IntoIterator<Item = Bytes>,
) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decoder::new(codings, bounds);
    let mut plain = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(octets) = decoder.pull()? {
            assert!((1..=crate::PIECE).contains(&octets.len()));
            plain.extend_from_slice(&octets);
        }
    }
    decoder.finish()?;
    Ok(plain)
}

fn drain(encoder: &mut Encoder, coded: &mut Vec<u8>) {
    while let Some(octets) = encoder.pull() {
        coded.extend_from_slice(&octets);
    }
}

fn whole(octets: &[u8]) -> [Bytes; 1] {
    [Bytes::copy_from_slice(octets)]
}

#[test]
fn names_are_read_in_any_case_and_identity_is_none() {
    let read = Codings::parse(["GZip", "identity", "X-GZIP", "deflate", "BR"]).unwrap();
    assert_eq!(read.iter().collect::<Vec<_>>(), [Coding::Gzip, Coding::Gzip, Coding::Deflate, Coding::Br]);
    assert!(codings(&["Identity"]).is_empty());
    assert_eq!(Coding::named("identity"), None);
    assert_eq!(Coding::Zstd.to_string(), "zstd");
}

#[test]
fn a_list_with_an_unknown_name_or_too_many_is_refused() {
    let unknown = crate::CodingsError::Unknown("compress".to_owned());
    assert_eq!(Codings::parse(["gzip", "compress", "aes128gcm"]), Err(unknown));
    assert!(Codings::parse(["br"; 4]).is_ok());
    assert_eq!(Codings::parse(["br"; 5]), Err(crate::CodingsError::TooMany));
}
