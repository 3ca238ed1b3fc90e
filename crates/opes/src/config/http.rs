//! The part of a proxy's configuration that is about HTTP alone.

use std::path::PathBuf;

use opes_processor::adapt::{Bounds, Recoding};
use opes_processor::http::{
    Forwarded, Limits, OriginTls, OriginUri, ServerTls, Timeouts, TlsError, Transformation,
};
use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::seconds;

/// `[tls]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    certificate: Spanned<PathBuf>,
    key: Spanned<PathBuf>,
}

/// `[origin_tls]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OriginTlsTable {
    authorities: Option<Spanned<PathBuf>>,
}

/// `[timeouts]`, in seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TimeoutsTable {
    pub(super) connect: u64,
    pub(super) progress: u64,
    request_head: u64,
    request_body: u64,
    response_head: u64,
}

impl Default for TimeoutsTable {
    fn default() -> Self {
        let Timeouts { connect, request_head, request_body, response_head } = Timeouts::default();
        Self {
            connect: connect.as_secs(),
            progress: 30,
            request_head: request_head.as_secs(),
            request_body: request_body.as_secs(),
            response_head: response_head.as_secs(),
        }
    }
}

/// `[limits]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsTable {
    connections: usize,
    head_bytes: usize,
    head_fields: usize,
    streams_per_connection: u32,
    recode_hold_bytes: u64,
    decoded_ratio: u32,
    decoded_bytes: u64,
}

impl Default for LimitsTable {
    fn default() -> Self {
        let Limits { connections, head_octets, fields, streams } = Limits::default();
        let Recoding { hold_octets, bounds } = Recoding::default();
        Self {
            connections,
            head_bytes: head_octets,
            head_fields: fields,
            streams_per_connection: streams,
            recode_hold_bytes: hold_octets,
            decoded_ratio: bounds.ratio,
            decoded_bytes: bounds.octets,
        }
    }
}

/// `forwarded`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ForwardedKey {
    #[default]
    Off,
    Standard,
    XForwarded,
}

/// `no_transform`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NoTransform {
    Obey,
    Ignore,
}

pub(super) fn tls(source: &Source, table: Option<&TlsTable>) -> Result<Option<ServerTls>, ConfigError> {
    let Some(table) = table else { return Ok(None) };
    let [certificate, key] = [&table.certificate, &table.key].map(|path| source.beside(path.get_ref()));
    ServerTls::from_files(&certificate, &key).map(Some).map_err(|error| {
        let wrong_key = matches!(&error, TlsError::File { file, .. } if *file == key);
        let (span, name) = match wrong_key {
            true => (table.key.span(), "tls.key"),
            false => (table.certificate.span(), "tls.certificate"),
        };
        source.error(Some(span), name, error.to_string())
    })
}

/// What https origins are checked against; a reverse proxy for an origin in clear needs nothing.
pub(super) fn origin_tls(
    source: &Source,
    table: &OriginTlsTable,
    origin: Option<&OriginUri>,
) -> Result<OriginTls, ConfigError> {
    let (span, made) = match &table.authorities {
        Some(path) => (Some(path.span()), OriginTls::from_file(&source.beside(path.get_ref()))),
        None if origin.is_some_and(|origin| !origin.is_secure()) => (None, OriginTls::without_authorities()),
        None => (None, OriginTls::from_system()),
    };
    made.map_err(|error| source.error(span, "origin_tls.authorities", error.to_string()))
}

pub(super) fn timeouts(source: &Source, table: &TimeoutsTable) -> Result<Timeouts, ConfigError> {
    Ok(Timeouts {
        connect: seconds(source, "timeouts.connect", table.connect)?,
        request_head: seconds(source, "timeouts.request_head", table.request_head)?,
        request_body: seconds(source, "timeouts.request_body", table.request_body)?,
        response_head: seconds(source, "timeouts.response_head", table.response_head)?,
    })
}

pub(super) fn limits(source: &Source, table: &LimitsTable) -> Result<Limits, ConfigError> {
    // hyper takes no smaller heads.
    for (key, value, least) in [
        ("limits.connections", table.connections, 1),
        ("limits.head_bytes", table.head_bytes, 8192),
        ("limits.head_fields", table.head_fields, 1),
        ("limits.streams_per_connection", table.streams_per_connection as usize, 1),
    ] {
        if value < least {
            return Err(source.error(None, key, format!("expected at least {least}, found {value}")));
        }
    }
    Ok(Limits {
        connections: table.connections.min(tokio::sync::Semaphore::MAX_PERMITS),
        head_octets: table.head_bytes,
        fields: table.head_fields,
        streams: table.streams_per_connection,
    })
}

/// What is done about content codings.
pub(super) fn recoding(source: &Source, table: &LimitsTable) -> Result<Recoding, ConfigError> {
    if table.decoded_ratio == 0 {
        return Err(source.error(None, "limits.decoded_ratio", "expected at least 1, found 0"));
    }
    let bounds = Bounds { ratio: table.decoded_ratio, octets: table.decoded_bytes };
    Ok(Recoding { hold_octets: table.recode_hold_bytes, bounds })
}

/// Only a forward proxy stands between ends that it does not belong to.
pub(super) fn transformation(key: Option<NoTransform>, origin: Option<&OriginUri>) -> Transformation {
    match (key, origin) {
        (Some(NoTransform::Obey), _) | (None, None) => Transformation::Forbiddable,
        (Some(NoTransform::Ignore), _) | (None, Some(_)) => Transformation::Always,
    }
}

impl From<ForwardedKey> for Forwarded {
    fn from(key: ForwardedKey) -> Self {
        match key {
            ForwardedKey::Off => Self::Off,
            ForwardedKey::Standard => Self::Standard,
            ForwardedKey::XForwarded => Self::X,
        }
    }
}
