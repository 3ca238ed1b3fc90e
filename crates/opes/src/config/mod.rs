//! Configuration files: read, checked, and turned into what the crates below take.

mod admin;
#[cfg(feature = "clamav")]
mod clamav;
mod error;
#[cfg(feature = "icap")]
mod gateway;
mod http;
mod proxy;
mod rules;
mod server;
mod service;
mod store;
mod trace;
mod written;

use std::path::Path;
use std::time::Duration;

use opes_processor::rules::Rules;
use toml::Table;

pub(crate) use admin::{AdminSettings, Answerable};
pub(crate) use error::ConfigError;
use error::Source;
#[cfg(feature = "icap")]
pub(crate) use gateway::{GatewayFile, LIVE as LIVE_IN_GATEWAY};
pub(crate) use proxy::{LIVE as LIVE_IN_PROXY, ProxyFile};
pub(crate) use server::{HostedServices, LIVE as LIVE_IN_SERVER, ServerSettings};
pub(crate) use store::StoreSettings;
pub(crate) use written::Written;

/// Reads the configuration of `opes server`.
pub(crate) fn server(file: &Path) -> Result<ServerSettings, ConfigError> {
    let source = Source::read(file)?;
    server::settings(&source)
}

/// Reads the configuration of `opes proxy`.
pub(crate) fn proxy(file: &Path) -> Result<ProxyFile, ConfigError> {
    let source = Source::read(file)?;
    proxy::settings(&source)
}

/// Reads the configuration of `opes gateway`.
#[cfg(feature = "icap")]
pub(crate) fn gateway(file: &Path) -> Result<GatewayFile, ConfigError> {
    let source = Source::read(file)?;
    gateway::settings(&source)
}

/// The rules of a proxy or a gateway.
pub(crate) fn rules(file: &Path) -> Result<Rules, ConfigError> {
    let source = Source::read(file)?;
    #[cfg(feature = "icap")]
    if source.parse::<Table>()?.contains_key("icap") {
        return Ok(gateway::settings(&source)?.offers.adaptation.into_rules(Vec::new(), &[]).0);
    }
    Ok(proxy::settings(&source)?.adaptation.into_rules(Vec::new(), &[]).0)
}

/// Checks a file of any kind and says which it is.
pub(crate) fn check(file: &Path) -> Result<&'static str, ConfigError> {
    let source = Source::read(file)?;
    let table: Table = source.parse()?;
    #[cfg(feature = "icap")]
    if table.contains_key("icap") {
        return gateway::settings(&source).map(|_| "gateway");
    }
    if ["system", "rules", "callout_servers", "origin", "store", "admin"]
        .iter()
        .any(|key| table.contains_key(*key))
    {
        proxy::settings(&source).map(|_| "proxy")
    } else {
        server::settings(&source).map(|_| "server")
    }
}

/// A year, in seconds.
const LONG: u64 = 365 * 24 * 3600;

/// A duration in seconds from the file, which may not be 0.
fn seconds(source: &Source, key: &str, seconds: u64) -> Result<Duration, ConfigError> {
    match seconds {
        0 => Err(source.error(None, key, "expected at least 1 second")),
        LONG.. => Err(source.error(None, key, "expected less than a year")),
        _ => Ok(Duration::from_secs(seconds)),
    }
}
