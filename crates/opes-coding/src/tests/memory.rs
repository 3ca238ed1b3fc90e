//! What it costs in memory, counted. (What the C library of `zstd` allocates is not counted here: its window is bounded
//! instead.)

use super::*;
use crate::{Mode, Recoder};

/// The most octets that are allocated at once while this runs.
fn peak(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).bytes_max
}

#[test]
fn a_decoder_needs_no_more_memory_for_a_bomb() {
    let plain = vec![0; 32 << 20];
    for (coding, most) in [(Coding::Gzip, 256 << 10), (Coding::Deflate, 256 << 10), (Coding::Br, 20 << 20)] {
        let coded = Bytes::from(coded_once(coding, &plain));
        let bounds = Bounds { ratio: u32::MAX, ..Bounds::default() };
        let used = peak(|| {
            let mut decoder = Decoder::new(&coding.into(), bounds);
            decoder.push(coded.clone());
            let mut given = 0;
            while let Some(octets) = decoder.pull().unwrap() {
                given += octets.len();
            }
            assert_eq!(given, plain.len());
        });
        assert!(used < most, "{coding}: {used}");
    }
}

#[test]
fn no_more_than_the_hold_is_held() {
    let hold = 64 * 1024;
    let codings = Codings::from(Coding::Gzip);
    let coded = Bytes::from(coded(&codings, &text(2 << 20)));
    let used = peak(|| {
        let mut recoder = Recoder::new(codings.clone(), Bounds::default(), Mode::Hold(hold), 0);
        let mut rest = coded.clone();
        while !rest.is_empty() {
            let next = rest.split_to(rest.len().min(1000));
            recoder.receive(next).unwrap();
            while let Some(octets) = recoder.next_plain().unwrap() {
                recoder.give_back(octets).unwrap();
                while recoder.pull().is_some() {}
            }
            assert!(recoder.held() <= 3 * hold + 100_000, "{}", recoder.held());
        }
    });
    assert!(used < 2 << 20, "{used}");
}
