//! The configuration of an OPES processor for HTTP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ocp::client::{Client, ClientConfig, GroupSpec};
use opes_processor::http::{
    Forwarded, InvalidOrigin, Limits, OriginTls, OriginUri, ProxyConfig, ServerTls, Timeouts, Transformation,
};
use opes_processor::report::Observer;
use opes_processor::rules::{OnFailure, Rule, Rules};
use opes_processor::system::System;
use opes_profile::http::{AuxParts, Profile};
use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::http::{self, ForwardedKey, LimitsTable, NoTransform, OriginTlsTable, TimeoutsTable, TlsTable};
use super::seconds;
use super::server::listen;

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
    rules: Vec<RuleTable>,
}

/// `[system]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemTable {
    uri: Spanned<String>,
    processor: Option<Spanned<String>>,
}

/// `[[callout_servers]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalloutServerTable {
    name: Spanned<String>,
    address: Spanned<String>,
    #[serde(default = "default_connections")]
    connections: usize,
    #[serde(default)]
    request_bytes: u64,
}

/// `[[rules]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    callout_server: Spanned<String>,
    #[serde(default)]
    direction: Direction,
    services: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    read_only: Vec<Spanned<String>>,
    #[serde(default)]
    on_failure: Policy,
    #[serde(default = "default_replay")]
    replay_bytes: u64,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Request,
    #[default]
    Response,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    #[default]
    Fail,
    Pass,
}

fn default_listen() -> Spanned<String> {
    Spanned::new(0..0, "127.0.0.1:8080".to_owned())
}

fn default_drain() -> u64 {
    10
}

fn default_connections() -> usize {
    4
}

fn default_replay() -> u64 {
    1 << 20
}

/// What `opes proxy` runs with.
pub(crate) struct ProxyFile {
    pub(crate) listen: SocketAddr,
    pub(crate) drain: Duration,
    origin: Option<OriginUri>,
    system: System,
    tls: Option<ServerTls>,
    origin_tls: OriginTls,
    transformation: Transformation,
    tunnel_ports: Option<Vec<u16>>,
    forwarded: Forwarded,
    timeouts: Timeouts,
    limits: Limits,
    servers: Vec<(String, ClientConfig)>,
    rules: Vec<RuleSettings>,
}

/// A rule whose callout server is known by its position.
struct RuleSettings {
    server: usize,
    profile: Profile,
    services: Arc<[String]>,
    read_only: Arc<[String]>,
    on_failure: OnFailure,
    replay_octets: u64,
    request_octets: u64,
}

impl ProxyFile {
    /// Makes clients for the callout servers, and the processor that uses them.
    pub(crate) fn into_processor(self, observer: Arc<dyn Observer>) -> (ProxyConfig, Vec<Client>) {
        let clients: Vec<Client> = self.servers.into_iter().map(|(_, config)| Client::new(config)).collect();
        let rules = self.rules.into_iter().map(|rule| Rule {
            client: clients[rule.server].clone(),
            profile: rule.profile,
            services: rule.services,
            read_only: rule.read_only,
            on_failure: rule.on_failure,
            replay_octets: rule.replay_octets,
            request_octets: rule.request_octets,
        });
        let config = ProxyConfig {
            origin: self.origin,
            tls: self.tls,
            origin_tls: self.origin_tls,
            rules: Rules::new(rules.collect(), self.system.owners()),
            system: self.system,
            transformation: self.transformation,
            tunnel_ports: self.tunnel_ports,
            forwarded: self.forwarded,
            timeouts: self.timeouts,
            limits: self.limits,
            drain: self.drain,
            observer,
        };
        (config, clients)
    }
}

