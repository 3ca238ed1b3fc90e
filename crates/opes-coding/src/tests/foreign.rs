//! Compared with decoders and encoders that have nothing in common with ours: the `gzip` program, and Python's zlib. For
//! `br` and `zstd` the programs of those names where they are installed: their own libraries in C, not ours in Rust (`br`).

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

/// Gives octets to a program; what it writes. None where there is no such program.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{program}: {error}"),
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}");
    Some(done.stdout)
}

fn ours(coding: Coding, plain: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(&coding.into()).unwrap();
    let mut coded = Vec::new();
    for piece in cut(plain, &[1000, 30_000]) {
        encoder.push(piece).unwrap();
        drain(&mut encoder, &mut coded);
    }
    encoder.finish().unwrap();
    drain(&mut encoder, &mut coded);
    coded
}

/// What we encode they decode, and the other way around.
fn agree(coding: Coding, program: &str, decode_with: &[&str], encode_with: &[&str]) -> bool {
    for len in [0, 1, 1000, 300_000] {
        let plain = text(len);
        let Some(theirs) = run(program, decode_with, &ours(coding, &plain)) else { return false };
        assert_eq!(theirs, plain, "{program}");
        let coded = run(program, encode_with, &plain).expect("it was there before");
        assert_eq!(decode(&coding.into(), cut(&coded, &[4096])), Ok(plain), "{program}");
    }
    true
}

#[test]
fn gzip_agrees_with_the_program() {
    assert!(agree(Coding::Gzip, "gzip", &["-dc"], &["-c"]), "gzip is installed everywhere");
}

#[test]
fn deflate_agrees_with_python() {
    let script =
        |what| format!("import sys, zlib; sys.stdout.buffer.write(zlib.{what}(sys.stdin.buffer.read()))");
    let (back, forth) = (script("decompress"), script("compress"));
    if !agree(Coding::Deflate, "python3", &["-c", &back], &["-c", &forth]) {
        eprintln!("python3 is not installed: nothing was compared");
    }
}

#[test]
fn br_agrees_with_the_program() {
    if !agree(Coding::Br, "brotli", &["-dc"], &["-c"]) {
        eprintln!("brotli is not installed: nothing was compared");
    }
}

#[test]
fn zstd_agrees_with_the_program() {
    if !agree(Coding::Zstd, "zstd", &["-dcq"], &["-cq"]) {
        eprintln!("zstd is not installed: nothing was compared");
    }
}
