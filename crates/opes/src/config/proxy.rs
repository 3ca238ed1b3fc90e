//! The configuration of an OPES processor for HTTP.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ocp::client::{BreakerConfig, Client, ClientConfig};
use opes_processor::Recorder;
use opes_processor::adapt::Recoding;
use opes_processor::http::{
    Forwarded, InvalidOrigin, Limits, OriginTls, OriginUri, ProxyConfig, ServerTls, Timeouts, Transformation,
};
use opes_processor::report::Observer;
use opes_processor::rules::Rules;
use opes_processor::system::System;
use opes_profile::http::{AuxParts, Extensions};
use opes_profile::trace::AgentIdError;
use serde::Deserialize;
use toml::Spanned;

use super::admin::{AdminTable, Answerable, answerable};
use super::error::{ConfigError, Source};
use super::http::{self, ForwardedKey, LimitsTable, NoTransform, OriginTlsTable, TimeoutsTable, TlsTable};
use super::rules::{Callout, NamedService, Names, RuleSettings, RuleTable};
use super::seconds;
use super::server::listen;
use super::store::StoreTable;
use super::trace::TraceTable;
use super::written::Written;

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "default_listen")]
    listen: Spanned<String>,
    origin: Option<Spanned<String>>,
    #[serde(default = "default_drain")]
    drain_seconds: u64,
    system: SystemTable,
    #[serde(default)]
    trace: TraceTable,
    store: Option<StoreTable>,
    admin: Option<AdminTable>,
    #[serde(default)]
    callout_servers: Vec<CalloutServerTable>,
    #[serde(default)]
    timeouts: TimeoutsTable,
    #[serde(default)]
    limits: LimitsTable,
    tls: Option<TlsTable>,
    #[serde(default)]
    origin_tls: OriginTlsTable,
    #[serde(default)]
    forwarded: ForwardedKey,
    no_transform: Option<NoTransform>,
    tunnel_ports: Option<Vec<u16>>,
    #[serde(default)]
    services: Vec<NamedService>,
    #[serde(default)]
    rules: Vec<RuleTable>,
}

/// `[system]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SystemTable {
    uri: Spanned<String>,
    processor: Option<Spanned<String>>,
    pub(super) references: Option<String>,
    pub(super) privacy: Option<String>,
    pub(super) responsible: Option<String>,
    pub(super) contact: Option<String>,
}

/// `[[callout_servers]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalloutServerTable {
    name: Spanned<String>,
    address: Spanned<String>,
    #[serde(default = "default_connections")]
    connections: usize,
    #[serde(default)]
    request_bytes: u64,
    #[serde(default)]
    send_client: bool,
    #[serde(default = "default_failures")]
    breaker_failures: u32,
    #[serde(default = "default_open")]
    breaker_seconds: u64,
}

fn default_failures() -> u32 {
    BreakerConfig::default().failures
}

fn default_open() -> u64 {
    BreakerConfig::default().open.as_secs()
}

fn default_listen() -> Spanned<String> {
    Spanned::new(0..0, "127.0.0.1:8080".to_owned())
}

pub(super) fn default_drain() -> u64 {
    10
}

fn default_connections() -> usize {
    4
}

/// What `opes proxy` runs with.
pub(crate) struct ProxyFile {
    pub(crate) listen: SocketAddr,
    pub(crate) drain: Duration,
    origin: Option<OriginUri>,
    pub(crate) tls: Option<ServerTls>,
    origin_tls: OriginTls,
    transformation: Transformation,
    tunnel_ports: Option<Vec<u16>>,
    forwarded: Forwarded,
    timeouts: Timeouts,
    limits: Limits,
    pub(crate) answerable: Answerable,
    pub(crate) adaptation: Adaptation,
    pub(crate) written: Written,
}

/// What may change while a proxy runs.
pub(crate) const LIVE: &[&str] = &[
    "callout_servers",
    "limits.decoded_bytes",
    "limits.decoded_ratio",
    "limits.recode_hold_bytes",
    "rules",
    "services",
    "timeouts.progress",
    "tls.certificate",
    "tls.key",
];

