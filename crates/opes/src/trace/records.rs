//! What a running processor has kept under the identifiers of its trace entries, asked of its administrator's pages.

use std::collections::HashSet;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opes_profile::trace::{Explanation, Line, Whose};
use opes_record::TraceId;
use serde_json::Value;
use tokio::net::TcpStream;

use super::told::told;
use crate::cli::CommandError;

/// The most octets of an answer.
const MOST: usize = 1 << 20;
/// The most records that are asked for, as in the administrator's pages.
const MOST_RECORDS: usize = 32;

/// Where the administrator's pages are, and what they ask of a program.
pub(super) struct Records {
    authority: String,
    /// The value of `Authorization`.
    credentials: HeaderValue,
}

impl Records {
    /// From the link that a proxy prints: `http://127.0.0.1:8081/?token=TOKEN`. The token stands in it as a browser
    /// would send it from a form, so `+` is `%2B`.
    ///
    /// # Errors
    /// It is another text.
    pub(super) fn at(link: &str) -> Result<Self, CommandError> {
        let wrong = || {
            let expected =
                "expected the link that the proxy prints, such as http://127.0.0.1:8081/?token=TOKEN";
            CommandError::Input(format!(
                "--admin {link:?}: {expected}, with + / = & in the token as %2B %2F %3D %26"
            ))
        };
        let uri: Uri = link.parse().map_err(|_| wrong())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(wrong)?;
        let mut pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let token = pairs.next().filter(|(name, _)| name == "token").ok_or_else(wrong)?.1;
        if token.is_empty() || !token.bytes().all(|octet| octet.is_ascii_graphic()) || pairs.next().is_some()
        {
            return Err(wrong());
        }
        let mut credentials = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| wrong())?;
        credentials.set_sensitive(true);
        Ok(Self { authority: authority.to_string(), credentials })
    }

    /// What there is for the entries of ours, in words: each record once, and no more than 32 of them.
    ///
    /// # Errors
    /// The pages cannot be reached, or do not let us in.
    pub(super) async fn of(&self, explanation: &Explanation) -> Result<String, CommandError> {
        let ids = own_ids(&explanation.lines);
        let mut text = String::new();
        for id in ids.iter().take(MOST_RECORDS) {
            text.push('\n');
            text += &match self.find(*id).await? {
                Some(record) => told(*id, &record),
                None => format!("{id}: there is no record of it, or not any more\n"),
            };
        }
        if let Some(more @ 1..) = ids.len().checked_sub(MOST_RECORDS) {
            text +=
                &format!("\nThere are {more} more of our identifiers, whose records were not asked for.\n");
        }
        Ok(text)
    }

    async fn find(&self, id: TraceId) -> Result<Option<Value>, CommandError> {
        let failed = |error: String| CommandError::Failed(format!("http://{}: {error}", self.authority));
        let stream = TcpStream::connect(&self.authority).await.map_err(|error| failed(error.to_string()))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| failed(error.to_string()))?;
        tokio::spawn(connection);
        let request = Request::get(format!("/api/messages/{id}"))
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, self.credentials.clone())
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

/// The identifiers in entries of our own system, each once, as they come.
fn own_ids(lines: &[Line]) -> Vec<TraceId> {
    let mut seen = HashSet::new();
    lines.iter().filter_map(own_id).filter(|id| seen.insert(*id)).collect()
}

/// The identifier in an entry of our own system, not in one that only claims to be ours.
fn own_id(line: &Line) -> Option<TraceId> {
    let entry = line.entry.as_ref().ok().filter(|_| line.whose == Whose::Ours)?;
    let (_, id) = entry.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("id"))?;
    id.as_deref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use opes_profile::trace::{AgentId, explain};

    use super::*;

    const OWN: &str = "http://opes.example.com/system";

    #[test]
    fn the_link_that_a_proxy_prints_is_understood() {
        let records = Records::at("http://127.0.0.1:8081/?token=abc-def").unwrap();
        assert_eq!(
            (records.authority.as_str(), records.credentials.to_str().unwrap()),
            ("127.0.0.1:8081", "Bearer abc-def")
        );
        for wrong in [
            "",
            "127.0.0.1:8081",
            "https://127.0.0.1/?token=a",
            "http://127.0.0.1/",
            "http://127.0.0.1/?token=",
            "http://127.0.0.1/?token=a%0D%0AX",
            "http://127.0.0.1/?token=a+b/c=&",
            "http://127.0.0.1/?token=a&token=b",
        ] {
            assert!(Records::at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_taken_from_its_link_as_it_was_before() {
        let records = Records::at("http://[::1]:80/?token=a%2Bb%2Fc%3D%26").unwrap();
        assert_eq!(
            (records.authority.as_str(), records.credentials.to_str().unwrap()),
            ("[::1]:80", "Bearer a+b/c=&")
        );
        assert!(!format!("{:?}", records.credentials).contains("a+b"));
        let visible: String = ('!'..='~').collect();
        let link = opes_pages::Token::new(visible.clone()).unwrap().link("127.0.0.1:80");
        assert_eq!(Records::at(&link).unwrap().credentials, format!("Bearer {visible}"));
    }

    #[test]
    fn each_record_is_asked_for_once_and_nothing_that_is_none() {
        let own = [AgentId::new(OWN).unwrap()];
        let ids = [1, 2].map(TraceId::first_of);
        let [one, two] = ids;
        let trace = format!(
            "{OWN};id={one}, {OWN};id={two}, {OWN};id={one}, {OWN};id={}, {OWN};id=../x, {OWN};id, \
             http://f.example/;id={}",
            "x".repeat(9_000),
            TraceId::first_of(3),
        );
        assert_eq!(own_ids(&explain(&format!("OPES-System: {trace}"), &own).lines), ids);
    }

    #[test]
    fn an_entry_that_only_claims_to_be_ours_leads_to_no_record() {
        let own = [AgentId::new(OWN).unwrap()];
        let [one, two, three] = [1, 2, 3].map(TraceId::first_of);
        for (last, expected) in [
            (format!("{OWN};id={three}"), &[one, two, three][..]),
            (format!("{OWN};id={three};claimed=1"), &[one, three]),
            (format!("{OWN};id={three};claimed=2"), &[three]),
            ("http://f.example/;claimed=2".to_owned(), &[one, two]),
        ] {
            let text = format!("OPES-System: {OWN};id={one}, {OWN};id={two}, {last}");
            assert_eq!(own_ids(&explain(&text, &own).lines), expected, "{text}");
        }
    }
}
