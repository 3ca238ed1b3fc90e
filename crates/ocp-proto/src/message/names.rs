//! The names of the messages that are known (RFC 4037 section 11, appendix A).

/// Every known message: its name on the wire and its title. Those that carry data come first.
pub static NAMES: [(&str, &str); 24] = [
    ("DUM", "Data Use Mine"),
    ("DUY", "Data Use Yours"),
    ("TS", "Transaction Start"),
    ("AMS", "Application Message Start"),
    ("AME", "Application Message End"),
    ("TE", "Transaction End"),
    ("CS", "Connection Start"),
    ("CE", "Connection End"),
    ("SGC", "Service Group Created"),
    ("SGD", "Service Group Destroyed"),
    ("DPI", "Data Preservation Interest"),
    ("DWSR", "Want Stop Receiving Data"),
    ("DWSS", "Want Stop Sending Data"),
    ("DSS", "Stop Sending Data"),
    ("DWP", "Want Data Paused"),
    ("DPM", "Paused My Data"),
    ("DWM", "Want More Data"),
    ("NO", "Negotiation Offer"),
    ("NR", "Negotiation Response"),
    ("AQ", "Ability Query"),
    ("AA", "Ability Answer"),
    ("PQ", "Progress Query"),
    ("PA", "Progress Answer"),
    ("PR", "Progress Report"),
];

/// The static spelling of a known message name, and its title.
pub fn known(name: &[u8]) -> Option<(&'static str, &'static str)> {
    NAMES.iter().find(|(known, _)| known.as_bytes() == name).copied()
}
