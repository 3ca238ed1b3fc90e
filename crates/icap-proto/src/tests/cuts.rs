//! Whatever the cuts, the same is read.

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::{
    BodyKind, Encapsulated, Fields, LastChunk, RequestHead, ResponseHead, write_chunk, write_last_chunk,
};

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n";

/// A message with random contents.
#[derive(Debug, Clone)]
struct Message {
    /// About a request of HTTP, or about a response with the request that it answers or without.
    about: About,
    /// `None` for a `null-body`.
    body: Option<Vec<u8>>,
    /// The octets of a chunk.
    chunk: usize,
    trailer: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy)]
enum About {
    Request,
    Response { asked: bool },
}

impl Message {
    fn any() -> impl Strategy<Value = Self> {
        let about =
            prop_oneof![Just(About::Request), any::<bool>().prop_map(|asked| About::Response { asked })];
        let body = prop::option::weighted(0.9, prop::collection::vec(any::<u8>(), 0..200));
        let trailer = prop::collection::vec(("[A-Za-z-]{1,10}", "([!-~]([ -~]{0,20}[!-~])?)?"), 0..3);
        let message = (about, body, 1usize..50, trailer);
        message.prop_map(|(about, body, chunk, trailer)| Self { about, body, chunk, trailer })
    }

    fn method(&self) -> Method {
        match self.about {
            About::Request => Method::Reqmod,
            About::Response { .. } => Method::Respmod,
        }
    }

    /// What a request carries.
    fn carries(&self) -> Encapsulated {
        let (request, response, body) = match self.about {
            About::Request => (Some(GET.len()), None, BodyKind::Request),
            About::Response { asked } => (asked.then_some(GET.len()), Some(HEAD.len()), BodyKind::Response),
        };
        Encapsulated { request, response, body: self.body.as_ref().map_or(BodyKind::Null, |_| body) }
    }

    fn trailer(&self) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in &self.trailer {
            fields.push(name.clone(), value.clone()).unwrap();
        }
        fields
    }

    fn write_heads(&self, out: &mut BytesMut, carries: Encapsulated) {
        for (section, _) in carries.heads() {
            out.extend_from_slice(if section == Section::Request { GET } else { HEAD });
        }
    }

    fn write_body(&self, out: &mut BytesMut, octets: &[u8]) {
        octets.chunks(self.chunk).for_each(|octets| write_chunk(out, octets));
    }

    /// As a request, with a preview of so many octets.
    fn request(&self, preview: Option<usize>) -> Vec<u8> {
        let carries = self.carries();
        let mut head =
            RequestHead { method: self.method(), uri: "icap://h/s".into(), fields: Fields::default() };
        if let Some(preview) = preview {
            head.fields.push("Preview", preview.to_string()).unwrap();
        }
        let mut out = BytesMut::from(&head.encode(Some(&carries))[..]);
        self.write_heads(&mut out, carries);
        let Some(body) = &self.body else { return out.to_vec() };
        let (first, rest) = body.split_at(preview.unwrap_or(0).min(body.len()));
        self.write_body(&mut out, first);
        match preview {
            Some(_) if rest.is_empty() => {
                write_last_chunk(&mut out, LastChunk::Ieof(&self.trailer()));
                return out.to_vec();
            }
            Some(_) => write_last_chunk(&mut out, LastChunk::End(&Fields::default())),
            None => {}
        }
        self.write_body(&mut out, rest);
        write_last_chunk(&mut out, LastChunk::End(&self.trailer()));
        out.to_vec()
    }

    /// As an answer after 100 Continue; partial where it is followed by the original from that octet on.
    fn answer(&self, original: Option<u64>) -> Vec<u8> {
        let original = original.filter(|_| self.body.is_some());
        // RFC 3507 section 4.4.1: an answer carries one head.
        let carries = match self.about {
            About::Request => self.carries(),
            About::Response { .. } => Encapsulated { request: None, ..self.carries() },
        };
        let mut out = BytesMut::from(&b"ICAP/1.0 100 Continue\r\n\r\n"[..]);
        let status = if original.is_some() { 206 } else { 200 };
        out.extend_from_slice(&ResponseHead::new(status).encode(Some(&carries)));
        self.write_heads(&mut out, carries);
        if let Some(body) = &self.body {
            self.write_body(&mut out, body);
            let trailer = self.trailer();
            write_last_chunk(&mut out, original.map_or(LastChunk::End(&trailer), LastChunk::UseOriginal));
        }
        out.to_vec()
    }
}

fn cut<'a>(octets: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
    at.sort_unstable();
    let ends = at.iter().copied().chain([octets.len()]);
    ends.scan(0, |from, to| Some(&octets[std::mem::replace(from, to)..to])).collect()
}

