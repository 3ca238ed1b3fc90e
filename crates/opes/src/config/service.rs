//! `[[services]]`: the stock services and their options.

use std::ops::Range;
use std::sync::Arc;

use opes_profile::trace::{AgentId, AgentIdError};
use opes_sdk::ServiceFactory;
use opes_services::{Block, Digest, Identity, Inject, Peek, Substitute, Tag};
use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Source};

/// `[[services]]`: every key of every kind.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceTable {
    pub(super) uri: Spanned<String>,
    pub(super) kind: Spanned<String>,
    pub(super) from: Option<Spanned<String>>,
    pub(super) to: Option<Spanned<String>>,
    pub(super) reason: Option<Spanned<String>>,
    pub(super) after: Option<Spanned<String>>,
    pub(super) text: Option<Spanned<String>>,
    pub(super) within: Option<Spanned<u64>>,
    pub(super) first: Option<Spanned<u64>>,
    pub(super) deny: Option<Spanned<String>>,
    pub(super) find: Option<Spanned<String>>,
    pub(super) variable: Option<Spanned<String>>,
    pub(super) value: Option<Spanned<String>>,
    pub(super) address: Option<Spanned<String>>,
    pub(super) policy: Option<Spanned<String>>,
    pub(super) prefix_bytes: Option<Spanned<u64>>,
    pub(super) max_bytes: Option<Spanned<u64>>,
    pub(super) past_max: Option<Spanned<String>>,
    pub(super) timeout_seconds: Option<Spanned<u64>>,
    pub(super) pool: Option<Spanned<u64>>,
}

impl ServiceTable {
    /// The keys that only some kinds have, where the file says something.
    pub(super) fn options(&self) -> impl Iterator<Item = (&'static str, Range<usize>)> {
        let texts = [
            ("from", &self.from),
            ("to", &self.to),
            ("reason", &self.reason),
            ("after", &self.after),
            ("text", &self.text),
            ("deny", &self.deny),
            ("find", &self.find),
            ("variable", &self.variable),
            ("value", &self.value),
            ("address", &self.address),
            ("policy", &self.policy),
            ("past_max", &self.past_max),
        ];
        let numbers = [
            ("within", &self.within),
            ("first", &self.first),
            ("prefix_bytes", &self.prefix_bytes),
            ("max_bytes", &self.max_bytes),
            ("timeout_seconds", &self.timeout_seconds),
            ("pool", &self.pool),
        ];
        let texts = texts.map(|(key, value)| Some((key, value.as_ref()?.span())));
        let numbers = numbers.map(|(key, value)| Some((key, value.as_ref()?.span())));
        texts.into_iter().chain(numbers).flatten()
    }
}

/// How far `inject` looks for its marker, and `peek` at the payload, unless told otherwise: octets.
const PREFIX: u64 = 4096;

/// The longest name, and the longest value, of a parameter or a variable.
pub(super) const NAME: usize = 64;
pub(super) const VALUE: usize = 4096;

/// Whether this may name a parameter or a variable.
pub(super) fn is_name(name: &str) -> bool {
    let valid = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_';
    (1..=NAME).contains(&name.len()) && name.bytes().all(valid)
}

/// A service is known by an absolute URI, which a trace can hold.
pub(super) fn check_uri(source: &Source, uri: &Spanned<String>) -> Result<(), ConfigError> {
    AgentId::new(uri.get_ref()).map(drop).map_err(|error| {
        let problem = format!("expected an absolute URI that names the service: {error}");
        source.error(Some(uri.span()), "services.uri", problem)
    })
}

/// What a rule names that is none of `[[services]]` is the uri of a service on its callout server.
pub(super) fn check_service(source: &Source, uri: &Spanned<String>) -> Result<(), ConfigError> {
    AgentId::new(uri.get_ref()).map(drop).map_err(|error| {
        let problem =
            format!("expected one of [[services]], or an absolute URI that names a service: {error}");
        let at = match error {
            AgentIdError::Separator(wrong) | AgentIdError::Character(wrong) => uri.get_ref().find(wrong),
            AgentIdError::NotAbsolute => None,
        };
        source.error_within(uri.span(), uri.get_ref(), at.unwrap_or(0), "rules.services", problem)
    })
}

