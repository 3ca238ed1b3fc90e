//! What all vector files have in common: vectors with titles and tags, and octets in escaped form.

/// A vector: its title, the requirements it is about, and its lines.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    /// The file, for messages.
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) requirements: Vec<String>,
    /// The lines that say something, without their line ends.
    pub(crate) lines: Vec<String>,
}

/// Splits a file into vectors: `== title` begins one, `#` begins a comment, blank lines say nothing.
pub(crate) fn vectors(file: &str, text: &str) -> Vec<Vector> {
    let mut vectors: Vec<Vector> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("== ") {
            let title = title.to_owned();
            vectors.push(Vector {
                file: file.to_owned(),
                title,
                requirements: Vec::new(),
                lines: Vec::new(),
            });
        } else if let Some(vector) = vectors.last_mut() {
            if let Some(list) = line.strip_prefix("# req: ") {
                vector.requirements.extend(list.split(", ").map(str::to_owned));
            } else if !line.starts_with('#') && !line.trim().is_empty() {
                vector.lines.push(line.to_owned());
            }
        } else {
            assert!(
                line.starts_with('#') || line.trim().is_empty(),
                "{file}: {line:?} stands before any vector"
            );
        }
    }
    vectors
}

/// The octets that an escaped text stands for.
pub(crate) fn octets(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'\\' => escape(&mut rest)?,
            b' '..=b'~' => octet,
            _ => return Err(format!("{octet:#04x} has to be escaped in {text:?}")),
        });
    }
    Ok(octets)
}

fn escape(rest: &mut std::str::Bytes<'_>) -> Result<u8, String> {
    match rest.next() {
        Some(b'r') => Ok(b'\r'),
        Some(b'n') => Ok(b'\n'),
        Some(b't') => Ok(b'\t'),
        Some(b'\\') => Ok(b'\\'),
        Some(b'"') => Ok(b'"'),
        Some(b'x') => {
            let digits: String = rest.by_ref().take(2).map(char::from).collect();
            let octet = u8::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 2);
            octet.ok_or_else(|| format!("\\x{digits} is no escape"))
        }
        other => Err(format!("\\{} is no escape", other.map_or(' ', char::from))),
    }
}

/// Octets in escaped form.
pub(crate) fn escaped(octets: &[u8]) -> String {
    let mut text = String::new();
    for octet in octets {
        match octet {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\\' => text.push_str("\\\\"),
            b'"' => text.push_str("\\\""),
            b' '..=b'~' => text.push(char::from(*octet)),
            _ => text.push_str(&format!("\\x{octet:02x}")),
        }
    }
    text
}

#[test]
fn octets_have_an_escaped_form() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(octets(&escaped(&all)).unwrap(), all);
    assert_eq!(octets("a\\r\\n\\x00\\\\\"").unwrap(), b"a\r\n\0\\\"");
    for wrong in ["\\", "\\q", "\\x1", "\\xg0", "é", "a\tb"] {
        assert!(octets(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_file_is_vectors_with_tags() {
    let text = "# About.\n\n== One\n# req: X-1-01, X-1-02\nwire a\n# note\n\n== Two\nwire b\n  c\n";
    let vectors = vectors("f", text);
    assert_eq!(vectors.len(), 2);
    assert_eq!(vectors[0].requirements, ["X-1-01", "X-1-02"]);
    assert_eq!((vectors[0].lines.as_slice(), vectors[1].lines.len()), (&["wire a".to_owned()][..], 2));
}