fn bodies(seen: &[Seen]) -> Vec<u8> {
    let pieces = seen.iter().filter_map(|part| match part {
        Seen::Body(octets) => Some(octets.as_slice()),
        _ => None,
    });
    pieces.collect::<Vec<_>>().concat()
}

fn ends(seen: &[Seen]) -> Vec<&End> {
    let ends = seen.iter().filter_map(|part| match part {
        Seen::End(end) => Some(end),
        _ => None,
    });
    ends.collect()
}

proptest! {
    #[test]
    fn requests_are_read_alike_however_they_are_cut(
        messages in prop::collection::vec((Message::any(), prop::option::of(0usize..250)), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let octets: Vec<u8> =
            messages.iter().flat_map(|(message, preview)| message.request(*preview)).collect();
        let whole = requests_in([&octets[..]]);
        prop_assert_eq!(&whole.1, &Ok(()));
        let expected: Vec<End> = messages.iter().map(|(message, preview)| match &message.body {
            None => End::default(),
            Some(body) => End {
                ieof: preview.is_some_and(|preview| body.len() <= preview),
                original: None,
                trailer: message.trailer(),
            },
        }).collect();
        prop_assert_eq!(ends(&whole.0), expected.iter().collect::<Vec<_>>());
        let all: Vec<u8> = messages.iter().filter_map(|(message, _)| message.body.clone()).flatten().collect();
        prop_assert_eq!(bodies(&whole.0), all);
        let sections = whole.0.iter().filter(|part| matches!(part, Seen::Section(..))).count();
        let sent: usize = messages.iter().map(|(message, _)| message.carries().heads().count()).sum();
        prop_assert_eq!(sections, sent);
        prop_assert_eq!(requests_in(cut(&octets, &cuts)), whole);
    }

    #[test]
    fn answers_are_read_alike_however_they_are_cut(
        message in Message::any(),
        original in prop::option::of(any::<u64>()),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let unchanged = b"ICAP/1.0 204 No Content\r\nEncapsulated: null-body=0\r\n\r\n";
        let octets = [&message.answer(original)[..], unchanged, &message.answer(None)].concat();
        let whole = answers_in(message.method(), [&octets[..]]);
        prop_assert_eq!(&whole.1, &Ok(()));
        let body = message.body.clone().unwrap_or_default();
        prop_assert_eq!(bodies(&whole.0), [&body[..], &body].concat());
        let without = End::default();
        let original = original.filter(|_| message.body.is_some());
        let trailer = message.body.as_ref().map(|_| message.trailer()).unwrap_or_default();
        let second = End { trailer, ..End::default() };
        let partial = End { original, ..End::default() };
        let first = if original.is_some() { &partial } else { &second };
        // 100, the answer, 204, 100, the answer.
        prop_assert_eq!(ends(&whole.0), [&without, first, &without, &without, &second]);
        prop_assert_eq!(answers_in(message.method(), cut(&octets, &cuts)), whole);
    }

    #[test]
    fn any_octets_are_read_alike_however_they_are_cut(
        start in 0usize..7,
        octets in prop::collection::vec(prop::sample::select(&b"0123aF;=\r\n\r\n ieof:x"[..]), 0..60),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let answer = "ICAP/1.0 206 Partial Content\r\nEncapsulated: res-body=0\r\n\r\n";
        let starts = [
            Vec::new(),
            respmod("", ""),
            respmod("", "0\r\nA: "),
            respmod("Preview: 3\r\n", ""),
            b"OPTIONS a ICAP/1.0\r\n".to_vec(),
            answer.into(),
            format!("{answer}0; use-original-body=").into(),
        ];
        let octets = [&starts[start][..], &octets].concat();
        prop_assert_eq!(requests_in(cut(&octets, &cuts)), requests_in([&octets[..]]));
        let answers = |pieces: Vec<&[u8]>| answers_in(Method::Respmod, pieces);
        prop_assert_eq!(answers(cut(&octets, &cuts)), answers(vec![&octets[..]]));
    }

    #[test]
    fn what_reaches_a_limit_is_refused_alike_however_it_is_cut(
        limits in (8usize..80, 8usize..60, 1usize..12, 1usize..20),
        message in Message::any(),
        preview in prop::option::of(0usize..250),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let (head, sections, line, trailer) = limits;
        let limits = Limits { head: 60 + head, sections, line, trailer };
        let octets = message.request(preview);
        prop_assert_eq!(requests_within(limits, cut(&octets, &cuts)), requests_within(limits, [&octets[..]]));
    }
}
