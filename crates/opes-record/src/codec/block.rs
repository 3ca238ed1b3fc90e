//! A block: some records of a short time, ascending.
//!
//! A version; the number of records; their identifiers; where each of them ends; the words; the records.

use std::ops::Range;

use super::CodecError;
use super::words::{Reader, Words, Writer};
use crate::id::TraceId;
use crate::record::{RECORD_OCTETS, Record};

/// How blocks are written now. A change of it changes the name of files, too.
const VERSION: u8 = 3;

/// All records of a block are of one stretch of so many milliseconds, so that few blocks can have a record.
const STRETCH: u64 = 256;

/// A block that is larger takes no more records: with what the store adds it fits a page of 16 KiB mostly.
const ENOUGH: usize = 15 * 1024;

/// The most records of a block.
const RECORDS: usize = 256;

const ID: usize = 15;

/// Takes records of a stretch of time, in any order, and makes a block of them. Its room serves one block after the other.
#[derive(Debug, Default)]
pub(crate) struct BlockWriter {
    /// Where each of them is.
    records: Vec<(TraceId, Range<usize>)>,
    fields: Vec<u8>,
    words: Words,
}

/// A block that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// The least identifier in it.
    pub(crate) first: TraceId,
    /// The greatest.
    pub(crate) last: TraceId,
    /// How many records were taken for it.
    pub(crate) records: usize,
    pub(crate) octets: Vec<u8>,
}

/// The first identifier of the stretch that this one is of.
pub(crate) fn stretch_of(id: TraceId) -> TraceId {
    TraceId::first_of(id.millis() - id.millis() % STRETCH)
}

impl BlockWriter {
    /// The stretch that its records are of; `None` where it has none.
    pub(crate) fn stretch(&self) -> Option<TraceId> {
        self.records.first().map(|(id, _)| stretch_of(*id))
    }

    /// Whether the block has enough.
    pub(crate) fn is_full(&self) -> bool {
        let octets = self.fields.len() + self.words.octets() + self.records.len() * (ID + 4);
        self.records.len() >= RECORDS || octets >= ENOUGH
    }

    /// Adds a record, which is of the same stretch as the others.
    pub(crate) fn push(&mut self, record: &Record) {
        let start = self.fields.len();
        record.write(&mut Writer { out: &mut self.fields, words: &mut self.words });
        self.records.push((record.id, start..self.fields.len()));
    }

    /// Ends the block; `None` where there is nothing in it. Of records with the same identifier the last one stays.
    pub(crate) fn end(&mut self) -> Option<Made> {
        let taken = self.records.len();
        self.records.reverse();
        self.records.sort_by_key(|(id, _)| *id);
        self.records.dedup_by_key(|(id, _)| *id);
        let (first, last) = (self.records.first()?.0, self.records.last()?.0);
        let count = self.records.len();
        let mut octets =
            Vec::with_capacity(3 + count * (ID + 4) + self.words.octets() + 2 + self.fields.len());
        octets.push(VERSION);
        octets.extend_from_slice(&(count as u16).to_le_bytes());
        self.records.iter().for_each(|(id, _)| octets.extend_from_slice(id.octets()));
        let mut end = 0;
        for (_, range) in &self.records {
            // Some hundred records of at most 64 KiB each.
            end += range.len() as u32;
            octets.extend_from_slice(&end.to_le_bytes());
        }
        self.words.write(&mut octets);
        self.records.iter().for_each(|(_, range)| octets.extend_from_slice(&self.fields[range.clone()]));
        self.records.clear();
        self.fields.clear();
        self.words.clear();
        Some(Made { first, last, records: taken, octets })
    }
}

impl Made {
    /// The same records as two blocks: those before this millisecond, and the others.
    pub(crate) fn split(&self, until: u64) -> Result<[Option<Self>; 2], CodecError> {
        let mut parts = [BlockWriter::default(), BlockWriter::default()];
        for record in Block::read(&self.octets)?.records() {
            let record = record?;
            parts[usize::from(record.id.millis() >= until)].push(&record);
        }
        Ok(parts.map(|mut part| part.end()))
    }
}

/// A block that is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    ids: &'a [[u8; ID]],
    ends: &'a [[u8; 4]],
    words: &'a [u8],
    fields: &'a [u8],
}

impl<'a> Block<'a> {
    /// The block that these octets are. The records are looked at when they are asked for.
    pub(crate) fn read(octets: &'a [u8]) -> Result<Self, CodecError> {
        let (&[version, low, high], rest) = octets.split_first_chunk().ok_or(CodecError::Short)?;
        if version != VERSION {
            return Err(CodecError::Version(version));
        }
        let count = usize::from(u16::from_le_bytes([low, high]));
        let (ids, rest) = rest.split_at_checked(count * ID).ok_or(CodecError::Short)?;
        let (ends, rest) = rest.split_at_checked(count * 4).ok_or(CodecError::Short)?;
        let (ids, ends) = (ids.as_chunks().0, ends.as_chunks().0);
        let last = ends.last().ok_or(CodecError::Value("records"))?;
        let words = rest.len().checked_sub(u32::from_le_bytes(*last) as usize).ok_or(CodecError::Short)?;
        let (words, fields) = rest.split_at(words);
        Ok(Self { ids, ends, words, fields })
    }

    /// The identifiers of its records, ascending.
    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = TraceId> + ExactSizeIterator {
        self.ids.iter().map(|id| TraceId::from_octets(*id))
    }

    /// The last of them.
    pub(crate) fn last(&self) -> Option<TraceId> {
        self.ids().next_back()
    }

    /// Its records.
    pub(crate) fn records(&self) -> impl Iterator<Item = Result<Record, CodecError>> {
        (0..self.ids.len()).map(|index| self.record(index))
    }

    /// The record of this identifier, where the block has it.
    pub(crate) fn find(&self, id: TraceId) -> Result<Option<Record>, CodecError> {
        match self.ids.binary_search(id.octets()) {
            Ok(index) => self.record(index).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The record in this place.
    pub(crate) fn record(&self, index: usize) -> Result<Record, CodecError> {
        let end = |index: usize| self.ends.get(index).map(|end| u32::from_le_bytes(*end) as usize);
        let id = self.ids.get(index).ok_or(CodecError::Short)?;
        let start = index.checked_sub(1).map_or(Some(0), end);
        let range = start.zip(end(index)).map(|(start, end)| start..end);
        let octets = range.and_then(|range| self.fields.get(range)).ok_or(CodecError::Short)?;
        if octets.len() > RECORD_OCTETS {
            return Err(CodecError::TooLong);
        }
        let words = Words::read(self.words)?;
        Record::read(TraceId::from_octets(*id), &mut Reader { octets, words: &words })
    }
}
