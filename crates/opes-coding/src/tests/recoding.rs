//! Bodies that services adapt, or do not.

use std::collections::VecDeque;
use std::io::Read;

use super::*;
use crate::{Fate, Mode, Piece, RecodeError, Recoder};

const HOLD: u64 = 20_000;

/// What services make of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Nothing,
    /// The octet there, if there is one.
    Octet(usize),
    /// Everything from there on is left out, without waiting for the rest.
    LeftEarly(usize),
    /// Something follows.
    Longer,
    /// Everything is left out.
    Emptied,
}

impl Change {
    fn apply(self, plain: &[u8]) -> Vec<u8> {
        let mut adapted = plain.to_vec();
        match self {
            Self::Nothing => {}
            Self::Octet(at) => {
                if let Some(octet) = adapted.get_mut(at) {
                    *octet ^= 0xff;
                }
            }
            Self::LeftEarly(at) => adapted.truncate(at),
            Self::Longer => adapted.extend(b"more"),
            Self::Emptied => adapted.clear(),
        }
        adapted
    }
}

/// What came out.
#[derive(Debug, Default)]
struct Out {
    octets: Vec<u8>,
    originals: usize,
    fate: Option<Fate>,
}

impl Out {
    fn take(&mut self, recoder: &mut Recoder, coded: &[u8]) {
        while let Some(Piece { octets, original }) = recoder.pull() {
            let fate = recoder.fate().expect("nothing comes out before the fate is known");
            assert_eq!(*self.fate.get_or_insert(fate), fate, "it does not change");
            assert_eq!(original.is_some(), fate == Fate::Unchanged);
            if let Some(at) = original {
                assert_eq!(at as usize, self.octets.len());
                assert_eq!(octets[..], coded[at as usize..][..octets.len()]);
                self.originals += octets.len();
            }
            self.octets.extend_from_slice(&octets);
        }
    }
}

/// One body through services that lag so many octets behind and give back pieces of such lengths.
fn through(
    recoder: &mut Recoder,
    coded: &[u8],
    cuts: &[usize],
    back: &[usize],
    lag: usize,
    change: Change,
) -> Result<Out, RecodeError> {
    let mut out = Out::default();
    let (mut seen, mut given) = (Vec::new(), 0);
    let mut lens = back.iter().cycle();
    let mut pieces: VecDeque<_> = cut(coded, cuts).into();
    loop {
        match pieces.pop_front() {
            Some(piece) => recoder.receive(piece)?,
            None => recoder.end_received(),
        }
        while let Some(octets) = recoder.next_plain()? {
            seen.extend_from_slice(&octets);
        }
        let ended = recoder.plain_ended();
        let left_early = matches!(change, Change::LeftEarly(at) if at <= seen.len());
        let adapted = if ended || left_early { change.apply(&seen) } else { so_far(change, &seen) };
        let ready = if ended || left_early { adapted.len() } else { adapted.len().saturating_sub(lag) };
        while given < ready {
            let len = (*lens.next().unwrap()).clamp(1, ready - given);
            recoder.give_back(Bytes::copy_from_slice(&adapted[given..given + len]))?;
            given += len;
            out.take(recoder, coded);
        }
        if ended || left_early {
            recoder.end_given()?;
            out.take(recoder, coded);
            for late in pieces {
                recoder.receive(late)?;
                assert_eq!(recoder.next_plain()?, None);
            }
            recoder.end_received();
            out.take(recoder, coded);
            assert!(recoder.ended());
            out.fate = recoder.fate();
            return Ok(out);
        }
    }
}

/// As [`Change::apply`] to a body that goes on.
fn so_far(change: Change, seen: &[u8]) -> Vec<u8> {
    if change == Change::Longer { seen.to_vec() } else { change.apply(seen) }
}

/// The readers of the libraries, which ours does not use.
fn reference(codings: &Codings, coded: &[u8]) -> Vec<u8> {
    codings.iter().rev().fold(coded.to_vec(), |octets, coding| {
        let mut plain = Vec::new();
        match coding {
            Coding::Gzip => flate2::read::MultiGzDecoder::new(&octets[..]).read_to_end(&mut plain).unwrap(),
            Coding::Deflate => flate2::read::ZlibDecoder::new(&octets[..]).read_to_end(&mut plain).unwrap(),
            Coding::Br => brotli::Decompressor::new(&octets[..], 4096).read_to_end(&mut plain).unwrap(),
            Coding::Zstd => zstd::Decoder::new(&octets[..]).unwrap().read_to_end(&mut plain).unwrap(),
        };
        plain
    })
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => Just(Change::Nothing),
        2 => (0usize..40_000).prop_map(Change::Octet),
        2 => (0usize..40_000).prop_map(Change::LeftEarly),
        1 => Just(Change::Longer),
        1 => Just(Change::Emptied),
    ]
}