/// What is adapted, and how: all that may change while a proxy runs.
pub(crate) struct Adaptation {
    recoding: Recoding,
    servers: Vec<CalloutServer>,
    rules: Vec<RuleSettings>,
}

impl Adaptation {
    /// How many rules there are.
    pub(crate) fn rules(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is a rule with this name.
    pub(super) fn has_rule(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| *rule.name == *name)
    }

    /// How many services the rules name.
    pub(crate) fn services(&self) -> usize {
        self.rules.iter().flat_map(RuleSettings::services).collect::<HashSet<_>>().len()
    }

    /// The rules, and the clients that they use: those of `known` whose settings are the same, and new ones.
    pub(crate) fn into_rules(self, owners: Vec<String>, known: &[Client]) -> (Rules, Vec<Client>) {
        let mut known = known.to_vec();
        let mut client = |config: ClientConfig| match known.iter().position(|known| *known.config() == config)
        {
            Some(at) => known.swap_remove(at),
            None => Client::new(config),
        };
        let servers: Vec<Callout> = self
            .servers
            .into_iter()
            .map(|server| Callout {
                name: server.name.into(),
                client: client(server.config),
                request_octets: server.request_octets,
                tells_client: server.tells_client,
            })
            .collect();
        let rules = self.rules.into_iter().map(|rule| rule.into_rule(&servers, self.recoding)).collect();
        (Rules::new(rules, owners), servers.into_iter().map(|server| server.client).collect())
    }
}

/// A callout server, and how it is reached.
struct CalloutServer {
    name: String,
    config: ClientConfig,
    /// How many octets of a request it is offered with the response.
    request_octets: u64,
    /// It is told who the data consumer is.
    tells_client: bool,
}

impl ProxyFile {
    /// The processor, with clients for the callout servers and what the file says.
    pub(crate) fn into_processor(
        self,
        observer: Arc<dyn Observer>,
        recorder: Option<Recorder>,
    ) -> (ProxyConfig, Vec<Client>, Written) {
        let (rules, clients) = self.adaptation.into_rules(self.answerable.system.owners(), &[]);
        let config = ProxyConfig {
            origin: self.origin,
            tls: self.tls,
            origin_tls: self.origin_tls,
            rules: rules.into(),
            system: self.answerable.system,
            transformation: self.transformation,
            tunnel_ports: self.tunnel_ports,
            forwarded: self.forwarded,
            timeouts: self.timeouts,
            limits: self.limits,
            drain: self.drain,
            observer,
            recorder,
            page: self.answerable.page,
        };
        (config, clients, self.written)
    }
}

pub(super) fn settings(source: &Source) -> Result<ProxyFile, ConfigError> {
    let file: File = source.parse()?;
    let adaptation = adaptation(
        source,
        &AdaptationTables {
            callout_servers: &file.callout_servers,
            services: &file.services,
            rules: &file.rules,
            timeouts: &file.timeouts,
            limits: &file.limits,
            records: file.trace.records || file.store.is_some(),
        },
    )?;
    let origin = origin(source, file.origin.as_ref())?;
    let answerable = answerable(source, &file.system, &file.trace, file.store.as_ref(), file.admin.as_ref())?;
    Ok(ProxyFile {
        listen: listen(source, "listen", &file.listen)?,
        drain: Duration::from_secs(file.drain_seconds),
        answerable,
        tls: http::tls(source, file.tls.as_ref())?,
        origin_tls: http::origin_tls(source, &file.origin_tls, origin.as_ref())?,
        transformation: http::transformation(file.no_transform, origin.as_ref()),
        tunnel_ports: file.tunnel_ports,
        forwarded: file.forwarded.into(),
        timeouts: http::timeouts(source, &file.timeouts)?,
        limits: http::limits(source, &file.limits)?,
        origin,
        written: Written::new(source)?,
        adaptation,
    })
}