pub(super) fn settings(source: &Source) -> Result<ProxyFile, ConfigError> {
    let file: File = source.parse()?;
    let mut servers = callout_servers(source, &file)?;
    let names: HashMap<&str, usize> = file
        .callout_servers
        .iter()
        .enumerate()
        .map(|(index, server)| (server.name.get_ref().as_str(), index))
        .collect();
    let mut rules = Vec::with_capacity(file.rules.len());
    for table in &file.rules {
        let rule = rule(source, table, &names, &file.callout_servers)?;
        let group = GroupSpec { profile: rule.profile, services: Arc::clone(&rule.services) };
        let groups = &mut servers[rule.server].1.groups;
        if !groups.contains(&group) {
            groups.push(group);
        }
        rules.push(rule);
    }
    let origin = origin(source, file.origin.as_ref())?;
    Ok(ProxyFile {
        listen: listen(source, &file.listen)?,
        drain: Duration::from_secs(file.drain_seconds),
        system: system(source, &file.system)?,
        tls: http::tls(source, file.tls.as_ref())?,
        origin_tls: http::origin_tls(source, &file.origin_tls, origin.as_ref())?,
        transformation: http::transformation(file.no_transform, origin.as_ref()),
        tunnel_ports: file.tunnel_ports,
        forwarded: file.forwarded.into(),
        timeouts: http::timeouts(source, &file.timeouts)?,
        limits: http::limits(source, &file.limits)?,
        origin,
        servers,
        rules,
    })
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

fn system(source: &Source, table: &SystemTable) -> Result<System, ConfigError> {
    let processor = table.processor.as_ref();
    if let Err(error) = System::new(table.uri.get_ref(), None) {
        return Err(source.error(Some(table.uri.span()), "system.uri", error.to_string()));
    }
    System::new(table.uri.get_ref(), processor.map(|processor| processor.get_ref().as_str()))
        .map_err(|error| source.error(processor.map(Spanned::span), "system.processor", error.to_string()))
}

fn callout_servers(source: &Source, file: &File) -> Result<Vec<(String, ClientConfig)>, ConfigError> {
    let mut servers: Vec<(String, ClientConfig)> = Vec::new();
    for table in &file.callout_servers {
        let name = table.name.get_ref();
        if servers.iter().any(|(known, _)| known == name) {
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
        config.connect = seconds(source, "timeouts.connect", file.timeouts.connect)?;
        config.limits.progress = seconds(source, "timeouts.progress", file.timeouts.progress)?;
        config.connections = table.connections.max(1);
        if table.request_bytes > 0 {
            config.aux = AuxParts::ALL;
        }
        servers.push((name.clone(), config));
    }
    Ok(servers)
}

fn rule(
    source: &Source,
    table: &RuleTable,
    names: &HashMap<&str, usize>,
    servers: &[CalloutServerTable],
) -> Result<RuleSettings, ConfigError> {
    let wanted = &table.callout_server;
    let server = *names.get(wanted.get_ref().as_str()).ok_or_else(|| {
        let problem =
            format!("expected the name of one of [[callout_servers]], found {:?}", wanted.get_ref());
        source.error(Some(wanted.span()), "rules.callout_server", problem)
    })?;
    if table.services.get_ref().is_empty() {
        let span = Some(table.services.span());
        return Err(source.error(span, "rules.services", "expected at least one service"));
    }
    for service in table.services.get_ref() {
        if service.get_ref().is_empty() {
            return Err(source.error(
                Some(service.span()),
                "rules.services",
                "expected the URI of a service",
            ));
        }
    }
    let services: Arc<[String]> =
        table.services.get_ref().iter().map(|service| service.get_ref().clone()).collect();
    if let Some(stranger) = table.read_only.iter().find(|service| !services.contains(service.get_ref())) {
        let problem = format!("expected some of the rule's services, found {:?}", stranger.get_ref());
        return Err(source.error(Some(stranger.span()), "rules.read_only", problem));
    }
    Ok(RuleSettings {
        server,
        profile: match table.direction {
            Direction::Request => Profile::Request,
            Direction::Response => Profile::Response,
        },
        services,
        read_only: table.read_only.iter().map(|service| service.get_ref().clone()).collect(),
        on_failure: match table.on_failure {
            Policy::Fail => OnFailure::Fail,
            Policy::Pass => OnFailure::Pass,
        },
        replay_octets: table.replay_bytes,
        request_octets: servers[server].request_bytes,
    })
}
