//! Bad OCP against the callout server: it answers as RFC 4037 section 5 says, stays small, and serves the others.

use std::time::Duration;

use opes_tests::client::Connection;
use opes_tests::config::{Config, IDENTITY, NOWHERE, Rule, SUBSTITUTE};
use opes_tests::memory::Watch;
use opes_tests::ocp::{HEAD, OPENING, Peer, data, group, transaction};
use opes_tests::octets::Random;
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};

/// The server under attack, and a proxy that goes on using it over connections from before the attack.
struct Attacked {
    server: Opes,
    _proxy: Opes,
    _origin: Origin,
    bystander: Connection,
    watch: Watch,
}

impl Attacked {
    async fn start(limits: &str) -> Self {
        let origin = Origin::start().await;
        origin.page("/cat", Page::text("A cat."));
        let server = Opes::server(&Config::server().table(limits));
        let config = Config::reverse(origin.address(), server.address);
        let proxy = Opes::proxy(&config.rule(&Rule::response(&[SUBSTITUTE])));
        let mut bystander = Connection::open(proxy.address).await;
        assert_eq!(bystander.get("/cat").await.text(), "A tiger.");
        let watch = Watch::begin("server", server.process.id());
        Self { server, _proxy: proxy, _origin: origin, bystander, watch }
    }

    fn peer(&self) -> Peer {
        Peer::connect(self.server.address)
    }

    async fn assert_bystander_served(&mut self) {
        assert_eq!(self.bystander.get("/cat").await.text(), "A tiger.");
    }

    /// The server lives, has not panicked, serves old connections and new ones, and has not grown.
    async fn assert_unharmed(mut self) {
        self.assert_bystander_served().await;
        let mut fresh = self.peer();
        assert!(fresh.send(format!("{OPENING}{}{}", group(1, SUBSTITUTE), transaction(1, 1, "a cat"))));
        fresh.expect("TE 1");
        assert_eq!(fresh.body(), "a tiger");
        assert!(self.server.process.alive());
        let log = self.server.process.stderr();
        assert!(!log.contains("panicked"), "{log}");
        self.watch.assert_bounded();
    }
}

/// Octets that mean something to a parser.
const SPICE: &[u8] = b" ;{}()\"\r\n09:TADC";

