//! The scanner behind the real Squid: Squid, the gateway, a callout server and clamd in a row.

use http::StatusCode;
use opes_tests::clamd::{Clamd, eicar};
use opes_tests::client;
use opes_tests::config::{Config, Rule, SYSTEM};
use opes_tests::octets::Pattern;
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::process::Finished;
use opes_tests::squid::Squid;

const CLAMAV: &str = "http://services.example.com/clamav";

const PREFIX: &str = "policy = \"prefix\"\nprefix_bytes = 32768\nmax_bytes = 104857600";

struct Row {
    origin: Origin,
    squid: Squid,
    clamd: Clamd,
    _gateway: Opes,
    _server: Opes,
}

impl Row {
    async fn start(options: &str) -> Self {
        let clamd = Clamd::start();
        let options = format!("address = \"{}\"\n{options}", clamd.address());
        let server = Opes::server(&Config::server().service(CLAMAV, "clamav", &options));
        let gateway = Opes::gateway(&Config::gateway(server.address).rule(&Rule::response(&[CLAMAV])));
        let squid = Squid::before(gateway.address);
        Self { origin: Origin::start().await, squid, clamd, _gateway: gateway, _server: server }
    }

    /// What curl says of a page that it fetches through Squid, with the head that it saw, and the body.
    async fn fetch(&self, path: &str, arguments: &[&str]) -> (Finished, Vec<u8>) {
        self.squid.fetch(&format!("http://{}{path}", self.origin.address()), arguments).await
    }
}

/// A page of 400 KB with the infection at this place.
fn infected(at: usize) -> Vec<u8> {
    let mut page = vec![b'x'; 400_000];
    page.splice(at..at, eicar());
    page
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_infection_in_a_small_file_or_early_in_a_large_one_is_refused() {
    // Squid 5.7 stalls on more than 64 KiB of which nothing comes back, so that only the prefix is held there.
    for (options, paths) in [("", &["/small"][..]), (PREFIX, &["/small", "/early"])] {
        let row = Row::start(options).await;
        row.origin.page("/small", Page::text(eicar()));
        row.origin.page("/early", Page::text(infected(30_000)));
        for path in paths {
            let (done, body) = row.fetch(path, &[]).await;
            let context = format!("{options} {path}: {} {}", done.stdout, done.stderr);
            assert!(done.stdout.starts_with("HTTP/1.1 403 "), "{context}");
            assert!(done.stdout.contains(SYSTEM), "it is traced: {context}");
            assert!(!body.windows(32).any(|window| window == &eicar()[..32]), "{context}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_infection_at_the_end_of_a_large_page_never_looks_whole() {
    let row = Row::start(PREFIX).await;
    row.origin.page("/late", Page::text(infected(400_000)));
    let (done, body) = row.fetch("/late", &[]).await;
    assert!(!done.status.success(), "the connection is broken off: {} {}", done.stdout, done.stderr);
    assert!(body.len() < 400_000 + eicar().len(), "{} octets came", body.len());
    // A proxy of our own holds it back.
    let options = format!("address = \"{}\"", row.clamd.address());
    let server = Opes::server(&Config::server().service(CLAMAV, "clamav", &options));
    let rule = Rule::response(&[CLAMAV]);
    let proxy = Opes::proxy(&Config::reverse(row.origin.address(), server.address).rule(&rule));
    assert_eq!(client::get(proxy.address, "/late").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clean_files_come_octet_for_octet() {
    let row = Row::start(PREFIX).await;
    for size in [400_000, 99_000_000] {
        let (done, body) = row.fetch(&format!("/bytes/{size}?seed=4"), &[]).await;
        assert!(done.status.success(), "{size}: {} {}", done.stdout, done.stderr);
        assert_eq!(body.len() as u64, size);
        assert!(Pattern::new(4).begins(&body), "{size}: other octets came");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bypass_is_honoured_and_a_scanner_that_is_down_is_never_clean() {
    let mut row = Row::start("").await;
    row.origin.page("/small", Page::text(eicar()));
    let (done, body) = row.fetch("/small", &["-H", &format!("OPES-Bypass: {CLAMAV}")]).await;
    assert!(done.stdout.starts_with("HTTP/1.1 200 "), "{}", done.stdout);
    assert_eq!(body, eicar());
    row.clamd.stop();
    row.origin.page("/clean", Page::text("nothing wrong here"));
    let (done, body) = row.fetch("/clean", &[]).await;
    assert!(done.stdout.starts_with("HTTP/1.1 50"), "{}", done.stdout);
    assert!(!body.starts_with(b"nothing wrong"), "{}", String::from_utf8_lossy(&body));
}
