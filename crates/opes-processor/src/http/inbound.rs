//! A client's request made ready for services and the origin: one form for all versions of HTTP, and nothing in it
//! that was about the client's connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{CONNECTION, COOKIE, EXPECT, HOST, TE, UPGRADE, VIA};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use opes_profile::bypass::Bypass;
use opes_profile::http::correct::{is_decodable, remove_hop_by_hop};

use super::expect::{Gate, Opener};
use super::failed::Failed;
use super::fields::{has_token, takes_trailers};
use super::forwarded::Forwarded;
use super::framing::Suspicion;
use super::received::{Activity, Received};

/// Whom a request comes from.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// It speaks TLS with us.
    pub(super) secure: bool,
    /// Of having sent two framings.
    pub(super) suspicion: Suspicion,
    /// It speaks HTTP/1.0, in which a response may end with its connection.
    pub(super) delimited_by_close: Arc<AtomicBool>,
}

/// How requests are made ready.
pub(super) struct Reception {
    /// All requests go to one origin.
    pub(super) reverse: bool,
    /// How long a client that sends a body may be silent.
    pub(super) silence: Duration,
    pub(super) forwarded: Forwarded,
}

/// A request that the client wants to turn its connection into something else with.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) client: OnUpgrade,
    /// The protocols to change to; `None` for CONNECT.
    pub(super) protocols: Option<HeaderValue>,
}

/// A request as services get it. What was only for the next hop has been taken out of its fields.
pub(super) struct Inbound {
    pub(super) parts: Parts,
    pub(super) body: Received,
    pub(super) activity: Activity,
    pub(super) bypass: Bypass,
    pub(super) wish: Option<Wish>,
    /// Opens the body, where the client waits for that.
    pub(super) opener: Option<Opener>,
    /// The client takes trailers.
    pub(super) trailers: bool,
    /// The client says so.
    says_trailers: bool,
    /// How we appear in Via, by the version the message came in.
    pub(super) via: HeaderValue,
}

impl Reception {
    /// Makes a request ready.
    ///
    /// # Errors
    /// The request says in two ways, or not at all, where it is to go.
    pub(super) fn take(&self, mut request: Request<Incoming>, peer: &Peer) -> Result<Inbound, Failed> {
        if !is_decodable(request.headers()) {
            return Err(Failed::request("no transfer coding but chunked is supported"));
        }
        if request.version() < Version::HTTP_11 {
            peer.delimited_by_close.store(true, Ordering::Relaxed);
        }
        let protocols = wanted_protocols(&request);
        let wish = (protocols.is_some() || request.method() == Method::CONNECT)
            .then(|| Wish { client: hyper::upgrade::on(&mut request), protocols });
        let (mut parts, body) = request.into_parts();
        let bypass = Bypass::parse(&parts.headers);
        let trailers = takes_trailers(parts.version, &parts.headers);
        let says_trailers = trailers && has_token(&parts.headers, &TE, "trailers");
        let via = via(parts.version);
        // RFC 9110 section 7.6.1: fields about the client's connection end here.
        remove_hop_by_hop(&mut parts.headers);
        self.set_target(&mut parts, peer)?;
        join_cookies(&mut parts.headers);
        self.forwarded.add(&mut parts.headers, peer);
        // hyper can tell only an HTTP/1.1 client to go on.
        let expects = parts.version == Version::HTTP_11 && has_token(&parts.headers, &EXPECT, "100-continue");
        let (gate, opener) = if expects { Some(Gate::new()).unzip() } else { (None, None) };
        if !expects {
            // RFC 9110 section 10.1.1: of an HTTP/1.0 client it means nothing anyway.
            parts.headers.remove(EXPECT);
        }
        let (body, activity) = Received::from_client(body, gate, self.silence);
        Ok(Inbound { parts, body, activity, bypass, wish, opener, trailers, says_trailers, via })
    }

