//! `deploy/squid`.

use std::net::SocketAddr;
use std::process::Command;

use opes_tests::certificates::Certificates;
use opes_tests::config::Config;
use opes_tests::deployed::Deployed;
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page, Shaped};
use opes_tests::patience::eventually;
use opes_tests::place::Place;
use opes_tests::process::run;
use opes_tests::squid::Squid;
use opes_tests::tap::Tap;

use super::{CLIENT, assert_adapted, assert_original, curl, gateway_file, origin, server};

/// What is true of both files, in a place, before a gateway.
fn file(name: &str, place: &Place, address: SocketAddr, gateway: SocketAddr) -> Deployed {
    Deployed::read(name)
        .put("http_port 3128", format!("http_port {address}"))
        .put("127.0.0.1:1344", gateway)
        .put_path("/var/log/squid", place.path())
        .put_path("/var/spool/squid", place.path())
        .put_path("/run/squid.pid", &place.path().join("squid.pid"))
}

/// curl through Squid; the head of a tunnel is not printed.
fn through(squid: &Squid, arguments: &[&str]) -> String {
    let proxy = format!("http://{}", squid.address());
    let done = curl(&[&["--suppress-connect-headers", "--noproxy", "", "-x", &proxy], arguments].concat());
    assert!(done.status.success(), "{arguments:?}: {}\n{}\n{}", done.stderr, done.stdout, squid.complaints());
    done.stdout
}

struct Adapted {
    _server: Opes,
    gateway: Opes,
    squid: Squid,
}

impl Adapted {
    /// squid.conf, changed further.
    fn plain(change: impl FnOnce(Deployed) -> Deployed) -> Self {
        let server = server();
        let gateway = Opes::gateway(&gateway_file(&server).put("192.0.2.10", "127.0.0.10").config());
        let (place, address) = (Place::new(), Squid::address_to_listen());
        let file = change(file("squid/squid.conf", &place, address, gateway.address));
        let squid = Squid::start(place, address, file.text());
        Self { _server: server, gateway, squid }
    }

    fn fetch(&self, origin: &Origin, arguments: &[&str]) -> String {
        through(&self.squid, &[arguments, &[&format!("http://{}/cat.txt", origin.address())]].concat())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn squid_has_messages_adapted_and_tells_the_rules_of_its_client() {
    let origin = origin().await;
    let Adapted { squid, gateway, _server } = {
        let adapted = Adapted::plain(|file| file);
        assert_adapted(&adapted.fetch(&origin, &[]));
        assert_original(&adapted.fetch(&origin, &["-H", "OPES-Bypass: *"]));
        // The later of two --interface counts: whom the rule for responses leaves out.
        assert_original(&adapted.fetch(&origin, &["--interface", "127.0.0.10"]));
        adapted
    };
    let of = |method: &str, line: &String| line.split(' ').nth(2) == Some(method);
    let log = squid.log_until(|lines| lines.iter().filter(|line| of("RESPMOD", line)).count() >= 3);
    assert!(log.iter().any(|line| line.contains(CLIENT) && of("REQMOD", line)), "{log:?}");
    assert!(
        log.iter().any(|line| line.ends_with(&format!("icap://{}/responses", gateway.address))),
        "{log:?}"
    );
    squid.finish();
}

/// A body of which only the beginning is needed is answered from the preview, by 206 where that changes, on connections
/// that are used again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn squid_uses_previews_and_partial_answers_and_connections_again() {
    let origin = origin().await;
    // In the gateway's own process: with a callout server Squid got 200 instead.
    let config = Config::gateway(([127, 0, 0, 1], 9).into()).table(
        "[[services]]\nuri = \"http://here.example.com/inject\"\nkind = \"inject\"\nafter = \"<body>\"\n\
         text = \"<p>hello</p>\"\nwithin = 1000\n\n\
         [[rules]]\nservices = [\"http://here.example.com/inject\"]",
    );
    let gateway = Opes::gateway(&config);
    let tap = Tap::start(gateway.address).await;
    let (place, address) = (Place::new(), Squid::address_to_listen());
    let file = file("squid/squid.conf", &place, address, tap.address);
    let squid = Squid::start(place, address, file.text());

    let page = format!("<html><body>{}", "And so on. ".repeat(200_000));
    origin.page("/page", Page::new("text/html", page.clone()));
    let expected = page.replacen("<body>", "<body><p>hello</p>", 1);
    for _ in 0..3 {
        let printed = through(&squid, &[&format!("http://{}/page", origin.address())]);
        assert!(printed.ends_with(&expected), "{} octets", printed.len());
    }
    let answers = |lines: &[String], kind: &str| lines.iter().filter(|line| line.contains(kind)).count();
    let log = squid.log_until(|lines| answers(lines, " RESPMOD ") >= 3 && answers(lines, " REQMOD ") >= 3);
    assert_eq!((answers(&log, " REQMOD 204 "), answers(&log, " RESPMOD 206 ")), (3, 3), "{log:?}");
    let connections = tap.so_far();
    let asked: String = connections.iter().map(|[asked, _]| String::from_utf8_lossy(asked)).collect();
    let heads: Vec<_> =
        asked.split("RESPMOD icap://").skip(1).filter_map(|from| from.split("\r\n\r\n").next()).collect();
    assert!(heads.len() == 3 && heads.iter().all(|head| head.contains("\r\nPreview: 4096")), "{heads:?}");
    assert!(connections.len() < 6, "{} connections for 6 messages", connections.len());
}

/// Tunnels of squid.conf stay closed: the client sees the certificate of the origin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn squid_without_ssl_bump_leaves_tunnels_alone() {
    let certificates = Certificates::new();
    let secure = Shaped::secure(&certificates).await;
    let adapted = Adapted::plain(|file| file);
    let authority = certificates.authority.to_str().expect("a path in UTF-8");
    let url = format!("https://127.0.0.1:{}/200/length/cat", secure.address.port());
    let printed = through(&adapted.squid, &["--cacert", authority, &url]);
    assert!(printed.ends_with("\r\n\r\ncat") && !printed.contains("opes-system"), "{printed}");
}

