//! Substitution compared with a replacement in the whole body.

use std::{sync::Arc, task::Waker};

use opes_sdk::{Chain, Segment, ServiceFactory};
use proptest::{collection::vec, prelude::*};

use super::*;

fn substitute(from: &str, to: &str) -> Arc<dyn ServiceFactory> {
    Arc::new(Substitute::new("http://s.example/substitute", from, to).unwrap())
}

/// What comes out when these pieces go in.
fn run<'a>(
    chain: &[Arc<dyn ServiceFactory>],
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Chain, Vec<Segment>) {
    let mut chain = Chain::new(chain, Attributes::default(), Waker::noop().clone());
    let mut out = Vec::new();
    chain.start();
    for piece in pieces {
        chain.push(Bytes::copy_from_slice(piece));
        out.extend(std::iter::from_fn(|| chain.pull()));
    }
    chain.finish();
    out.extend(std::iter::from_fn(|| chain.pull()));
    assert!(chain.finished());
    assert_eq!(chain.buffered(), 0);
    (chain, out)
}

fn text(segments: &[Segment]) -> String {
    let octets = segments.iter().flat_map(|segment| segment.octets.to_vec()).collect();
    String::from_utf8(octets).unwrap()
}

/// The body cut into pieces of these lengths, and the rest.
fn cut<'a>(body: &'a str, lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = body.as_bytes();
    let mut pieces = Vec::new();
    for &len in lengths {
        let (piece, tail) = rest.split_at(len.min(rest.len()));
        pieces.push(piece);
        rest = tail;
    }
    pieces.push(rest);
    pieces
}

fn assert_provenance(segments: &[Segment], body: &str) {
    for segment in segments {
        if let Some(offset) = segment.original {
            let start = usize::try_from(offset).unwrap();
            assert_eq!(segment.octets, body.as_bytes()[start..start + segment.len()]);
        }
    }
}

#[test]
fn an_empty_pattern_is_refused() {
    assert_eq!(Substitute::new("http://s.example/", "", "x").unwrap_err(), EmptyPattern);
    assert!(EmptyPattern.to_string().contains("empty"));
}

#[test]
fn replaces_within_a_piece() {
    let (chain, out) = run(&[substitute("cat", "tiger")], [&b"a cat and a cat"[..]]);
    let expected = [
        Segment::original("a ", 0),
        Segment::new("tiger"),
        Segment::original(" and a ", 5),
        Segment::new("tiger"),
    ];
    assert_eq!(out, expected);
    assert!(chain.modified());
}

#[test]
fn replaces_across_pieces() {
    let (_, out) = run(&[substitute("cat", "tiger")], cut("xxcatyy", &[3, 1]));
    let expected = [Segment::original("xx", 0), Segment::new("tiger"), Segment::original("yy", 5)];
    assert_eq!(out, expected);
}

#[test]
fn a_prefix_that_comes_to_nothing_keeps_its_provenance() {
    let (chain, out) = run(&[substitute("aab", "x")], cut("aaaac", &[1, 1, 1, 1]));
    assert_provenance(&out, "aaaac");
    assert!(out.iter().all(|segment| segment.original.is_some()));
    assert!(!chain.modified());
}

#[test]
fn a_prefix_at_the_end_comes_out() {
    let (chain, out) = run(&[substitute("abab", "x")], cut("zzaba", &[4]));
    assert_eq!(text(&out), "zzaba");
    assert!(!chain.modified() && !chain.modifies());
}

#[test]
fn holds_back_no_more_than_may_become_a_match() {
    let mut chain = Chain::new(&[substitute("abcd", "x")], Attributes::default(), Waker::noop().clone());
    chain.start();
    for (piece, out, held) in [("zzab", "zz", 2), ("c", "", 3), ("ab", "abc", 2), ("cd", "x", 0)] {
        chain.push(piece.into());
        let pulled: Vec<_> = std::iter::from_fn(|| chain.pull()).collect();
        assert_eq!((text(&pulled).as_str(), chain.buffered()), (out, held));
    }
}

#[test]
fn an_empty_replacement_deletes() {
    let (chain, out) = run(&[substitute("cat", "")], cut("catcatdog", &[1, 4]));
    assert_eq!(out, [Segment::original("dog", 6)]);
    assert!(chain.modified());
}

#[test]
fn what_was_replaced_is_not_looked_at_again() {
    let (_, out) = run(&[substitute("ab", "a")], cut("abbab", &[1, 1]));
    assert_eq!(text(&out), "aba");
}

#[test]
fn a_body_of_near_matches_stays_linear() {
    let pattern = format!("{}b", "a".repeat(4095));
    let body = "a".repeat(1 << 20);
    for lengths in [vec![], vec![7; 1 << 17], vec![4095; 1 << 8]] {
        let (chain, out) = run(&[substitute(&pattern, "x")], cut(&body, &lengths));
        assert!(!chain.modified());
        assert_eq!(out.iter().map(Segment::len).sum::<usize>(), body.len());
    }
}

proptest! {
    #[test]
    fn equals_a_replacement_in_the_whole(
        body in "[ab]{0,60}|[abc]{0,60}",
        from in "[ab]{1,7}|aab|abab|aaaa|aabaaab",
        to in "[ab]{0,5}|x",
        lengths in vec(0..9usize, 0..20),
    ) {
        let (chain, out) = run(&[substitute(&from, &to)], cut(&body, &lengths));
        prop_assert_eq!(text(&out), body.replace(&from, &to));
        assert_provenance(&out, &body);
        prop_assert_eq!(chain.modified(), body.contains(&from));
        // Only the replacements are new.
        let made: usize = out.iter().filter(|s| s.original.is_none()).map(Segment::len).sum();
        prop_assert_eq!(made, body.matches(&from).count() * to.len());
    }

    #[test]
    fn equals_replacements_one_after_another(
        body in "[abc]{0,60}",
        patterns in vec(("[abc]{1,4}", "[abc]{0,4}"), 1..4),
        lengths in vec(0..9usize, 0..20),
    ) {
        let chain: Vec<_> = patterns.iter().map(|(from, to)| substitute(from, to)).collect();
        let (_, out) = run(&chain, cut(&body, &lengths));
        let expected = patterns.iter().fold(body.clone(), |body, (from, to)| body.replace(from, to));
        prop_assert_eq!(text(&out), expected);
        assert_provenance(&out, &body);
    }

    #[test]
    fn never_holds_as_much_as_the_pattern(
        body in "[ab]{0,60}",
        from in "[ab]{1,6}",
        lengths in vec(1..9usize, 0..20),
    ) {
        let mut chain = Chain::new(&[substitute(&from, "x")], Attributes::default(), Waker::noop().clone());
        chain.start();
        for piece in cut(&body, &lengths) {
            chain.push(Bytes::copy_from_slice(piece));
            while chain.pull().is_some() {}
            prop_assert!(chain.buffered() < from.len() as u64);
        }
    }
}