/// Sizes on both sides of the hold, and far from it.
fn any_len() -> impl Strategy<Value = usize> {
    let hold = HOLD as usize;
    prop_oneof![
        Just(0),
        1usize..50,
        hold - 3..hold + 4,
        (hold as f64 * 0.9) as usize..hold * 2,
        1usize..hold * 6,
    ]
}

fn any_cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![1usize..20, 1usize..5000, 20_000usize..70_000], 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn held_bodies_keep_their_octets_or_are_recoded(
        codings in any_stack(),
        change in any_change(),
        len in any_len(),
        cuts in any_cuts(),
        back in any_cuts(),
        lag in prop_oneof![Just(0usize), 0usize..30_000],
    ) {
        let plain = text(len);
        let coded = coded(&codings, &plain);
        let mut recoder = Recoder::new(codings.clone(), Bounds::default(), Mode::Hold(HOLD), 0);
        let out = through(&mut recoder, &coded, &cuts, &back, lag, change).unwrap();

        let adapted = change.apply(&plain);
        let fits = plain.len().max(coded.len()) as u64 <= HOLD;
        match out.fate {
            Some(Fate::Unchanged) => {
                prop_assert!(adapted == plain && fits);
                prop_assert_eq!(&out.octets, &coded);
                prop_assert_eq!(out.originals, coded.len());
            }
            Some(Fate::Recoded) => {
                // Who leaves at the very end need not have waited for it.
                prop_assert!(adapted != plain || !fits || matches!(change, Change::LeftEarly(_)));
                prop_assert_eq!(out.originals, 0);
                prop_assert_eq!(reference(&codings, &out.octets), adapted);
            }
            None => prop_assert!(false, "it has ended"),
        }
        prop_assert_eq!(recoder.held(), 0);
    }

    #[test]
    fn bodies_that_are_only_looked_at_pass_as_they_are(
        codings in any_stack(),
        len in any_len(),
        cuts in any_cuts(),
        back in any_cuts(),
        lag in prop_oneof![Just(0usize), 0usize..30_000],
    ) {
        let coded = coded(&codings, &text(len));
        let mut recoder = Recoder::new(codings, Bounds::default(), Mode::Look, 0);
        prop_assert_eq!(recoder.fate(), Some(Fate::Unchanged));
        let out = through(&mut recoder, &coded, &cuts, &back, lag, Change::Nothing).unwrap();
        prop_assert_eq!(&out.octets, &coded);
        prop_assert_eq!(recoder.held(), 0);
    }

    #[test]
    fn who_only_looks_changes_nothing(
        codings in any_stack(),
        change in any_change(),
        len in any_len(),
        cuts in any_cuts(),
        back in any_cuts(),
    ) {
        let plain = text(len);
        let coded = coded(&codings, &plain);
        let mut recoder = Recoder::new(codings, Bounds::default(), Mode::Look, 0);
        let out = through(&mut recoder, &coded, &cuts, &back, 0, change);
        if change.apply(&plain) == plain {
            let leaves = matches!(change, Change::LeftEarly(_));
            prop_assert!(out.is_ok() || leaves && out.as_ref().err() == Some(&RecodeError::Changed));
        } else {
            prop_assert_eq!(out.err(), Some(RecodeError::Changed));
        }
    }

    #[test]
    fn who_gives_up_has_the_rest_of_the_original(
        codings in any_stack(),
        mode in prop_oneof![Just(Mode::Look), Just(Mode::Hold(HOLD)), Just(Mode::Hold(0))],
        keep in prop_oneof![Just(0u64), 0..60_000u64],
        len in any_len(),
        pulls in any::<bool>(),
        back in 0.0..1.0f64,
    ) {
        let plain = text(len);
        let coded = coded(&codings, &plain);
        let mut recoder = Recoder::new(codings, Bounds::default(), mode, keep);
        let mut out = Out::default();
        recoder.receive(Bytes::copy_from_slice(&coded)).unwrap();
        while let Some(octets) = recoder.next_plain().unwrap() {
            recoder.give_back(octets.slice(..(octets.len() as f64 * back) as usize)).unwrap();
            if octets.len() > 1 {
                break;
            }
        }
        if pulls {
            out.take(&mut recoder, &coded);
        }
        let recoded = recoder.fate() == Some(Fate::Recoded);
        match recoder.into_original() {
            Some(rest) => {
                prop_assert!(!recoded || out.octets.is_empty() && coded.len() as u64 <= keep);
                let passed = if recoded { 0 } else { out.octets.len() };
                prop_assert_eq!(rest.concat(), &coded[passed..]);
            }
            None => prop_assert!(recoded && (!out.octets.is_empty() || coded.len() as u64 > keep)),
        }
    }
}

