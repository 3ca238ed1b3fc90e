//! SIGHUP and a changed file: other rules and services come into force, and nothing that is under way notices.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use opes_tests::body::full;
use opes_tests::client::{Connection, collect, piece, request, with_body};
use opes_tests::config::{COMMON, Config, IDENTITY, Rule, SECOND, SUBSTITUTE};
use opes_tests::memory::{descriptors, resident};
use opes_tests::ocp::{OPENING, Peer, group, transaction};
use opes_tests::octets::Pattern;
use opes_tests::opes::Opes;
use opes_tests::oracle::substitute;
use opes_tests::origin::{Origin, Page};
use opes_tests::patience::{PATIENCE, STEP};
use opes_tests::stack::Stack;
use tokio::task::JoinHandle;

const TIGERS: &[Rule<'_>] = &[Rule::response(&[SUBSTITUTE])];
const LIONS: &[Rule<'_>] = &[Rule::response(&[SUBSTITUTE, SECOND])];

/// The configuration of the stack's proxy with these rules.
fn proxy(stack: &Stack, rules: &[Rule<'_>]) -> Config {
    let config = Config::reverse(stack.origin.address(), stack.server.address);
    rules.iter().fold(config, Config::rule)
}

/// A callout server that gives up on connections with old services after a second.
fn server() -> Config {
    Config::server().top("drain_seconds = 1")
}

/// The same with other services: a lion where the tiger was.
fn other_server() -> String {
    server().to_string().replace("to = \"tiger\"", "to = \"lion\"")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_has_the_rules_of_a_proxy_exchanged() {
    let stack = Stack::start(TIGERS).await;
    stack.origin.page("/cat", Page::text("A cat."));
    let mut connection = stack.connect().await;
    assert_eq!(connection.get("/cat").await.text(), "A tiger.");
    stack.proxy.reload(proxy(&stack, LIONS));
    assert_eq!(connection.get("/cat").await.text(), "A lion.", "on the same connection of the client");
    stack.proxy.reload(proxy(&stack, &[]));
    assert_eq!(connection.get("/cat").await.text(), "A cat.");
    stack.proxy.reload(proxy(&stack, TIGERS));
    assert_eq!(connection.get("/cat").await.text(), "A tiger.");
    stack.proxy.process.log("what is in force", |line| line.contains("rules=1 services=2").then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_found_without_a_signal() {
    let stack = Stack::start(TIGERS).await;
    stack.origin.page("/cat", Page::text("A cat."));
    stack.proxy.rewrite(proxy(&stack, LIONS));
    stack.proxy.process.log("a reload", |line| line.contains("is reloaded").then_some(()));
    assert_eq!(stack.get("/cat").await.text(), "A lion.");
    stack.server.rewrite(other_server());
    stack.server.process.log("a reload", |line| line.contains("is reloaded").then_some(()));
    stack.proxy.reload(proxy(&stack, TIGERS));
    assert_eq!(stack.get("/cat").await.text(), "A lion.", "made of the cat by the other service");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_file_changes_nothing_and_is_reported_once() {
    let stack = Stack::start(TIGERS).await;
    stack.origin.page("/cat", Page::text("A cat."));
    let bad = proxy(&stack, LIONS).table(
        "[[rules]]\nwhen = \"response.stats == 200\"\nservices = [\"urn:x\"]\ncallout_server = \"adapt\"",
    );
    stack.proxy.rewrite(bad);
    stack.proxy.process.signal("HUP");
    stack.proxy.process.log("an error", |line| {
        (line.contains("ERROR") && line.contains("opes.toml:") && line.contains("rules.when")).then_some(())
    });
    assert_eq!(
        stack.get("/cat").await.text(),
        "A tiger.",
        "the old rules stay, also the good ones of the file"
    );

    let bad_server = format!("{}\n[[services]]\nuri = \"urn:x\"\nkind = \"nonsense\"", other_server());
    stack.server.rewrite(bad_server);
    stack.server.process.log("an error", |line| {
        (line.contains("ERROR") && line.contains("opes.toml:") && line.contains("services.kind"))
            .then_some(())
    });
    assert_eq!(stack.get("/cat").await.text(), "A tiger.");

    // It was looked at again and again meanwhile.
    tokio::time::sleep(Duration::from_secs(3)).await;
    stack.proxy.reload(proxy(&stack, LIONS));
    assert_eq!(stack.get("/cat").await.text(), "A lion.");
    for process in [&stack.proxy.process, &stack.server.process] {
        let log = process.stderr();
        assert_eq!(log.matches("ERROR").count(), 1, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_reloaded_is_named() {
    let stack = Stack::start(TIGERS).await;
    stack.origin.page("/cat", Page::text("A cat."));
    let config = proxy(&stack, LIONS).top("drain_seconds = 3").table("[limits]\nhead_bytes = 10000");
    stack.proxy.reload(config);
    stack.proxy.process.log("a warning", |line| {
        (line.contains("WARN") && line.contains("drain_seconds, limits.head_bytes")).then_some(())
    });
    assert_eq!(stack.get("/cat").await.text(), "A lion.", "the rest is in force");
    stack.server.reload(server().table("[limits]\nidle_seconds = 1"));
    stack.server.process.log("a warning", |line| {
        (line.contains("WARN") && line.contains("drain_seconds, limits.idle_seconds")).then_some(())
    });
}

/// A response whose second half is yet to come.
struct Half {
    feed: opes_tests::body::Feed,
    response: http::Response<hyper::body::Incoming>,
    came: Vec<u8>,
    pattern: Pattern,
    /// The connection ends with it.
    _connection: Connection,
}

const HALF: u64 = 300_000;

impl Half {
    async fn begin(stack: &Stack) -> Self {
        let (feed, pattern) = (stack.origin.stage("/long", Some(2 * HALF)), Pattern::new(54));
        let mut connection = stack.connect().await;
        assert!(feed.send(pattern.slice(0, HALF)).await);
        let mut response = connection.send(request(Method::GET, "/long")).await.expect("a head");
        let first = piece(&mut response).await.expect("the response has begun").expect("it has not ended");
        Self { feed, response, came: first.to_vec(), pattern, _connection: connection }
    }

    async fn end(self) {
        let Self { feed, response, mut came, pattern, _connection } = self;
        assert!(feed.send(pattern.slice(HALF, 2 * HALF)).await, "the origin is still heard");
        drop(feed);
        came.extend_from_slice(&collect(response).await.expect("a whole response").body);
        let expected = substitute(&pattern.slice(0, 2 * HALF), b"cat", b"tiger");
        assert!(came == expected, "{} octets came, {} expected", came.len(), expected.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_under_way_finishes_under_the_old_rules() {
    let stack = Stack::start(TIGERS).await;
    stack.origin.page("/cat", Page::text("A cat."));
    let half = Half::begin(&stack).await;
    let connected = descriptors(stack.server.process.id());
    stack.proxy.reload(proxy(&stack, LIONS));
    assert_eq!(stack.get("/cat").await.text(), "A lion.", "while the other message is under way");
    half.end().await;
    assert_eq!(stack.get("/cat").await.text(), "A lion.");
    settled("the old connection ends", || descriptors(stack.server.process.id()) <= connected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_under_way_finishes_on_the_old_services() {
    let mut stack = Stack::start(TIGERS).await;
    stack.server = Opes::server(&server());
    stack.proxy = Opes::proxy(&proxy(&stack, TIGERS));
    stack.origin.page("/cat", Page::text("A cat."));
    let half = Half::begin(&stack).await;
    let connected = descriptors(stack.server.process.id());
    stack.server.reload(other_server());
    // The group with the message under way keeps its services for the drain time.
    loop {
        let answer = stack.get("/cat").await;
        assert_eq!(answer.status, StatusCode::OK);
        match answer.text().as_str() {
            "A lion." => break,
            other => assert_eq!(other, "A tiger."),
        }
        tokio::time::sleep(STEP).await;
    }
    half.end().await;
    assert_eq!(stack.get("/cat").await.text(), "A lion.");
    settled("the old connection ends", || descriptors(stack.server.process.id()) <= connected).await;
}

#[test]
fn only_connections_whose_services_have_gone_end() {
    let started = Opes::server(&server());
    let opened = |service: &str| {
        let mut peer = Peer::connect(started.address);
        assert!(peer.send(format!("{OPENING}{}{}", group(1, service), transaction(0, 1, "a cat"))));
        peer.expect("TE 0");
        peer
    };
    let (mut same, mut other, mut gone) = (opened(IDENTITY), opened(SUBSTITUTE), opened(SECOND));
    assert_eq!(other.body(), "a tiger");
    started.reload(other_server().replace(SECOND, "urn:another"));
    gone.expect("CE");
    gone.expect_end();
    assert!(!gone.text().contains("400"), "it ends well: {}", gone.text());
    assert!(other.send(transaction(1, 1, " and a cat")), "its group goes on");
    other.expect("TE 1");
    assert_eq!(other.body(), "a tiger and a lion", "with the new service");
    assert!(same.send(transaction(1, 1, " and a dog")), "as does this one");
    same.expect("TE 1");
    assert!(same.send(format!("{}{}", group(2, SUBSTITUTE), transaction(2, 2, " and a cat"))));
    same.expect("TE 2");
    assert_eq!(same.body(), "a cat and a dog and a lion", "a new group has the new service");
    for peer in [same, other] {
        assert!(!peer.text().contains("CE"), "{}", peer.text());
    }
}

async fn settled(what: &str, probe: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !probe() {
        assert!(tokio::time::Instant::now() < end, "gave up waiting until {what}");
        tokio::time::sleep(STEP).await;
    }
}

/// Requests without a pause on some connections until it is told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<[u64; 2]>>,
}

/// So many words in each body, so that a mixture shows.
const WORDS: usize = 1000;

impl Load {
    /// What is sent to be echoed comes back as one of two.
    fn start(proxy: SocketAddr, expected: [&str; 2]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let expected = expected.map(|word| word.repeat(WORDS));
        let task = || tokio::spawn(load(proxy, expected.clone(), Arc::clone(&stop)));
        Self { tasks: (0..6).map(|_| task()).collect(), stop }
    }

    /// How many requests had each answer.
    async fn stop(self) -> [u64; 2] {
        self.stop.store(true, Ordering::Relaxed);
        let mut counts = [0; 2];
        for task in self.tasks {
            let [one, other] = task.await.expect("every request is answered by the one or the other");
            counts = [counts[0] + one, counts[1] + other];
        }
        counts
    }
}

async fn load(proxy: SocketAddr, expected: [String; 2], stop: Arc<AtomicBool>) -> [u64; 2] {
    let mut counts = [0; 2];
    let mut connection = Connection::open(proxy).await;
    while !stop.load(Ordering::Relaxed) {
        let sent = with_body(Method::POST, "/echo", full("the cat ".repeat(WORDS)));
        let answer = connection.fetch(sent).await.expect("a whole response");
        let text = answer.text();
        assert_eq!(answer.status, StatusCode::OK, "{text}");
        let found = expected.iter().position(|expected| *expected == text);
        counts[found.unwrap_or_else(|| panic!("neither: {}…", &text[..text.len().min(200)]))] += 1;
    }
    counts
}

/// What a process has taken of the machine.
struct Taken {
    what: &'static str,
    id: u32,
    descriptors: usize,
    resident: u64,
}

impl Taken {
    fn now(what: &'static str, opes: &Opes) -> Self {
        let id = opes.process.id();
        Self { what, id, descriptors: descriptors(id), resident: resident(id) }
    }

    /// Everything that the reloads have taken is given back but for what a few connections take.
    async fn is_given_back(&self, descriptors_before: usize) {
        let Self { what, id, .. } = *self;
        settled(&format!("the {what} has few descriptors"), || descriptors(id) <= descriptors_before + 12)
            .await;
        let growth = resident(id).saturating_sub(self.resident);
        println!(
            "{what}: {descriptors_before} descriptors at first, {} under way, {} at the end; {} KiB more than after 20 reloads",
            self.descriptors,
            descriptors(id),
            growth >> 10
        );
        assert!(growth < 8 << 20, "the {what} has grown by {} KiB", growth >> 10);
    }
}

/// A hundred reloads of `reloaded` under load, the two configurations in turn.
async fn a_hundred_reloads(stack: &Stack, reloaded: &Opes, configurations: [String; 2], expected: [&str; 2]) {
    stack.get("/status/204").await;
    let agents = [("proxy", &stack.proxy), ("server", &stack.server)];
    let before = agents.map(|(_, opes)| descriptors(opes.process.id()));
    let load = Load::start(stack.proxy.address, expected);
    let mut taken = agents.map(|(what, opes)| Taken::now(what, opes));
    for number in 1..=100 {
        reloaded.reload(&configurations[number % 2]);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if number == 20 {
            taken = agents.map(|(what, opes)| Taken::now(what, opes));
        }
    }
    let counts = load.stop().await;
    println!("{counts:?} requests");
    assert!(counts.iter().all(|count| *count > 0), "both were in force: {counts:?}");
    for (taken, before) in taken.iter().zip(before) {
        taken.is_given_back(before).await;
    }
    let log = stack.proxy.process.stderr();
    println!("{} attempts had to be repeated", log.matches("adaptation failed").count());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reloads_of_rules_under_load_fail_no_request_and_leak_nothing() {
    // A message that met the request's rule of the one and the response's of the other would be neither.
    const ONE: &[Rule<'_>] = &[Rule::request(&[SUBSTITUTE]), Rule::response(&[IDENTITY])];
    const OTHER: &[Rule<'_>] = &[Rule::request(&[IDENTITY]), Rule::response(&[COMMON])];
    let stack = Stack::start(ONE).await;
    let configurations = [ONE, OTHER].map(|rules| proxy(&stack, rules).to_string());
    a_hundred_reloads(&stack, &stack.proxy, configurations, ["the tiger ", "that very cat "]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reloads_of_services_under_load_fail_no_request_and_leak_nothing() {
    let origin = Origin::start().await;
    let server = Opes::server(&server());
    let config = Config::reverse(origin.address(), server.address).rule(&Rule::response(&[SUBSTITUTE]));
    let proxy = Opes::proxy(&config);
    let stack = Stack { origin, server, proxy };
    let configurations = [self::server().to_string(), other_server()];
    a_hundred_reloads(&stack, &stack.server, configurations, ["the tiger ", "the lion "]).await;
}
