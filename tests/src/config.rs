//! Configurations, as text, the way an operator writes them.

use std::fmt;
use std::net::SocketAddr;

/// The agent id of the processor under test.
pub const SYSTEM: &str = "http://opes.example.com/system";
/// Changes nothing.
pub const IDENTITY: &str = "http://services.example.com/identity";
/// Replaces `cat` by `tiger`.
pub const SUBSTITUTE: &str = "http://services.example.com/substitute";
/// Replaces `tiger` by `lion`.
pub const SECOND: &str = "http://services.example.com/second";
/// Replaces a common word: `the` by `that very`.
pub const COMMON: &str = "http://services.example.com/common";
/// Refuses the message with [`REASON`].
pub const BLOCK: &str = "http://services.example.com/block";
/// Logs the digest of the payload.
pub const DIGEST: &str = "http://services.example.com/digest";
/// No server of the tests hosts it.
pub const NOWHERE: &str = "http://services.example.com/nowhere";
/// Why [`BLOCK`] refuses.
pub const REASON: &str = "this page is not for your eyes";

/// A configuration: top-level lines first, tables after them.
#[derive(Clone, Debug, Default)]
pub struct Config {
    top: String,
    tables: String,
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.top, self.tables)
    }
}

impl Config {
    /// A callout server on a free port with all the services above.
    #[must_use]
    pub fn server() -> Self {
        Self::server_on("127.0.0.1")
    }

    /// The same on an IP address of its own (every 127.x.y.z is loopback): its port stays free while it is down.
    #[must_use]
    pub fn server_on(address: &str) -> Self {
        Self::listening(address)
            .service(IDENTITY, "identity", "")
            .service(SUBSTITUTE, "substitute", "from = \"cat\"\nto = \"tiger\"")
            .service(SECOND, "substitute", "from = \"tiger\"\nto = \"lion\"")
            .service(COMMON, "substitute", "from = \"the\"\nto = \"that very\"")
            .service(BLOCK, "block", &format!("reason = {REASON:?}"))
            .service(DIGEST, "digest", "")
    }

    /// A forward proxy on a free port with one callout server.
    #[must_use]
    pub fn forward(callout: SocketAddr) -> Self {
        Self::listening("127.0.0.1").table(&format!(
            "[system]\nuri = {SYSTEM:?}\n\n[[callout_servers]]\nname = \"adapt\"\naddress = \"{callout}\"\n"
        ))
    }

    /// A reverse proxy on a free port before an origin, with one callout server.
    #[must_use]
    pub fn reverse(origin: SocketAddr, callout: SocketAddr) -> Self {
        Self::forward(callout).top(&format!("origin = \"http://{origin}\""))
    }

    /// A gateway for ICAP on a free port with one callout server.
    #[must_use]
    pub fn gateway(callout: SocketAddr) -> Self {
        Self::default().table(&format!(
            "[icap]\nlisten = \"127.0.0.1:0\"\n\n[system]\nuri = {SYSTEM:?}\n\n\
             [[callout_servers]]\nname = \"adapt\"\naddress = \"{callout}\"\n"
        ))
    }

    /// The same configuration for another system than [`SYSTEM`].
    #[must_use]
    pub fn of_system(mut self, uri: &str) -> Self {
        self.tables = self.tables.replace(&format!("uri = {SYSTEM:?}"), &format!("uri = {uri:?}"));
        self
    }

    fn listening(address: &str) -> Self {
        Self::default().top(&format!("listen = \"{address}:0\""))
    }

    /// Adds a top-level line.
    #[must_use]
    pub fn top(mut self, line: &str) -> Self {
        self.top += line;
        self.top.push('\n');
        self
    }

    /// Adds a table.
    #[must_use]
    pub fn table(mut self, text: &str) -> Self {
        self.tables += text;
        self.tables.push('\n');
        self
    }

    /// Adds a service.
    #[must_use]
    pub fn service(self, uri: &str, kind: &str, rest: &str) -> Self {
        self.table(&format!("[[services]]\nuri = {uri:?}\nkind = {kind:?}\n{rest}\n"))
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(self, rule: &Rule<'_>) -> Self {
        let Rule { direction, services, read_only, never_bypass, on_failure } = rule;
        self.table(&format!(
            "[[rules]]\ncallout_server = \"adapt\"\ndirection = {direction:?}\nservices = {services:?}\n\
             read_only = {read_only:?}\nnever_bypass = {never_bypass:?}\non_failure = {on_failure:?}\n"
        ))
    }
}

/// A rule of a processor.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    direction: &'a str,
    services: &'a [&'a str],
    read_only: &'a [&'a str],
    never_bypass: &'a [&'a str],
    on_failure: &'a str,
}

impl<'a> Rule<'a> {
    /// Adapts responses; a failure fails.
    #[must_use]
    pub const fn response(services: &'a [&'a str]) -> Self {
        Self { direction: "response", services, read_only: &[], never_bypass: &[], on_failure: "fail" }
    }

    /// Adapts requests; a failure fails.
    #[must_use]
    pub const fn request(services: &'a [&'a str]) -> Self {
        Self { direction: "request", services, read_only: &[], never_bypass: &[], on_failure: "fail" }
    }

    /// These of the services never change a message.
    #[must_use]
    pub const fn reading_only(mut self, read_only: &'a [&'a str]) -> Self {
        self.read_only = read_only;
        self
    }

    /// These of the services are applied whatever a data consumer wants to bypass.
    #[must_use]
    pub const fn insisting_on(mut self, never_bypass: &'a [&'a str]) -> Self {
        self.never_bypass = never_bypass;
        self
    }

    /// Where the services fail, the original goes on.
    #[must_use]
    pub const fn or_pass(mut self) -> Self {
        self.on_failure = "pass";
        self
    }
}
