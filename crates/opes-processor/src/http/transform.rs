//! What may be done to messages: `no-transform`, and where tunnels may go.

use http::HeaderMap;
use http::header::CACHE_CONTROL;

use super::fields::has_token;
use crate::rules::Allowed;

/// Whether the ends can forbid that content is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transformation {
    /// `Cache-Control: no-transform` is obeyed, as proxies have to (RFC 9110 section 7.7).
    Forbiddable,
    /// It is not: the proxy acts for one of the ends.
    Always,
}

impl Transformation {
    /// The services that are allowed for a message with these fields, or for the response to it.
    pub(super) fn of(self, headers: &HeaderMap) -> Allowed {
        let forbidden = self == Self::Forbiddable && has_token(headers, &CACHE_CONTROL, "no-transform");
        if forbidden { Allowed::ReadOnly } else { Allowed::All }
    }
}

/// Whether a tunnel may go to this port. Where nothing is configured: to HTTPS, and to ports that need no privilege
/// to listen on; so not to mail or remote shells.
pub(super) fn tunnel_allowed(configured: Option<&[u16]>, port: u16) -> bool {
    configured.map_or(port == 443 || port >= 1024, |ports| ports.contains(&port))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    // RFC 9110 section 7.7.
    #[test]
    fn no_transform_is_obeyed_unless_configured_otherwise() {
        let mut headers = HeaderMap::new();
        assert_eq!(Transformation::Forbiddable.of(&headers), Allowed::All);
        headers.append(CACHE_CONTROL, HeaderValue::from_static("max-age=3"));
        headers.append(CACHE_CONTROL, HeaderValue::from_static("public, No-Transform"));
        assert_eq!(Transformation::Forbiddable.of(&headers), Allowed::ReadOnly);
        assert_eq!(Transformation::Always.of(&headers), Allowed::All);
    }

    #[test]
    fn tunnels_go_to_https_and_unprivileged_ports() {
        for (port, allowed) in [(443, true), (8443, true), (22, false), (25, false), (80, false)] {
            assert_eq!(tunnel_allowed(None, port), allowed, "{port}");
        }
        assert!(tunnel_allowed(Some(&[22]), 22));
        assert!(!tunnel_allowed(Some(&[22]), 443));
    }
}
