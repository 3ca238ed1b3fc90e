//! The messages of `envoy.service.ext_proc.v3`, as far as a message without trailers needs them.

use bytes::Bytes;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProcessingRequest {
    #[prost(oneof = "Part", tags = "2, 3, 4, 5")]
    pub(crate) part: Option<Part>,
    #[prost(message, optional, tag = "11")]
    pub(crate) protocol_config: Option<ProtocolConfiguration>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Part {
    #[prost(message, tag = "2")]
    RequestHeaders(HttpHeaders),
    #[prost(message, tag = "3")]
    ResponseHeaders(HttpHeaders),
    #[prost(message, tag = "4")]
    RequestBody(HttpBody),
    #[prost(message, tag = "5")]
    ResponseBody(HttpBody),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProtocolConfiguration {
    #[prost(enumeration = "BodySendMode", tag = "1")]
    pub(crate) request_body_mode: i32,
    #[prost(enumeration = "BodySendMode", tag = "2")]
    pub(crate) response_body_mode: i32,
    #[prost(bool, tag = "3")]
    pub(crate) send_body_without_waiting_for_header_response: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum BodySendMode {
    None = 0,
    /// Each piece is answered by what is to be done with it.
    Streamed = 1,
    Buffered = 2,
    BufferedPartial = 3,
    /// The body goes to the processor, and whatever comes back takes its place.
    FullDuplexStreamed = 4,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HttpHeaders {
    #[prost(message, optional, tag = "1")]
    pub(crate) headers: Option<HeaderMap>,
    #[prost(bool, tag = "3")]
    pub(crate) end_of_stream: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    pub(crate) headers: Vec<HeaderValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HeaderValue {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) raw_value: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HttpBody {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) body: Bytes,
    #[prost(bool, tag = "2")]
    pub(crate) end_of_stream: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProcessingResponse {
    #[prost(oneof = "Answer", tags = "1, 2, 3, 4")]
    pub(crate) answer: Option<Answer>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Answer {
    #[prost(message, tag = "1")]
    RequestHeaders(Adapted),
    #[prost(message, tag = "2")]
    ResponseHeaders(Adapted),
    #[prost(message, tag = "3")]
    RequestBody(Adapted),
    #[prost(message, tag = "4")]
    ResponseBody(Adapted),
}

/// `HeadersResponse` and `BodyResponse`, which are alike.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Adapted {
    #[prost(message, optional, tag = "1")]
    pub(crate) response: Option<CommonResponse>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CommonResponse {
    #[prost(message, optional, tag = "3")]
    pub(crate) body_mutation: Option<BodyMutation>,
}

/// Of its three kinds the one that a body in full duplex has.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BodyMutation {
    #[prost(message, optional, tag = "3")]
    pub(crate) streamed_response: Option<HttpBody>,
}

impl Adapted {
    /// This piece of a body comes out.
    pub(crate) fn streamed(body: HttpBody) -> Self {
        let mutation = BodyMutation { streamed_response: Some(body) };
        Self { response: Some(CommonResponse { body_mutation: Some(mutation) }) }
    }

    /// The piece of a body that comes out.
    pub(crate) fn into_streamed(self) -> Option<HttpBody> {
        self.response?.body_mutation?.streamed_response
    }
}
