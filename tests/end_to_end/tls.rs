//! TLS and HTTP/2 with `curl`, which somebody else wrote, and an origin behind TLS.

use std::process::Command;

use http::Version;
use opes_tests::certificates::Certificates;
use opes_tests::config::{Config, Rule, SUBSTITUTE, SYSTEM};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page, Shaped};
use opes_tests::process::{Finished, run};

fn curl(arguments: &[&str]) -> Finished {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "30", "-w", "\n%{http_version} %{http_code}"]).args(arguments);
    run(command)
}

const SUBSTITUTED: Rule<'_> = Rule::response(&[SUBSTITUTE]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_choose_their_version_on_tls() {
    let certificates = Certificates::new();
    let origin = Origin::start().await;
    origin.page("/cat", Page::text("A cat."));
    let server = Opes::server(&Config::server());
    let config = Config::reverse(origin.address(), server.address).table(&certificates.tls_table());
    let proxy = Opes::proxy(&config.rule(&SUBSTITUTED));
    let url = format!("https://{}/cat", proxy.address);
    let authority = certificates.authority.to_str().expect("a path in UTF-8");
    for (version, printed) in [("--http1.1", "1.1 200"), ("--http2", "2 200")] {
        let done = curl(&[version, "--noproxy", "*", "--cacert", authority, "-b", "a=1; b=2", &url]);
        assert_eq!(done.stdout, format!("A tiger.\n{printed}"), "{}", done.stderr);
    }
    let done = curl(&["--noproxy", "*", &url]);
    assert!(!done.status.success(), "an authority that nobody trusts: {}", done.stdout);
    let done = curl(&["--noproxy", "*", &url.replace("https", "http")]);
    assert!(!done.status.success(), "not in clear: {}", done.stdout);
    let via: Vec<_> = origin.seen().iter().map(|seen| seen.headers["via"].clone()).collect();
    assert_eq!(via, ["1.1 opes", "2 opes"]);
    assert!(origin.seen().iter().all(|seen| seen.headers["host"] == proxy.address.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_has_other_certificates_shown_and_bad_ones_are_not() {
    let (shown, next) = (Certificates::new(), Certificates::new());
    let origin = Origin::start().await;
    origin.page("/cat", Page::text("A cat."));
    let config = Config::reverse(origin.address(), ([127, 0, 0, 1], 9).into()).table(&shown.tls_table());
    let proxy = Opes::proxy(&config);
    let url = format!("https://{}/cat", proxy.address);
    let trusts = |certificates: &Certificates| {
        let authority = certificates.authority.to_str().expect("a path in UTF-8");
        curl(&["--noproxy", "*", "--cacert", authority, &url]).stdout.starts_with("A cat.")
    };
    assert!(trusts(&shown) && !trusts(&next));
    for (new, old) in [(&next.certificate, &shown.certificate), (&next.key, &shown.key)] {
        std::fs::copy(new, old).expect("a file");
    }
    assert!(trusts(&shown), "nobody has asked for it yet");
    proxy.reload(&config);
    assert!(trusts(&next) && !trusts(&shown));

    // A certificate of another key; then none at all.
    let other = Certificates::new();
    let wrong = std::fs::read(&other.certificate).expect("a file");
    for (number, spoilt) in [&wrong[..], b"nothing"].into_iter().enumerate() {
        std::fs::write(&shown.certificate, spoilt).expect("a file");
        proxy.process.signal("HUP");
        opes_tests::patience::eventually("an error", || {
            let log = proxy.process.stderr();
            (log.matches("ERROR").count() > number).then(|| assert!(log.contains("tls.certificate"), "{log}"))
        });
        assert!(trusts(&next), "it stays in force");
    }
    std::fs::copy(&next.certificate, &shown.certificate).expect("a file");
    proxy.reload(&config);
    let log = proxy.process.stderr();
    assert_eq!((log.matches("ERROR").count(), log.matches("WARN").count()), (2, 0), "{log}");
    assert!(trusts(&next));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_in_clear_by_prior_knowledge() {
    let origin = Origin::start().await;
    origin.page("/cat", Page::text("A cat."));
    let server = Opes::server(&Config::server());
    let rules = [SUBSTITUTED, Rule::request(&[SUBSTITUTE])];
    let proxy =
        Opes::proxy(&rules.iter().fold(Config::reverse(origin.address(), server.address), Config::rule));
    let cat = format!("http://{}/cat", proxy.address);
    let echo = format!("http://{}/echo", proxy.address);
    let done = curl(&["--http2-prior-knowledge", "--noproxy", "*", "-D-", &cat]);
    assert!(done.stdout.starts_with("HTTP/2 200"), "{}", done.stdout);
    assert!(done.stdout.contains(&format!("opes-system: {SYSTEM}")), "{}", done.stdout);
    assert!(done.stdout.ends_with("A tiger.\n2 200"), "{}", done.stdout);
    let done = curl(&["--http2-prior-knowledge", "--noproxy", "*", "--data-binary", "a cat", &echo]);
    assert_eq!(done.stdout, "a tiger\n2 200", "{}", done.stderr);
    let done =
        curl(&["--http2-prior-knowledge", "--noproxy", "*", "-H", "cookie: a=1", "-H", "cookie: b=2", &cat]);
    assert!(done.status.success(), "{}", done.stderr);
    let seen = origin.seen().pop().expect("requests");
    let cookies: Vec<_> = seen.headers.get_all("cookie").iter().collect();
    assert_eq!(cookies, ["a=1; b=2"], "RFC 9113 section 8.2.3");
    assert_eq!(seen.headers["host"], proxy.address.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_has_to_show_who_it_is() {
    let certificates = Certificates::new();
    let origin = Shaped::secure(&certificates).await;
    let server = Opes::server(&Config::server());
    for (trusted, expected) in [(&certificates, "a tiger\n1.1 200"), (&Certificates::new(), "502")] {
        let config = Config::forward(server.address)
            .top(&format!("origin = \"https://localhost:{}\"", origin.address.port()))
            .table(&trusted.origin_table());
        let proxy = Opes::proxy(&config.rule(&SUBSTITUTED));
        let url = format!("http://{}/200/length/a%20cat", proxy.address);
        // Over HTTP/2 there is no Host beside the authority that is connected to.
        let own = format!("Host: localhost:{}", origin.address.port());
        for (host, version) in [("Host: www.example.com", Version::HTTP_11), (own.as_str(), Version::HTTP_2)]
        {
            let done = curl(&["--noproxy", "*", "-H", host, "-H", "TE: trailers", &url]);
            let printed = done.stdout.replace("%20", " ");
            assert!(printed.ends_with(expected), "{printed}");
            if expected == "502" {
                continue;
            }
            let asked = origin.last().expect("a request");
            assert_eq!((asked.version, asked.headers["te"].as_bytes()), (version, &b"trailers"[..]));
            if version == Version::HTTP_11 {
                assert_eq!(asked.headers["host"], "www.example.com");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_goes_through_a_forward_proxy_and_its_tunnels() {
    let certificates = Certificates::new();
    let (clear, secure) = (Shaped::in_clear().await, Shaped::secure(&certificates).await);
    let server = Opes::server(&Config::server());
    let config = Config::forward(server.address).table(&certificates.origin_table());
    let proxy = Opes::proxy(&config.rule(&SUBSTITUTED));
    let through = format!("http://{}", proxy.address);
    let authority = certificates.authority.to_str().expect("a path in UTF-8");
    let done = curl(&["-x", &through, &format!("http://{}/200/length/cat", clear.address)]);
    assert_eq!(done.stdout, "tiger\n1.1 200", "{}", done.stderr);
    // What is in a tunnel is between its ends.
    let url = format!("https://localhost:{}/200/length/cat", secure.address.port());
    let done = curl(&["-x", &through, "--cacert", authority, &url]);
    assert_eq!(done.stdout, "cat\n2 200", "{}", done.stderr);
    let done = curl(&["-x", &through, "-p", &format!("http://{}/200/unknown/cat", clear.address)]);
    assert_eq!(done.stdout, "cat\n1.1 200", "{}", done.stderr);
}

#[test]
fn certificates_that_cannot_be_used_are_refused_at_the_start() {
    let certificates = Certificates::new();
    let other = Certificates::new();
    let nowhere = "/nowhere/cert.pem";
    let table = |certificate: &str, key: &str| format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}");
    let path = |path: &std::path::Path| path.to_str().expect("a path in UTF-8").to_owned();
    for (tables, key) in [
        (table(nowhere, &path(&certificates.key)), "tls.certificate"),
        (table(&path(&certificates.certificate), nowhere), "tls.key"),
        (table(&path(&certificates.certificate), &path(&certificates.certificate)), "tls.key"),
        (table(&path(&certificates.certificate), &path(&other.key)), "tls.certificate"),
        (format!("[origin_tls]\nauthorities = {nowhere:?}"), "origin_tls.authorities"),
    ] {
        let config = Config::forward(([127, 0, 0, 1], 9).into()).table(&tables);
        let file = opes_tests::opes::File::new(&config.to_string());
        let done = opes_tests::opes::run_opes(&["check", file.path.to_str().expect("a path in UTF-8")]);
        assert_eq!(done.status.code(), Some(2), "{tables}: {}", done.stderr);
        assert!(done.stderr.contains(key), "{}", done.stderr);
    }
}
