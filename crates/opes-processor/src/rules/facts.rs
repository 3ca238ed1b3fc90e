//! What conditions see of a message: named values that are looked up only when a condition asks for them.

use std::collections::BTreeMap;
use std::fmt::Debug;

use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelInt, CelList, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{ExecutionError, Value};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use opes_profile::list;

/// What is known of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its target.
    pub uri: &'a Uri,
    /// It came through TLS, which a target in origin form does not say.
    pub secure: bool,
    /// Its fields.
    pub headers: &'a HeaderMap,
    /// The octets of its body, where that is known beforehand.
    pub length: Option<u64>,
}

/// What is known of a response.
#[derive(Debug, Clone, Copy)]
pub struct ResponseFacts<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: &'a HeaderMap,
    /// The octets of its body, where that is known beforehand.
    pub length: Option<u64>,
}

/// What services say to later rules: names and values.
pub type Variables = BTreeMap<String, String>;

/// All that conditions see.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The request, as it is at the point.
    pub request: RequestFacts<'a>,
    /// The response; `None` before there is one.
    pub response: Option<ResponseFacts<'a>>,
    /// The data consumer's address.
    pub client: Option<&'a str>,
    /// What services at earlier points have set.
    pub variables: &'a Variables,
}

impl<'a> RequestFacts<'a> {
    fn scheme(&self) -> &'a str {
        self.uri.scheme_str().unwrap_or(if self.secure { "https" } else { "http" })
    }

    fn authority(&self) -> &'a str {
        let host = || self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        self.uri.authority().map_or_else(host, |authority| authority.as_str())
    }

    /// The host in lower case, without port and user information.
    fn host(&self) -> String {
        let authority = self.authority();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let end = match host.starts_with('[') {
            true => host.find(']').map_or(host.len(), |end| end + 1),
            false => host.find(':').unwrap_or(host.len()),
        };
        host[..end].to_ascii_lowercase()
    }

    fn port(&self) -> u16 {
        let named = self.authority().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        named.unwrap_or_else(|| if self.scheme() == "https" { 443 } else { 80 })
    }

    fn url(&self) -> String {
        match self.uri.scheme() {
            Some(_) => self.uri.to_string(),
            None => format!("{}://{}{}", self.scheme(), self.authority(), self.uri),
        }
    }
}

/// The names that conditions know, with what they stand for; `check` knows their types.
impl VariableResolver for Facts<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(name) = name.strip_prefix("request.") {
            return request(&self.request, name);
        }
        if let Some(name) = name.strip_prefix("response.") {
            return response(self.response.as_ref()?, name);
        }
        match name {
            "client.address" => Some(text(self.client.unwrap_or_default())),
            "vars" => Some(CowVal::owned(Named(self.variables))),
            _ => None,
        }
    }
}

fn request<'b>(request: &'b RequestFacts<'_>, name: &str) -> Option<CowVal<'b, 'b>> {
    Some(match name {
        "method" => text(request.method.as_str()),
        "url" => owned(request.url()),
        "scheme" => text(request.scheme()),
        "host" => owned(request.host()),
        "port" => number(i64::from(request.port())),
        "path" => text(request.uri.path()),
        "query" => text(request.uri.query().unwrap_or_default()),
        _ => return of_message(request.headers, request.length, name),
    })
}

fn response<'b>(response: &'b ResponseFacts<'_>, name: &str) -> Option<CowVal<'b, 'b>> {
    match name {
        "status" => Some(number(i64::from(response.status.as_u16()))),
        _ => of_message(response.headers, response.length, name),
    }
}

fn of_message<'b>(headers: &'b HeaderMap, length: Option<u64>, name: &str) -> Option<CowVal<'b, 'b>> {
    Some(match name {
        "headers" => CowVal::owned(Headers(headers)),
        "type" => owned(media_type(headers)),
        "length" => number(length.map_or(-1, |length| i64::try_from(length).unwrap_or(i64::MAX))),
        "coding" => CowVal::owned(texts(codings(headers))),
        _ => return None,
    })
}

/// The media type without parameters, in lower case; empty where there is none.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The content codings in the order of application, in lower case.
pub(crate) fn codings(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let elements =
        headers.get_all(CONTENT_ENCODING).into_iter().flat_map(|value| list::elements(value.as_bytes()));
    elements.map(|coding| String::from_utf8_lossy(coding).to_ascii_lowercase())
}

fn texts(texts: impl Iterator<Item = String>) -> CelList<'static> {
    texts.map(|text| Box::new(CelString::from(text)) as Box<dyn Val>).collect::<Vec<_>>().into()
}

fn text(text: &str) -> CowVal<'_, '_> {
    CowVal::owned(CelString::from(text))
}

fn owned<'b>(text: String) -> CowVal<'b, 'b> {
    CowVal::owned(CelString::from(text))
}

fn number<'b>(number: i64) -> CowVal<'b, 'b> {
    CowVal::owned(CelInt::from(number))
}

/// Fields by name: the list of the values, which is empty for a field that is missing.
#[derive(Debug, Clone, Copy)]
struct Headers<'a>(&'a HeaderMap);

/// Variables by name: empty text for one that was not set.
#[derive(Debug, Clone, Copy)]
struct Named<'a>(&'a Variables);

fn key(index: &dyn Val) -> Result<&str, ExecutionError> {
    let key = index.downcast_ref::<CelString<'_>>().map(CelString::inner);
    key.ok_or_else(|| ExecutionError::unsupported_key_type(Value::Null))
}

macro_rules! a_map {
    ($kind:ident) => {
        impl Val for $kind<'_> {
            fn get_type(&self) -> &Type {
                &MAP_TYPE
            }

            fn cel_type() -> &'static Type {
                &MAP_TYPE
            }

            fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
            where
                Self: 'v,
            {
                Some(self)
            }

            fn as_container(&self) -> Option<&dyn Container> {
                Some(self)
            }

            fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
            where
                Self: 'v,
            {
                Box::new(*self)
            }
        }

        impl Indexer for $kind<'_> {
            fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
            where
                Self: 'v,
            {
                Ok(CowVal::owned(self.value(key(index)?)))
            }

            fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
            where
                Self: 'v,
            {
                Ok(Box::new(self.value(key(index)?)))
            }
        }

        impl Container for $kind<'_> {
            fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
                Ok(self.has(key(value)?))
            }
        }
    };
}

a_map!(Headers);
a_map!(Named);

impl Headers<'_> {
    fn value(&self, name: &str) -> CelList<'static> {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { return CelList::default() };
        let values = self.0.get_all(name).iter();
        texts(values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl Named<'_> {
    fn value(&self, name: &str) -> CelString<'static> {
        CelString::from(self.0.get(name).cloned().unwrap_or_default())
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
