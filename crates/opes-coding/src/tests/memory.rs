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

/// What a decoder has allocated at most for this `br`, and how much came out of it before it was refused, if it was.
fn brotli(coded: &[u8], bounds: Bounds) -> (u64, u64) {
    let mut given = 0;
    let used = peak(|| {
        let mut decoder = Decoder::new(&Coding::Br.into(), bounds);
        for piece in coded.chunks(1000) {
            decoder.push(Bytes::copy_from_slice(piece));
            while let Ok(Some(octets)) = decoder.pull() {
                given += octets.len() as u64;
            }
        }
    });
    (used, given)
}

/// `br` with the longest window, each part flushed.
fn windowed(parts: &[&[u8]]) -> Vec<u8> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 32 << 20, 5, 24);
    for part in parts {
        writer.write_all(part).unwrap();
        writer.flush().unwrap();
    }
    writer.into_inner()
}

// RFC 7932 section 9.1: 16 MiB, half as much while it grows from less, and tables.
#[test]
fn the_window_of_br_is_bounded_and_grows_with_what_comes() {
    let any = Bounds { ratio: u32::MAX, ..Bounds::default() };
    let zeros = vec![0; 24 << 20];
    let (used, given) = brotli(&windowed(&[&zeros[..5 << 20], &zeros]), any);
    println!("{used} octets allocated for a window that grows");
    assert!(given == 29 << 20 && used < 25 << 20, "{used}");
    let (used, given) = brotli(&windowed(&[b"a short text in a long window"]), any);
    println!("{used} octets allocated for a short text");
    assert!(given == 29 && used < 256 << 10, "{used}");
}

#[test]
fn a_small_br_that_announces_much_touches_little() {
    let bomb = windowed(&[&vec![0; 16 << 20]]);
    assert!(bomb.len() < 200, "{}", bomb.len());
    let (used, given) = brotli(&bomb, Bounds::default());
    println!("{used} octets allocated for a bomb of {}", bomb.len());
    // The window is allocated as zeros, which are no memory until something is written there; and this is all that is.
    assert!(used < 17 << 20, "{used}");
    assert!(given <= 256 << 10, "{given}");
}
