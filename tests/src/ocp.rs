//! A raw OCP peer: octets out, octets in. It knows as much of RFC 4037 as the tests of bad input need.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::patience::PATIENCE;

/// Starts a connection and offers the HTTP response profile.
pub const OPENING: &str = "CS;\r\nNO ({\"54:http://www.iana.org/assignments/opes/ocp/http/response\"});\r\n";

/// The response head that the transactions below carry.
pub const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

/// Creates service group `group` of one service.
#[must_use]
pub fn group(group: u32, service: &str) -> String {
    format!("SGC {group} ({{\"{}:{service}\"}});\r\n", service.len())
}

/// Original data.
#[must_use]
pub fn data(transaction: u32, offset: usize, part: &str, payload: &str) -> String {
    format!("DUM {transaction} {offset}\r\nAM-Part: {part}\r\n\r\n{}:{payload}\r\n;\r\n", payload.len())
}

/// A transaction over a whole response with this body.
#[must_use]
pub fn transaction(number: u32, group: u32, body: &str) -> String {
    let head = data(number, 0, "response-header", HEAD);
    let body_data = data(number, HEAD.len(), "response-body", body);
    let length = body.len();
    format!(
        "TS {number} {group};\r\nAMS {number}\r\nAM-EL: {length}\r\n;\r\n{head}{body_data}AME {number};\r\n"
    )
}

/// A TCP connection on which nothing is done for the caller.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    received: Vec<u8>,
    ended: bool,
}

impl Peer {
    /// Connects.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&address, PATIENCE).expect("a connection"))
    }

    /// Takes the next connection to a listener; panics when none comes.
    #[must_use]
    pub fn accept(listener: &TcpListener) -> Self {
        listener.set_nonblocking(true).expect("a TCP option");
        let stream = (0..)
            .take_while(|tries| Duration::from_millis(*tries) < PATIENCE)
            .find_map(|_| {
                std::thread::sleep(Duration::from_millis(1));
                listener.accept().ok()
            })
            .expect("a connection")
            .0;
        stream.set_nonblocking(false).expect("a TCP option");
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a TCP option");
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a TCP option");
        stream.set_write_timeout(Some(PATIENCE)).expect("a TCP option");
        Self { stream, received: Vec::new(), ended: false }
    }

    /// Sends no more; what comes can still be read.
    pub fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }

    /// Reads for so long, whatever comes.
    pub fn read_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        self.read_while(|_| Instant::now() < end);
    }

    /// Sends octets; `false` when the other side has gone.
    pub fn send(&mut self, octets: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(octets.as_ref()).is_ok()
    }

    /// Sends until the octets are out or the other side takes nothing for `stall`; says how many went out.
    pub fn send_until_stalled(&mut self, octets: &[u8], stall: Duration) -> usize {
        self.stream.set_write_timeout(Some(stall)).expect("a TCP option");
        let mut sent = 0;
        while sent < octets.len() {
            match self.stream.write(&octets[sent..]) {
                Ok(count) if count > 0 => sent += count,
                _ => break,
            }
        }
        sent
    }

    /// What came so far, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    /// The adapted response body that came so far, put together from the data that the server sent as its own.
    #[must_use]
    pub fn body(&self) -> String {
        let text = self.text();
        let messages = text.split("AM-Part: response-body\r\n").skip(1);
        messages.map(|rest| payload(rest).unwrap_or_else(|| panic!("no payload in {rest:?}"))).collect()
    }

    /// Reads until `needle` has come; panics at the end of the connection or of patience.
    pub fn expect(&mut self, needle: &str) {
        self.expect_any(&[needle]);
    }

    /// Reads until one of these has come.
    pub fn expect_any(&mut self, needles: &[&str]) {
        let found = |peer: &Self| needles.iter().any(|needle| peer.contains(needle));
        self.read_while(|peer| !found(peer));
        assert!(found(self), "none of {needles:?} in {:?}", self.text());
    }

    /// Reads until the other side closes; panics when it does not.
    pub fn expect_end(&mut self) {
        self.read_while(|_| true);
        assert!(self.ended, "the connection stays open after {:?}", self.text());
    }

    /// Closes the connection so that the other side sees a reset where it still sends.
    pub fn abandon(self) {
        // Unread data or not: both ends of the stream go at once.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn contains(&self, needle: &str) -> bool {
        self.received.windows(needle.len()).any(|window| window == needle.as_bytes())
    }

    fn read_while(&mut self, wanted: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut buffer = [0; 65_536];
        while !self.ended && wanted(self) && Instant::now() < end {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(read) => self.received.extend_from_slice(&buffer[..read]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => self.ended = true,
            }
        }
    }
}

/// The payload of a message, of which this is what follows one of its named parameters.
fn payload(rest: &str) -> Option<&str> {
    let from_size = rest.strip_prefix("\r\n").or_else(|| Some(rest.split_once("\r\n\r\n")?.1))?;
    let (size, octets) = from_size.split_once(':')?;
    octets.get(..size.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::payload;

    #[test]
    fn a_payload_is_found_behind_whatever_parameters_follow() {
        assert_eq!(payload("\r\n5:a:\r\nb\r\n;\r\n"), Some("a:\r\nb"));
        assert_eq!(payload("As-is: 4\r\nModp: 0\r\n\r\n3:cat\r\n;\r\nAME 1;\r\n"), Some("cat"));
        assert_eq!(payload("\r\n5:cut"), None);
    }
}
