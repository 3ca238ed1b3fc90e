//! The real Squid before the gateway, with a callout server behind it.

use opes_tests::config::{BLOCK, DIGEST, IDENTITY, REASON, SUBSTITUTE, SYSTEM};
use opes_tests::octets::Pattern;
use opes_tests::oracle::{sha256, substitute};
use opes_tests::origin::{Origin, Page};
use opes_tests::place::Place;
use opes_tests::squid::Squid;

use crate::Gateway;

struct Behind {
    origin: Origin,
    squid: Squid,
    _gateway: Gateway,
    place: Place,
}

impl Behind {
    async fn with(gateway: Gateway) -> Self {
        let squid = Squid::before(gateway.opes.address);
        Self { origin: Origin::start().await, squid, _gateway: gateway, place: Place::new() }
    }

    /// Fetches with curl through Squid: head and body.
    async fn fetch(&self, path: &str, arguments: &[&str]) -> (String, Vec<u8>) {
        let (done, body) =
            self.squid.fetch(&format!("http://{}{path}", self.origin.address()), arguments).await;
        let complaints = self.squid.complaints();
        assert!(done.status.success(), "{path}: {}\n{}\n{complaints}", done.stderr, done.stdout);
        (done.stdout, body)
    }
}

fn field<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

/// Squid 5.7 stalls past 64 KiB where the answer does not begin early, and lets a 204 pass only where it said so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_every_size_pass_services_that_look_and_services_that_change() {
    for (service, changes) in [(DIGEST, false), (IDENTITY, false), (SUBSTITUTE, true)] {
        let stack = Behind::with(Gateway::elsewhere(&[service])).await;
        for size in [0u64, 1, 1023, 1024, 1025, 65_536, 405_264, 3_000_000] {
            for framing in ["", "&framing=chunked"] {
                let (head, body) = stack.fetch(&format!("/bytes/{size}?seed=5{framing}"), &[]).await;
                assert!(head.starts_with("HTTP/1.1 200 "), "{service} {size}{framing}: {head}");
                let original = Pattern::new(5).slice(0, size);
                let expected =
                    if changes { substitute(&original, b"cat", b"tiger") } else { original.to_vec() };
                assert!(body == expected, "{service} {size}{framing}: {} octets came", body.len());
                if expected != original {
                    assert_eq!(field(&head, "opes-system"), [SYSTEM], "{service} {size}{framing}: {head}");
                    assert!(field(&head, "opes-via").concat().contains(service), "{head}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_come_octet_for_octet() {
    const SIZE: u64 = 100_000_000;
    let stack = Behind::with(Gateway::elsewhere(&[DIGEST])).await;
    let (head, body) = stack.fetch(&format!("/bytes/{SIZE}?seed=6"), &[]).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body.len() as u64, SIZE);
    assert!(Pattern::new(6).begins(&body), "other octets came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_pass_services_of_requests() {
    let stack = Behind::with(Gateway::elsewhere(&[SUBSTITUTE])).await;
    for size in [10u64, 1024, 405_264, 3_000_000] {
        let octets = Pattern::new(8).slice(0, size);
        let file = stack.place.write("upload", &octets);
        let expected = substitute(&octets, b"cat", b"tiger");
        for how in ["Expect:", "Transfer-Encoding: chunked"] {
            let data = format!("@{}", file.display());
            let arguments = ["-H", how, "-H", "Content-Type: text/plain", "--data-binary", &data];
            let (head, body) = stack.fetch("/tally", &arguments).await;
            assert!(head.contains("200 "), "{size} {how}: {head}");
            let said = format!("{} {}\n", expected.len(), sha256(&expected));
            assert_eq!(String::from_utf8_lossy(&body), said, "{size} {how}");
        }
    }
}

/// Squid 5.7 cuts the adapted body to the length of a chunked upload that ends after the adapted head has come, if it has not
/// asked the origin by then: some of these, where the answer began early.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_without_a_length_is_never_cut() {
    let stack = Behind::with(Gateway::elsewhere(&[SUBSTITUTE])).await;
    let octets = Pattern::new(8).slice(0, 405_264);
    let file = stack.place.write("upload", &octets);
    let expected = substitute(&octets, b"cat", b"tiger");
    let said = format!("{} {}\n", expected.len(), sha256(&expected));
    let data = format!("@{}", file.display());
    let arguments =
        ["-H", "Transfer-Encoding: chunked", "-H", "Content-Type: text/plain", "--data-binary", &data];
    for turn in 0..30 {
        let (_, body) = stack.fetch("/tally", &arguments).await;
        assert_eq!(String::from_utf8_lossy(&body), said, "{turn}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bypass_refusal_and_unchanged_messages_reach_the_user() {
    let stack = Behind::with(Gateway::elsewhere(&[SUBSTITUTE])).await;
    stack.origin.page("/cat", Page::text("A cat sat.\n"));
    let (head, body) = stack.fetch("/cat", &[]).await;
    assert_eq!(body, b"A tiger sat.\n");
    assert!(field(&head, "opes-via").concat().contains(SUBSTITUTE), "{head}");
    let (head, body) = stack.fetch("/cat", &["-H", "OPES-Bypass: *"]).await;
    assert_eq!(body, b"A cat sat.\n");
    assert!(field(&head, "opes-via").is_empty(), "{head}");
    let (head, body) = stack.fetch("/cat", &["-I"]).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty() || head.contains("200"), "{head}");

    let stack = Behind::with(Gateway::elsewhere(&[BLOCK])).await;
    stack.origin.page("/cat", Page::text("A cat sat.\n"));
    let (head, body) = stack.fetch("/cat", &[]).await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert!(String::from_utf8_lossy(&body).contains(REASON), "{}", String::from_utf8_lossy(&body));
}

/// What ICAP is worst at: a large body of which only the beginning matters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_leave_early_spare_squid_the_rest() {
    let stack = Behind::with(Gateway::here(&["peek"])).await;
    let (_, body) = stack.fetch("/bytes/3000000?seed=9", &[]).await;
    assert!(body == Pattern::new(9).slice(0, 3_000_000), "{} octets came", body.len());
    assert_eq!(stack.squid.log(2), ["REQMOD 204", "RESPMOD 204"]);

    let stack = Behind::with(Gateway::here(&["inject"])).await;
    let page = format!("<html><body>{}", "And so on. ".repeat(200_000));
    stack.origin.page("/page", Page::new("text/html", page.clone()));
    let (head, body) = stack.fetch("/page", &[]).await;
    let expected = page.replacen("<body>", "<body><p>hello</p>", 1);
    assert!(body == expected.as_bytes(), "{} octets came of {}: {head}", body.len(), expected.len());
    let log = stack.squid.log(2);
    assert_eq!(log.last().map(String::as_str), Some("RESPMOD 206"), "{log:?}");
}
