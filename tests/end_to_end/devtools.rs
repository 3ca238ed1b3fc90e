//! A browser without a window that a test drives, by the DevTools protocol of Chromium.

use std::net::TcpStream;

use opes_tests::client;
use opes_tests::patience::{PATIENCE, STEP, eventually};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::browser::Chromium;

/// One page of a browser of its own.
pub(crate) struct Driven {
    browser: Chromium,
    socket: WebSocket<TcpStream>,
    last: u64,
}

impl Driven {
    /// Opens this address.
    pub(crate) async fn open(url: &str) -> Self {
        Self::open_with(url, &[]).await
    }

    /// The same with these further options of the browser.
    pub(crate) async fn open_with(url: &str, options: &[&str]) -> Self {
        let driven = ["--no-proxy-server", "--remote-debugging-port=0"];
        let browser = Chromium::open(url, &[&driven[..], options].concat());
        let file = browser.profile().join("DevToolsActivePort");
        let port: u16 = eventually("the browser to say where it can be driven", || {
            std::fs::read_to_string(&file).ok()?.lines().next()?.parse().ok()
        });
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let end = std::time::Instant::now() + PATIENCE;
        let page = loop {
            let mut asked = client::request(http::Method::GET, "/json/list");
            // It answers only those who call it by its address.
            let host = address.to_string().parse().expect("a field value");
            asked.headers_mut().insert("host", host);
            let listed = client::fetch(address, asked).await.expect("a list of pages").text();
            let pages: Vec<Value> = serde_json::from_str(&listed).expect("JSON");
            if let Some(page) = pages.iter().find(|page| page["type"] == "page") {
                break page["webSocketDebuggerUrl"].as_str().expect("an address").to_owned();
            }
            assert!(std::time::Instant::now() < end, "the browser shows no page: {listed}");
            tokio::time::sleep(STEP).await;
        };
        let stream = TcpStream::connect(address).expect("the browser");
        stream.set_read_timeout(Some(PATIENCE)).expect("a TCP option");
        let (socket, _) = tungstenite::client(page, stream).expect("a WebSocket");
        Self { browser, socket, last: 0 }
    }

    /// The value of an expression in the page; `null` where there is none, as between two pages.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        self.last += 1;
        let parameters = json!({ "expression": expression, "returnByValue": true, "userGesture": true });
        let call = json!({ "id": self.last, "method": "Runtime.evaluate", "params": parameters });
        self.socket.send(Message::text(call.to_string())).expect("the browser takes it");
        loop {
            let Message::Text(text) = self.socket.read().expect("an answer of the browser") else { continue };
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            if answer["id"] == self.last {
                let said = &answer["result"];
                assert!(said["exceptionDetails"].is_null(), "{expression}: {answer}");
                return said["result"]["value"].clone();
            }
        }
    }

    /// Waits until an expression is true.
    pub(crate) fn wait(&mut self, what: &str, expression: &str) {
        eventually(what, || (self.evaluate(expression) == true).then_some(()));
    }

    /// The text of the page.
    pub(crate) fn text(&mut self) -> String {
        self.evaluate("document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Has the browser end.
    pub(crate) fn close(self) {
        self.browser.close();
    }
}
