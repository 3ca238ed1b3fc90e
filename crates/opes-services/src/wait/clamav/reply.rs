//! What clamd answers to a stream.

use super::error::ScanError;

/// The longest name of a signature that is passed on: octets.
const NAME: usize = 128;

/// What the scanner found out about a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No signature matches.
    Clean,
    /// The signature of this name matches.
    Infected(String),
    /// The stream has more octets than the scanner takes (`StreamMaxLength`).
    TooLong,
}

/// Reads the reply, without its final zero octet, to the command with this number in a session.
///
/// # Errors
/// The scanner reports a failure, or says what nobody asked for.
pub(super) fn parse(line: &[u8], awaited: u32) -> Result<Verdict, ScanError> {
    let text = String::from_utf8_lossy(line);
    let numbered = text.split_once(": ").and_then(|(id, rest)| Some((id.parse::<u32>().ok()?, rest)));
    let (id, said) = numbered.map_or((None, &*text), |(id, rest)| (Some(id), rest));
    if let Some(error) = said.strip_suffix("ERROR") {
        // An error ends the session, whatever it is about.
        return match error.contains("size limit exceeded") {
            true => Ok(Verdict::TooLong),
            false => Err(ScanError::Scanner(shown(error))),
        };
    }
    if id != Some(awaited) {
        return Err(ScanError::Unexpected(shown(&text)));
    }
    match said.strip_prefix("stream: ") {
        Some("OK") => Ok(Verdict::Clean),
        Some(found) => match found.strip_suffix(" FOUND") {
            Some(name) => Ok(Verdict::Infected(shown(name))),
            None => Err(ScanError::Unexpected(shown(&text))),
        },
        None => Err(ScanError::Unexpected(shown(&text))),
    }
}

/// What the scanner said, fit for logs and traces.
fn shown(text: &str) -> String {
    let printable = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    text.trim().chars().take(NAME).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_verdicts_are_told_apart() {
        assert_eq!(parse(b"1: stream: OK", 1).unwrap(), Verdict::Clean);
        assert_eq!(parse(b"2: stream: A.B-1 FOUND", 2).unwrap(), Verdict::Infected("A.B-1".to_owned()));
        assert_eq!(parse(b"1: INSTREAM size limit exceeded. ERROR", 1).unwrap(), Verdict::TooLong);
        assert_eq!(parse(b"INSTREAM size limit exceeded. ERROR", 1).unwrap(), Verdict::TooLong);
    }

    #[test]
    fn the_reply_to_another_command_is_no_verdict() {
        for line in
            ["2: stream: OK", "stream: OK", "0: stream: OK", "1:stream: OK", "99999999999: stream: OK"]
        {
            let error = parse(line.as_bytes(), 1).unwrap_err();
            assert!(matches!(error, ScanError::Unexpected(_)), "{line}: {error}");
        }
    }

    #[test]
    fn what_is_not_exactly_ok_is_never_clean() {
        for line in
            ["", "1: ", "1: stream: ", "1: stream: ok", "1: stream: OK ", "1: OK", "1: stream: X", "1: PONG"]
        {
            assert!(parse(line.as_bytes(), 1).is_err(), "{line}");
        }
        let error = parse(b"1: stream: Can't open file ERROR", 1).unwrap_err();
        assert!(matches!(&error, ScanError::Scanner(said) if said == "stream: Can't open file"), "{error}");
    }

    #[test]
    fn a_name_is_bounded_and_printable() {
        let line = [b"1: stream: a\r\n\xff".as_slice(), &[b'x'; 1000], b" FOUND"].concat();
        let Verdict::Infected(name) = parse(&line, 1).unwrap() else { panic!("infected") };
        assert!(name.len() == NAME && name.starts_with("a???x"), "{name}");
    }
}
