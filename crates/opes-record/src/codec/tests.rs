//! What is written is read again; anything else is refused, and costs no more than it weighs.

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::detail::ClientDetail;
use crate::id::TraceId;
use crate::list::List;
use crate::outcome::{Direction, Outcome, Point};
use crate::record::{Bypass, Bypassed, HeaderValue, Parameter, Place, Record, RuleMatch, ServiceUse, Span};
use crate::text::{TEXT_OCTETS, Text};

fn text() -> impl Strategy<Value = Text> {
    "\\PC{0,40}".prop_map(Text::from)
}

fn maybe_text() -> impl Strategy<Value = Option<Text>> {
    proptest::option::of(text())
}

fn service() -> impl Strategy<Value = ServiceUse> {
    let place = prop_oneof![
        Just(Place::Here),
        (text(), text()).prop_map(|(name, address)| Place::Callout { name, address })
    ];
    let parameters = vec((text(), text()), 0..40);
    let spans = proptest::option::of(any::<(u64, u64)>());
    (text(), place, any::<(u16, Option<u16>, u64, u64, u32)>(), spans, maybe_text(), parameters).prop_map(
        |(uri, place, (run, result, octets_in, octets_out, pauses), span, verdict, parameters)| ServiceUse {
            run,
            result,
            octets_in,
            octets_out,
            pauses,
            span: span.map(|(start, end)| Span { start, end }),
            verdict,
            parameters: parameters.into_iter().map(|(name, value)| Parameter { name, value }).collect(),
            ..ServiceUse::new(uri, place)
        },
    )
}

fn record() -> impl Strategy<Value = Record> {
    let point = prop_oneof![Just(Point::RequestIn), Just(Point::ResponseOut)];
    let lists = (
        vec((text(), point), 0..5),
        vec(service(), 0..5),
        vec((text(), maybe_text()), 0..5),
        vec(text(), 0..40),
        vec((text(), text()), 0..5),
    );
    let texts = (text(), maybe_text(), maybe_text());
    let outcome = proptest::sample::select(Outcome::ALL.to_vec());
    let client = (proptest::option::of(any::<IpAddr>()), any::<bool>());
    (any::<[u8; 15]>(), texts, any::<(u64, Option<u16>, u64, u64, u64)>(), client, outcome, lists).prop_map(
        |(id, (method, uri, failure), numbers, (client, full), outcome, lists)| {
            let (begun, status, octets_in, octets_out, micros) = numbers;
            let (rules, services, bypasses, trace, headers) = lists;
            let detail = if full { ClientDetail::Full } else { ClientDetail::Truncated };
            Record {
                uri,
                failure,
                status,
                octets_in,
                octets_out,
                micros,
                client: client.and_then(|client| detail.of(client)),
                outcome,
                rules: rules.into_iter().map(|(rule, point)| RuleMatch { rule, point }).collect(),
                services: services.into_iter().collect(),
                bypasses: bypasses
                    .into_iter()
                    .map(|(entry, why)| Bypass {
                        entry,
                        done: why.map_or(Bypassed::Honoured, Bypassed::Ignored),
                    })
                    .collect(),
                trace: trace.into_iter().collect(),
                headers: headers.into_iter().map(|(name, value)| HeaderValue { name, value }).collect(),
                ..Record::new(TraceId::from_octets(id), begun, Direction::Response, method)
            }
        },
    )
}

/// A block with these records.
fn block(records: &[Record]) -> Vec<u8> {
    let mut blocks = Blocks::default();
    records.iter().for_each(|record| blocks.push(record));
    let (first, octets) = blocks.end().unwrap();
    assert_eq!(first, records[0].id);
    octets.to_vec()
}

fn encoded(record: &Record) -> Vec<u8> {
    block(std::slice::from_ref(record))
}

/// The record of this identifier in a block.
fn decode(id: TraceId, octets: &[u8]) -> Result<Option<Record>, CodecError> {
    Block::read(octets)?.find(id)
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(record in record()) {
        let octets = encoded(&record);
        prop_assert!(octets.len() <= record.weight(), "{} > {}", octets.len(), record.weight());
        prop_assert_eq!(decode(record.id, &octets), Ok(Some(record)));
    }

    #[test]
    fn a_record_that_was_cut_is_refused(record in record(), part in 0.0..1.0_f64) {
        let octets = encoded(&record);
        let end = (octets.len() as f64 * part) as usize;
        prop_assert!(decode(record.id, &octets[..end]).is_err());
    }

    #[test]
    fn a_block_has_each_of_its_records(mut records in vec(record(), 1..20)) {
        records.sort_by_key(|record| record.id);
        records.dedup_by_key(|record| record.id);
        let octets = block(&records);
        let read = Block::read(&octets).unwrap();
        prop_assert_eq!(read.ids().collect::<Vec<_>>(), records.iter().map(|r| r.id).collect::<Vec<_>>());
        prop_assert_eq!(read.last(), records.last().map(|record| record.id));
        for (index, record) in records.iter().enumerate() {
            prop_assert_eq!(&read.record(index).unwrap(), record);
            let found = read.find(record.id).unwrap();
            prop_assert_eq!(found.as_ref(), Some(record));
        }
    }

    #[test]
    fn octets_of_strangers_are_read_without_harm(octets in vec(any::<u8>(), 0..400), flips in vec(any::<(usize, u8)>(), 1..4), record in record()) {
        let _ = decode(record.id, &octets);
        let mut damaged = encoded(&record);
        let length = damaged.len();
        for (at, to) in flips {
            damaged[at % length] = to;
        }
        if let Ok(Some(read)) = decode(record.id, &damaged) {
            prop_assert!(read.trace.len() <= 32 && read.method.len() <= TEXT_OCTETS);
        }
    }
}