/// `bypass=` decides for a gateway that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn squid_without_its_gateway_fails_or_passes_as_bypass_says() {
    let origin = origin().await;
    for around in [false, true] {
        let mut adapted =
            Adapted::plain(|file| if around { file.put("bypass=off", "bypass=on") } else { file });
        assert_adapted(&adapted.fetch(&origin, &[]));
        adapted.gateway.process.kill();
        let printed = adapted.fetch(&origin, &[]);
        if around {
            assert_original(&printed);
        } else {
            assert!(printed.starts_with("HTTP/1.1 500 "), "{printed}");
        }
    }
}

/// The commands that a comment of the file shows.
fn prepare(file: &Deployed) {
    let shown: String =
        file.text().lines().filter_map(|line| line.strip_prefix("#   ")).collect::<Vec<_>>().join("\n");
    assert!(shown.contains("openssl req") && shown.contains("security_file_certgen -c"), "{shown}");
    // Whoever is not root stays who he is, and so does Squid.
    let shown = format!("chown() {{ [ $(id -u) != 0 ] || command chown \"$@\"; }}; set -e\n{shown}");
    let mut command = Command::new("sh");
    command.args(["-c", &shown]);
    let done = run(command);
    assert!(done.status.success(), "{shown}\n{}{}", done.stdout, done.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn squid_with_ssl_bump_opens_tunnels_except_private_ones() {
    let certificates = Certificates::new();
    let secure = Shaped::secure(&certificates).await;
    let server = server();
    let gateway = Opes::gateway(&gateway_file(&server).config());
    let (place, address) = (Place::new(), Squid::address_to_listen());
    let own = place.path().join("bump.pem");
    let file = file("squid/squid-ssl-bump.conf", &place, address, gateway.address)
        .put_path("/etc/squid", place.path())
        .put_path("/var/lib/squid", place.path())
        .put_path("/etc/ssl/certs/ca-certificates.crt", &certificates.authority)
        .put(".bank.example.com", ".localhost");
    prepare(&file);
    let squid = Squid::start(place, address, file.text());
    eventually("Squid to be ready", || squid.complaints().contains("Accepting").then_some(()));

    let port = secure.address.port();
    let to = format!("::127.0.0.1:{port}");
    let get = |name: &str, authority: &std::path::Path, more: &[&str]| {
        let url = format!("https://{name}:{port}/200/length/A%20cat.");
        let authority = authority.to_str().expect("a path in UTF-8");
        through(&squid, &[&["--cacert", authority, "--connect-to", &to, &url], more].concat())
    };
    let opened = get("www.example.com", &own, &[]).replace("%20", " ");
    assert_adapted(&opened);
    let left = get("www.example.com", &own, &["-H", "OPES-Bypass: *"]).replace("%20", " ");
    assert_original(&left);
    let closed = get("localhost", &certificates.authority, &[]);
    assert!(closed.ends_with("\r\n\r\nA%20cat.") && !closed.contains("opes-system"), "{closed}");
    let log = squid.log_until(|lines| lines.iter().filter(|line| line.contains(" RESPMOD ")).count() >= 2);
    let of_clients = log.iter().filter(|line| !line.contains(" OPTIONS "));
    // Two requests in opened tunnels, with their responses, and no CONNECT.
    assert_eq!(of_clients.filter(|line| line.contains(CLIENT)).count(), 4, "{log:?}");
    let complaints = squid.complaints();
    assert!(!complaints.contains("ERROR") && !complaints.contains("WARNING"), "{complaints}");
    squid.finish();
}

/// A server whose certificate nobody signed is not hidden behind one that the clients trust.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn squid_with_ssl_bump_verifies_origins() {
    let (certificates, other) = (Certificates::new(), Certificates::new());
    let secure = Shaped::secure(&certificates).await;
    let server = server();
    let gateway = Opes::gateway(&gateway_file(&server).config());
    let (place, address) = (Place::new(), Squid::address_to_listen());
    let own = place.path().join("bump.pem");
    let file = file("squid/squid-ssl-bump.conf", &place, address, gateway.address)
        .put_path("/etc/squid", place.path())
        .put_path("/var/lib/squid", place.path())
        .put_path("/etc/ssl/certs/ca-certificates.crt", &other.authority);
    prepare(&file);
    let squid = Squid::start(place, address, file.text());
    let port = secure.address.port();
    let to = format!("::127.0.0.1:{port}");
    let url = format!("https://www.example.com:{port}/200/length/cat");
    let printed = through(
        &squid,
        &["-k", "--cacert", own.to_str().expect("a path in UTF-8"), "--connect-to", &to, &url],
    );
    assert!(!printed.starts_with("HTTP/1.1 200 "), "{printed}");
    assert!(secure.last().is_none(), "nothing was asked");
}
