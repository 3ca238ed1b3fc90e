//! The `curl` program as a client that somebody else wrote.

use std::path::Path;
use std::process::Command;

use http::Method;
use opes_tests::config::{Rule, SUBSTITUTE, SYSTEM};
use opes_tests::octets::Pattern;
use opes_tests::oracle::{sha256, substitute};
use opes_tests::origin::Page;
use opes_tests::place::Place;
use opes_tests::process::run;
use opes_tests::stack::Stack;

const BOTH: &[Rule<'_>] = &[Rule::request(&[SUBSTITUTE]), Rule::response(&[SUBSTITUTE])];

/// Runs `curl -sS` with these arguments; it must succeed.
fn curl(arguments: &[&str]) -> String {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "60", "--noproxy", "*"]).args(arguments);
    let done = run(command);
    assert!(done.status.success(), "curl {arguments:?}: {}\n{}", done.status, done.stderr);
    done.stdout
}

fn path(file: &Path) -> &str {
    file.to_str().expect("a temporary path in UTF-8")
}

/// The values of a field in a head as curl prints it.
fn field<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_and_head() {
    let stack = Stack::start(BOTH).await;
    stack.origin.page("/cat", Page::text("A cat sat.\n"));
    let url = format!("http://{}/cat", stack.proxy.address);
    let printed = curl(&["-D-", &url]);
    let (head, body) = printed.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(body, "A tiger sat.\n");
    assert_eq!(field(head, "opes-system"), [SYSTEM]);
    assert!(field(head, "opes-via").concat().contains(SUBSTITUTE), "{head}");

    let printed = curl(&["-I", &url]);
    assert!(printed.starts_with("HTTP/1.1 200 OK\r\n"), "{printed}");
    assert!(printed.ends_with("\r\n\r\n"), "a HEAD has no body: {printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn post_and_chunked_upload() {
    let stack = Stack::start(BOTH).await;
    let place = Place::new();
    let octets = Pattern::new(31).slice(0, 3_000_000);
    let file = place.write("upload", &octets);
    let url = format!("http://{}/tally", stack.proxy.address);
    let expected = substitute(&octets, b"cat", b"tiger");
    let data = format!("@{}", path(&file));
    let said = format!("{} {}\n", expected.len(), sha256(&expected));
    assert_eq!(curl(&["-H", "Content-Type: text/plain", "--data-binary", &data, &url]), said);
    let chunked =
        ["-H", "Transfer-Encoding: chunked", "-H", "Content-Type: text/plain", "--data-binary", &data, &url];
    assert_eq!(curl(&chunked), said);
    assert_eq!(curl(&["-T", path(&file), &url]), said, "PUT, after Expect: 100-continue");
    assert_eq!(curl(&["--data", "a cat", &url]), format!("7 {}\n", sha256(b"a tiger")));
    let methods: Vec<_> = stack.origin.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, [Method::POST, Method::POST, Method::PUT, Method::POST]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_urls_on_one_connection() {
    let stack = Stack::start(BOTH).await;
    stack.origin.page("/one", Page::text("one cat\n"));
    stack.origin.page("/two", Page::text("two cats\n").chunked(2));
    let (one, two) =
        (format!("http://{}/one", stack.proxy.address), format!("http://{}/two", stack.proxy.address));
    let printed = curl(&["-w", "%{num_connects} new connections\n", &one, &two]);
    assert_eq!(printed, "one tiger\n1 new connections\ntwo tigers\n0 new connections\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_download_to_a_file() {
    let stack = Stack::start(BOTH).await;
    let file = Place::new();
    let out = file.path().join("download");
    let url = format!("http://{}/bytes/20000000?seed=32&framing=chunked", stack.proxy.address);
    curl(&["-o", path(&out), &url]);
    let expected = substitute(&Pattern::new(32).slice(0, 20_000_000), b"cat", b"tiger");
    let came = std::fs::read(&out).expect("the file that curl wrote");
    assert!(came == expected, "{} octets came, {} expected", came.len(), expected.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http_1_0_client_is_served() {
    let stack = Stack::start(BOTH).await;
    stack.origin.page("/cat", Page::text("A cat sat.\n").chunked(4));
    let printed = curl(&["--http1.0", "-D-", &format!("http://{}/cat", stack.proxy.address)]);
    let (head, body) = printed.split_once("\r\n\r\n").expect("a head and a body");
    assert_eq!(body, "A tiger sat.\n");
    assert_eq!(field(head, "transfer-encoding"), [""; 0], "HTTP/1.0 knows no chunks");
}
