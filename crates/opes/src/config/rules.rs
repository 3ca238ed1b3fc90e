//! `[[rules]]` and the `[[services]]` that they name: resolved, and cut into runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ocp::client::{Client, GroupSpec};
use opes_processor::adapt::Recoding;
use opes_processor::rules::{Condition, OnFailure, Parameters, Point, Rule, Run};
use opes_sdk::ServiceFactory;
use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::service::{NAME, ServiceTable, VALUE, check_service, check_uri, is_name, service};

/// `[[rules]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleTable {
    name: Option<Spanned<String>>,
    point: Option<Spanned<PointKey>>,
    direction: Option<Spanned<Direction>>,
    when: Option<Spanned<String>>,
    callout_server: Option<Spanned<String>>,
    services: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    read_only: Vec<Spanned<String>>,
    #[serde(default)]
    never_bypass: Vec<Spanned<String>>,
    parameters: Option<Spanned<BTreeMap<String, String>>>,
    #[serde(default)]
    on_failure: Policy,
    #[serde(default = "default_replay")]
    replay_bytes: u64,
}

/// `[[services]]` of a proxy: where a service is, under a name that says nothing of that.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedService {
    uri: Spanned<String>,
    name: Option<Spanned<String>>,
    callout_server: Option<Spanned<String>>,
    on_failure: Option<Policy>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    never_bypass: bool,
    parameters: Option<Spanned<BTreeMap<String, String>>>,
    kind: Option<Spanned<String>>,
    from: Option<Spanned<String>>,
    to: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    after: Option<Spanned<String>>,
    text: Option<Spanned<String>>,
    within: Option<Spanned<u64>>,
    first: Option<Spanned<u64>>,
    deny: Option<Spanned<String>>,
    find: Option<Spanned<String>>,
    variable: Option<Spanned<String>>,
    value: Option<Spanned<String>>,
    address: Option<Spanned<String>>,
    policy: Option<Spanned<String>>,
    prefix_bytes: Option<Spanned<u64>>,
    max_bytes: Option<Spanned<u64>>,
    past_max: Option<Spanned<String>>,
    timeout_seconds: Option<Spanned<u64>>,
    pool: Option<Spanned<u64>>,
}

impl NamedService {
    /// What it says as one of this kind.
    fn of_kind(&self, kind: Spanned<String>) -> ServiceTable {
        ServiceTable {
            uri: self.uri.clone(),
            kind,
            from: self.from.clone(),
            to: self.to.clone(),
            reason: self.reason.clone(),
            after: self.after.clone(),
            text: self.text.clone(),
            within: self.within.clone(),
            first: self.first.clone(),
            deny: self.deny.clone(),
            find: self.find.clone(),
            variable: self.variable.clone(),
            value: self.value.clone(),
            address: self.address.clone(),
            policy: self.policy.clone(),
            prefix_bytes: self.prefix_bytes.clone(),
            max_bytes: self.max_bytes.clone(),
            past_max: self.past_max.clone(),
            timeout_seconds: self.timeout_seconds.clone(),
            pool: self.pool.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PointKey {
    RequestIn,
    RequestOut,
    ResponseIn,
    ResponseOut,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Request,
    Response,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    #[default]
    Fail,
    Pass,
}

fn default_replay() -> u64 {
    1 << 20
}

impl From<Policy> for OnFailure {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Fail => Self::Fail,
            Policy::Pass => Self::Pass,
        }
    }
}

/// Where a service is: a callout server by its position in the file, or here.
#[derive(Clone)]
enum Where {
    Callout(usize),
    Here(Arc<dyn ServiceFactory>),
}

/// What a name in a rule stands for.
#[derive(Clone)]
struct Resolved {
    uri: String,
    place: Where,
    on_failure: OnFailure,
    read_only: bool,
    never_bypass: bool,
    parameters: Parameters,
}

/// A run whose callout server is known by its position.
struct RunSettings {
    /// `None` for this process.
    server: Option<usize>,
    factories: Vec<Arc<dyn ServiceFactory>>,
    services: Arc<[String]>,
    read_only: Arc<[String]>,
    never_bypass: Arc<[String]>,
    on_failure: OnFailure,
    parameters: Arc<Parameters>,
}

/// A rule whose callout servers are known by their positions.
pub(super) struct RuleSettings {
    pub(super) name: Arc<str>,
    point: Point,
    condition: Option<Condition>,
    runs: Vec<RunSettings>,
    on_failure: OnFailure,
    replay_octets: u64,
}

/// A callout server that rules can use.
#[derive(Clone)]
pub(super) struct Callout {
    pub(super) name: Arc<str>,
    pub(super) client: Client,
    /// How many octets of a request it is offered with the response.
    pub(super) request_octets: u64,
    /// It is told who the data consumer is.
    pub(super) tells_client: bool,
}

/// What rules refer to.
pub(super) struct Names<'a> {
    pub(super) source: &'a Source,
    pub(super) servers: HashMap<&'a str, usize>,
    services: HashMap<&'a str, &'a NamedService>,
    /// The services of this process, by uri.
    here: HashMap<&'a str, Arc<dyn ServiceFactory>>,
}