/// The service that a table describes.
pub(super) fn service(source: &Source, table: &ServiceTable) -> Result<Arc<dyn ServiceFactory>, ConfigError> {
    let uri = table.uri.get_ref().clone();
    check_uri(source, &table.uri)?;
    let options = Options { source, table };
    let (service, allowed): (Arc<dyn ServiceFactory>, &[&str]) = match table.kind.get_ref().as_str() {
        "identity" => (Arc::new(Identity::new(uri)), &[]),
        "digest" => (Arc::new(Digest::new(uri)), &[]),
        "block" => (Arc::new(Block::new(uri, reason(table))), &["reason"]),
        "substitute" => {
            let (from, to) = (options.required("from", &table.from)?, options.required("to", &table.to)?);
            let service =
                Substitute::new(uri, from.get_ref().clone(), to.get_ref().clone()).map_err(|_| {
                    source.error(
                        Some(from.span()),
                        "services.from",
                        "expected text that is to be replaced, found none",
                    )
                })?;
            (Arc::new(service), &["from", "to"])
        }
        "inject" => {
            let (after, text) =
                (options.required("after", &table.after)?, options.required("text", &table.text)?);
            let within = table.within.as_ref().map_or(PREFIX, |within| *within.get_ref());
            let service =
                Inject::new(uri, after.get_ref(), text.get_ref().clone(), within).map_err(|_| {
                    source.error(
                        Some(after.span()),
                        "services.after",
                        "expected text to insert behind, found none",
                    )
                })?;
            (Arc::new(service), &["after", "text", "within"])
        }
        "peek" => {
            let deny = options.required("deny", &table.deny)?;
            let first = table.first.as_ref().map_or(PREFIX, |first| *first.get_ref());
            (Arc::new(Peek::new(uri, first, deny.get_ref(), reason(table))), &["first", "deny", "reason"])
        }
        "tag" => {
            let first = table.first.as_ref().map_or(PREFIX, |first| *first.get_ref());
            let (find, variable) =
                (options.required("find", &table.find)?, options.required("variable", &table.variable)?);
            let value = table.value.as_ref().map_or("yes", |value| value.get_ref());
            for (key, said, right) in [
                ("services.variable", Some(variable), is_name(variable.get_ref())),
                ("services.value", table.value.as_ref(), value.len() <= VALUE),
            ] {
                // Others reach no later rule.
                let Some(said) = said.filter(|_| !right) else { continue };
                let problem = format!(
                    "expected a name of up to {NAME} of a-z, 0-9 and _, and a value of up to {VALUE} octets"
                );
                return Err(source.error(Some(said.span()), key, problem));
            }
            (
                Arc::new(Tag::new(uri, first, find.get_ref(), variable.get_ref(), value)),
                &["first", "find", "variable", "value"],
            )
        }
        #[cfg(feature = "clamav")]
        "clamav" => {
            let address = options.required("address", &table.address)?;
            (Arc::new(super::clamav::service(source, uri, address, table)?), super::clamav::KEYS)
        }
        other => {
            let kinds = KINDS.iter().map(|kind| format!("{kind:?}")).collect::<Vec<_>>().join(", ");
            let problem = format!("expected one of {kinds}, found {other:?}");
            return Err(source.error(Some(table.kind.span()), "services.kind", problem));
        }
    };
    options.only(allowed)?;
    Ok(service)
}

/// What a refused message's recipient is told.
fn reason(table: &ServiceTable) -> String {
    let reason = table.reason.as_ref().map(|reason| reason.get_ref().clone());
    reason.unwrap_or_else(|| "This message is not allowed.".to_owned())
}

/// The kinds of services.
const KINDS: &[&str] = &[
    "identity",
    "substitute",
    "block",
    "digest",
    "inject",
    "peek",
    "tag",
    #[cfg(feature = "clamav")]
    "clamav",
];

/// The keys of a service that only some kinds have.
struct Options<'a> {
    source: &'a Source,
    table: &'a ServiceTable,
}

impl Options<'_> {
    fn required<'o>(
        &self,
        key: &str,
        value: &'o Option<Spanned<String>>,
    ) -> Result<&'o Spanned<String>, ConfigError> {
        value.as_ref().ok_or_else(|| {
            let problem = format!("a service of kind \"{}\" needs `{key}`", self.table.kind.get_ref());
            self.source.error(Some(self.table.kind.span()), &format!("services.{key}"), problem)
        })
    }

    fn only(&self, allowed: &[&str]) -> Result<(), ConfigError> {
        match self.table.options().find(|(key, _)| !allowed.contains(key)) {
            None => Ok(()),
            Some((key, span)) => {
                let problem = format!("a service of kind \"{}\" has no `{key}`", self.table.kind.get_ref());
                Err(self.source.error(Some(span), &format!("services.{key}"), problem))
            }
        }
    }
}
