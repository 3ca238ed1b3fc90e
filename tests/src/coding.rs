//! Content codings by the programs of others: gzip, brotli, zstd, and Python's zlib.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

const DEFLATE: &str = "import sys,zlib; sys.stdout.buffer.write(zlib.compress(sys.stdin.buffer.read()))";
const INFLATE: &str = "import sys,zlib; sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read()))";
const BEGINNING: &str = "import sys,zlib; d = zlib.decompressobj(31); \
    sys.stdout.buffer.write(d.decompress(sys.stdin.buffer.read()))";
/// One line of hexadecimal digits for each line that comes: what gzip makes of it, flushed.
const FLUSHED: &str = "import sys,zlib\nc = zlib.compressobj(wbits=31)\nfor line in sys.stdin.buffer:\n \
    print((c.compress(line) + c.flush(zlib.Z_SYNC_FLUSH)).hex())\nprint(c.flush().hex())";

/// Applies the codings of a `Content-Encoding` in their order.
#[must_use]
pub fn encode(codings: &str, octets: &[u8]) -> Vec<u8> {
    codings.split(", ").fold(octets.to_vec(), |octets, coding| match coding {
        "gzip" => pipe("gzip", &["-n", "-c"], &octets),
        "deflate" => pipe("python3", &["-c", DEFLATE], &octets),
        "br" => pipe("brotli", &["-q", "5", "-c"], &octets),
        "zstd" => pipe("zstd", &["-q", "-c"], &octets),
        other => panic!("the tests do not know the coding {other}"),
    })
}

/// Undoes them; what is not valid to its end ends the test.
#[must_use]
pub fn decode(codings: &str, octets: &[u8]) -> Vec<u8> {
    codings.rsplit(", ").fold(octets.to_vec(), |octets, coding| match coding {
        "gzip" => pipe("gzip", &["-d", "-c"], &octets),
        "deflate" => pipe("python3", &["-c", INFLATE], &octets),
        "br" => pipe("brotli", &["-d", "-c"], &octets),
        "zstd" => pipe("zstd", &["-q", "-d", "-c"], &octets),
        other => panic!("the tests do not know the coding {other}"),
    })
}

/// What can be told of the content from the beginning of its gzip.
#[must_use]
pub fn gunzip_beginning(octets: &[u8]) -> String {
    String::from_utf8(pipe("python3", &["-c", BEGINNING], octets)).expect("text")
}

/// The lines of a text in gzip: one flushed piece for each, and the end.
#[must_use]
pub fn gzip_lines(text: &str) -> Vec<Vec<u8>> {
    let lines = String::from_utf8(pipe("python3", &["-c", FLUSHED], text.as_bytes())).expect("digits");
    let octet =
        |digits: &[u8]| u8::from_str_radix(str::from_utf8(digits).expect("ASCII"), 16).expect("digits");
    lines.lines().map(|line| line.as_bytes().chunks(2).map(octet).collect()).collect()
}

/// What a shell command writes.
#[must_use]
pub fn written_by(command: &str) -> Vec<u8> {
    pipe("sh", &["-c", command], &[])
}

fn pipe(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    let (mut stdin, mut stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    let mut output = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).expect("a program that reads all"));
        stdout.read_to_end(&mut output).expect("a pipe");
    });
    let status = child.wait().expect("a child of our own");
    assert!(status.success(), "{program} {arguments:?}: {status}");
    output
}
