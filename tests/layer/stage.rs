//! The same routes behind the proxy, and in an axum application with the layer around it.

use std::net::SocketAddr;

use axum::Router;
use http::Request;
use ocp::client::{Client, ClientConfig};
use opes_processor::rules::{OnFailure, Point, Rule as ProcessorRule, Run};
use opes_profile::http::Profile;
use opes_tests::body::Body;
use opes_tests::client::{self, Answer};
use opes_tests::config::{Config, Rule as ProxyRule};
use opes_tests::opes::Opes;
use opes_tests::origin::Origin;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::axum_app;

/// A rule, for either form of the processor.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    profile: Profile,
    services: &'static [&'static str],
    on_failure: OnFailure,
}

impl Rule {
    pub(crate) const fn request(services: &'static [&'static str]) -> Self {
        Self { profile: Profile::Request, services, on_failure: OnFailure::Fail }
    }

    pub(crate) const fn response(services: &'static [&'static str]) -> Self {
        Self { profile: Profile::Response, services, on_failure: OnFailure::Fail }
    }

    pub(crate) const fn or_pass(self) -> Self {
        Self { on_failure: OnFailure::Pass, ..self }
    }

    /// In code.
    pub(crate) fn in_code(self, callout: SocketAddr) -> ProcessorRule {
        let client = Client::new(ClientConfig::new(callout.to_string()));
        let run = Run { on_failure: self.on_failure, ..Run::callout(client, self.services.iter().copied()) };
        let point = match self.profile {
            Profile::Request => Point::RequestIn,
            Profile::Response => Point::ResponseOut,
        };
        ProcessorRule::new("rule", point, vec![run])
    }

    /// In a configuration.
    fn configured(self) -> ProxyRule<'static> {
        let rule = match self.profile {
            Profile::Request => ProxyRule::request(self.services),
            Profile::Response => ProxyRule::response(self.services),
        };
        if self.on_failure == OnFailure::Pass { rule.or_pass() } else { rule }
    }
}

/// Routes, and a processor before them.
pub(crate) struct Stage {
    /// For messages of tests.
    pub(crate) name: &'static str,
    pub(crate) origin: Origin,
    address: SocketAddr,
    _server: Opes,
    _proxy: Option<Opes>,
    serving: Option<AbortHandle>,
}

impl Stage {
    /// Both forms, with these rules.
    pub(crate) async fn both(rules: &[Rule]) -> [Self; 2] {
        [Self::proxy(rules).await, Self::axum(rules).await]
    }

    async fn proxy(rules: &[Rule]) -> Self {
        let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
        let config = Config::reverse(origin.address(), server.address);
        let proxy = Opes::proxy(&rules.iter().fold(config, |config, rule| config.rule(&rule.configured())));
        Self {
            name: "the proxy",
            origin,
            address: proxy.address,
            _server: server,
            _proxy: Some(proxy),
            serving: None,
        }
    }

    /// An axum application with the same routes.
    async fn axum(rules: &[Rule]) -> Self {
        let origin = Origin::start().await;
        let routes = origin.routes();
        let app = Router::new().fallback(async move |request: Request<axum::body::Body>| {
            routes.answer(request).map(axum::body::Body::new)
        });
        Self::around(origin, app, rules).await
    }

    /// The layer around this application.
    pub(crate) async fn around(origin: Origin, app: Router, rules: &[Rule]) -> Self {
        let server = Opes::server(&Config::server());
        let rules = rules.iter().map(|rule| rule.in_code(server.address)).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let serving = tokio::spawn(axum_app::serve(listener, app, rules)).abort_handle();
        Self { name: "the layer", origin, address, _server: server, _proxy: None, serving: Some(serving) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The response, which must arrive whole.
    pub(crate) async fn fetch(&self, request: Request<Body>) -> Answer {
        let fetched = client::fetch(self.address, request).await;
        fetched.unwrap_or_else(|broken| panic!("{}: {broken}", self.name))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.fetch(client::request(http::Method::GET, path)).await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.serving.iter().for_each(AbortHandle::abort);
    }
}
