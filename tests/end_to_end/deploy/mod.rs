//! The files of `deploy/` do what they say, with the proxies, the manager of services and the tools that they are for.

mod container;
mod haproxy;
mod nginx;
mod squid;
mod systemd;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use opes_tests::client;
use opes_tests::config::{DIGEST, SUBSTITUTE, SYSTEM};
use opes_tests::deployed::Deployed;
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::place::Place;
use opes_tests::process::{Finished, run};

/// Any port.
const FREE: &str = "127.0.0.1:0";
/// Whom the tests' clients are, to be told from the proxies.
const CLIENT: &str = "127.0.0.77";

/// An origin with a page about a cat.
async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.page("/cat.txt", Page::text("A cat."));
    origin
}

fn server() -> Opes {
    Opes::server(&Deployed::read("opes/server.toml").put("127.0.0.1:4037", FREE).config())
}

fn proxy_file(origin: SocketAddr, server: &Opes) -> Deployed {
    Deployed::read("opes/proxy.toml")
        .put("127.0.0.1:8080", FREE)
        .put("127.0.0.1:9000", origin)
        .put("127.0.0.1:4037", server.address)
}

fn gateway_file(server: &Opes) -> Deployed {
    Deployed::read("opes/gateway.toml").put("127.0.0.1:1344", FREE).put("127.0.0.1:4037", server.address)
}

/// A callout server and a processor before an origin.
struct Pair {
    _server: Opes,
    proxy: Opes,
}

impl Pair {
    fn before(origin: SocketAddr) -> Self {
        let server = server();
        let proxy = Opes::proxy(&proxy_file(origin, &server).config());
        Self { _server: server, proxy }
    }
}

/// What curl prints, the head and the body, as a client with an address of its own.
fn curl(arguments: &[&str]) -> Finished {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "60", "--interface", CLIENT, "-D-"]).args(arguments);
    run(command)
}

/// The same without a proxy; it must succeed.
fn fetch(url: &str, arguments: &[&str]) -> String {
    let done = curl(&[&["--noproxy", "*", url], arguments].concat());
    assert!(done.status.success(), "{url}: {}\n{}", done.stderr, done.stdout);
    done.stdout
}

/// The values of a field in what curl printed.
fn field<'a>(printed: &'a str, name: &str) -> Vec<&'a str> {
    let fields = printed.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

/// The page came adapted, and says by whom.
fn assert_adapted(printed: &str) {
    assert!(printed.starts_with("HTTP/1.1 200 "), "{printed}");
    assert!(printed.ends_with("\r\n\r\nA tiger."), "{printed}");
    assert_eq!(field(printed, "opes-system"), [SYSTEM], "{printed}");
    let via = field(printed, "opes-via").concat();
    assert!(via.contains(SUBSTITUTE) && via.contains(DIGEST), "{printed}");
}

/// The page came as it was, and no service is named.
fn assert_original(printed: &str) {
    assert!(printed.contains("HTTP/1.1 200 "), "{printed}");
    assert!(printed.ends_with("\r\n\r\nA cat."), "{printed}");
    assert!(!printed.contains("services.example.com"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_and_proxy_work_together_before_an_origin() {
    let origin = origin().await;
    let pair = Pair::before(origin.address());
    let url = format!("http://{}/cat.txt", pair.proxy.address);
    assert_adapted(&fetch(&url, &[]));
    assert_original(&fetch(&url, &["-H", "OPES-Bypass: *"]));
}

/// The rule says what happens without the callout server, and how to have it otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_without_its_callout_server_fails_or_passes_as_its_file_says() {
    let origin = origin().await;
    let mut server = server();
    let file = proxy_file(origin.address(), &server);
    server.process.kill();
    let failing = Opes::proxy(&file.config());
    assert_eq!(client::get(failing.address, "/cat.txt").await.status, 502);
    let passing = Opes::proxy(&file.put("on_failure = \"fail\"", "on_failure = \"pass\"").config());
    assert_eq!(client::get(passing.address, "/cat.txt").await.text(), "A cat.");
}

/// systemd makes the StateDirectory; what is in it nobody but the processor may read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_kept_in_a_folder_that_is_made_for_them() {
    let origin = origin().await;
    let server = server();
    let state = Place::new();
    let folder = |name: &str| {
        let folder = state.path().join(name).join("records");
        let mode = std::fs::metadata(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        assert_eq!(mode.permissions().mode() & 0o777, 0o700, "{}", folder.display());
    };
    let kept = |file: Deployed, name: &str| {
        std::fs::create_dir(state.path().join(name)).expect("a directory");
        let file = file.uncomment("[store]", &format!("folder = \"/var/lib/{name}/records\""));
        file.put_path("/var/lib", state.path()).config()
    };
    let proxy = Opes::proxy(&kept(proxy_file(origin.address(), &server), "opes-proxy"));
    folder("opes-proxy");
    assert_eq!(client::get(proxy.address, "/cat.txt").await.text(), "A tiger.");
    let _gateway = Opes::gateway(&kept(gateway_file(&server), "opes-gateway"));
    folder("opes-gateway");
}
