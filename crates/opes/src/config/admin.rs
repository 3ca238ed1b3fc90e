//! `[admin]`: the administrator's pages, and what the public one says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use opes_pages::{Disclosures, Kept, Summary, SystemPage, Token};
use opes_processor::system::System;
use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::server::listen;
use super::store::StoreSettings;

/// `[admin]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminTable {
    pub(super) listen: Spanned<String>,
    token_file: Option<Spanned<PathBuf>>,
}

/// Where the administrator's pages are, and who may see them.
#[derive(Clone)]
pub(crate) struct AdminSettings {
    pub(crate) listen: SocketAddr,
    /// `None` for one that is made at the start.
    pub(crate) token: Option<Token>,
}

/// What anybody learns of one message (`trace.public`).
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PublicKey {
    Off,
    #[default]
    Outcome,
    Services,
}

/// What `[system]` says to everybody.
#[derive(Debug, Clone, Default)]
pub(super) struct Says {
    pub(super) references: Option<String>,
    pub(super) privacy: Option<String>,
    pub(super) responsible: Option<String>,
    pub(super) contact: Option<String>,
}

pub(super) fn admin(
    source: &Source,
    table: Option<&AdminTable>,
) -> Result<Option<AdminSettings>, ConfigError> {
    let Some(table) = table else { return Ok(None) };
    let token = table.token_file.as_ref().map(|file| {
        let path = source.beside(file.get_ref());
        let wrong = |problem: String| {
            let problem = format!("expected a file with a token in it, {}: {problem}", path.display());
            source.error(Some(file.span()), "admin.token_file", problem)
        };
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        Token::new(text.trim()).map_err(|error| wrong(error.to_string()))
    });
    Ok(Some(AdminSettings { listen: listen(source, &table.listen)?, token: token.transpose()? }))
}

/// The page of the system; its services come from the rules.
pub(super) fn page(
    system: &System,
    says: Says,
    public: PublicKey,
    store: Option<&StoreSettings>,
) -> Arc<SystemPage> {
    let mut page = system.page();
    let Says { references, privacy, responsible, contact } = says;
    page.disclosures = Disclosures { references, privacy, responsible, contact };
    page.tracing.kept = store.map(|store| Kept {
        age: store.max_age(),
        uri: store.uri,
        client: store.client,
        headers: store.headers.iter().map(ToString::to_string).collect(),
    });
    page.summary = match public {
        PublicKey::Off => Summary::Off,
        PublicKey::Outcome => Summary::Outcome,
        PublicKey::Services => Summary::Services,
    };
    Arc::new(page)
}
