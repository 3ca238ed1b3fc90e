//! A block: some records of a short time, ascending.
//!
//! A version; the number of records; their identifiers; where each of them ends; the words; the records.

use super::CodecError;
use super::words::{Reader, Words, Writer};
use crate::id::TraceId;
use crate::record::{RECORD_OCTETS, Record};

/// How blocks are written now. A change of it changes the name of files, too.
const VERSION: u8 = 2;

/// All records of a block are of one stretch of so many milliseconds, so that few blocks can have a record.
const STRETCH: u64 = 256;

/// A block that is larger takes no more records: with what the store adds it fits a page of 16 KiB mostly.
const ENOUGH: usize = 15 * 1024;

/// The most records of a block.
const RECORDS: usize = 256;

const ID: usize = 15;

/// Writes records, in ascending order, as blocks. Its room serves one block after the other.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    ids: Vec<TraceId>,
    ends: Vec<u32>,
    fields: Vec<u8>,
    words: Words,
    block: Vec<u8>,
}

impl Blocks {
    /// The first identifier of the stretch that this one is of.
    pub(crate) fn stretch_of(id: TraceId) -> TraceId {
        TraceId::first_of(id.millis() - id.millis() % STRETCH)
    }

    /// Whether this record belongs into the block that is being written.
    pub(crate) fn takes(&self, record: &Record) -> bool {
        let octets = self.fields.len() + self.words.octets() + self.ids.len() * (ID + 4);
        self.ids.first().is_none_or(|first| {
            self.ids.len() < RECORDS
                && octets < ENOUGH
                && Self::stretch_of(*first) == Self::stretch_of(record.id)
        })
    }

    /// Adds a record.
    pub(crate) fn push(&mut self, record: &Record) {
        record.write(&mut Writer { out: &mut self.fields, words: &mut self.words });
        self.ids.push(record.id);
        // Some hundred records of at most 64 KiB each.
        self.ends.push(self.fields.len().try_into().unwrap_or(u32::MAX));
    }

    /// Ends the block: its first identifier and its octets; `None` where there is nothing in it.
    pub(crate) fn end(&mut self) -> Option<(TraceId, &[u8])> {
        let first = *self.ids.first()?;
        self.block.clear();
        self.block.push(VERSION);
        self.block.extend_from_slice(&(self.ids.len() as u16).to_le_bytes());
        self.ids.iter().for_each(|id| self.block.extend_from_slice(id.octets()));
        self.ends.iter().for_each(|end| self.block.extend_from_slice(&end.to_le_bytes()));
        self.words.write(&mut self.block);
        self.block.extend_from_slice(&self.fields);
        self.ids.clear();
        self.ends.clear();
        self.fields.clear();
        self.words.clear();
        Some((first, &self.block))
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
