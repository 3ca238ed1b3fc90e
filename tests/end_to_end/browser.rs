//! A real browser, Chromium without a window: pages with everything that belongs to them, and a WebSocket.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use http::Method;
use opes_tests::config::{Config, Rule, SUBSTITUTE};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page, Seen};
use opes_tests::patience::eventually;
use opes_tests::place::Place;
use opes_tests::process::Process;

use crate::trace::assert_traced;
use crate::websocket::Echo;

/// A running browser with a profile of its own.
pub(crate) struct Chromium {
    process: Process,
    profile: Place,
}

impl Chromium {
    pub(crate) fn open(url: &str, options: &[&str]) -> Self {
        let profile = Place::new();
        let mut command = Command::new("chromium");
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        command.args(["--disable-breakpad", "--disable-crash-reporter", "--no-first-run"]);
        // It has nobody to talk to but us.
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.args(["--disable-domain-reliability", "--no-default-browser-check"]);
        command.args(options).arg(url);
        Self { process: Process::start(command), profile }
    }

    /// Where it keeps what it has of its own.
    pub(crate) fn profile(&self) -> &Path {
        self.profile.path()
    }

    /// Has it end, and waits for its helpers, which would write into the profile while that is removed.
    pub(crate) fn close(mut self) {
        self.process.signal("TERM");
        eventually("the browser to end", || (!self.process.alive()).then_some(()));
        let profile = self.profile.path().to_str().expect("a temporary path in UTF-8");
        eventually("the helpers of the browser to end", || (!is_named_by_a_process(profile)).then_some(()));
    }
}

/// Whether a command line of this machine holds a text.
fn is_named_by_a_process(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    // Those that end meanwhile have none.
    let mut lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).contains(text))
}

/// Both pictures have the same size.
const SIZE: &str = "37x23";

const DRAWING: &str =
    "<svg xmlns='http://www.w3.org/2000/svg' width='37' height='23'><rect width='37' height='23'/></svg>";

/// A BMP file of 37 by 23 pixels, all of one colour.
fn bitmap() -> Vec<u8> {
    let (width, height, row) = (37_u32, 23_u32, 112_u32); // a row of 111 octets is filled up to a multiple of 4
    let pixels = row * height;
    let mut file = b"BM".to_vec();
    for number in [54 + pixels, 0, 54, 40, width, height, 0x0018_0001, 0, pixels, 0, 0, 0, 0] {
        file.extend(number.to_le_bytes());
    }
    file.resize(file.len() + pixels as usize, 200);
    file
}

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>a cat</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<p id="text">A cat sat.</p>
<p id="styled">styled</p>
<img id="bitmap" src="/blue.bmp" alt="">
<img id="drawing" src="/drawing.svg" alt="">
<script src="/script.js"></script>
</body>
</html>
"#;

const STYLE: &str = "#styled { color: rgb(1, 2, 3); }\n#styled::before { content: 'cat'; }\n";

const SCRIPT: &str = r#"
window.addEventListener("load", async () => {
    const element = (id) => document.getElementById(id);
    const styled = getComputedStyle(element("styled"));
    const told = {
        title: document.title,
        text: element("text").textContent,
        color: styled.color,
        before: getComputedStyle(element("styled"), "::before").content,
        bitmap: `${element("bitmap").naturalWidth}x${element("bitmap").naturalHeight}`,
        drawing: `${element("drawing").naturalWidth}x${element("drawing").naturalHeight}`,
        script: "cat",
    };
    const posted = await fetch("/echo", { method: "POST", body: "the browser's c" + "at" });
    told.posted = await posted.text();
    told.system = posted.headers.get("opes-system");
    told.ws = await new Promise((resolve) => {
        const socket = new WebSocket("ws://SOCKET/");
        socket.onopen = () => socket.send("to and fro, c" + "at");
        socket.onmessage = (message) => { resolve(message.data); socket.close(); };
        socket.onerror = () => resolve("error");
    });
    await fetch("/done?" + new URLSearchParams(told));
});
"#;

/// Serves the page with everything that belongs to it. `socket` is where its WebSocket goes.
fn serve(origin: &Origin, socket: SocketAddr) {
    origin.page("/", Page::new("text/html", PAGE).chunked(100));
    origin.page("/style.css", Page::new("text/css", STYLE));
    origin.page("/script.js", Page::new("text/javascript", SCRIPT.replace("SOCKET", &socket.to_string())));
    origin.page("/blue.bmp", Page::new("image/bmp", bitmap()));
    origin.page("/drawing.svg", Page::new("image/svg+xml", DRAWING));
    origin.page("/done", Page::text(""));
}

/// The value that the page's script has told, as it stands in the query.
fn told<'a>(seen: &'a Seen, name: &str) -> &'a str {
    let (_, query) = seen.target.split_once('?').expect("a query");
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {name} in {}", seen.target))
}

/// Waits until the page says what came of it, and checks that.
fn assert_page(origin: &Origin) {
    let done = origin.request(Method::GET, "/done");
    for (name, expected) in [
        ("title", "a+tiger"),
        ("text", "A+tiger+sat."),
        ("color", "rgb%281%2C+2%2C+3%29"),
        ("before", "%22tiger%22"),
        ("bitmap", SIZE),
        ("drawing", SIZE),
        ("script", "tiger"),
        ("posted", "the+browser%27s+tiger"),
        ("system", "http%3A%2F%2Fopes.example.com%2Fsystem"),
        ("ws", "to+and+fro%2C+cat"),
    ] {
        assert_eq!(told(&done, name), expected, "{name} in {}", done.target);
    }
    for path in ["/", "/style.css", "/script.js", "/blue.bmp", "/drawing.svg", "/done"] {
        let seen = origin.request(Method::GET, path);
        assert_traced(&seen.headers, &[]);
        let agent = seen.headers["user-agent"].to_str().expect("a user agent").to_owned();
        assert!(agent.contains("Chrome"), "{path} was asked for by {agent}");
    }
}

/// The WebSocket of the page goes to another reverse proxy: to a browser, that is just another server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_comes_whole_through_a_reverse_proxy() {
    let (origin, echo) = (Origin::start().await, Echo::start());
    let server = Opes::server(&Config::server());
    let rule = Rule::response(&[SUBSTITUTE]);
    let proxy = Opes::proxy(&Config::reverse(origin.address(), server.address).rule(&rule));
    let sockets = Opes::proxy(&Config::reverse(echo.address(), server.address).rule(&rule));
    serve(&origin, sockets.address);
    let browser = Chromium::open(&format!("http://{}/", proxy.address), &["--no-proxy-server"]);
    assert_page(&origin);
    browser.close();
}

/// The browser asks for `http:` by whole URIs, and for `ws:` by CONNECT.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_comes_whole_through_a_forward_proxy() {
    let (origin, echo) = (Origin::start().await, Echo::start());
    let server = Opes::server(&Config::server());
    let proxy = Opes::proxy(&Config::forward(server.address).rule(&Rule::response(&[SUBSTITUTE])));
    serve(&origin, echo.address());
    let through = format!("--proxy-server=http://{}", proxy.address);
    let options = [through.as_str(), "--proxy-bypass-list=<-loopback>"];
    let browser = Chromium::open(&format!("http://{}/", origin.address()), &options);
    assert_page(&origin);
    browser.close();
}
