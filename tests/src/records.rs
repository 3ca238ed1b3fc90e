//! A proxy that keeps records, and what its administrator reads of them.

use std::net::SocketAddr;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::client::{self, Answer, request, with_field};
use crate::config::{Config, SYSTEM};
use crate::opes::{Opes, listening};
use crate::patience::{PATIENCE, STEP};
use crate::place::Place;

/// The administrator's token, with characters that have a meaning in a link.
pub const TOKEN: &str = "a+token/that=only&the-tests-know";

/// A running proxy with `[store]` and `[admin]`, whose folder outlives its process.
#[derive(Debug)]
pub struct Keeper {
    /// The processor.
    pub proxy: Opes,
    /// Where the administrator's pages are.
    pub admin: SocketAddr,
    config: Config,
    place: Place,
}

impl Keeper {
    /// Starts a proxy with this configuration.
    #[must_use]
    pub fn start(config: Config) -> Self {
        Self::keeping(config, "")
    }

    /// The same with these further lines in `[store]`.
    #[must_use]
    pub fn keeping(config: Config, lines: &str) -> Self {
        let place = Place::new();
        let token = place.write("token", TOKEN);
        let folder = place.path().join("records");
        let config = config
            .table(&format!("[store]\nfolder = {folder:?}\n{lines}"))
            .table(&format!("[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = {token:?}"));
        let (proxy, admin) = Self::run(&config);
        Self { proxy, admin, config, place }
    }

    fn run(config: &Config) -> (Opes, SocketAddr) {
        let proxy = Opes::proxy(config);
        let admin = proxy.process.line("listening line of the pages", |line| listening(line, " (admin)"));
        (proxy, admin)
    }

    /// Starts the proxy once more on what it has kept; the former one must have ended.
    pub fn restart(&mut self) {
        (self.proxy, self.admin) = Self::run(&self.config);
    }

    /// The link with which an administrator enters.
    #[must_use]
    pub fn link(&self) -> String {
        let codes = [("+", "%2B"), ("/", "%2F"), ("=", "%3D"), ("&", "%26")];
        let token = codes.iter().fold(TOKEN.to_owned(), |token, (plain, code)| token.replace(plain, code));
        format!("http://{}/?token={token}", self.admin)
    }

    /// Where the records are.
    #[must_use]
    pub fn folder(&self) -> std::path::PathBuf {
        self.place.path().join("records")
    }

    /// Gets a page of the administrator, with the token; as HTML.
    pub async fn page(&self, path: &str) -> Answer {
        self.ask(path, "text/html").await
    }

    /// Gets JSON, with the token.
    pub async fn json(&self, path: &str) -> (StatusCode, Value) {
        let answer = self.ask(path, "application/json").await;
        let text = answer.text();
        (answer.status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}")))
    }

    async fn ask(&self, path: &str, accept: &str) -> Answer {
        let asked = with_field(request(Method::GET, path), "authorization", &format!("Bearer {TOKEN}"));
        let answer = client::fetch(self.admin, with_field(asked, "accept", accept)).await;
        answer.unwrap_or_else(|broken| panic!("{path}: {broken}"))
    }

    /// The record of this id, which comes to the disk a little later than the message to its end.
    pub async fn record(&self, id: &str) -> Value {
        let path = format!("/api/messages/{id}");
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let (status, record) = self.json(&path).await;
            if status == StatusCode::OK {
                return record;
            }
            assert_eq!(status, StatusCode::NOT_FOUND, "{record}");
            assert!(std::time::Instant::now() < end, "there is no record of {id}");
            tokio::time::sleep(STEP).await;
        }
    }

    /// The first record for which this holds, of those that are there by then or come.
    pub async fn recent(&self, what: &str, picked: impl Fn(&Value) -> bool) -> Value {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let (_, list) = self.json("/api/messages?limit=200").await;
            let messages = list["messages"].as_array().expect("a list");
            if let Some(message) = messages.iter().find(|message| picked(message)) {
                return self.record(message["id"].as_str().expect("an id")).await;
            }
            assert!(std::time::Instant::now() < end, "there is no record of {what}: {list}");
            tokio::time::sleep(STEP).await;
        }
    }

    /// What everybody learns at the page of the system, with this query.
    pub async fn public(&self, query: &str, accept: &str) -> Answer {
        system_page(self.proxy.address, query, accept).await
    }
}

/// The page of the system of this proxy, with this query.
pub async fn system_page(proxy: SocketAddr, query: &str, accept: &str) -> Answer {
    let (_, path) = SYSTEM.split_once("opes.example.com").expect("the system's authority");
    let mut asked = with_field(request(Method::GET, &format!("{path}{query}")), "accept", accept);
    asked.headers_mut().insert("host", "opes.example.com".parse().expect("a field value"));
    client::fetch(proxy, asked).await.unwrap_or_else(|broken| panic!("{query}: {broken}"))
}