/// Octets that are no OCP message, after what else on the connection.
const MALFORMED: &[(&str, &str, &str)] = &[
    ("another protocol", "", "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    ("a bare line feed", "", "CS;\n"),
    ("no semicolon", "", "CS\r\n\r\n"),
    ("two semicolons", "", "CS;;\r\n"),
    ("a space before the semicolon", "", "CS ;\r\n"),
    ("two spaces", OPENING, "TS  1 1;\r\n"),
    ("an open list", OPENING, "SGC 1 ({\"4:http\"};\r\n"),
    ("an open structure", OPENING, "SGC 1 ({\"4:http\");\r\n"),
    ("a quoted value that is too short", OPENING, "SGC 1 ({\"9:http\"});\r\n"),
    ("a quoted value that is too long", OPENING, "SGC 1 ({\"2:http\"});\r\n"),
    ("a size with a leading zero", OPENING, "SGC 1 ({\"04:http\"});\r\n"),
    ("a negative size", OPENING, "SGC 1 ({\"-4:http\"});\r\n"),
    ("a size out of range", OPENING, "SGC 1 ({\"2147483648:http\"});\r\n"),
    ("a size out of all range", OPENING, "SGC 1 ({\"99999999999999999999999999:http\"});\r\n"),
    ("an octet outside ASCII", OPENING, "TS 1 \u{e9};\r\n"),
    ("a name that begins with a digit", OPENING, "1TS 1 1;\r\n"),
    ("a payload without its end", OPENING, "X-DUM 1 0\r\n\r\n3:abcd\r\n;\r\n"),
    ("a named parameter without a value", OPENING, "X-AMS 1\r\nAM-EL:\r\n;\r\n"),
    ("a control octet", OPENING, "TS \u{0} 1;\r\n"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_octets_end_their_connection_with_400() {
    let mut attacked = Attacked::start("").await;
    for (what, before, octets) in MALFORMED {
        let mut peer = attacked.peer();
        // What comes behind the malformed octets is never looked at.
        peer.send(format!("{before}{octets}CS;\r\nTS 1 1;\r\n"));
        peer.expect_end();
        assert!(peer.text().contains("CE {400"), "{what}: {:?}", peer.text());
        assert!(!peer.text().contains("TE"), "{what}: {:?}", peer.text());
        attacked.assert_bystander_served().await;
    }
    attacked.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_a_service_that_is_not_hosted_ends_the_connection() {
    let attacked = Attacked::start("").await;
    let mut peer = attacked.peer();
    assert!(peer.send(format!("{OPENING}{}{}", group(1, NOWHERE), transaction(1, 1, "a cat"))));
    peer.expect_end();
    assert!(peer.text().contains("CE {400"), "{:?}", peer.text());
    assert!(!peer.text().contains("AMS"), "{:?}", peer.text());
    attacked.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oversized_messages_are_cut_off() {
    let mut attacked = Attacked::start("").await;
    let long = "x".repeat(4 << 20);
    let attacks = [
        ("a name", String::new(), format!("C{long};\r\n")),
        ("a bare value", OPENING.to_owned(), format!("TS {long};\r\n")),
        ("a quoted value", OPENING.to_owned(), format!("TS \"{}:{long}\";\r\n", long.len())),
        ("many values", OPENING.to_owned(), format!("TS{};\r\n", " 1".repeat(2 << 20))),
        ("many named parameters", OPENING.to_owned(), {
            let fields: String = (0..300_000).map(|n| format!("P{n}: 1\r\n")).collect();
            format!("AMS 1\r\n{fields};\r\n")
        }),
        ("a list", OPENING.to_owned(), format!("NO ({}1);\r\n", "1,".repeat(2 << 20))),
    ];
    for (what, before, octets) in &attacks {
        let mut peer = attacked.peer();
        peer.send(before);
        peer.send(octets);
        peer.expect_end();
        // A reset may overtake the CE where much was still unread, but not what it says.
        assert!(peer.text().is_empty() || !peer.text().contains("CE {200"), "{what}: {:?}", peer.text());
        attacked.assert_bystander_served().await;
    }
    attacked.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_just_past_the_limit_is_answered_with_400() {
    let attacked = Attacked::start("[limits]\nmessage_bytes = 4096\n").await;
    let mut peer = attacked.peer();
    assert!(peer.send(format!("{OPENING}X-NOTE \"5000:{}\";\r\n", "x".repeat(5000))));
    peer.expect("CE {400");
    peer.expect_end();
    let mut peer = attacked.peer();
    assert!(peer.send(format!(
        "{OPENING}{}{}",
        group(1, SUBSTITUTE),
        transaction(1, 1, &"cat".repeat(20_000))
    )));
    peer.expect("TE 1");
    assert_eq!(peer.body().len(), 20_000 * "tiger".len(), "a payload does not count");
    attacked.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_nesting_is_cut_off() {
    let mut attacked = Attacked::start("").await;
    for depth in [17, 1000, 1_000_000] {
        for (open, close) in [("(", ")"), ("{", "}"), ("({", "})")] {
            let mut peer = attacked.peer();
            peer.send(OPENING);
            peer.send(format!("X-DEEP {}1{};\r\n", open.repeat(depth), close.repeat(depth)));
            peer.expect_end();
            assert!(!peer.text().contains("CE {200"), "{depth} times {open}: {:?}", peer.text());
            if depth < 10_000 {
                assert!(peer.text().contains("CE {400"), "{depth} times {open}: {:?}", peer.text());
            }
        }
        attacked.assert_bystander_served().await;
    }
    attacked.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_octet_at_a_time_is_slow_and_right() {
    let mut attacked = Attacked::start("").await;
    let conversation = format!("{OPENING}{}{}", group(1, SUBSTITUTE), transaction(1, 1, "a cat and a cat"));
    let mut peer = attacked.peer();
    for (count, octet) in conversation.bytes().enumerate() {
        assert!(peer.send([octet]), "the server hung up after {count} octets: {:?}", peer.text());
        if count % 100 == 0 {
            attacked.assert_bystander_served().await;
        }
    }
    peer.expect("TE 1");
    assert_eq!(peer.body(), "a tiger and a tiger");
    assert!(!peer.text().contains("400"), "{:?}", peer.text());
    attacked.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_never_ends_is_given_up() {
    let mut attacked = Attacked::start("[limits]\nidle_seconds = 2\nprogress_seconds = 1\n").await;
    let open = format!("TS 1 1;\r\nAMS 1;\r\n{}", data(1, 0, "response-header", HEAD));
    for octets in ["", "C", "CS;\r\nNO ({\"54:htt"].map(str::to_owned).into_iter().chain([
        format!("{OPENING}{}{open}", group(1, IDENTITY)),
        format!(
            "{OPENING}{}{open}DUM 1 {}\r\nAM-Part: response-body\r\n\r\n9:abc",
            group(1, IDENTITY),
            HEAD.len()
        ),
    ]) {
        let mut peer = attacked.peer();
        assert!(peer.send(&octets));
        peer.expect_end();
        let text = peer.text();
        assert!(
            text.contains("CE {") || text.contains("TE 1 {"),
            "it says that it gives up: {octets:?}, {text:?}"
        );
        attacked.assert_bystander_served().await;
    }
    attacked.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abrupt_ends_leave_nothing_behind() {
    let mut attacked = Attacked::start("").await;
    let body = "a cat sat on a mat ".repeat(3000);
    let conversation = format!("{OPENING}{}{}TE 1;\r\n", group(1, SUBSTITUTE), transaction(1, 1, &body));
    let mut random = Random::new(61);
    for round in 0..300 {
        let mut peer = attacked.peer();
        peer.send(&conversation[..random.below(conversation.len())]);
        if round % 3 == 0 {
            peer.expect("CS");
        }
        peer.abandon();
        if round % 50 == 0 {
            attacked.assert_bystander_served().await;
        }
    }
    attacked.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_octets_and_random_damage() {
    let mut attacked = Attacked::start("[limits]\nidle_seconds = 5\nprogress_seconds = 5\n").await;
    let conversation =
        format!("{OPENING}{}{}TE 1;\r\n", group(1, SUBSTITUTE), transaction(1, 1, "a cat, a cat"));
    let mut random = Random::new(62);
    for round in 0..400 {
        let octets = if round % 4 == 0 {
            let length = random.below(2000);
            random.octets(length)
        } else {
            let mut octets = conversation.clone().into_bytes();
            for _ in 0..=random.below(4) {
                let at = random.below(octets.len());
                match random.below(3) {
                    0 => octets[at] = random.octets(1)[0],
                    1 => drop(octets.remove(at)),
                    _ => octets.insert(at, SPICE[random.below(SPICE.len())]),
                }
            }
            octets
        };
        let mut peer = attacked.peer();
        peer.send(&octets);
        peer.abandon();
        if round % 50 == 0 {
            attacked.assert_bystander_served().await;
        }
    }
    attacked.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_past_the_limit_are_refused_until_there_is_room() {
    let mut attacked = Attacked::start("[limits]\nconnections = 40\n").await;
    let mut peers: Vec<_> = (0..120).map(|_| attacked.peer()).collect();
    let mut refused = 0;
    for peer in &mut peers {
        peer.send(OPENING);
        peer.expect_any(&["NR", "CE"]);
        refused += usize::from(peer.text().contains("CE {400"));
    }
    println!("{refused} of 120 connections refused");
    assert!(refused >= 80, "the limit is 40 for all, and the bystander holds at least one");
    assert!(refused < 120, "there was room for some");
    attacked.assert_bystander_served().await;
    drop(peers);
    opes_tests::patience::eventually("room for another connection", || {
        let mut peer = attacked.peer();
        peer.send(OPENING);
        peer.expect_any(&["NR", "CE"]);
        (!peer.text().contains("CE {400")).then_some(())
    });
    attacked.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_transactions_and_groups_are_bounded() {
    let mut attacked = Attacked::start("").await;
    let groups: String = (1..20_000).map(|number| group(number, IDENTITY)).collect();
    let transactions: String =
        (1..50_000).map(|number| format!("TS {number} 1;\r\nAMS {number};\r\n")).collect();
    for flood in [groups, group(1, IDENTITY) + &transactions] {
        let mut peer = attacked.peer();
        peer.send(OPENING);
        peer.send(&flood);
        peer.expect("{400");
        attacked.assert_bystander_served().await;
    }
    attacked.assert_unharmed().await;
}

/// What a server may hold for one peer that ignores every pause: 32 MiB of data, and what holds it.
const HOARD: u64 = 64 << 20;

/// A body that never ends in one transaction, from a peer that never reads: the transaction is ended, and costs no more
/// than its share of memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_sends_on_when_asked_to_pause_is_ended() {
    let mut attacked = Attacked::start("").await;
    let payload = "cat ".repeat(16_384);
    for service in [IDENTITY, SUBSTITUTE] {
        let mut peer = attacked.peer();
        assert!(peer.send(format!("{OPENING}{}TS 1 1;\r\nAMS 1;\r\n", group(1, service))));
        assert!(peer.send(data(1, 0, "response-header", HEAD)));
        let sent = flood(&mut peer, 1, &payload, 256 << 20);
        println!("{service}: {} KiB went out", sent >> 10);
        attacked.assert_bystander_served().await;
        attacked.watch.assert_below(HOARD);
        peer.expect("TE 1 {400");
        assert!(peer.text().contains("asked to pause"), "it says why");
    }
    assert!(attacked.server.process.alive());
    attacked.assert_bystander_served().await;
}

/// Many transactions that each stay below what ends them, from a peer that never reads: the server stops reading.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_never_reads_is_not_read_from_without_end() {
    let mut attacked = Attacked::start("").await;
    let mut peer = attacked.peer();
    let sent = flood_many(&mut peer, "");
    assert!(sent < HOARD as usize, "the server goes on reading after {sent} octets");
    attacked.assert_bystander_served().await;
    attacked.watch.assert_below(HOARD);
    peer.abandon();
    attacked.assert_bystander_served().await;
    assert!(attacked.server.process.alive());
}

/// The same from a peer that pauses what the server would send, and so keeps it in the server: that has to read on, for
/// DWM might come, but does not keep what comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_pauses_everything_costs_little_memory() {
    let mut attacked = Attacked::start("").await;
    let mut peer = attacked.peer();
    let sent = flood_many(&mut peer, "DWP");
    assert_eq!(sent, MANY * EACH, "the server reads on");
    attacked.watch.assert_below(HOARD);
    peer.expect("asked to pause");
    attacked.assert_bystander_served().await;
    assert!(attacked.server.process.alive());
}

const MANY: usize = 64;
const EACH: usize = 4 << 20;

/// Opens transactions with a body of [`EACH`] octets until they are [`MANY`] or nothing more is taken; says how many
/// octets of bodies went out. Where a message is named, it goes ahead of each, with the offset 0.
fn flood_many(peer: &mut Peer, ahead: &str) -> usize {
    let payload = "cat ".repeat(16_384);
    assert!(peer.send(format!("{OPENING}{}", group(1, IDENTITY))));
    let mut sent = 0;
    for number in 1..=MANY as u32 {
        let ahead = if ahead.is_empty() { String::new() } else { format!("{ahead} {number} 0;\r\n") };
        let head = data(number, 0, "response-header", HEAD);
        let start = format!("TS {number} 1;\r\nAMS {number};\r\n{ahead}{head}");
        if peer.send_until_stalled(start.as_bytes(), STALL) < start.len() {
            break;
        }
        let out = flood(peer, number, &payload, EACH);
        sent += out;
        if out < EACH {
            break;
        }
    }
    println!("{} KiB of {MANY} transactions went out", sent >> 10);
    sent
}

/// A server that takes nothing for so long has stopped reading.
const STALL: Duration = Duration::from_secs(3);

/// Sends body data behind the head until so many octets are out or nothing more is taken; says how many went out.
fn flood(peer: &mut Peer, transaction: u32, payload: &str, most: usize) -> usize {
    let (mut offset, mut sent) = (HEAD.len(), 0);
    while sent < most {
        let message = data(transaction, offset, "response-body", payload);
        let out = peer.send_until_stalled(message.as_bytes(), STALL);
        if out < message.len() {
            return sent + out;
        }
        sent += payload.len();
        offset += payload.len();
    }
    sent
}

/// Payloads that are announced and never come cost nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announced_payloads_are_not_believed() {
    let mut attacked = Attacked::start("").await;
    let mut peers = Vec::new();
    for _ in 0..200 {
        let mut peer = attacked.peer();
        let announced = format!("DUM 1 {}\r\nAM-Part: response-body\r\n\r\n2147480000:", HEAD.len());
        let head = data(1, 0, "response-header", HEAD);
        peer.send(format!("{OPENING}{}TS 1 1;\r\nAMS 1;\r\n{head}{announced}some", group(1, IDENTITY)));
        peer.expect("AMS 1");
        peers.push(peer);
    }
    attacked.assert_bystander_served().await;
    attacked.watch.assert_bounded();
    peers.into_iter().for_each(Peer::abandon);
    attacked.assert_unharmed().await;
}
