//! OPES trace and framing as an end point reads them from a message head.

use http::{HeaderMap, header};

/// An entry of `OPES-System` or `OPES-Via`: the agent and its parameters.
pub type Entry = (String, Vec<String>);

/// The entries of a trace field, in order, over all the fields of that name.
#[must_use]
pub fn entries(headers: &HeaderMap, field: &str) -> Vec<Entry> {
    let values = headers.get_all(field).iter().map(|value| value.to_str().expect("a trace is ASCII"));
    let entries = values.flat_map(|value| value.split(',')).map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let mut parts = entry.split(';').map(|part| part.trim().to_owned());
            (parts.next().unwrap_or_default(), parts.collect())
        })
        .collect()
}

/// The agents of a trace field, in order.
#[must_use]
pub fn agents(headers: &HeaderMap, field: &str) -> Vec<String> {
    entries(headers, field).into_iter().map(|(agent, _)| agent).collect()
}

/// The `id` that the last entry of `OPES-System` has: that of the processor next to us.
#[must_use]
pub fn id(headers: &HeaderMap) -> Option<String> {
    let (_, parameters) = entries(headers, "opes-system").pop()?;
    parameters.iter().find_map(|parameter| parameter.strip_prefix("id=").map(str::to_owned))
}

/// Asserts that a head says in exactly one way where its body ends, and says so correctly.
pub fn assert_framing(headers: &HeaderMap, length: u64) {
    let lengths: Vec<_> = headers.get_all(header::CONTENT_LENGTH).iter().collect();
    let codings: Vec<_> = headers.get_all(header::TRANSFER_ENCODING).iter().collect();
    match (lengths.as_slice(), codings.as_slice()) {
        ([said], []) => assert_eq!(said.to_str().ok(), Some(length.to_string().as_str()), "Content-Length"),
        ([], [coding]) => assert_eq!(*coding, "chunked", "Transfer-Encoding"),
        other => panic!("a body of {length} octets is framed by {other:?}"),
    }
}