#[test]
fn nothing_is_passed_on_that_was_not_given_back() {
    for codings in stacks() {
        let plain = text(100_000);
        let coded = coded(&codings, &plain);
        let mut recoder = Recoder::new(codings.clone(), Bounds::default(), Mode::Look, 0);
        recoder.receive(Bytes::copy_from_slice(&coded)).unwrap();
        recoder.end_received();
        let mut pieces = VecDeque::new();
        while let Some(octets) = recoder.next_plain().unwrap() {
            pieces.push_back(octets);
        }
        let (mut given, mut passed) = (0, Vec::new());
        while let Some(octets) = pieces.pop_front() {
            given += octets.len();
            recoder.give_back(octets).unwrap();
            while let Some(piece) = recoder.pull() {
                passed.extend_from_slice(&piece.octets);
            }
            let mut decoder = Decoder::new(&codings, Bounds::default());
            decoder.push(Bytes::copy_from_slice(&passed));
            let mut known = 0;
            while let Some(octets) = decoder.pull().unwrap() {
                known += octets.len();
            }
            assert!(known <= given, "{codings:?}: {known} octets can be read, {given} were given back");
        }
        assert_eq!(passed, coded);
    }
}

#[test]
fn a_difference_is_the_fate_at_once() {
    let coded = coded_once(Coding::Br, b"my cat sat");
    let mut recoder = Recoder::new(Coding::Br.into(), Bounds::default(), Mode::Hold(HOLD), 100);
    recoder.receive(coded.clone().into()).unwrap();
    assert_eq!(recoder.next_plain().unwrap().as_deref(), Some(&b"my cat sat"[..]));
    recoder.give_back(Bytes::from_static(b"my ")).unwrap();
    assert_eq!((recoder.fate(), recoder.pull()), (None, None));
    recoder.give_back(Bytes::from_static(b"tiger")).unwrap();
    assert_eq!(recoder.fate(), Some(Fate::Recoded));
    recoder.flush().unwrap();
    let mut out = Out::default();
    out.take(&mut recoder, &coded);
    let mut decoder = Decoder::new(&Coding::Br.into(), Bounds::default());
    decoder.push(out.octets.into());
    assert_eq!(decoder.pull().unwrap().as_deref(), Some(&b"my tiger"[..]));
}

#[test]
fn an_empty_body_stays_empty_unless_something_is_given() {
    for codings in stacks() {
        for change in [Change::Nothing, Change::Longer] {
            let mut recoder = Recoder::new(codings.clone(), Bounds::default(), Mode::Hold(HOLD), 0);
            let out = through(&mut recoder, b"", &[1], &[1], 0, change).unwrap();
            let expected = if change == Change::Nothing { Fate::Unchanged } else { Fate::Recoded };
            assert_eq!(out.fate, Some(expected));
            assert_eq!(reference_of(&codings, &out.octets), change.apply(b""));
        }
    }
}

/// As [`reference`], and nothing stays nothing.
fn reference_of(codings: &Codings, coded: &[u8]) -> Vec<u8> {
    if coded.is_empty() { Vec::new() } else { reference(codings, coded) }
}

#[test]
fn what_is_wrong_with_the_body_shows_before_its_end_is_given() {
    for mode in [Mode::Look, Mode::Hold(HOLD)] {
        let coded = coded_once(Coding::Gzip, b"my cat");
        let truncated = RecodeError::Decode(DecodeError::Truncated { coding: Coding::Gzip });
        let mut recoder = Recoder::new(Coding::Gzip.into(), Bounds::default(), mode, 0);
        let out = through(&mut recoder, &coded[..coded.len() - 1], &[9], &[9], 0, Change::Nothing);
        assert_eq!(out.err(), Some(truncated.clone()));

        let mut recoder = Recoder::new(Coding::Gzip.into(), Bounds::default(), mode, 0);
        recoder.receive(Bytes::copy_from_slice(&coded[..coded.len() - 1])).unwrap();
        while let Some(octets) = recoder.next_plain().unwrap() {
            recoder.give_back(octets).unwrap();
        }
        recoder.end_received();
        assert_eq!(recoder.end_given(), Err(truncated));
    }
}

