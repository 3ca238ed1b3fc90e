//! Responses, with the fields that every one of them has.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use maud::Markup;
use serde_json::{Value, json};

use crate::negotiate::Format;
use crate::page;

/// The most octets of a path and its query; a longer one is refused.
pub const TARGET_OCTETS: usize = 4096;

/// Why a request is not answered as it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// One sentence for the one who asked.
    pub(crate) why: String,
    /// The methods that there are, where the method is what is wrong.
    pub(crate) allow: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, why: why.into(), allow: None }
    }

    pub(crate) fn method(allow: &'static str) -> Self {
        let why = format!("This resource has only {allow}.");
        Self { status: StatusCode::METHOD_NOT_ALLOWED, why, allow: Some(allow) }
    }

    /// The answer, as a page or as JSON; the page names its subject and leads on to this address.
    pub(crate) fn answer(&self, format: Format, subject: &str, onward: &str) -> Answer {
        let mut answer = match format {
            Format::Json => Answer::json(self.status, &json!({ "error": self.why })),
            Format::Html => Answer::html(self.status, page::refusal(self, subject, onward)),
        };
        if let Some(allow) = self.allow {
            answer = answer.with(ALLOW, HeaderValue::from_static(allow));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            answer = answer.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

/// What is answered, whatever the method.
pub(crate) struct Answer(Response<Bytes>);

impl Answer {
    pub(crate) fn html(status: StatusCode, markup: Markup) -> Self {
        Self::new(status, "text/html; charset=utf-8", markup.into_string().into())
    }

    pub(crate) fn json(status: StatusCode, value: &Value) -> Self {
        Self::new(status, "application/json", format!("{value:#}\n").into())
    }

    pub(crate) fn new(status: StatusCode, kind: &'static str, body: Bytes) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let fields = [
            (CONTENT_TYPE, HeaderValue::from_static(kind)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (CONTENT_SECURITY_POLICY, page::security_policy()),
            (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
            (VARY, HeaderValue::from_static("accept")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        ];
        response.headers_mut().extend(fields);
        Self(response)
    }

    /// With this field instead of any of its name.
    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().insert(name, value);
        self
    }

    /// The same fields, with another page.
    #[must_use]
    pub(crate) fn showing(mut self, markup: Markup) -> Self {
        *self.0.body_mut() = markup.into_string().into();
        self
    }

    /// The response to a request of this method (RFC 9110 section 9.3.2).
    pub(crate) fn to(mut self, method: &Method) -> Response<Bytes> {
        let length = self.0.body().len();
        self.0.headers_mut().insert(CONTENT_LENGTH, length.into());
        if method == Method::HEAD {
            *self.0.body_mut() = Bytes::new();
        }
        self.0
    }
}

/// Refuses a target that is too long.
pub(crate) fn check_target(target: &Uri) -> Result<(), Refusal> {
    let octets = target.path_and_query().map_or(0, |target| target.as_str().len());
    if octets <= TARGET_OCTETS {
        return Ok(());
    }
    let why = format!("The path and its query have more than {TARGET_OCTETS} octets.");
    Err(Refusal::new(StatusCode::URI_TOO_LONG, why))
}
