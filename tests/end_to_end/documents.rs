//! Real input: the documents of a Debian documentation package, fetched through the proxy.

use std::path::{Path, PathBuf};

use http::{Method, StatusCode, header};
use opes_tests::client::{Connection, request};
use opes_tests::config::{COMMON, Rule};
use opes_tests::oracle::substitute;
use opes_tests::stack::Stack;
use opes_tests::trace::assert_framing;

use crate::trace::assert_traced;

/// Where `scripts/test` puts the documents when the system leaves them out (slim images do).
const ELSEWHERE: &str = "OPES_TEST_DOCUMENTS";

/// HTML, text, pictures, an e-book and compressed files: what the package `debian-policy` installs.
fn documents() -> (PathBuf, Vec<PathBuf>) {
    let root =
        std::env::var_os(ELSEWHERE).map_or_else(|| "/usr/share/doc/debian-policy".into(), PathBuf::from);
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    assert!(
        files.len() >= 50,
        "{} holds {} files: install the package debian-policy, or run scripts/test, which does",
        root.display(),
        files.len()
    );
    (root, files)
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.expect("a directory entry").path();
        match std::fs::metadata(&path) {
            Ok(what) if what.is_dir() => walk(&path, files),
            Ok(what) if what.is_file() => files.push(path),
            _ => {} // a link to a file of another package that is not installed
        }
    }
}

/// The path of a file in the URL space of the origin.
fn target(root: &Path, file: &Path) -> String {
    let name = file.strip_prefix(root).expect("a file below the root").to_str().expect("a name in UTF-8");
    let encode = |octet: u8| match octet {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(octet).to_string()
        }
        other => format!("%{other:02X}"),
    };
    format!("/tree/{}", name.bytes().map(encode).collect::<String>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_document_arrives_with_exactly_the_substitution() {
    let (root, files) = documents();
    let stack = Stack::start(&[Rule::response(&[COMMON])]).await;
    stack.origin.tree(&root);
    let mut connection = stack.connect().await;
    let (mut changed, mut unchanged) = (0, 0);
    for file in &files {
        let (original, target) = (std::fs::read(file).expect("a readable document"), target(&root, file));
        let expected = substitute(&original, b"the", b"that very");
        let answer = connection.get(&target).await;
        assert_eq!(answer.status, StatusCode::OK, "{target}");
        assert!(
            answer.body == expected,
            "{target}: {} octets, {} expected",
            answer.body.len(),
            expected.len()
        );
        assert_framing(&answer.headers, expected.len() as u64);
        assert_traced(&answer.headers, &[COMMON]);
        assert!(answer.headers.contains_key(header::CONTENT_TYPE), "{target}");
        if expected == original {
            unchanged += 1
        } else {
            changed += 1
        }

        let head = connection.fetch(request(Method::HEAD, &target)).await.expect("a whole response");
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{target}");
        let announced =
            head.headers.get(header::CONTENT_LENGTH).map(|length| length.to_str().expect("ASCII"));
        assert!(
            announced.is_none_or(|length| length == expected.len().to_string()),
            "{target}: {announced:?}"
        );
    }
    println!("{} documents, {changed} of them changed", files.len());
    assert!(
        changed >= 20 && unchanged >= 5,
        "{changed} changed, {unchanged} did not: not what was meant to be tested"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_documents_at_once_do_not_mix() {
    let (root, files) = documents();
    let stack = Stack::start(&[Rule::response(&[COMMON])]).await;
    stack.origin.tree(&root);
    let address = stack.proxy.address;
    let clients: Vec<_> = files
        .chunks(files.len().div_ceil(16))
        .map(|files| {
            let files: Vec<_> = files.iter().map(|file| (file.clone(), target(&root, file))).collect();
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await;
                for (file, target) in files {
                    let expected =
                        substitute(&std::fs::read(file).expect("a document"), b"the", b"that very");
                    let answer = connection.get(&target).await;
                    assert!(answer.body == expected, "{target}: {} octets", answer.body.len());
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("every client is served");
    }
}
