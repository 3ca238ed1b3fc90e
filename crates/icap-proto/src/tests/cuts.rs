//! Whatever the cuts, the same is read.

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::{BodyKind, Encapsulated, LastChunk, RequestHead, ResponseHead, write_chunk, write_last_chunk};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n";

/// A RESPMOD request with this body in chunks of this size, and a preview of so many octets.
fn written(body: &[u8], chunk: usize, preview: Option<usize>) -> Vec<u8> {
    let carries = Encapsulated { request: None, response: Some(HEAD.len()), body: BodyKind::Response };
    let mut head =
        RequestHead { method: Method::Respmod, uri: "icap://h/s".into(), fields: Default::default() };
    if let Some(preview) = preview {
        head.fields.push("Preview", preview.to_string()).unwrap();
    }
    let mut out = BytesMut::from(&head.encode(Some(&carries))[..]);
    out.extend_from_slice(HEAD);
    let none = Default::default();
    let (first, rest) = body.split_at(preview.unwrap_or(0).min(body.len()));
    first.chunks(chunk).for_each(|octets| write_chunk(&mut out, octets));
    match preview {
        Some(_) if rest.is_empty() => {
            write_last_chunk(&mut out, LastChunk::Ieof(&none));
            return out.to_vec();
        }
        Some(_) => write_last_chunk(&mut out, LastChunk::End(&none)),
        None => {}
    }
    rest.chunks(chunk).for_each(|octets| write_chunk(&mut out, octets));
    write_last_chunk(&mut out, LastChunk::End(&none));
    out.to_vec()
}

fn cut<'a>(octets: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
    at.sort_unstable();
    let ends = at.iter().copied().chain([octets.len()]);
    ends.scan(0, |from, to| Some(&octets[std::mem::replace(from, to)..to])).collect()
}

proptest! {
    #[test]
    fn requests_are_read_alike_however_they_are_cut(
        bodies in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..200), 1usize..50, prop::option::of(0usize..250)), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let octets: Vec<u8> =
            bodies.iter().flat_map(|(body, chunk, preview)| written(body, *chunk, *preview)).collect();
        let whole = requests_in([&octets[..]]);
        prop_assert_eq!(&whole.1, &Ok(()));
        let ends = whole.0.iter().filter(|part| matches!(part, Seen::End(_))).count();
        prop_assert_eq!(ends, bodies.len());
        let pieces = |seen: &[Seen]| -> Vec<u8> {
            seen.iter().filter_map(|part| match part { Seen::Body(octets) => Some(octets.clone()), _ => None })
                .flatten().collect()
        };
        let all: Vec<u8> = bodies.iter().flat_map(|(body, ..)| body.clone()).collect();
        prop_assert_eq!(pieces(&whole.0), all);
        prop_assert_eq!(requests_in(cut(&octets, &cuts)), whole);
    }

    #[test]
    fn answers_are_read_alike_however_they_are_cut(
        body in prop::collection::vec(any::<u8>(), 0..200),
        chunk in 1usize..50,
        original in prop::option::of(any::<u64>()),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let carries = Encapsulated { request: None, response: Some(HEAD.len()), body: BodyKind::Response };
        let status = if original.is_some() { 206 } else { 200 };
        let mut octets = BytesMut::from(&b"ICAP/1.0 100 Continue\r\n\r\n"[..]);
        octets.extend_from_slice(&ResponseHead::new(status).encode(Some(&carries)));
        octets.extend_from_slice(HEAD);
        body.chunks(chunk).for_each(|piece| write_chunk(&mut octets, piece));
        let none = Default::default();
        write_last_chunk(&mut octets, original.map_or(LastChunk::End(&none), LastChunk::UseOriginal));
        let whole = answers_in(Method::Respmod, [&octets[..]]);
        prop_assert_eq!(&whole.1, &Ok(()));
        prop_assert_eq!(whole.0.last(), Some(&Seen::End(End { original, ..End::default() })));
        prop_assert_eq!(answers_in(Method::Respmod, cut(&octets, &cuts)), whole);
    }

    #[test]
    fn any_octets_are_read_alike_however_they_are_cut(
        start in 0usize..4,
        octets in prop::collection::vec(prop::sample::select(&b"0123aF;=\r\n\r\n ieof:x"[..]), 0..60),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let starts = [Vec::new(), respmod("", ""), respmod("Preview: 3\r\n", ""), b"OPTIONS a ICAP/1.0\r\n".to_vec()];
        let octets = [&starts[start][..], &octets].concat();
        prop_assert_eq!(requests_in(cut(&octets, &cuts)), requests_in([&octets[..]]));
    }
}
