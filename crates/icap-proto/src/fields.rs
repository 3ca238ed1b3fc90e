//! The fields of a head or a trailer, as HTTP has them (RFC 3507 section 4.3).

use bytes::Bytes;

use crate::error::Error;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, as it was spelt: a token.
    pub name: Bytes,
    /// Its value, without white space around it.
    pub value: Bytes,
}

/// Fields in the order in which they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<Field>);

impl Fields {
    /// Adds a field. Its value may go on in further lines that begin with a tab.
    ///
    /// # Errors
    /// [`Error::Field`]: the name is no token, or the value has octets that would end it.
    pub fn push(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<(), Error> {
        let (name, value) = (name.into(), value.into());
        if !is_token(&name) || !is_value(&value) {
            return Err(Error::Field);
        }
        self.0.push(Field { name, value });
        Ok(())
    }

    /// The values of the fields with a name, in any case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> {
        let named = move |field: &&Field| field.name.eq_ignore_ascii_case(name.as_bytes());
        self.0.iter().filter(named).map(|field| &field.value)
    }

    /// The first value of a field, where it is text.
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Whether a list has an element, in any case.
    pub fn has_token<'a>(&'a self, name: &'a str, token: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(|octet| *octet == b','))
            .any(|element| element.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Field> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads lines that end with CRLF, without an empty one.
    pub(crate) fn parse(lines: &Bytes) -> Result<Self, Error> {
        let mut fields = Self::default();
        let mut rest = lines.clone();
        while !rest.is_empty() {
            let mut end = memchr::memchr(b'\n', &rest).ok_or(Error::Field)?;
            // A line that begins with a tab belongs to the one before it.
            while rest.get(end + 1) == Some(&b'\t') {
                end += 1 + memchr::memchr(b'\n', &rest[end + 1..]).ok_or(Error::Field)?;
            }
            let mut line = rest.split_to(end + 1);
            if !line.ends_with(b"\r\n") {
                return Err(Error::Field);
            }
            line.truncate(end - 1);
            let colon = memchr::memchr(b':', &line).ok_or(Error::Field)?;
            let value = line.slice_ref(line[colon + 1..].trim_ascii());
            line.truncate(colon);
            fields.push(line, value)?;
        }
        Ok(fields)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for Field { name, value } in &self.0 {
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
}

pub(crate) fn is_token(octets: &[u8]) -> bool {
    let part = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    !octets.is_empty() && octets.iter().all(part)
}

/// Text, in one line or folded ones (RFC 9112 section 5.2), as X-Violations-Found is.
fn is_value(mut value: &[u8]) -> bool {
    while let Some(at) = memchr::memmem::find(value, b"\r\n\t") {
        if !value[..at].iter().all(|octet| is_text(*octet)) {
            return false;
        }
        value = &value[at + 3..];
    }
    value.iter().all(|octet| is_text(*octet))
}

/// RFC 9110 section 5.5: no control characters but a tab.
pub(crate) fn is_text(octet: u8) -> bool {
    octet == b'\t' || (octet >= b' ' && octet != 0x7f)
}
