//! What a running processor has kept under the identifiers of its trace entries, asked of its administrator's pages.

use std::fmt::Write;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opes_profile::trace::{Explanation, Line, Whose};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::cli::CommandError;

/// The most octets of an answer.
const MOST: usize = 1 << 20;

/// Where the administrator's pages are, and the token.
pub(super) struct Records {
    authority: String,
    token: String,
}

impl Records {
    /// From the link that a proxy prints: `http://127.0.0.1:8081/?token=TOKEN`.
    ///
    /// # Errors
    /// It is another text.
    pub(super) fn at(link: &str) -> Result<Self, CommandError> {
        let wrong = || {
            let expected =
                "expected the link that the proxy prints, such as http://127.0.0.1:8081/?token=TOKEN";
            CommandError::Input(format!("--admin {link:?}: {expected}"))
        };
        let uri: Uri = link.parse().map_err(|_| wrong())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(wrong)?;
        let token = uri.query().and_then(|query| query.strip_prefix("token=")).ok_or_else(wrong)?;
        Ok(Self { authority: authority.to_string(), token: token.to_owned() })
    }

    /// What there is for the entries of ours, in words.
    ///
    /// # Errors
    /// The pages cannot be reached, or do not let us in.
    pub(super) async fn of(&self, explanation: &Explanation) -> Result<String, CommandError> {
        let mut ids: Vec<&str> = explanation.lines.iter().filter_map(own_id).collect();
        ids.dedup();
        let mut text = String::new();
        for id in ids {
            text += &match self.find(id).await? {
                Some(record) => told(id, &record),
                None => format!("{id}: there is no record of it, or not any more\n"),
            };
        }
        Ok(text)
    }

    async fn find(&self, id: &str) -> Result<Option<Value>, CommandError> {
        let failed = |error: String| CommandError::Failed(format!("http://{}: {error}", self.authority));
        let stream = TcpStream::connect(&self.authority).await.map_err(|error| failed(error.to_string()))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| failed(error.to_string()))?;
        tokio::spawn(connection);
        let request = Request::get(format!("/api/messages/{id}"))
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Empty::<Bytes>::new())
            .map_err(|error| failed(error.to_string()))?;
        let response = sender.send_request(request).await.map_err(|error| failed(error.to_string()))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => return Ok(None),
            status => return Err(failed(format!("the administrator's pages answer {status}"))),
        }
        let body = Limited::new(response.into_body(), MOST).collect().await;
        let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
        serde_json::from_slice(&body).map(Some).map_err(|error| failed(error.to_string()))
    }
}

/// The identifier in an entry of our own system.
fn own_id(line: &Line) -> Option<&str> {
    let entry = line.entry.as_ref().ok().filter(|_| line.whose == Whose::Ours)?;
    let (_, id) = entry.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("id"))?;
    // It becomes a part of a path.
    id.as_deref().filter(|id| !id.is_empty() && id.bytes().all(|octet| octet.is_ascii_alphanumeric()))
}

/// A record in a few lines.
fn told(id: &str, record: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), printable);
    let mut lines = format!(
        "{id}: {} of {} {}: {}, {} octets in, {} out, {} us\n",
        text(&record["direction"]),
        text(&record["method"]),
        text(&record["uri"]),
        text(&record["outcome"]),
        record["octets_in"],
        record["octets_out"],
        record["micros"]
    );
    let each = |key: &str| record[key].as_array().cloned().unwrap_or_default();
    // Writing to a string does not fail.
    for rule in each("rules") {
        let _ = writeln!(lines, "  rule {} at {}", text(&rule["rule"]), text(&rule["point"]));
    }
    for service in each("services") {
        let place = match service["callout_server"].is_null() {
            true => "in the processor".to_owned(),
            false => format!("on {}", text(&service["callout_server"]["name"])),
        };
        let (octets, back) = (&service["octets_in"], &service["octets_out"]);
        let _ = writeln!(lines, "  {} {place}: {octets} octets in, {back} out", text(&service["uri"]));
    }
    for bypass in each("bypasses") {
        let done = if bypass["honoured"] == true { "left out" } else { "applied nevertheless" };
        let _ = writeln!(lines, "  bypass of {}: {done}", text(&bypass["entry"]));
    }
    if let Some(failure) = record["failure"].as_str() {
        let _ = writeln!(lines, "  failure: {}", printable(failure));
    }
    lines
}

/// Text of others for a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_that_a_proxy_prints_is_understood() {
        let records = Records::at("http://127.0.0.1:8081/?token=abc-def").unwrap();
        assert_eq!((records.authority.as_str(), records.token.as_str()), ("127.0.0.1:8081", "abc-def"));
        for wrong in ["", "127.0.0.1:8081", "https://127.0.0.1/?token=a", "http://127.0.0.1/"] {
            assert!(Records::at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_others_have_said_moves_no_cursor() {
        let record = serde_json::json!({
            "direction": "response", "method": "GET", "uri": "/\u{1b}[2J", "outcome": "adapted",
            "octets_in": 1, "octets_out": 2, "micros": 3, "failure": "a\nb",
            "rules": [{ "rule": "#1", "point": "response-out" }],
            "services": [{ "uri": "http://s/", "callout_server": { "name": "c" }, "octets_in": 4, "octets_out": 5 }],
            "bypasses": [{ "entry": "*", "honoured": false }],
        });
        assert_eq!(
            told("id", &record),
            "id: response of GET /\u{fffd}[2J: adapted, 1 octets in, 2 out, 3 us\n  rule #1 at response-out\n  \
             http://s/ on c: 4 octets in, 5 out\n  bypass of *: applied nevertheless\n  failure: a\u{fffd}b\n"
        );
    }
}
