//! The usual arrangement: an origin, a callout server, and a reverse proxy between them and the client.

use http::Request;

use crate::body::Body;
use crate::client::{self, Answer, Broken, Connection};
use crate::config::{Config, Rule};
use crate::opes::Opes;
use crate::origin::Origin;

/// Origin, callout server and proxy, all running.
#[derive(Debug)]
pub struct Stack {
    /// What is proxied.
    pub origin: Origin,
    /// The callout server.
    pub server: Opes,
    /// The processor.
    pub proxy: Opes,
}

impl Stack {
    /// Starts all three with these rules.
    pub async fn start(rules: &[Rule<'_>]) -> Self {
        Self::start_with("127.0.0.1", rules, "").await
    }

    /// The same with the callout server on an IP address of its own, for tests that start it again. The proxy tries it
    /// with every message, however often it has failed.
    pub async fn start_on(address: &str, rules: &[Rule<'_>]) -> Self {
        Self::start_with(address, rules, "breaker_failures = 0").await
    }

    async fn start_with(address: &str, rules: &[Rule<'_>], callout: &str) -> Self {
        let origin = Origin::start().await;
        let server = Opes::server(&Config::server_on(address));
        let mut config = Config::reverse(origin.address(), server.address).table(callout);
        for rule in rules {
            config = config.rule(rule);
        }
        let proxy = Opes::proxy(&config);
        Self { origin, server, proxy }
    }

    /// Gets a path through the proxy; the response must arrive whole.
    pub async fn get(&self, path: &str) -> Answer {
        client::get(self.proxy.address, path).await
    }

    /// Sends a request through the proxy on a connection of its own.
    pub async fn fetch(&self, request: Request<Body>) -> Result<Answer, Broken> {
        client::fetch(self.proxy.address, request).await
    }

    /// A connection to the proxy.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.proxy.address).await
    }
}
