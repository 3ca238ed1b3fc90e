//! `[store]`: the records behind the traces of a processor, and what is in them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use opes_processor::Recorder;
use opes_record::{ClientDetail, Journal, JournalOptions, UriDetail};
use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Source};

/// `[store]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreTable {
    folder: Spanned<PathBuf>,
    #[serde(default = "default_days")]
    keep_days: Spanned<u64>,
    #[serde(default = "default_octets")]
    max_bytes: Spanned<u64>,
    #[serde(default = "default_queue")]
    queue_records: Spanned<usize>,
    #[serde(default)]
    uri: UriDetail,
    #[serde(default)]
    client: ClientDetail,
    #[serde(default)]
    headers: Vec<Spanned<String>>,
}

fn default_days() -> Spanned<u64> {
    Spanned::new(0..0, 7)
}

fn default_octets() -> Spanned<u64> {
    Spanned::new(0..0, 4 << 30)
}

fn default_queue() -> Spanned<usize> {
    Spanned::new(0..0, 16_384)
}

/// How records are kept, once somebody opens them.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    options: JournalOptions,
    pub(crate) uri: UriDetail,
    pub(crate) client: ClientDetail,
    pub(crate) headers: Vec<HeaderName>,
}

impl StoreSettings {
    /// Opens the store, which nobody else may have open.
    ///
    /// # Errors
    /// The folder cannot be used, in words.
    pub(crate) fn open(&self) -> Result<Recorder, String> {
        let journal =
            Journal::open(self.options.clone()).map_err(|error| format!("store.folder: {error}"))?;
        Ok(Recorder::new(Arc::new(journal)).telling(self.uri, self.client, self.headers.clone()))
    }

    /// For so long records are kept.
    pub(crate) fn max_age(&self) -> Duration {
        self.options.max_age
    }
}

pub(super) fn store(
    source: &Source,
    table: Option<&StoreTable>,
) -> Result<Option<StoreSettings>, ConfigError> {
    let Some(table) = table else { return Ok(None) };
    let wrong = |span, key: &str, problem: &str| Err(source.error(Some(span), key, problem));
    if table.folder.get_ref().as_os_str().is_empty() {
        return wrong(table.folder.span(), "store.folder", "expected a folder, found none");
    }
    let days = *table.keep_days.get_ref();
    if !(1..=3650).contains(&days) {
        return wrong(table.keep_days.span(), "store.keep_days", "expected 1 to 3650 days");
    }
    let most = *table.max_bytes.get_ref();
    if most < 64 << 20 {
        return wrong(table.max_bytes.span(), "store.max_bytes", "expected at least 67108864 (64 MiB)");
    }
    let queue = *table.queue_records.get_ref();
    if !(1..=1 << 20).contains(&queue) {
        return wrong(table.queue_records.span(), "store.queue_records", "expected 1 to 1048576 records");
    }
    let headers = table.headers.iter().map(|name| {
        name.get_ref().parse().map_err(|_| {
            let problem = format!("expected names of header fields, found {:?}", name.get_ref());
            source.error(Some(name.span()), "store.headers", problem)
        })
    });
    let mut options = JournalOptions::new(source.beside(table.folder.get_ref()));
    options.max_age = Duration::from_secs(days * 24 * 3600);
    options.max_octets = most;
    options.queue_records = queue;
    Ok(Some(StoreSettings {
        options,
        uri: table.uri,
        client: table.client,
        headers: headers.collect::<Result<_, _>>()?,
    }))
}
