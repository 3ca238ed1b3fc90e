//! The callout server is killed again and again under load: whatever a client gets is right, or visibly is not.

use std::fmt;
use std::net::SocketAddr;
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use opes_tests::body::{Body, Shape, full, generated};
use opes_tests::client::{Answer, Broken, Connection, request, with_body};
use opes_tests::config::{Config, Rule, SUBSTITUTE};
use opes_tests::octets::{Pattern, Random};
use opes_tests::opes::Opes;
use opes_tests::oracle::substitute;
use opes_tests::origin::Origin;
use opes_tests::patience::within;
use tokio::task::JoinHandle;

/// The server is tried with every message, however often it has failed.
const ALWAYS: &str = "breaker_failures = 0";

/// All of the test together.
const REQUESTS: usize = 10_000;

/// Of each of the four proxies, each with a connection that is kept alive.
const CLIENTS: usize = 2;

/// How many different bodies there are.
const SIZES: usize = 64;

/// A body, as it is and as it has to be.
struct Content {
    seed: u64,
    original: Bytes,
    adapted: Bytes,
}

impl Content {
    fn new(seed: u64, length: usize) -> Self {
        let original = Pattern::new(seed).slice(0, length as u64);
        let adapted = substitute(&original, b"cat", b"tiger").into();
        Self { seed, original, adapted }
    }

    /// Nothing, little, and up to 300 KB.
    fn all(random: &mut Random) -> Vec<Self> {
        let lengths = (0..SIZES).map(|number| match number % 4 {
            0 if number < 16 => 0,
            0 | 1 => random.below(4_000),
            2 => random.below(40_000),
            _ => random.below(300_001),
        });
        let lengths: Vec<_> = lengths.collect();
        (81..).zip(lengths).map(|(seed, length)| Self::new(seed, length)).collect()
    }

    /// Asks for it, or has it echoed, in one framing or the other.
    fn request(&self, upload: bool, chunked: bool) -> Request<Body> {
        let Self { seed, original, .. } = self;
        let length = original.len();
        match (upload, chunked) {
            (true, false) => with_body(Method::POST, "/echo", full(original.clone())),
            (true, true) => {
                let shape = Shape { chunked, ..Shape::default() };
                with_body(Method::POST, "/echo", generated(Pattern::new(*seed), length as u64, shape))
            }
            (false, false) => request(Method::GET, &format!("/bytes/{length}?seed={seed}")),
            (false, true) => request(Method::GET, &format!("/bytes/{length}?seed={seed}&framing=chunked")),
        }
    }
}

/// How often each outcome came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    adapted: usize,
    original: usize,
    bad_gateway: usize,
    gateway_timeout: usize,
    broken_before_head: usize,
    broken_in_body: usize,
}

impl Counts {
    fn total(&self) -> usize {
        self.adapted + self.original + self.failed()
    }

    fn failed(&self) -> usize {
        self.bad_gateway + self.gateway_timeout + self.broken()
    }

    fn broken(&self) -> usize {
        self.broken_before_head + self.broken_in_body
    }

    /// Counts an outcome; anything but a right message and a visible failure ends the test.
    fn count(&mut self, outcome: &Result<Answer, Broken>, content: &Content, may_pass: bool) {
        let counter = match outcome {
            Ok(answer) if answer.status == StatusCode::OK && answer.body == content.adapted => {
                &mut self.adapted
            }
            Ok(answer) if answer.status == StatusCode::OK => {
                let original = answer.body == content.original;
                assert!(original, "{} octets look whole and are neither", answer.body.len());
                assert!(may_pass, "{} octets as they were, and the policy says fail", answer.body.len());
                &mut self.original
            }
            Ok(answer) if answer.status == StatusCode::BAD_GATEWAY => &mut self.bad_gateway,
            Ok(answer) if answer.status == StatusCode::GATEWAY_TIMEOUT => &mut self.gateway_timeout,
            Ok(answer) => panic!("{}: {}", answer.status, answer.text()),
            Err(Broken { status: None, .. }) => &mut self.broken_before_head,
            Err(Broken { status: Some(status), received, .. }) => {
                assert_eq!(*status, StatusCode::OK, "a broken message of {received} octets");
                &mut self.broken_in_body
            }
        };
        *counter += 1;
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.adapted += other.adapted;
        self.original += other.original;
        self.bad_gateway += other.bad_gateway;
        self.gateway_timeout += other.gateway_timeout;
        self.broken_before_head += other.broken_before_head;
        self.broken_in_body += other.broken_in_body;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { adapted, original, bad_gateway, gateway_timeout, broken_before_head, broken_in_body } =
            self;
        write!(
            f,
            "{} requests: {adapted} adapted, {original} original, {bad_gateway} 502, {gateway_timeout} 504, \
             {broken_before_head} broken before the head, {broken_in_body} broken in the body",
            self.total()
        )
    }
}

