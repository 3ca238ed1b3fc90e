//! A raw ICAP client (RFC 3507): it says what the test says, and reads answers without mercy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::patience::PATIENCE;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head, with its status line.
    pub head: String,
    /// The encapsulated head.
    pub section: String,
    /// The body.
    pub body: Vec<u8>,
    /// The line of the last chunk; empty where there is no body.
    pub last: String,
    /// The trailer.
    pub trailer: String,
}

impl Answer {
    /// The value of a field of the answer.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    /// The value of a field of what it encapsulates.
    #[must_use]
    pub fn inner(&self, name: &str) -> Option<&str> {
        field(&self.section, name)
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// A connection to an ICAP server.
#[derive(Debug)]
pub struct Icap<S = TcpStream> {
    /// The connection itself.
    pub stream: S,
    read: Vec<u8>,
}

impl Icap {
    /// Connects.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the gateway listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("a socket");
        Self::over(stream)
    }
}

impl<S: Read + Write> Icap<S> {
    /// Over a connection that is open.
    pub fn over(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Says something.
    pub fn say(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).expect("the gateway reads");
    }

    /// Says something, and reads an answer.
    pub fn ask(&mut self, octets: impl AsRef<[u8]>) -> Answer {
        self.say(octets);
        self.answer()
    }

    /// Reads an answer of which these octets were read before.
    pub fn answer_after(&mut self, octets: &[u8]) -> Answer {
        self.read.splice(..0, octets.iter().copied());
        self.answer()
    }

    /// Reads an answer.
    pub fn answer(&mut self) -> Answer {
        let head = self.through(b"\r\n\r\n");
        let status = head.strip_prefix("ICAP/1.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no ICAP: {head:?}"));
        let mut answer = Answer {
            status,
            head,
            section: String::new(),
            body: Vec::new(),
            last: String::new(),
            trailer: String::new(),
        };
        let Some(list) = answer.field("encapsulated").map(str::to_owned) else { return answer };
        let (what, length) = list.rsplit(", ").next().and_then(|last| last.split_once('=')).expect("a list");
        let length: usize = length.parse().expect("an offset");
        answer.section = String::from_utf8(self.exactly(length)).expect("a head in ASCII");
        assert!(answer.section.is_empty() || answer.section.ends_with("\r\n\r\n"), "{answer:?}");
        if what == "null-body" {
            return answer;
        }
        loop {
            let line = self.through(b"\r\n");
            let size = line.trim_end().split(';').next().expect("a size");
            let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("no chunk size: {line:?}"));
            if size == 0 {
                answer.last = line.trim_end().to_owned();
                break;
            }
            answer.body.extend(self.exactly(size));
            assert_eq!(self.exactly(2), b"\r\n");
        }
        loop {
            let line = self.through(b"\r\n");
            if line == "\r\n" {
                return answer;
            }
            answer.trailer += &line;
        }
    }

    /// Whether the gateway has ended the connection without saying more.
    pub fn has_ended(&mut self) -> bool {
        self.read.is_empty() && matches!(self.stream.read(&mut [0; 64]), Ok(0) | Err(_))
    }

    /// What is left until the gateway ends the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        // An end by a reset is an end.
        let _ = self.stream.read_to_end(&mut self.read);
        std::mem::take(&mut self.read)
    }

    fn through(&mut self, end: &[u8]) -> String {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return String::from_utf8(self.exactly(at + end.len())).expect("a line in ASCII");
            }
            self.more();
        }
    }

    fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            self.more();
        }
        self.read.drain(..count).collect()
    }

    fn more(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        let read = self.stream.read(&mut buffer).expect("an answer");
        assert!(read > 0, "the connection ended after {:?}", String::from_utf8_lossy(&self.read));
        self.read.extend_from_slice(&buffer[..read]);
    }
}

/// A RESPMOD request up to its body: `fields` are lines of the ICAP head, `head` lines of the response without the empty
/// one.
#[must_use]
pub fn respmod(fields: &str, head: &str) -> Vec<u8> {
    respmod_of("GET http://origin.example.com/page HTTP/1.1\r\nHost: origin.example.com\r\n", fields, head)
}

/// The same with the head of the request that it answers.
#[must_use]
pub fn respmod_of(asked: &str, fields: &str, head: &str) -> Vec<u8> {
    let (first, second) = (asked.len() + 2, asked.len() + head.len() + 4);
    format!(
        "RESPMOD icap://gateway.example.com/scan ICAP/1.0\r\nHost: gateway.example.com\r\n{fields}\
         Encapsulated: req-hdr=0, res-hdr={first}, res-body={second}\r\n\r\n{asked}\r\n{head}\r\n"
    )
    .into_bytes()
}

/// A REQMOD request up to its body: `body` is `req-body` or `null-body`.
#[must_use]
pub fn reqmod(fields: &str, head: &str, body: &str) -> Vec<u8> {
    let end = head.len() + 2;
    format!(
        "REQMOD icap://gateway.example.com/scan ICAP/1.0\r\nHost: gateway.example.com\r\n{fields}\
         Encapsulated: req-hdr=0, {body}={end}\r\n\r\n{head}\r\n"
    )
    .into_bytes()
}

/// Octets as one chunk.
#[must_use]
pub fn chunk(octets: impl AsRef<[u8]>) -> Vec<u8> {
    let octets = octets.as_ref();
    [format!("{:x}\r\n", octets.len()).as_bytes(), octets, b"\r\n"].concat()
}

/// The end of a body, or of a preview that is not all of it.
pub const END: &str = "0\r\n\r\n";

/// The end of a body within its preview.
pub const IEOF: &str = "0; ieof\r\n\r\n";