impl<'a> Names<'a> {
    /// # Errors
    /// Two services have the same name or uri, or one is incomplete.
    pub(super) fn new(
        source: &'a Source,
        servers: HashMap<&'a str, usize>,
        tables: &'a [NamedService],
    ) -> Result<Self, ConfigError> {
        let mut names = Self { source, servers, services: HashMap::new(), here: HashMap::new() };
        for table in tables {
            let uri = table.uri.get_ref().as_str();
            parameters(source, "services.parameters", table.parameters.as_ref())?;
            for (key, name) in [("services.uri", Some(&table.uri)), ("services.name", table.name.as_ref())] {
                // A name that repeats the uri says nothing more.
                let Some(name) = name.filter(|name| key == "services.uri" || name.get_ref() != uri) else {
                    continue;
                };
                if name.get_ref().is_empty() {
                    return Err(source.error(Some(name.span()), key, "expected a name, found none"));
                }
                if names.services.insert(name.get_ref(), table).is_some() {
                    let problem = format!("two services are called {:?}", name.get_ref());
                    return Err(source.error(Some(name.span()), key, problem));
                }
            }
            match names.factory(table)? {
                Some(factory) => drop(names.here.insert(uri, factory)),
                None => names.check(table)?,
            }
        }
        Ok(names)
    }

    /// The service itself, where it is one of this process.
    fn factory(&self, table: &NamedService) -> Result<Option<Arc<dyn ServiceFactory>>, ConfigError> {
        let Some(kind) = &table.kind else { return Ok(None) };
        if let Some(server) = &table.callout_server {
            let problem = "a service is on a callout server or of a `kind` in this process, not both";
            return Err(self.source.error(Some(server.span()), "services.callout_server", problem));
        }
        service(self.source, &table.of_kind(kind.clone())).map(Some)
    }

    /// What can be told of a service elsewhere, whether a rule uses it or not.
    fn check(&self, table: &NamedService) -> Result<(), ConfigError> {
        check_uri(self.source, &table.uri)?;
        // The URI stands in for the kind that there is not.
        if let Some((key, span)) = table.of_kind(table.uri.clone()).options().next() {
            let problem = format!("a service without a `kind` has no `{key}`");
            return Err(self.source.error(Some(span), &format!("services.{key}"), problem));
        }
        if let Some(server) = &table.callout_server {
            self.server(server, "services.callout_server")?;
        }
        Ok(())
    }

    fn server(&self, wanted: &Spanned<String>, key: &str) -> Result<usize, ConfigError> {
        self.servers.get(wanted.get_ref().as_str()).copied().ok_or_else(|| {
            let problem =
                format!("expected the name of one of [[callout_servers]], found {:?}", wanted.get_ref());
            self.source.error(Some(wanted.span()), key, problem)
        })
    }

