//! The configuration of the gateway: an OPES processor behind other callout protocols.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ocp::client::Client;
use opes_gateway::icap::{IcapConfig, LiveServices, PORT, Path, Services};
use opes_processor::Recorder;
use opes_processor::http::{Limits, Processor, ServerTls, Timeouts, Transformation};
use opes_processor::report::Observer;
use opes_processor::rules::LiveRules;
use serde::Deserialize;
use toml::Spanned;

use super::admin::{AdminTable, Answerable, answerable};
use super::error::{ConfigError, Source};
use super::http::{self, LimitsTable, NoTransform, TimeoutsTable, TlsTable};
use super::proxy::{
    Adaptation, AdaptationTables, CalloutServerTable, SystemTable, adaptation, default_drain,
};
use super::rules::{NamedService, RuleTable};
use super::store::StoreTable;
use super::trace::TraceTable;
use super::written::Written;

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    icap: IcapTable,
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
    no_transform: Option<NoTransform>,
    #[serde(default)]
    services: Vec<NamedService>,
    #[serde(default)]
    rules: Vec<RuleTable>,
}

/// `[icap]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IcapTable {
    #[serde(default = "default_listen")]
    listen: Spanned<String>,
    tls: Option<TlsTable>,
    #[serde(default = "default_preview")]
    preview_bytes: Spanned<u64>,
    #[serde(default)]
    always_trace: bool,
    #[serde(default)]
    paths: Vec<PathTable>,
}

/// `[[icap.paths]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PathTable {
    path: Spanned<String>,
    rules: Option<Vec<Spanned<String>>>,
}

fn default_listen() -> Spanned<String> {
    Spanned::new(0..0, format!("127.0.0.1:{PORT}"))
}

fn default_preview() -> Spanned<u64> {
    Spanned::new(0..0, 4096)
}

/// What may change while a gateway runs.
pub(crate) const LIVE: &[&str] = &[
    "callout_servers",
    "icap.paths",
    "icap.tls.certificate",
    "icap.tls.key",
    "limits.decoded_bytes",
    "limits.decoded_ratio",
    "limits.recode_hold_bytes",
    "rules",
    "services",
    "timeouts.progress",
];

/// What `opes gateway` runs with.
pub(crate) struct GatewayFile {
    pub(crate) listen: SocketAddr,
    pub(crate) drain: Duration,
    pub(crate) answerable: Answerable,
    transformation: Transformation,
    pub(crate) tls: Option<ServerTls>,
    preview: u64,
    always_trace: bool,
    timeouts: Timeouts,
    limits: Limits,
    pub(crate) offers: Offers,
    pub(crate) written: Written,
}

/// What is offered to ICAP clients: all that may change while a gateway runs.
pub(crate) struct Offers {
    pub(crate) adaptation: Adaptation,
    /// The paths, each with the names of its rules; all of them where there are none.
    paths: Vec<(String, Option<Vec<String>>)>,
    tag: String,
}

impl Offers {
    /// The services, and the clients that they use: those of `known` whose settings are the same, and new ones.
    pub(crate) fn into_services(self, owners: Vec<String>, known: &[Client]) -> (Services, Vec<Client>) {
        let (all, clients) = self.adaptation.into_rules(owners, known);
        let paths = self.paths.into_iter().map(|(path, names)| {
            let rules = names.map_or_else(|| all.clone(), |names| all.named(&names));
            Path { path, offer: rules.into() }
        });
        (Services { paths: paths.collect(), tag: self.tag, all: all.clone().into() }, clients)
    }
}

impl GatewayFile {
    /// The ICAP server, with clients for the callout servers, the agent ids of the system and what the file says.
    pub(crate) fn into_icap(
        self,
        observer: Arc<dyn Observer>,
        recorder: Option<Recorder>,
    ) -> (IcapConfig, Vec<Client>, Vec<String>, Written) {
        let owners = self.answerable.system.owners();
        let (services, clients) = self.offers.into_services(owners.clone(), &[]);
        let processor = Processor {
            system: self.answerable.system,
            page: self.answerable.page,
            recorder,
            rules: LiveRules::default(),
            transformation: self.transformation,
            observer,
        };
        let mut config = IcapConfig::new(processor, LiveServices::new(services));
        config.tls = self.tls;
        config.preview = self.preview;
        config.always_trace = self.always_trace;
        config.connections = self.limits.connections;
        config.head_octets = self.limits.head_octets;
        config.head_time = self.timeouts.request_head;
        config.silence = self.timeouts.request_body;
        config.drain = self.drain;
        (config, clients, owners, self.written)
    }
}

pub(super) fn settings(source: &Source) -> Result<GatewayFile, ConfigError> {
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
    let listen = &file.icap.listen;
    let listen = listen.get_ref().parse().map_err(|_| {
        let problem =
            format!("expected an address and port such as 127.0.0.1:{PORT}, found {:?}", listen.get_ref());
        source.error(Some(listen.span()), "icap.listen", problem)
    })?;
    let preview = *file.icap.preview_bytes.get_ref();
    if preview > PREVIEW {
        let problem = format!("expected at most {PREVIEW}, found {preview}");
        return Err(source.error(Some(file.icap.preview_bytes.span()), "icap.preview_bytes", problem));
    }
    let offers =
        Offers { paths: paths(source, &file.icap.paths, &adaptation)?, adaptation, tag: tag(source) };
    Ok(GatewayFile {
        listen,
        drain: Duration::from_secs(file.drain_seconds),
        answerable: answerable(source, &file.system, &file.trace, file.store.as_ref(), file.admin.as_ref())?,
        transformation: http::transformation(file.no_transform, None),
        tls: http::tls(source, file.icap.tls.as_ref())?,
        preview,
        always_trace: file.icap.always_trace,
        timeouts: http::timeouts(source, &file.timeouts)?,
        limits: http::limits(source, &file.limits)?,
        offers,
        written: Written::new(source)?,
    })
}

/// The longest preview that is taken.
const PREVIEW: u64 = 64 * 1024;

/// Paths with the names of their rules.
type Paths = Vec<(String, Option<Vec<String>>)>;

fn paths(source: &Source, tables: &[PathTable], adaptation: &Adaptation) -> Result<Paths, ConfigError> {
    let mut paths = Paths::new();
    for table in tables {
        let path = table.path.get_ref();
        let wrong = |problem: String| source.error(Some(table.path.span()), "icap.paths.path", problem);
        if !path.starts_with('/') || !path.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'?') {
            return Err(wrong(format!("expected a path such as /scan, found {path:?}")));
        }
        if paths.iter().any(|(known, _)| known == path) {
            return Err(wrong(format!("{path} stands twice")));
        }
        let names = table.rules.iter().flatten();
        if let Some(stranger) = names.clone().find(|name| !adaptation.has_rule(name.get_ref())) {
            let problem = format!("expected the name of one of [[rules]], found {:?}", stranger.get_ref());
            return Err(source.error(Some(stranger.span()), "icap.paths.rules", problem));
        }
        let names = table.rules.as_ref().map(|_| names.map(|name| name.get_ref().clone()).collect());
        paths.push((path.clone(), names));
    }
    Ok(paths)
}

/// What stands for a configuration under a version of the program (RFC 3507 section 4.7).
fn tag(source: &Source) -> String {
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_PKG_VERSION"), source.text()).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
