//! The codings that are known, and the list of them that was applied to a body.

use std::fmt;

use thiserror::Error;

/// The most codings that one body may bear: more than two is a curiosity, and each costs a decoder.
pub const MAX_CODINGS: usize = 4;

/// A content coding that can be decoded and encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// `gzip`, also called `x-gzip` (RFC 9110 section 8.4.1.3).
    Gzip,
    /// `deflate`: the zlib format (RFC 9110 section 8.4.1.2).
    Deflate,
    /// `br` (RFC 7932).
    Br,
    /// `zstd` (RFC 8878, RFC 9659).
    Zstd,
}

impl Coding {
    /// Every coding.
    pub const ALL: [Self; 4] = [Self::Gzip, Self::Deflate, Self::Br, Self::Zstd];

    /// The coding of that name, in any case; none for an unknown name and for `identity`.
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("x-gzip") {
            return Some(Self::Gzip); // RFC 9110 section 8.4.1.3: equivalent to "gzip"
        }
        Self::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name()))
    }

    /// As `Content-Encoding` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Br => "br",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a list of codings cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodingsError {
    /// This is the first name that is not known.
    #[error("unknown content coding: {0}")]
    Unknown(String),
    /// There are more than [`MAX_CODINGS`].
    #[error("more than {MAX_CODINGS} content codings")]
    TooMany,
}

/// The codings of a body in the order in which they were applied, the order of `Content-Encoding`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codings(Vec<Coding>);

impl Codings {
    /// Reads names in the order in which the codings were applied. `identity` is none.
    ///
    /// # Errors
    ///
    /// A name that is not known, or more than [`MAX_CODINGS`] of them.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, CodingsError> {
        let mut codings = Vec::new();
        for name in names {
            if name.eq_ignore_ascii_case("identity") {
                continue;
            }
            let coding = Coding::named(name).ok_or_else(|| CodingsError::Unknown(name.to_owned()))?;
            if codings.len() == MAX_CODINGS {
                return Err(CodingsError::TooMany);
            }
            codings.push(coding);
        }
        Ok(Self(codings))
    }

    /// Whether the body is what it means.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The codings in the order in which they were applied.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Coding> + '_ {
        self.0.iter().copied()
    }
}

impl From<Coding> for Codings {
    fn from(coding: Coding) -> Self {
        Self(vec![coding])
    }
}