    /// What a rule means by a name: one of `[[services]]`, or the uri of a service on the rule's callout server.
    fn resolve(&self, rule: &RuleTable, wanted: &Spanned<String>) -> Result<Resolved, ConfigError> {
        let name = wanted.get_ref();
        let wrong = |problem: String| Err(self.source.error(Some(wanted.span()), "rules.services", problem));
        if name.is_empty() {
            return wrong("expected the URI of a service".to_owned());
        }
        let own = parameters(self.source, "rules.parameters", rule.parameters.as_ref())?;
        let Some(table) = self.services.get(name.as_str()) else {
            let Some(server) = &rule.callout_server else {
                return wrong(format!(
                    "expected one of [[services]], or a rule with a callout_server for {name:?}"
                ));
            };
            check_service(self.source, wanted)?;
            return Ok(Resolved {
                uri: name.clone(),
                place: Where::Callout(self.server(server, "rules.callout_server")?),
                on_failure: rule.on_failure.into(),
                read_only: false,
                never_bypass: false,
                parameters: own,
            });
        };
        let uri = table.uri.get_ref();
        let server = table.callout_server.as_ref().map(|server| (server, "services.callout_server"));
        let server =
            server.or_else(|| rule.callout_server.as_ref().map(|server| (server, "rules.callout_server")));
        let place = match (self.here.get(uri.as_str()), server) {
            (Some(factory), _) => Where::Here(Arc::clone(factory)),
            (None, Some((server, key))) => Where::Callout(self.server(server, key)?),
            (None, None) => {
                return wrong(format!("expected a callout_server or a `kind` for the service {name:?}"));
            }
        };
        let mut told = parameters(self.source, "services.parameters", table.parameters.as_ref())?;
        told.extend(own);
        Ok(Resolved {
            uri: uri.clone(),
            read_only: table.read_only,
            never_bypass: table.never_bypass,
            place,
            on_failure: table.on_failure.unwrap_or(rule.on_failure).into(),
            parameters: told,
        })
    }

    /// The rule with this number, from 1.
    ///
    /// # Errors
    /// It names what does not exist, or its condition cannot be used.
    pub(super) fn rule(&self, number: usize, table: &RuleTable) -> Result<RuleSettings, ConfigError> {
        let services = table.services.get_ref();
        if services.is_empty() {
            let span = Some(table.services.span());
            return Err(self.source.error(span, "rules.services", "expected at least one service"));
        }
        if let Some(server) = &table.callout_server {
            self.server(server, "rules.callout_server")?;
        }
        let point = self.point(table)?;
        let resolved =
            services.iter().map(|name| self.resolve(table, name)).collect::<Result<Vec<_>, _>>()?;
        Ok(RuleSettings {
            name: table
                .name
                .as_ref()
                .map_or_else(|| format!("#{number}"), |name| name.get_ref().clone())
                .into(),
            point,
            condition: self.condition(table, point)?,
            runs: cut(
                resolved,
                &self.some_of(table, "rules.read_only", &table.read_only)?,
                &self.some_of(table, "rules.never_bypass", &table.never_bypass)?,
            ),
            on_failure: table.on_failure.into(),
            replay_octets: table.replay_bytes,
        })
    }

    fn point(&self, table: &RuleTable) -> Result<Point, ConfigError> {
        match (&table.point, &table.direction) {
            (Some(point), Some(_)) => {
                let problem = "a rule has a `point` or a `direction`, not both";
                Err(self.source.error(Some(point.span()), "rules.point", problem))
            }
            (Some(point), None) => Ok(match point.get_ref() {
                PointKey::RequestIn => Point::RequestIn,
                PointKey::RequestOut => Point::RequestOut,
                PointKey::ResponseIn => Point::ResponseIn,
                PointKey::ResponseOut => Point::ResponseOut,
            }),
            (None, Some(direction)) => Ok(match direction.get_ref() {
                Direction::Request => Point::RequestIn,
                Direction::Response => Point::ResponseOut,
            }),
            (None, None) => Ok(Point::ResponseOut),
        }
    }

    fn condition(&self, table: &RuleTable, point: Point) -> Result<Option<Condition>, ConfigError> {
        let Some(when) = &table.when else { return Ok(None) };
        Condition::new(when.get_ref(), point).map(Some).map_err(|error| {
            let problem = format!("expected a condition in CEL; {}", error.problem);
            self.source.error_within(when.span(), when.get_ref(), error.offset, "rules.when", problem)
        })
    }

