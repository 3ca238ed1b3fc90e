//! The requirements whose violation can be seen in captures, by their identifiers in `proto-spec/rfc4037.toml`.

use ocp_proto::codec::SyntaxError;
use ocp_proto::message::{InvalidMessage, Problem};

/// A line of the report: a requirement, and how it was violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) rule: Rule,
    pub(super) text: String,
}

macro_rules! rules {
    ($($name:ident = $id:literal,)*) => {
        /// A requirement.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Rule { $($name,)* }

        impl Rule {
            /// Every requirement that can be named.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its identifier.
            pub(super) fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }
        }
    };
}

rules! {
    // The message format.
    NamedParameter = "OCP-3.1-06",
    Value = "OCP-3.1-07",
    Structure = "OCP-3.1-08",
    List = "OCP-3.1-10",
    Name = "OCP-3.1-11",
    Data = "OCP-3.1-14",
    WhiteSpace = "OCP-3.1-17",
    Size = "OCP-3.1-21",
    Quote = "OCP-3.1-24",
    Ascii = "OCP-3.1-29",
    Format = "OCP-3.1-30",
    Backslash = "OCP-3.2-01",
    PayloadFrame = "OCP-3.1-05",
    Resources = "OCP-5-02",
    // Definitions of messages.
    DefinesCe = "OCP-11.2-01",
    DefinesSgc = "OCP-11.3-01",
    DefinesSgd = "OCP-11.4-01",
    DefinesTs = "OCP-11.5-01",
    DefinesTe = "OCP-11.6-01",
    DefinesAms = "OCP-11.7-01",
    DefinesAme = "OCP-11.8-01",
    DefinesDum = "OCP-11.9-01",
    DefinesKept = "OCP-11.9-03",
    DefinesModp = "OCP-11.9-04",
    DefinesDuy = "OCP-11.10-01",
    DefinesDpi = "OCP-11.11-01",
    DefinesDwsr = "OCP-11.12-01",
    DefinesDwss = "OCP-11.13-01",
    DefinesDss = "OCP-11.14-01",
    DefinesDwp = "OCP-11.15-01",
    DefinesDpm = "OCP-11.16-01",
    DefinesDwm = "OCP-11.17-01",
    DefinesNo = "OCP-11.18-01",
    DefinesNr = "OCP-11.19-01",
    DefinesAq = "OCP-11.20-01",
    DefinesAa = "OCP-11.21-01",
    DefinesPa = "OCP-11.23-01",
    DefinesPr = "OCP-11.24-01",
    ValidValue = "OCP-10-02",
    OneName = "OCP-11-04",
    DumHasPayload = "OCP-11.9-07",
    PartialIsForAme = "OCP-10.10-04",
    // One direction.
    CsFirst = "OCP-11.1-02",
    CsOnce = "OCP-11.1-04",
    CeLast = "OCP-11.2-02",
    OfferAfterCs = "OCP-6.1-08",
    OwnMessages = "OCP-3-01",
    NewIdentifier = "OCP-10.2-02",
    HigherIdentifier = "OCP-10.2-03",
    ActiveIdentifier = "OCP-11-11",
    GroupOfTs = "OCP-11.5-04",
    AmsBeforeOriginal = "OCP-2.2-02",
    AmsBeforeAdapted = "OCP-2.3-01",
    OneMessage = "OCP-2.6-05",
    NothingAfterAme = "OCP-11.8-02",
    NoGap = "OCP-11.9-05",
    MessageSize = "OCP-10.3-03",
    NoDssAfterPartial = "OCP-8.3-02",
    DuyOfDisposable = "OCP-11.11-03",
    DpiShrinks = "OCP-11.11-07",
    OrgDataIsSoFar = "OCP-11.23-02",
    OnlyActiveInPa = "OCP-11.23-05",
    NoOrgDataAfterAme = "OCP-11.23-07",
    // Both directions.
    DuyOfKept = "OCP-11.10-02",
    AsIsWasSent = "OCP-11.9-19",
    KeepsPromise = "OCP-7-04",
    WaitForDss = "OCP-11.13-02",
    AskBeforePartial = "OCP-8.2-01",
    WaitForDwm = "OCP-11.15-06",
    WaitForNr = "OCP-11.18-06",
    NrAnswersNo = "OCP-6-01",
    NrSelectsOffered = "OCP-6-02",
    NrRepeatsSg = "OCP-11.19-09",
    NrHasNoSg = "OCP-11.19-11",
    PaAnswersPq = "OCP-11.22-02",
    AaAnswersAq = "OCP-11.20-02",
}

impl Rule {
    /// The violation of this requirement.
    pub(super) fn broken(self, text: impl Into<String>) -> Violation {
        Violation { rule: self, text: text.into() }
    }
}

/// The requirement that an octet violates which no message can have there.
pub(super) fn of_syntax(error: &SyntaxError) -> Rule {
    let (octet, expected) = match error {
        SyntaxError::Size => return Rule::Size,
        SyntaxError::TooLong { .. } | SyntaxError::TooDeep { .. } => return Rule::Resources,
        SyntaxError::Unexpected { octet, expected } => (*octet, *expected),
    };
    let places = [
        ("quote", Rule::Quote),
        ("payload", Rule::PayloadFrame),
        ("list", Rule::List),
        ("structure", Rule::Structure),
        ("letter", Rule::Name),
        ("colon after the size", Rule::Data),
        ("colon", Rule::NamedParameter),
        ("name", Rule::NamedParameter),
        ("value", Rule::Value),
    ];
    match octet {
        b'\\' => Rule::Backslash,
        0x80.. => Rule::Ascii,
        b' ' | b'\t' => Rule::WhiteSpace,
        _ => {
            places.iter().find(|(words, _)| expected.contains(words)).map_or(Rule::Format, |(_, rule)| *rule)
        }
    }
}

/// The requirement that a message violates whose parameters are not those of its definition.
pub(super) fn of_message(invalid: &InvalidMessage) -> Rule {
    match (&invalid.problem, invalid.message) {
        (Problem::Duplicate, _) => Rule::OneName,
        (Problem::NoPayload, _) => Rule::DumHasPayload,
        (Problem::Parameter("Kept"), "DUM") => Rule::DefinesKept,
        (Problem::Parameter("Modp"), "DUM") => Rule::DefinesModp,
        (Problem::Parameter(_), name) => definition(name),
    }
}

fn definition(name: &str) -> Rule {
    match name {
        "CE" => Rule::DefinesCe,
        "SGC" => Rule::DefinesSgc,
        "SGD" => Rule::DefinesSgd,
        "TS" => Rule::DefinesTs,
        "TE" => Rule::DefinesTe,
        "AMS" => Rule::DefinesAms,
        "AME" => Rule::DefinesAme,
        "DUM" => Rule::DefinesDum,
        "DUY" => Rule::DefinesDuy,
        "DPI" => Rule::DefinesDpi,
        "DWSR" => Rule::DefinesDwsr,
        "DWSS" => Rule::DefinesDwss,
        "DSS" => Rule::DefinesDss,
        "DWP" => Rule::DefinesDwp,
        "DPM" => Rule::DefinesDpm,
        "DWM" => Rule::DefinesDwm,
        "NO" => Rule::DefinesNo,
        "NR" => Rule::DefinesNr,
        "AQ" => Rule::DefinesAq,
        "AA" => Rule::DefinesAa,
        "PA" => Rule::DefinesPa,
        "PR" => Rule::DefinesPr,
        _ => Rule::ValidValue,
    }
}
