//! Coded bodies: any octets in any pieces, and services that change something or not.

use bytes::Bytes;
use opes_coding::{Bounds, Coding, Codings, DecodeError, Decoder, Fate, Mode, RecodeError, Recoder};

use crate::cuts::Cuts;

/// Nothing here depends on how dense the input is: a ratio is counted in the pieces in which it came.
const BOUNDS: Bounds = Bounds { ratio: u32::MAX, octets: 128 * 1024 };

/// The hold of a recoder: small, so that inputs exceed it.
const HOLD: u64 = 64;

/// Decodes the input whole and in pieces, which gives the same; then sends it through services that change nothing, and
/// through some that change an octet: what comes out is the input, or decodes to what they made of it.
pub fn codings(input: &[u8]) {
    let mut rest = input;
    let choice = rest.split_off_first().copied().unwrap_or_default();
    let codings = chosen(choice);
    let mut cuts = Cuts::take(&mut rest);
    let mut pieces = Vec::new();
    let coded = rest;
    while let Some(piece) = cuts.next(&mut rest) {
        pieces.push(Bytes::copy_from_slice(piece));
    }

    let whole = decode(&codings, &[Bytes::copy_from_slice(coded)]);
    let cut = decode(&codings, &pieces);
    match (&whole, &cut) {
        (Ok(whole), Ok(cut)) => assert_eq!(whole, cut, "the same octets however the input is cut"),
        (Err(_), Err(_)) => {}
        _ => panic!("valid or not, however the input is cut: {whole:?} {cut:?}"),
    }
    for (mode, change) in
        [(Mode::Look, None), (Mode::Hold(HOLD), None), (Mode::Hold(HOLD), Some(usize::from(choice)))]
    {
        let out = through(&codings, &pieces, mode, change);
        let (Ok(plain), Ok((out, fate))) = (&whole, out) else {
            assert!(whole.is_err(), "a valid body passes");
            continue;
        };
        let mut adapted = plain.clone();
        if let Some(octet) = change.and_then(|at| adapted.get_mut(at)) {
            *octet ^= 1;
        }
        match fate {
            Fate::Unchanged => assert!(out == coded && adapted == *plain),
            Fate::Recoded => {
                assert!(adapted != *plain || plain.len().max(coded.len()) as u64 > HOLD);
                assert_eq!(decode(&codings, &[out.into()]).as_ref(), Ok(&adapted));
            }
        }
    }
}

/// One coding, or two.
fn chosen(choice: u8) -> Codings {
    let name = |bits: u8| Coding::ALL[usize::from(bits & 3)].name();
    let names = [name(choice), name(choice >> 2)];
    let count = if choice & 16 == 0 { 1 } else { 2 };
    Codings::parse(names.into_iter().take(count)).expect("names that are known")
}

fn decode(codings: &Codings, pieces: &[Bytes]) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decoder::new(codings, BOUNDS);
    let mut plain = Vec::new();
    for piece in pieces {
        decoder.push(piece.clone());
        while let Some(octets) = decoder.pull()? {
            plain.extend_from_slice(&octets);
        }
    }
    decoder.finish()?;
    Ok(plain)
}

/// The body through services that change the octet there.
fn through(
    codings: &Codings,
    pieces: &[Bytes],
    mode: Mode,
    change: Option<usize>,
) -> Result<(Vec<u8>, Fate), RecodeError> {
    let mut recoder = Recoder::new(codings.clone(), BOUNDS, mode, 0);
    let (mut out, mut seen) = (Vec::new(), 0);
    let mut pieces = pieces.iter();
    loop {
        let piece = pieces.next();
        match piece {
            Some(piece) => recoder.receive(piece.clone())?,
            None => recoder.end_received(),
        }
        while let Some(plain) = recoder.next_plain()? {
            let mut adapted = plain.to_vec();
            let inside = change.and_then(|at| at.checked_sub(seen)).and_then(|at| adapted.get_mut(at));
            if let Some(octet) = inside {
                *octet ^= 1;
            }
            seen += plain.len();
            recoder.give_back(adapted.into())?;
        }
        if recoder.plain_ended() {
            recoder.end_given()?;
        }
        while let Some(piece) = recoder.pull() {
            out.extend_from_slice(&piece.octets);
        }
        if recoder.ended() {
            return Ok((out, recoder.fate().expect("it has ended")));
        }
        assert!(piece.is_some(), "what is complete ends");
    }
}