    /// RFC 9112 section 3.2: one target and one Host that agree, however the client has put it.
    fn set_target(&self, parts: &mut Parts, peer: &Peer) -> Result<(), Failed> {
        let named = host(parts)?;
        if parts.method == Method::CONNECT {
            return Ok(());
        }
        if parts.uri.scheme().is_none() && parts.uri.authority().is_some() {
            return Err(Failed::request("only CONNECT has a target in authority form"));
        }
        // Section 3.2.2: the target in absolute form decides, and Host is replaced. HTTP/2 has its :authority there.
        let authority = parts.uri.authority().cloned().or(named);
        if let Some(authority) = &authority {
            let value = HeaderValue::from_str(without_user(authority));
            parts.headers.insert(HOST, value.map_err(|_| Failed::request("unusable authority"))?);
        }
        if !self.reverse || parts.uri.path() == "*" {
            return Ok(());
        }
        let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        // In clear the target is as an origin gets it; behind TLS only the absolute form tells services so.
        parts.uri = match authority.filter(|_| peer.secure) {
            None => path.into(),
            Some(authority) => Uri::builder()
                .scheme(Scheme::HTTPS)
                .authority(authority)
                .path_and_query(path)
                .build()
                .map_err(|_| Failed::request("unusable request target"))?,
        };
        Ok(())
    }
}

/// The authority that Host names. RFC 9112 section 3.2: an HTTP/1.1 request has one, and only one, that is valid.
fn host(parts: &Parts) -> Result<Option<Authority>, Failed> {
    let mut all = parts.headers.get_all(HOST).iter();
    let Some(host) = all.next() else {
        return match parts.version {
            Version::HTTP_11 => Err(Failed::request("Host is missing")),
            _ => Ok(None),
        };
    };
    if all.next().is_some() {
        return Err(Failed::request("more than one Host"));
    }
    // A request for no host in particular has an empty one.
    if host.is_empty() {
        return Ok(None);
    }
    let authority = Authority::try_from(host.as_bytes()).ok().filter(|host| !host.as_str().contains('@'));
    authority.map(Some).ok_or_else(|| Failed::request("unusable Host"))
}

/// RFC 9110 section 4.2.4: user information is not passed on.
pub(super) fn without_user(authority: &Authority) -> &str {
    authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host)
}

/// The protocols that an HTTP/1.1 client wants to change to (RFC 9110 section 7.8). HTTP/2 is for us to choose.
fn wanted_protocols(request: &Request<Incoming>) -> Option<HeaderValue> {
    let headers = request.headers();
    let asked = request.version() == Version::HTTP_11 && has_token(headers, &CONNECTION, "upgrade");
    let protocols = headers.get(UPGRADE).filter(|_| asked)?;
    (!has_token(headers, &UPGRADE, "h2c")).then(|| protocols.clone())
}

/// RFC 9113 section 8.2.3: what HTTP/2 may split, HTTP/1.1 has in one field.
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// RFC 9110 section 7.6.3: an intermediary appends itself, with the version of the message it has received.
pub(super) fn via(version: Version) -> HeaderValue {
    HeaderValue::from_static(match version {
        Version::HTTP_09 | Version::HTTP_10 => "1.0 opes",
        Version::HTTP_2 => "2 opes",
        _ => "1.1 opes",
    })
}

impl Inbound {
    /// The fields for the next hop besides those that services may change.
    pub(super) fn next_hop(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut fields = vec![(VIA, self.via.clone())];
        if let Some(protocols) = self.wish.as_ref().and_then(|wish| wish.protocols.clone()) {
            fields.extend([(CONNECTION, HeaderValue::from_static("upgrade")), (UPGRADE, protocols)]);
        }
        if self.says_trailers {
            fields.extend(
                [(CONNECTION, "te"), (TE, "trailers")]
                    .map(|(name, value)| (name, HeaderValue::from_static(value))),
            );
        }
        fields
    }

    /// RFC 9110 section 7.6.2: a TRACE or OPTIONS that goes no further than here. Counts down otherwise.
    pub(super) fn ends_here(&mut self) -> bool {
        const MAX_FORWARDS: &str = "max-forwards";
        if !matches!(self.parts.method, Method::TRACE | Method::OPTIONS) {
            return false;
        }
        let left =
            self.parts.headers.get(MAX_FORWARDS).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        if let Some(left) = left.filter(|left| *left > 0) {
            self.parts.headers.insert(MAX_FORWARDS, HeaderValue::from(left - 1));
        }
        left == Some(0)
    }
}
