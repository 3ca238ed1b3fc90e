//! The gateway as ICAP clients see it (RFC 3507): Squid, c-icap-client, the crate icap-rs, and raw ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod answers;
mod c_icap_client;
mod hostile;
mod icap_rs;
mod options;
mod secure;
mod squid;

use opes_tests::config::Config;
use opes_tests::icap::Icap;
use opes_tests::opes::Opes;

/// A gateway with services of its own process.
struct Gateway {
    opes: Opes,
    _server: Option<Opes>,
}

/// Services that live in the gateway, by name.
const SERVICES: &str = r#"
[[services]]
uri = "http://here.example.com/substitute"
name = "substitute"
kind = "substitute"
from = "cat"
to = "tiger"

[[services]]
uri = "http://here.example.com/inject"
name = "inject"
kind = "inject"
after = "<body>"
text = "<p>hello</p>"
within = 1000

[[services]]
uri = "http://here.example.com/digest"
name = "digest"
kind = "digest"

[[services]]
uri = "http://here.example.com/peek"
name = "peek"
kind = "peek"
first = 10
deny = "EICAR"
reason = "not here"

[[services]]
uri = "http://here.example.com/block"
name = "block"
kind = "block"
reason = "not here"
"#;

impl Gateway {
    /// With rules for these services here, in both directions.
    fn here(services: &[&str]) -> Self {
        Self::with(&rules(&format!("services = {services:?}")))
    }

    /// With rules for these services on a callout server, in both directions.
    fn elsewhere(services: &[&str]) -> Self {
        Self::elsewhere_with(services, "")
    }

    /// The same with further tables.
    fn elsewhere_with(services: &[&str], tables: &str) -> Self {
        let server = Opes::server(&Config::server());
        let text = rules(&format!("callout_server = \"adapt\"\nservices = {services:?}"));
        let config = Config::gateway(server.address).table(&text).table(tables);
        Self { opes: Opes::gateway(&config), _server: Some(server) }
    }

    /// With a rule for responses and a service of this kind on a callout server.
    fn elsewhere_by(kind: &str, rest: &str) -> Self {
        let uri = "http://services.example.com/own";
        let server = Opes::server(&Config::server().service(uri, kind, rest));
        let rule = format!("[[rules]]\ncallout_server = \"adapt\"\nservices = [{uri:?}]\n");
        let config = Config::gateway(server.address).table(&rule);
        Self { opes: Opes::gateway(&config), _server: Some(server) }
    }

    /// With these tables beside the services.
    fn with(tables: &str) -> Self {
        let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        let config = Config::gateway(nobody).table(SERVICES).table(tables);
        Self { opes: Opes::gateway(&config), _server: None }
    }

    fn connect(&self) -> Icap {
        Icap::open(self.opes.address)
    }
}

fn rules(rest: &str) -> String {
    format!(
        "[[rules]]\nname = \"requests\"\ndirection = \"request\"\n{rest}\n\n\
         [[rules]]\nname = \"responses\"\ndirection = \"response\"\n{rest}\n"
    )
}
