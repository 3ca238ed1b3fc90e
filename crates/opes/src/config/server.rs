//! The configuration of a callout server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ocp::server::{Bounds, Recoding, Services};
use ocp_proto::Limits;
use ocp_proto::codec::DecoderLimits;
use opes_sdk::ServiceFactory;
use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::seconds;
use super::service::{ServiceTable, service};
use super::written::Written;

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerFile {
    #[serde(default = "default_listen")]
    listen: Spanned<String>,
    #[serde(default = "default_drain")]
    drain_seconds: u64,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    services: Vec<ServiceTable>,
}

/// `[limits]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsTable {
    connections: usize,
    transactions_per_connection: usize,
    service_groups_per_connection: usize,
    message_bytes: usize,
    head_bytes: usize,
    nesting_depth: usize,
    idle_seconds: u64,
    progress_seconds: u64,
    service_seconds: u64,
    recode_hold_bytes: u64,
    decoded_bytes: u64,
    decoded_ratio: u32,
}

impl Default for LimitsTable {
    fn default() -> Self {
        Self {
            connections: 1024,
            transactions_per_connection: 1024,
            service_groups_per_connection: 64,
            message_bytes: 65_536,
            head_bytes: 256 * 1024,
            nesting_depth: 16,
            idle_seconds: 300,
            progress_seconds: 60,
            service_seconds: 300,
            recode_hold_bytes: 256 * 1024,
            decoded_bytes: 4 << 30,
            decoded_ratio: 250,
        }
    }
}

fn default_listen() -> Spanned<String> {
    Spanned::new(0..0, "127.0.0.1:4037".to_owned())
}

fn default_drain() -> u64 {
    10
}

/// What `opes server` runs with.
pub(crate) struct ServerSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) drain: Duration,
    pub(crate) connections: usize,
    pub(crate) limits: Limits,
    pub(crate) patience: Duration,
    pub(crate) head_octets: usize,
    pub(crate) recoding: Recoding,
    pub(crate) services: HostedServices,
    pub(crate) written: Written,
}

/// What may change while a server runs.
pub(crate) const LIVE: &[&str] = &["services"];

/// The services of a file, each with what the file says of it.
pub(crate) struct HostedServices(Vec<(ServiceTable, Arc<dyn ServiceFactory>)>);

impl HostedServices {
    /// Takes over those of `before` of which the file says the same: whoever uses them does not notice anything.
    pub(crate) fn keep(&mut self, before: &Self) {
        for (table, factory) in &mut self.0 {
            if let Some((_, known)) = before.0.iter().find(|(known, _)| known == table) {
                *factory = Arc::clone(known);
            }
        }
    }

    /// For the callout server.
    pub(crate) fn hosted(&self) -> Services {
        let mut services = Services::new();
        self.0.iter().for_each(|(_, factory)| services.add(Arc::clone(factory)));
        services
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

pub(super) fn settings(source: &Source) -> Result<ServerSettings, ConfigError> {
    let file: ServerFile = source.parse()?;
    let mut services = HostedServices(Vec::new());
    for table in file.services {
        let service = service(source, &table)?;
        if services.0.iter().any(|(known, _)| known.uri == table.uri) {
            let problem = "two services have this uri; each service needs its own";
            return Err(source.error(Some(table.uri.span()), "services.uri", problem));
        }
        services.0.push((table, service));
    }
    Ok(ServerSettings {
        listen: listen(source, "listen", &file.listen)?,
        drain: Duration::from_secs(file.drain_seconds),
        connections: at_least_one(source, "limits.connections", file.limits.connections)?,
        limits: limits(source, &file.limits)?,
        patience: seconds(source, "limits.service_seconds", file.limits.service_seconds)?,
        head_octets: match file.limits.head_bytes {
            octets if octets >= 8192 => octets,
            _ => return Err(source.error(None, "limits.head_bytes", "expected at least 8192")),
        },
        recoding: recoding(source, &file.limits)?,
        services,
        written: Written::new(source)?,
    })
}

fn recoding(source: &Source, table: &LimitsTable) -> Result<Recoding, ConfigError> {
    if table.decoded_ratio == 0 {
        return Err(source.error(None, "limits.decoded_ratio", "expected at least 1"));
    }
    let bounds = Bounds { ratio: table.decoded_ratio, octets: table.decoded_bytes };
    Ok(Recoding { hold: table.recode_hold_bytes, bounds })
}

/// An address to listen on.
pub(super) fn listen(
    source: &Source,
    key: &str,
    listen: &Spanned<String>,
) -> Result<SocketAddr, ConfigError> {
    listen.get_ref().parse().map_err(|_| {
        let problem =
            format!("expected an address and port such as 127.0.0.1:4037, found {:?}", listen.get_ref());
        source.error(Some(listen.span()), key, problem)
    })
}

fn limits(source: &Source, table: &LimitsTable) -> Result<Limits, ConfigError> {
    Ok(Limits {
        decoder: DecoderLimits {
            message_octets: match table.message_bytes {
                bytes if bytes >= 256 => bytes,
                _ => return Err(source.error(None, "limits.message_bytes", "expected at least 256")),
            },
            nesting_depth: at_least_one(source, "limits.nesting_depth", table.nesting_depth)?.min(256),
        },
        transactions: at_least_one(
            source,
            "limits.transactions_per_connection",
            table.transactions_per_connection,
        )?,
        // RFC 4037 section 11.3: at least one.
        groups: at_least_one(
            source,
            "limits.service_groups_per_connection",
            table.service_groups_per_connection,
        )?,
        idle: seconds(source, "limits.idle_seconds", table.idle_seconds)?,
        progress: seconds(source, "limits.progress_seconds", table.progress_seconds)?,
        ..Limits::default()
    })
}

fn at_least_one(source: &Source, key: &str, number: usize) -> Result<usize, ConfigError> {
    match number {
        0 => Err(source.error(None, key, "expected at least 1")),
        _ => Ok(number),
    }
}