/// A proxy with a single rule.
struct Proxy {
    running: Opes,
    upload: bool,
    may_pass: bool,
}

impl Proxy {
    fn start(origin: &Origin, server: SocketAddr, upload: bool, may_pass: bool) -> Self {
        let rule = if upload { Rule::request(&[SUBSTITUTE]) } else { Rule::response(&[SUBSTITUTE]) };
        let rule = if may_pass { rule.or_pass() } else { rule };
        Self {
            running: Opes::proxy(&Config::reverse(origin.address(), server).table(ALWAYS).rule(&rule)),
            upload,
            may_pass,
        }
    }

    /// A client: request after request on a connection that it keeps for as long as that lasts.
    fn client(&self, contents: &Arc<Vec<Content>>, seed: u64) -> JoinHandle<Counts> {
        let (address, upload, may_pass) = (self.running.address, self.upload, self.may_pass);
        let contents = Arc::clone(contents);
        tokio::spawn(async move {
            let (mut random, mut counts) = (Random::new(seed), Counts::default());
            let mut connection = Connection::open(address).await;
            for _ in 0..REQUESTS / 4 / CLIENTS {
                let content = &contents[random.below(contents.len())];
                let outcome = connection.fetch(content.request(upload, random.below(3) == 0)).await;
                counts.count(&outcome, content, may_pass);
                // What refuses an upload may close the connection behind it.
                if !matches!(&outcome, Ok(answer) if answer.status == StatusCode::OK) {
                    connection = Connection::open(address).await;
                }
            }
            counts
        })
    }

    /// Waits until everything is as if nothing had been.
    async fn settle(&self, content: &Content) {
        let all_right = Counts { adapted: 4, ..Counts::default() };
        let settled = async {
            let mut counts = Counts::default();
            while counts != all_right {
                counts = Counts::default();
                for number in 0..4 {
                    let asked = content.request(self.upload, number % 2 == 0);
                    let outcome = Connection::open(self.running.address).await.fetch(asked).await;
                    counts.count(&outcome, content, self.may_pass);
                }
            }
        };
        within("the proxy to find the callout server again", settled).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_while_the_callout_server_comes_and_goes() {
    let mut random = Random::new(80);
    let contents = Arc::new(Content::all(&mut random));
    let origin = Origin::start().await;
    let config = Config::server_on("127.0.7.11"); // where nobody else takes the port while the server is down
    let mut server = Opes::server(&config);
    let address = server.address;
    let kinds = [(false, false), (true, false), (false, true), (true, true)];
    let mut proxies = kinds.map(|(upload, may_pass)| Proxy::start(&origin, address, upload, may_pass));
    let clients: Vec<_> = proxies
        .iter()
        .zip(1_u64..)
        .map(|(proxy, number)| {
            let clients = (0..CLIENTS as u64).map(|client| proxy.client(&contents, number * 100 + client));
            clients.collect::<Vec<_>>()
        })
        .collect();

    let mut kills = 0;
    while !clients.iter().flatten().all(JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(20 + random.below(400) as u64)).await;
        server.process.kill();
        kills += 1;
        // Half of the time it is back at once.
        let away = random.below(120).saturating_sub(60) as u64;
        tokio::time::sleep(Duration::from_millis(away)).await;
        server = Opes::server_at(address, &config);
    }

    println!("the callout server was killed {kills} times");
    let (mut failed, mut passed) = (Counts::default(), Counts::default());
    for (proxy, clients) in proxies.iter().zip(clients) {
        let mut counts = Counts::default();
        for client in clients {
            counts += client.await.expect("every client ends");
        }
        let direction = if proxy.upload { "request" } else { "response" };
        let policy = if proxy.may_pass { "pass" } else { "fail" };
        println!("{direction} rule, on_failure = \"{policy}\": {counts}");
        *(if proxy.may_pass { &mut passed } else { &mut failed }) += counts;
    }
    assert_eq!(failed.total() + passed.total(), REQUESTS);
    assert!(kills > 3, "there was chaos");
    assert!(failed.failed() > 0 && passed.original > 0, "and it was felt");
    assert!(failed.adapted > REQUESTS / 20 && passed.adapted > REQUESTS / 20, "and work was done");
    for proxy in &mut proxies {
        assert!(proxy.running.process.alive(), "the proxies go on");
        proxy.settle(contents.last().expect("contents")).await;
    }
}
