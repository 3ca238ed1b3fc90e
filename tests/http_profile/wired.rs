//! The usual arrangement with a tap between processor and callout server.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use http::Request;
use opes_tests::body::Body;
use opes_tests::client::{self, Answer};
use opes_tests::config::{Config, Rule};
use opes_tests::opes::Opes;
use opes_tests::origin::Origin;
use opes_tests::patience::eventually;
use opes_tests::tap::Tap;

use crate::messages::{Message, Reader};

/// Lets a message pass that does not begin with what is forbidden.
pub(crate) const PEEK: &str = "http://services.example.com/peek";

/// Origin, callout server and proxy, and all that the latter two say to each other.
pub(crate) struct Wired {
    pub(crate) origin: Origin,
    pub(crate) proxy: Opes,
    tap: Tap,
    _server: Opes,
}

impl Wired {
    pub(crate) async fn start(rules: &[Rule<'_>]) -> Self {
        let origin = Origin::start().await;
        Self::before(origin.address(), rules, origin).await
    }

    /// In front of another origin.
    pub(crate) async fn before(address: SocketAddr, rules: &[Rule<'_>], origin: Origin) -> Self {
        let server = Opes::server(&Config::server().service(PEEK, "peek", "first = 16\ndeny = \"evil\""));
        let tap = Tap::start(server.address).await;
        let proxy = Opes::proxy(&rules.iter().fold(Config::reverse(address, tap.address), Config::rule));
        Self { origin, proxy, tap, _server: server }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        client::get(self.proxy.address, path).await
    }

    pub(crate) async fn fetch(&self, request: Request<Body>) -> Answer {
        client::fetch(self.proxy.address, request).await.expect("a whole response")
    }

    /// What was said so far: by the processor, and by the server.
    pub(crate) fn said(&self) -> [Vec<Message>; 2] {
        let mut said = [Vec::new(), Vec::new()];
        for connection in self.tap.so_far() {
            for (said, octets) in said.iter_mut().zip(connection) {
                said.extend(Reader::new().read(&octets));
            }
        }
        said
    }

    /// What the processor has said, once so many transactions are over.
    pub(crate) fn original(&self, transactions: usize) -> Vec<Message> {
        eventually("the end of the transactions", || {
            let [said, answered] = self.said();
            // Either side may have been first.
            let ends = said.iter().chain(&answered).filter(|message| message.name() == "TE");
            let ended: BTreeSet<_> = ends.filter_map(Message::xid).collect();
            (ended.len() >= transactions).then_some(said)
        })
    }
}
