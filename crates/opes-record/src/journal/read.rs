//! What the journal is asked for.

use super::file::Scan;
use super::files::Files;
use crate::id::TraceId;
use crate::record::Record;
use crate::store::{Filter, Page, StoreError, Then};

/// The record of this identifier.
pub(super) fn find(files: &Files, id: TraceId) -> Result<Option<Record>, StoreError> {
    let Some((start, file)) = files.at(id.millis()) else { return Ok(None) };
    let found = file.find(id);
    files.close_idle(start);
    match found {
        Ok(found) => Ok(found),
        Err(fault) => files.report(start, &file, fault).map_or(Ok(None), Err),
    }
}

/// The newest records that match; looks at most at so many.
pub(super) fn recent(
    files: &Files,
    filter: &Filter,
    limit: usize,
    before: Option<TraceId>,
    looked_at: usize,
) -> Result<Page, StoreError> {
    let from = TraceId::first_of(filter.since.unwrap_or_default());
    let until = TraceId::first_of(filter.until.unwrap_or(u64::MAX));
    let before = before.map_or(until, |before| before.min(until));
    let mut search = Search { filter, limit, left: looked_at, records: Vec::new(), then: Then::End };
    if limit == 0 {
        search.then = Then::Full(before);
        return Ok(search.page());
    }
    let mut before = before;
    while let Some((start, file)) = files.last_before(before).filter(|_| before > from) {
        let first = TraceId::first_of(start);
        let scanned = file.scan(from.max(first), before, |id, record| search.look_at(id, record));
        files.close_idle(start);
        match scanned {
            Ok(Scan::On) => {}
            Ok(Scan::Stop) => break,
            Err(fault) => match files.report(start, &file, fault) {
                // What was set aside, or is gone, has no records; that was logged.
                None | Some(StoreError::Damaged { .. }) => {}
                Some(error) => return Err(error),
            },
        }
        before = first;
    }
    Ok(search.page())
}

/// A search under way.
struct Search<'a> {
    filter: &'a Filter,
    limit: usize,
    /// How many records may still be looked at.
    left: usize,
    records: Vec<Record>,
    then: Then,
}

impl Search<'_> {
    fn look_at(&mut self, id: TraceId, record: Option<Record>) -> Scan {
        self.records.extend(record.filter(|record| self.filter.matches(record)));
        self.left = self.left.saturating_sub(1);
        if self.records.len() >= self.limit {
            self.then = Then::Full(id);
        } else if self.left == 0 {
            self.then = Then::Stopped(id);
        } else {
            return Scan::On;
        }
        Scan::Stop
    }

    fn page(self) -> Page {
        Page { records: self.records, then: self.then }
    }
}