    /// The uris of those of a rule's services that a key lists.
    fn some_of(
        &self,
        table: &RuleTable,
        key: &str,
        listed: &[Spanned<String>],
    ) -> Result<Vec<String>, ConfigError> {
        let named = |name: &str| table.services.get_ref().iter().any(|service| service.get_ref() == name);
        if let Some(stranger) = listed.iter().find(|service| !named(service.get_ref())) {
            let problem = format!("expected some of the rule's services, found {:?}", stranger.get_ref());
            return Err(self.source.error(Some(stranger.span()), key, problem));
        }
        let uri = |name: &String| {
            self.services.get(name.as_str()).map_or(name, |table| table.uri.get_ref()).clone()
        };
        Ok(listed.iter().map(|name| uri(name.get_ref())).collect())
    }
}

/// Cuts a chain where the place, the failure policy or the parameters change.
fn cut(chain: Vec<Resolved>, read_only: &[String], never_bypass: &[String]) -> Vec<RunSettings> {
    let server = |resolved: &Resolved| match resolved.place {
        Where::Callout(server) => Some(server),
        Where::Here(_) => None,
    };
    let together = |one: &Resolved, next: &Resolved| {
        server(one) == server(next) && one.on_failure == next.on_failure && one.parameters == next.parameters
    };
    let runs = chain.chunk_by(together).filter_map(|run| {
        let first = run.first()?;
        let reads = |service: &&Resolved| service.read_only || read_only.contains(&service.uri);
        let required = |service: &&Resolved| service.never_bypass || never_bypass.contains(&service.uri);
        Some(RunSettings {
            server: server(first),
            factories: run
                .iter()
                .filter_map(|service| match &service.place {
                    Where::Here(factory) => Some(Arc::clone(factory)),
                    Where::Callout(_) => None,
                })
                .collect(),
            services: run.iter().map(|service| service.uri.clone()).collect(),
            read_only: run.iter().filter(reads).map(|service| service.uri.clone()).collect(),
            never_bypass: run.iter().filter(required).map(|service| service.uri.clone()).collect(),
            on_failure: first.on_failure,
            parameters: Arc::new(first.parameters.clone()),
        })
    });
    runs.collect()
}

fn parameters(
    source: &Source,
    key: &str,
    table: Option<&Spanned<BTreeMap<String, String>>>,
) -> Result<Parameters, ConfigError> {
    let Some(table) = table else { return Ok(Parameters::new()) };
    for (name, value) in table.get_ref() {
        if !is_name(name) || value.len() > VALUE {
            let problem = format!(
                "expected names of up to {NAME} of a-z, 0-9 and _, and values of up to {VALUE} octets, found {name:?}"
            );
            return Err(source.error(Some(table.span()), key, problem));
        }
    }
    Ok(table.get_ref().clone())
}

impl RuleSettings {
    /// The services that it names.
    pub(super) fn services(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().flat_map(|run| run.services.iter()).map(String::as_str)
    }

    /// The groups that it takes of the callout server at this position.
    pub(super) fn groups(&self, server: usize) -> impl Iterator<Item = GroupSpec> {
        let profile = self.point.profile();
        self.runs
            .iter()
            .filter(move |run| run.server == Some(server))
            .map(move |run| GroupSpec { profile, services: Arc::clone(&run.services) })
    }

    /// The rule, with the callout servers at their positions.
    pub(super) fn into_rule(self, servers: &[Callout], recoding: Recoding) -> Rule {
        let runs = self.runs.into_iter().map(|run| {
            let mut made = match run.server {
                Some(server) => {
                    let Callout { name, client, request_octets, tells_client } = servers[server].clone();
                    let run = Run::callout(client, run.services.iter().cloned());
                    Run { server: Some(name), request_octets, tells_client, ..run }
                }
                None => Run::here(run.factories),
            };
            let reads = made.read_only.iter().chain(&*run.read_only).cloned().collect();
            made.read_only = reads;
            made.required = run.never_bypass;
            made.on_failure = run.on_failure;
            made.parameters = run.parameters;
            made
        });
        Rule {
            name: self.name,
            point: self.point,
            condition: self.condition,
            runs: runs.collect(),
            on_failure: self.on_failure,
            replay_octets: self.replay_octets,
            recoding,
        }
    }
}
