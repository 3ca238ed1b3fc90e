//! Octets out and in: numbers, texts, and words, which are texts that a block has once.

use super::CodecError;

/// The most words of a block. They are looked for one after the other.
const WORDS: usize = 128;

/// The words of a block that is being written.
#[derive(Debug, Default)]
pub(super) struct Words {
    octets: Vec<u8>,
    ends: Vec<usize>,
    /// What came after each of them the last time: records are much alike.
    then: Vec<usize>,
    last: usize,
}

impl Words {
    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.ends.clear();
        self.then.clear();
        self.last = 0;
    }

    /// Octets that they take, about.
    pub(super) fn octets(&self) -> usize {
        self.octets.len() + self.ends.len() * 2
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.octets[start..self.ends[index]]
    }

    /// The number of this word; `None` where there is no room for it.
    fn number(&mut self, word: &str) -> Option<usize> {
        let guess = self.then.get(self.last).copied().unwrap_or_default();
        let is = |index: usize| self.get(index) == word.as_bytes();
        let index = if guess < self.ends.len() && is(guess) {
            guess
        } else if let Some(known) = (0..self.ends.len()).find(|index| is(*index)) {
            known
        } else if self.ends.len() < WORDS {
            self.octets.extend_from_slice(word.as_bytes());
            self.ends.push(self.octets.len());
            self.then.push(0);
            self.ends.len() - 1
        } else {
            return None;
        };
        if let Some(then) = self.then.get_mut(self.last) {
            *then = index;
        }
        self.last = index;
        Some(index)
    }

    /// Writes all of them: their number, and each with its length before it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        number(out, self.ends.len() as u64);
        for index in 0..self.ends.len() {
            let word = self.get(index);
            number(out, word.len() as u64);
            out.extend_from_slice(word);
        }
    }

    /// Reads what [`Words::write`] has written: all of the octets.
    pub(super) fn read(octets: &[u8]) -> Result<Vec<&str>, CodecError> {
        let mut reader = Reader { octets, words: &[] };
        let count = reader.number()?;
        if count > WORDS as u64 {
            return Err(CodecError::Value("words"));
        }
        let words = (0..count).map(|_| reader.text()).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(words)
    }
}

/// Seven bits in an octet, the least first.
fn number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes the fields of a record.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) words: &'a mut Words,
}

impl Writer<'_> {
    pub(super) fn octet(&mut self, octet: u8) {
        self.out.push(octet);
    }

    pub(super) fn number(&mut self, value: impl Into<u64>) {
        number(self.out, value.into());
    }

    pub(super) fn octets(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    /// Text that hardly comes again.
    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.octets(text.as_bytes());
    }

    /// Text that comes again in other records.
    pub(super) fn word(&mut self, word: &str) {
        match self.words.number(word) {
            Some(index) => self.number(index as u64 + 1),
            None => {
                self.octet(0);
                self.text(word);
            }
        }
    }

    /// Whether there is something, and what.
    pub(super) fn maybe<T>(&mut self, maybe: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.octet(maybe.is_some().into());
        if let Some(value) = maybe {
            write(self, value);
        }
    }
}

/// Gives the fields of a record.
pub(super) struct Reader<'a> {
    pub(super) octets: &'a [u8],
    pub(super) words: &'a [&'a str],
}

impl<'a> Reader<'a> {
    pub(super) fn octet(&mut self) -> Result<u8, CodecError> {
        let (octet, rest) = self.octets.split_first().ok_or(CodecError::Short)?;
        self.octets = rest;
        Ok(*octet)
    }

    pub(super) fn number(&mut self) -> Result<u64, CodecError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            let bits = u64::from(octet & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if octet & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(CodecError::Value("number"))
    }

    /// A number of a smaller type.
    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, CodecError> {
        T::try_from(self.number()?).map_err(|_| CodecError::Value("number of its size"))
    }

    pub(super) fn octets(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (octets, rest) = self.octets.split_at_checked(count).ok_or(CodecError::Short)?;
        self.octets = rest;
        Ok(octets)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, CodecError> {
        let length = self.small()?;
        std::str::from_utf8(self.octets(length)?).map_err(|_| CodecError::Value("text"))
    }

    pub(super) fn word(&mut self) -> Result<&'a str, CodecError> {
        match self.small::<usize>()? {
            0 => self.text(),
            number => self.words.get(number - 1).copied().ok_or(CodecError::Value("word")),
        }
    }

    pub(super) fn maybe<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CodecError>,
    ) -> Result<Option<T>, CodecError> {
        match self.octet()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(CodecError::Value("yes or no")),
        }
    }

    /// Nothing more is to be read.
    pub(super) fn end(&self) -> Result<(), CodecError> {
        if self.octets.is_empty() { Ok(()) } else { Err(CodecError::Trailing(self.octets.len())) }
    }
}
