//! Application message parts and how OCP messages name them (RFC 4236 sections 3.1, 3.3 and 3.4).

use std::fmt;

use bytes::Bytes;
use ocp_proto::codec::number;

/// The named parameter of DUM that says which part its data belongs to (RFC 4236 section 3.4).
pub const AM_PART: &str = "AM-Part";

/// The named parameter of AMS that carries the body's size in octets (RFC 4236 section 3.3).
pub const AM_EL: &str = "AM-EL";

/// A part of an HTTP message, in the order of the profiles' part lists (RFC 4236 sections 3.1 and 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The request line, the request's fields and the empty line after them.
    RequestHeader,
    /// The request's body with its transfer codings removed.
    RequestBody,
    /// The request's trailer fields.
    RequestTrailer,
    /// The status line, the response's fields and the empty line after them.
    ResponseHeader,
    /// The response's body with its transfer codings removed.
    ResponseBody,
    /// The response's trailer fields.
    ResponseTrailer,
}

/// The message that a part belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The HTTP request.
    Request,
    /// The HTTP response.
    Response,
}

impl Part {
    /// Every part, in order.
    pub const ALL: [Self; 6] = [
        Self::RequestHeader,
        Self::RequestBody,
        Self::RequestTrailer,
        Self::ResponseHeader,
        Self::ResponseBody,
        Self::ResponseTrailer,
    ];

    /// The part that an `am-part` atom names; `None` when there is no such part. Names are case sensitive.
    pub fn from_token(token: &[u8]) -> Option<Self> {
        match token {
            b"request-header" => Some(Self::RequestHeader),
            b"request-body" => Some(Self::RequestBody),
            b"request-trailer" => Some(Self::RequestTrailer),
            b"response-header" => Some(Self::ResponseHeader),
            b"response-body" => Some(Self::ResponseBody),
            b"response-trailer" => Some(Self::ResponseTrailer),
            _ => None,
        }
    }

    /// The part's `am-part` atom.
    pub fn token(self) -> &'static str {
        match self {
            Self::RequestHeader => "request-header",
            Self::RequestBody => "request-body",
            Self::RequestTrailer => "request-trailer",
            Self::ResponseHeader => "response-header",
            Self::ResponseBody => "response-body",
            Self::ResponseTrailer => "response-trailer",
        }
    }

    /// The encoded AM-Part parameter line of a DUM message, with its CRLF. Allocates nothing.
    pub fn parameter(self) -> Bytes {
        Bytes::from_static(match self {
            Self::RequestHeader => b"AM-Part: request-header\r\n",
            Self::RequestBody => b"AM-Part: request-body\r\n",
            Self::RequestTrailer => b"AM-Part: request-trailer\r\n",
            Self::ResponseHeader => b"AM-Part: response-header\r\n",
            Self::ResponseBody => b"AM-Part: response-body\r\n",
            Self::ResponseTrailer => b"AM-Part: response-trailer\r\n",
        })
    }

    /// Whether this is a header part.
    pub fn is_header(self) -> bool {
        matches!(self, Self::RequestHeader | Self::ResponseHeader)
    }

    /// Whether this is a body part.
    pub fn is_body(self) -> bool {
        matches!(self, Self::RequestBody | Self::ResponseBody)
    }

    /// Whether this is a trailer part.
    pub fn is_trailer(self) -> bool {
        matches!(self, Self::RequestTrailer | Self::ResponseTrailer)
    }

    /// The message that the part belongs to.
    pub fn side(self) -> Side {
        match self {
            Self::RequestHeader | Self::RequestBody | Self::RequestTrailer => Side::Request,
            Self::ResponseHeader | Self::ResponseBody | Self::ResponseTrailer => Side::Response,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// The encoded AM-EL parameter line of an AMS message, with its CRLF.
///
/// `length` is the body's size in octets before any transfer coding, and is written only when it is known
/// exactly (RFC 4236 section 3.3). It is the caller's duty not to write a size past [`number::MAX`] to a peer
/// that has not agreed to larger ones.
pub fn am_el_parameter(length: u64) -> Bytes {
    const NAME: &[u8] = b"AM-EL: ";
    const END: &[u8] = b"\r\n";
    let digits = length.checked_ilog10().unwrap_or(0) as usize + 1;
    // Of the exact size, so that no second allocation is needed to share it.
    let mut line = Vec::with_capacity(NAME.len() + digits + END.len());
    line.extend_from_slice(NAME);
    number::write(length, &mut line);
    line.extend_from_slice(END);
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4236 section 3.1: the six am-part atoms.
    // req: HTTP-3.1-01
    #[test]
    fn six_tokens_name_six_parts() {
        let tokens = [
            "request-header",
            "request-body",
            "request-trailer",
            "response-header",
            "response-body",
            "response-trailer",
        ];
        for (part, token) in Part::ALL.into_iter().zip(tokens) {
            assert_eq!(part.token(), token);
            assert_eq!(part.to_string(), token);
            assert_eq!(Part::from_token(token.as_bytes()), Some(part));
        }
        for unknown in ["", "Request-Header", "response", "response-body ", "preamble"] {
            assert_eq!(Part::from_token(unknown.as_bytes()), None);
        }
    }

    // RFC 4236 section 3.2: parts are ordered as in the profiles' lists.
    // req: HTTP-3.2-02
    #[test]
    fn parts_are_ordered_as_in_the_profile_lists() {
        assert!(Part::ALL.is_sorted());
    }

    // RFC 4236 section 3.4, figure 12.
    // req: HTTP-3.4-02
    #[test]
    fn the_am_part_parameter_is_one_named_parameter_line() {
        assert_eq!(&Part::ResponseBody.parameter()[..], b"AM-Part: response-body\r\n");
        for part in Part::ALL {
            assert_eq!(part.parameter(), format!("{AM_PART}: {part}\r\n"));
        }
    }

    // RFC 4236 section 3.3, figure 10.
    #[test]
    fn the_am_el_parameter_carries_the_size_in_decimal() {
        assert_eq!(&am_el_parameter(123)[..], b"AM-EL: 123\r\n");
        assert_eq!(am_el_parameter(0), format!("{AM_EL}: 0\r\n"));
        assert_eq!(&am_el_parameter(u64::MAX)[..], b"AM-EL: 18446744073709551615\r\n");
    }

    #[test]
    fn each_part_is_of_one_kind_and_one_side() {
        for (at, part) in Part::ALL.into_iter().enumerate() {
            assert_eq!(
                [part.is_header(), part.is_body(), part.is_trailer()],
                [at % 3 == 0, at % 3 == 1, at % 3 == 2]
            );
            assert_eq!(part.side(), if at < 3 { Side::Request } else { Side::Response });
        }
    }
}
