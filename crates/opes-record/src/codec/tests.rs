//! What is written is read again; anything else is refused, and costs no more than it weighs.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::detail::ClientDetail;
use crate::id::TraceId;
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
    let span = || any::<(u64, u64)>().prop_map(|(start, end)| Span { start, end });
    let times = (proptest::option::of(span()), vec(span(), 0..20));
    (text(), place, any::<(u16, Option<u16>, u64, u64)>(), times, maybe_text(), parameters).prop_map(
        |(uri, place, (run, result, octets_in, octets_out), (span, pauses), verdict, parameters)| {
            ServiceUse {
                run,
                result,
                octets_in,
                octets_out,
                pauses: pauses.into_iter().collect(),
                span,
                verdict,
                parameters: parameters.into_iter().map(|(name, value)| Parameter { name, value }).collect(),
                ..ServiceUse::new(uri, place)
            }
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
    made(records).octets
}

fn made(records: &[Record]) -> Made {
    let mut writer = BlockWriter::default();
    records.iter().for_each(|record| writer.push(record));
    writer.end().unwrap()
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
    fn a_block_has_each_of_its_records_in_order(records in vec(record(), 1..20), until: u64) {
        let made = made(&records);
        let sorted: BTreeMap<_, _> = records.iter().map(|record| (record.id, record)).collect();
        let read = Block::read(&made.octets).unwrap();
        prop_assert!(read.ids().eq(sorted.keys().copied()));
        prop_assert_eq!((Some(made.first), Some(made.last)), (read.ids().next(), read.last()));
        prop_assert_eq!(made.records, records.len());
        for (record, known) in read.records().zip(sorted.values()) {
            let record = record.unwrap();
            prop_assert_eq!(&record, *known);
            prop_assert_eq!(read.find(record.id).unwrap(), Some(record));
        }
        let until = until % (made.last.millis() + 2);
        let parts = made.split(until).unwrap();
        prop_assert!(parts[0].iter().all(|part| part.last.millis() < until));
        prop_assert!(parts[1].iter().all(|part| part.first.millis() >= until));
        let ids = |part: &Made| Block::read(&part.octets).unwrap().ids().collect::<Vec<_>>();
        prop_assert!(parts.iter().flatten().flat_map(ids).eq(sorted.keys().copied()));
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
    let mut writer = BlockWriter::default();
    let taken = records.iter().cycle().take_while(|record| {
        writer.push(record);
        !writer.is_full()
    });
    let taken = taken.count();
    assert!((100..1000).contains(&taken), "a block takes only so many: {taken}");
    assert_eq!(writer.stretch(), Some(TraceId::first_of(0)));
    assert_eq!(writer.end().map(|made| made.records), Some(taken + 1));
    assert_eq!((writer.stretch(), writer.end()), (None, None), "its room is used again");
}

#[test]
fn of_two_records_with_one_identifier_the_last_one_stays() {
    let of = |method| Record::new(TraceId::first_of(5), 5, Direction::Request, method);
    let made = made(&[of("GET"), of("PUT"), of("POST")]);
    assert_eq!((made.records, decode(made.first, &made.octets)), (3, Ok(Some(of("POST")))));
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

    let trace = [long()].into_iter().collect();
    let mut fits = Record { trace, ..Record::new(TraceId::first_of(5), 5, Direction::Request, "GET") };
    let before = fits.clone();
    fits.lighten();
    assert_eq!(fits, before);
}
