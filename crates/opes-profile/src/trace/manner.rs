//! How much a system tells in its traces, and in which fields.

/// How much of what happened to a message its trace tells. What RFC 3897 section 3.1 requires is told in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Granularity {
    /// The system's own entry only.
    Off,
    /// The sequential entries of processor and services merged into one, with `mode=aggregate` and their number
    /// (draft-ietf-opes-end-comm-02 section 7).
    Summary,
    /// Every entry.
    #[default]
    Full,
}

/// In which fields a trace is written. All are understood when they are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rendering {
    /// OPES-System and OPES-Via (RFC 4236 section 4).
    #[default]
    Rfc4236,
    /// OPES-System, OPES-Processor and OPES-Service (draft-ietf-opes-end-comm-02 section 8).
    EndComm,
    /// All four.
    Both,
}

impl Rendering {
    pub(super) fn has_via(self) -> bool {
        self != Self::EndComm
    }

    pub(super) fn has_end_comm(self) -> bool {
        self != Self::Rfc4236
    }
}

/// How traces are written. The default tells everything in the fields of RFC 4236.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// How much is told.
    pub granularity: Granularity,
    /// In which fields.
    pub rendering: Rendering,
    /// The most octets that the values of all trace fields of a message may have together, those of others included.
    /// Entries that are optional are left out for it, the last first; the required ones are written nevertheless.
    pub most_octets: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self { granularity: Granularity::default(), rendering: Rendering::default(), most_octets: usize::MAX }
    }
}
