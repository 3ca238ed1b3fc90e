//! `[[services]]` of the kind `clamav`.

use std::time::Duration;

use opes_services::{ClamAv, ClamAvAddress, ClamAvOptions, ClamAvPastMax, ClamAvPolicy};
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::service::ServiceTable;

/// The keys of this kind.
pub(super) const KEYS: &[&str] =
    &["address", "policy", "prefix_bytes", "max_bytes", "past_max", "timeout_seconds", "pool", "reason"];

/// How much of a message is scanned on its own with `policy = "prefix"`, unless told otherwise: octets.
const PREFIX: u64 = 65536;

/// The service that the table describes.
pub(super) fn service(
    source: &Source,
    uri: String,
    at: &Spanned<String>,
    table: &ServiceTable,
) -> Result<ClamAv, ConfigError> {
    let usual = ClamAvOptions::new(address(source, at)?);
    let max_bytes = number(source, "max_bytes", table.max_bytes.as_ref(), u64::MAX)?;
    let timeout = number(source, "timeout_seconds", table.timeout_seconds.as_ref(), 86400)?;
    let pool = number(source, "pool", table.pool.as_ref(), 65536)?;
    let options = ClamAvOptions {
        policy: policy(source, table)?,
        max_bytes: max_bytes.unwrap_or(usual.max_bytes),
        past_max: past_max(source, table)?.unwrap_or(usual.past_max),
        timeout: timeout.map_or(usual.timeout, Duration::from_secs),
        pool: pool.and_then(|pool| usize::try_from(pool).ok()).unwrap_or(usual.pool),
        reason: table.reason.as_ref().map_or(usual.reason, |reason| reason.get_ref().clone()),
        ..usual
    };
    Ok(ClamAv::new(uri, options))
}

fn address(source: &Source, address: &Spanned<String>) -> Result<ClamAvAddress, ConfigError> {
    let text = address.get_ref();
    if text.starts_with('/') {
        return Ok(ClamAvAddress::Unix(text.into()));
    }
    let port =
        text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    if matches!(port, Some(Ok(1..))) {
        return Ok(ClamAvAddress::Tcp(text.clone()));
    }
    let problem =
        format!("expected a host and a port, or the path of a socket (\"/run/clamd.sock\"), found {text:?}");
    Err(source.error(Some(address.span()), "services.address", problem))
}

fn policy(source: &Source, table: &ServiceTable) -> Result<ClamAvPolicy, ConfigError> {
    let prefix = number(source, "prefix_bytes", table.prefix_bytes.as_ref(), u64::MAX)?;
    let policy = choice(source, "policy", table.policy.as_ref(), ["hold", "prefix"])?;
    match (policy, &table.prefix_bytes) {
        (Some("prefix"), _) => Ok(ClamAvPolicy::Prefix { octets: prefix.unwrap_or(PREFIX) }),
        (_, None) => Ok(ClamAvPolicy::Hold),
        (_, Some(said)) => {
            let problem = "only policy = \"prefix\" has `prefix_bytes`";
            Err(source.error(Some(said.span()), "services.prefix_bytes", problem))
        }
    }
}

fn past_max(source: &Source, table: &ServiceTable) -> Result<Option<ClamAvPastMax>, ConfigError> {
    let said = choice(source, "past_max", table.past_max.as_ref(), ["refuse", "pass"])?;
    Ok(said.map(|said| if said == "pass" { ClamAvPastMax::Pass } else { ClamAvPastMax::Refuse }))
}

/// One of two words.
fn choice(
    source: &Source,
    key: &str,
    said: Option<&Spanned<String>>,
    allowed: [&'static str; 2],
) -> Result<Option<&'static str>, ConfigError> {
    let Some(said) = said else { return Ok(None) };
    let found = allowed.into_iter().find(|word| *word == said.get_ref());
    found.map(Some).ok_or_else(|| {
        let problem = format!("expected {:?} or {:?}, found {:?}", allowed[0], allowed[1], said.get_ref());
        source.error(Some(said.span()), &format!("services.{key}"), problem)
    })
}

/// A number from 1 to `most`.
fn number(
    source: &Source,
    key: &str,
    said: Option<&Spanned<u64>>,
    most: u64,
) -> Result<Option<u64>, ConfigError> {
    let Some(said) = said else { return Ok(None) };
    let value = *said.get_ref();
    if (1..=most).contains(&value) {
        return Ok(Some(value));
    }
    let problem = match most {
        u64::MAX => format!("expected a number of at least 1, found {value}"),
        _ => format!("expected a number from 1 to {most}, found {value}"),
    };
    Err(source.error(Some(said.span()), &format!("services.{key}"), problem))
}