#[test]
fn what_services_pass_goes_on_at_once_and_is_decoded_while_they_look() {
    for codings in stacks() {
        for mode in [Mode::Look, Mode::Hold(1_000_000)] {
            let plain = text(30_000);
            let coded = coded(&codings, &plain);
            let mut recoder = Recoder::new(codings.clone(), Bounds::default(), mode, 0);
            let (mut out, mut seen) = (Out::default(), Vec::new());
            for (number, piece) in cut(&coded, &[1000]).into_iter().enumerate() {
                recoder.receive(piece).unwrap();
                while let Some(octets) = recoder.next_plain().unwrap() {
                    seen.extend_from_slice(&octets);
                }
                if number == 2 {
                    recoder.pass();
                }
                if number >= 2 {
                    out.take(&mut recoder, &coded);
                    assert_eq!(out.octets, coded[..coded.len().min(1000 * (number + 1))]);
                }
            }
            assert_eq!(seen.len(), plain.len());
            recoder.end_given().unwrap();
            assert!(!recoder.ended());
            recoder.end_received();
            assert!(recoder.ended() && recoder.held() == 0);
        }
    }
}

#[test]
fn what_services_that_have_left_pass_is_not_decoded() {
    let coded = coded_once(Coding::Gzip, &text(10_000));
    let mut recoder = Recoder::new(Coding::Gzip.into(), Bounds::default(), Mode::Look, 0);
    recoder.receive(Bytes::copy_from_slice(&coded[..100])).unwrap();
    recoder.pass();
    recoder.end_given().unwrap();
    recoder.receive(Bytes::from_static(b"no gzip any more")).unwrap();
    assert_eq!(recoder.next_plain(), Ok(None));
    recoder.end_received();
    let mut octets = Vec::new();
    while let Some(piece) = recoder.pull() {
        octets.extend_from_slice(&piece.octets);
    }
    assert_eq!(octets, [&coded[..100], b"no gzip any more"].concat());
    assert!(recoder.ended());
}

#[test]
fn what_was_changed_does_not_pass() {
    let mut recoder = Recoder::new(Coding::Gzip.into(), Bounds::default(), Mode::Hold(HOLD), 0);
    recoder.receive(coded_once(Coding::Gzip, b"my cat").into()).unwrap();
    recoder.give_back(Bytes::from_static(b"tiger")).unwrap();
    recoder.pass();
    assert!(!recoder.passes());
    assert_eq!(recoder.fate(), Some(Fate::Recoded));
}

#[test]
fn a_body_is_held_past_the_hold_until_the_services_have_decided() {
    let plain = text(100_000);
    for codings in stacks() {
        let coded = Bytes::from(coded(&codings, &plain));
        for (most, unchanged) in [(100_000, true), (100_000, false), (99_999, true)] {
            let mut recoder = Recoder::new(codings.clone(), Bounds::default(), Mode::Hold(HOLD), 0);
            recoder.await_decision(most);
            recoder.receive(coded.clone()).unwrap();
            recoder.end_received();
            let mut seen = VecDeque::new();
            while let Some(octets) = recoder.next_plain().unwrap() {
                seen.push_back(octets);
            }
            let waits = most == 100_000;
            assert_eq!(recoder.fate(), if waits { None } else { Some(Fate::Recoded) }, "{codings:?}");
            if unchanged {
                recoder.look_only();
            }
            recoder.decided().unwrap();
            let kept = waits && unchanged;
            assert_eq!(recoder.fate(), Some(if kept { Fate::Unchanged } else { Fate::Recoded }));
            seen.into_iter().for_each(|octets| recoder.give_back(octets).unwrap());
            recoder.end_given().unwrap();
            let mut out = Out::default();
            out.take(&mut recoder, &coded);
            assert_eq!(decode(&codings, [Bytes::from(out.octets.clone())]), Ok(plain.clone()));
            assert_eq!(out.octets == coded, kept, "{codings:?}");
        }
    }
}