/// The tables that say what is adapted, and how.
pub(super) struct AdaptationTables<'a> {
    pub(super) callout_servers: &'a [CalloutServerTable],
    pub(super) services: &'a [NamedService],
    pub(super) rules: &'a [RuleTable],
    pub(super) timeouts: &'a TimeoutsTable,
    pub(super) limits: &'a LimitsTable,
    pub(super) records: bool,
}

/// What they come to.
pub(super) fn adaptation(source: &Source, tables: &AdaptationTables<'_>) -> Result<Adaptation, ConfigError> {
    let mut servers = callout_servers(source, tables)?;
    let positions = tables.callout_servers.iter().enumerate();
    let positions = positions.map(|(index, server)| (server.name.get_ref().as_str(), index)).collect();
    let names = Names::new(source, positions, tables.services)?;
    let rules = tables.rules.iter().enumerate().map(|(index, table)| names.rule(index + 1, table));
    let rules = rules.collect::<Result<Vec<_>, _>>()?;
    for (index, server) in servers.iter_mut().enumerate() {
        for group in rules.iter().flat_map(|rule| rule.groups(index)) {
            if !server.config.groups.contains(&group) {
                server.config.groups.push(group);
            }
        }
    }
    Ok(Adaptation { recoding: http::recoding(source, tables.limits)?, servers, rules })
}

fn origin(source: &Source, origin: Option<&Spanned<String>>) -> Result<Option<OriginUri>, ConfigError> {
    let Some(origin) = origin else { return Ok(None) };
    origin.get_ref().parse().map(Some).map_err(|InvalidOrigin| {
        let problem = format!(
            "expected an http or https URI without a path, such as http://127.0.0.1:9000, found {:?}",
            origin.get_ref()
        );
        source.error(Some(origin.span()), "origin", problem)
    })
}

pub(super) fn system(source: &Source, table: &SystemTable) -> Result<System, ConfigError> {
    let processor = table.processor.as_ref();
    let wrong = |error: AgentIdError| format!("expected an absolute URI that a trace can hold: {error}");
    if let Err(error) = System::new(table.uri.get_ref(), None) {
        return Err(source.error(Some(table.uri.span()), "system.uri", wrong(error)));
    }
    System::new(table.uri.get_ref(), processor.map(|processor| processor.get_ref().as_str()))
        .map_err(|error| source.error(processor.map(Spanned::span), "system.processor", wrong(error)))
}

fn callout_servers(source: &Source, file: &AdaptationTables<'_>) -> Result<Vec<CalloutServer>, ConfigError> {
    let mut servers: Vec<CalloutServer> = Vec::new();
    let connect = seconds(source, "timeouts.connect", file.timeouts.connect)?;
    let progress = seconds(source, "timeouts.progress", file.timeouts.progress)?;
    for table in file.callout_servers {
        let name = table.name.get_ref();
        if servers.iter().any(|known| known.name == *name) {
            let problem = format!("two callout servers are named {name:?}");
            return Err(source.error(Some(table.name.span()), "callout_servers.name", problem));
        }
        let address = table.address.get_ref();
        if !address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        {
            let problem = format!("expected a host and port such as 127.0.0.1:4037, found {address:?}");
            return Err(source.error(Some(table.address.span()), "callout_servers.address", problem));
        }
        let mut config = ClientConfig::new(address);
        config.connect = connect;
        config.limits.progress = progress;
        // RFC 4037 section 11.22: early enough for an answer.
        config.limits.ping = Some(progress / 2);
        config.breaker = BreakerConfig {
            failures: table.breaker_failures,
            open: seconds(source, "callout_servers.breaker_seconds", table.breaker_seconds)?,
        };
        config.connections = table.connections.max(1);
        if file.records {
            config.extensions = Extensions::ALL;
        }
        if table.request_bytes > 0 {
            config.aux = AuxParts::ALL;
        }
        servers.push(CalloutServer {
            name: name.clone(),
            config,
            request_octets: table.request_bytes,
            tells_client: table.send_client,
        });
    }
    Ok(servers)
}
