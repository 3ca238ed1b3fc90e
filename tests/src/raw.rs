//! A proxy between raw octets: the test writes what the client and the origin send, and sees what each gets.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::config::{Config, Rule};
use crate::ocp::Peer;
use crate::opes::Opes;
use crate::patience::PATIENCE;

/// An origin that the test plays, a callout server, and a reverse proxy between.
#[derive(Debug)]
pub struct Raw {
    /// Where the test's origin is reached.
    pub listener: TcpListener,
    /// The callout server.
    pub server: Opes,
    /// The processor.
    pub proxy: Opes,
}

impl Raw {
    /// Starts both with these rules.
    #[must_use]
    pub fn start(rules: &[Rule<'_>]) -> Self {
        Self::with(|config| rules.iter().fold(config, Config::rule))
    }

    /// Starts both with a configuration made of the usual one.
    #[must_use]
    pub fn with(change: impl Fn(Config) -> Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let server = Opes::server(&Config::server());
        let origin = listener.local_addr().expect("bound");
        let proxy = Opes::proxy(&change(Config::reverse(origin, server.address)));
        Self { listener, server, proxy }
    }

    /// Sends a request on a connection of its own; says what the origin got, and what the client got for the
    /// origin's answer. The origin closes after it. Fields are compared in lower case, so that is what comes.
    #[must_use]
    pub fn exchange(&self, request: &str, answer: &str) -> (String, String) {
        let mut client = Peer::connect(self.proxy.address);
        client.send(request);
        let mut origin = Peer::accept(&self.listener);
        origin.expect("\r\n\r\n");
        origin.send(answer);
        origin.finish();
        end(&mut client);
        (origin.text().to_lowercase(), client.text().to_lowercase())
    }

    /// What the client gets for a request that never reaches an origin.
    #[must_use]
    pub fn refusal(&self, request: &str) -> String {
        let mut client = Peer::connect(self.proxy.address);
        client.send(request);
        end(&mut client);
        client.text().to_lowercase()
    }
}

/// Reads a response to its end, and only then closes: a proxy need not go on for a client that says it has gone.
fn end(client: &mut Peer) {
    client.expect("\r\n\r\n");
    let begun = Instant::now();
    while !is_whole(&client.text().to_lowercase()) {
        assert!(begun.elapsed() < PATIENCE, "no whole response: {}", client.text());
        client.read_for(Duration::from_millis(10));
    }
    client.finish();
    client.expect_end();
}

/// Whether a response in lower case has all that its framing says. One that says nothing has no body here.
fn is_whole(response: &str) -> bool {
    let body = response.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    if field(response, "transfer-encoding") == ["chunked"] {
        return body.starts_with("0\r\n\r\n") || body.ends_with("\r\n0\r\n\r\n");
    }
    let length = field(response, "content-length").first().and_then(|length| length.parse().ok());
    length.is_none_or(|length: usize| body.len() >= length)
}

/// The values of a field in a head of lower case.
#[must_use]
pub fn field<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| *field == name).map(|(_, value)| value.trim()).collect()
}
