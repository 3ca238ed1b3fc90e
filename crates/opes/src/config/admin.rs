//! Who a processor is and how it answers for what it does: `[admin]`, the administrator's pages, and the public one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use opes_pages::{Disclosures, Kept, Summary, SystemPage, Token};
use opes_processor::system::System;
use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::proxy::{self, SystemTable};
use super::server::listen;
use super::store::{StoreSettings, StoreTable, store};
use super::trace::TraceTable;

/// `[admin]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminTable {
    listen: Spanned<String>,
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

/// Who the processor is, and how it answers for what it does.
pub(crate) struct Answerable {
    pub(crate) system: System,
    pub(crate) page: Arc<SystemPage>,
    pub(crate) store: Option<StoreSettings>,
    pub(crate) admin: Option<AdminSettings>,
}

pub(super) fn answerable(
    source: &Source,
    system: &SystemTable,
    trace: &TraceTable,
    store_table: Option<&StoreTable>,
    admin_table: Option<&AdminTable>,
) -> Result<Answerable, ConfigError> {
    let (store, admin) = (store(source, store_table)?, admin(source, admin_table)?);
    if let (Some(table), None) = (admin_table, &store) {
        let problem = "the administrator's pages show what a [store] keeps, and there is none";
        return Err(source.error(Some(table.listen.span()), "admin.listen", problem));
    }
    let disclosures = Disclosures {
        references: system.references.clone(),
        privacy: system.privacy.clone(),
        responsible: system.responsible.clone(),
        contact: system.contact.clone(),
    };
    let system = proxy::system(source, system)?.tracing(trace.manner(), trace.records);
    let page = Arc::new(page(&system, disclosures, trace.public, store.as_ref()));
    Ok(Answerable { system, page, store, admin })
}

fn admin(source: &Source, table: Option<&AdminTable>) -> Result<Option<AdminSettings>, ConfigError> {
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
    Ok(Some(AdminSettings {
        listen: listen(source, "admin.listen", &table.listen)?,
        token: token.transpose()?,
    }))
}

/// The page of the system; its services come from the rules.
fn page(
    system: &System,
    disclosures: Disclosures,
    public: PublicKey,
    store: Option<&StoreSettings>,
) -> SystemPage {
    let mut page = system.page();
    page.disclosures = disclosures;
    page.tracing.kept = store.map(|store| Kept {
        age: Some(store.max_age()),
        uri: store.uri,
        client: store.client,
        headers: store.headers.iter().map(ToString::to_string).collect(),
    });
    page.summary = match public {
        PublicKey::Off => Summary::Off,
        PublicKey::Outcome => Summary::Outcome,
        PublicKey::Services => Summary::Services,
    };
    page
}