#[test]
fn a_block_of_another_version_or_without_the_record_is_told_apart() {
    let record = Record::new(TraceId::first_of(5), 5, Direction::Request, "GET");
    let mut octets = encoded(&record);
    assert_eq!(decode(TraceId::first_of(6), &octets), Ok(None));
    assert_eq!(decode(record.id, &[]), Err(CodecError::Short));
    octets.push(0);
    assert!(decode(record.id, &octets).is_err());
    octets[0] = 1;
    assert_eq!(decode(record.id, &octets), Err(CodecError::Version(1)));
}

#[test]
fn lists_and_words_that_claim_to_be_endless_are_refused() {
    let record = Record::new(TraceId::first_of(5), 5, Direction::Request, "GET");
    let octets = encoded(&record);
    // After version, count, identifier and end: one word of three octets, then the record.
    let words = 3 + 15 + 4;
    assert_eq!(octets[words..words + 5], *b"\x01\x03GET");
    // Time, direction, method, four absent fields or codes, and the number of rules.
    let rules = words + 5 + 3 + 4;
    for at in [words, rules] {
        let endless = [&octets[..at], &[0xff, 0xff, 0xff, 0xff, 0x0f], &octets[at + 1..]].concat();
        assert!(decode(record.id, &endless).is_err(), "{at}");
        let mut long = octets.clone();
        long[at] = 0x7f;
        assert!(decode(record.id, &long).is_err(), "{at}");
    }
}

#[test]
fn what_records_have_in_common_is_written_once() {
    let records: Vec<_> = (0..100)
        .map(|millis| {
            let mut record = Record::new(TraceId::first_of(millis), millis, Direction::Response, "GET");
            record.uri = Some("http://www.example.com/".into());
            record.services.push(ServiceUse::new("http://services.example.com/a-service", Place::Here));
            record
        })
        .collect();
    assert!(block(&records).len() < 100 * 100, "{}", block(&records).len());
    let mut blocks = Blocks::default();
    let (mut ended, mut read) = (0, Vec::new());
    let mut take = |blocks: &mut Blocks| {
        let (_, octets) = blocks.end().unwrap();
        let block = Block::read(octets).unwrap();
        read.extend((0..block.ids().len()).map(|index| block.record(index).unwrap()));
        ended += 1;
    };
    for record in (0..10).flat_map(|_| &records) {
        if !blocks.takes(record) {
            take(&mut blocks);
        }
        blocks.push(record);
    }
    take(&mut blocks);
    assert!(ended > 2, "a block takes only so many");
    assert!(read.iter().eq((0..10).flat_map(|_| &records)));
    let later = Record::new(TraceId::first_of(256), 256, Direction::Response, "GET");
    blocks.push(&records[99]);
    assert!(blocks.takes(&records[0]) && !blocks.takes(&later), "a block is of a short stretch");
}

#[test]
fn the_largest_record_is_lightened_until_it_fits_and_says_what_was_left_out() {
    let long = || Text::from("x".repeat(TEXT_OCTETS));
    let parameter = || Parameter { name: long(), value: long() };
    let place = || Place::Callout { name: long(), address: long() };
    let service = || ServiceUse {
        verdict: Some(long()),
        parameters: (0..99).map(|_| parameter()).collect(),
        ..ServiceUse::new(long(), place())
    };
    let mut record = Record {
        uri: Some(long()),
        failure: Some(long()),
        services: (0..99).map(|_| service()).collect(),
        trace: (0..32).map(|_| long()).collect(),
        headers: (0..32).map(|_| HeaderValue { name: long(), value: long() }).collect(),
        ..Record::new(TraceId::first_of(5), 5, Direction::Request, long())
    };
    assert!(record.weight() > 1 << 20);
    let weight = record.lighten();
    assert!(weight <= RECORD_OCTETS && weight == record.weight());
    assert!(encoded(&record).len() <= RECORD_OCTETS);
    assert_eq!((record.headers.len(), record.headers.left_out()), (0, 32));
    assert!(record.services.len() >= 10 && record.services.left_out() >= 67 + 5);
    assert_eq!(record.failure, Some(long()));

    let small = List::<Text, 32>::from_iter([long()]);
    let mut fits = Record { trace: small, ..Record::new(TraceId::first_of(5), 5, Direction::Request, "GET") };
    let before = fits.clone();
    fits.lighten();
    assert_eq!(fits, before);
}
