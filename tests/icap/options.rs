//! What the gateway says of itself, and what clients say beside a message.

use opes_tests::config::Config;
use opes_tests::icap::{END, Icap, chunk, reqmod, respmod};
use opes_tests::opes::{File, Opes, run_opes};

use crate::{Gateway, SERVICES};

const OPTIONS: &str = "OPTIONS icap://gateway.example.com/scan ICAP/1.0\r\nHost: gateway.example.com\r\n\r\n";

const GET: &str = "GET http://origin.example.com/ HTTP/1.1\r\nHost: origin.example.com\r\n";

// RFC 3507 section 4.10.2.
#[test]
fn options_say_what_is_offered() {
    let gateway = Gateway::here(&["substitute"]);
    let mut client = gateway.connect();
    let answer = client.ask(OPTIONS);
    assert_eq!(answer.status, 200);
    for (field, value) in [
        ("methods", "REQMOD, RESPMOD"),
        ("preview", "4096"),
        ("transfer-preview", "*"),
        ("allow", "204, 206, trailers"),
        ("service-id", "scan"),
        ("max-connections", "10000"),
        ("encapsulated", "null-body=0"),
    ] {
        assert_eq!(answer.field(field), Some(value), "{field}: {answer:?}");
    }
    assert!(answer.field("options-ttl").is_some_and(|ttl| ttl.parse::<u32>().is_ok()));
    let tag = answer.field("istag").unwrap();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() <= 34, "{tag}");
}

#[test]
fn configurations_are_checked_and_explained() {
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let rule = "[[rules]]\nname = \"animals\"\nservices = [\"substitute\"]\n";
    let config = Config::gateway(nobody).table(SERVICES).table(rule);
    let file = File::new(&config.to_string());
    let done = run_opes(&["check", file.argument()]);
    assert_eq!(done.status.code(), Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("`opes gateway`"), "{}", done.stdout);
    let done = run_opes(&["check", file.argument(), "--explain", "GET http://a.example/"]);
    assert!(done.stdout.contains("rule animals: matches"), "{}{}", done.stdout, done.stderr);
    for (table, key) in [
        ("[[icap.paths]]\npath = \"/a\"\nrules = [\"none\"]\n", "icap.paths.rules"),
        ("[[icap.paths]]\npath = \"a\"\n", "icap.paths.path"),
        ("[[icap.paths]]\npath = \"/a\"\n[[icap.paths]]\npath = \"/a\"\n", "icap.paths.path"),
        ("[icap.tls]\ncertificate = \"none.pem\"\nkey = \"none.key\"\n", "certificate"),
    ] {
        let file = File::new(&config.clone().table(table).to_string());
        let done = run_opes(&["check", file.argument()]);
        assert_eq!(done.status.code(), Some(2), "{table}");
        assert!(done.stderr.contains(key), "{table}: {}", done.stderr);
    }
}

// RFC 3507 section 4.7.
#[test]
fn the_tag_changes_with_the_configuration() {
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let rules = |name: &str| format!("[[rules]]\nservices = [{name:?}]\n");
    let config = |name: &str| Config::gateway(nobody).table(SERVICES).table(&rules(name));
    let gateway = Opes::gateway(&config("substitute"));
    let mut client = Icap::open(gateway.address);
    let first = client.ask(OPTIONS).field("istag").unwrap().to_owned();
    assert_eq!(client.ask(OPTIONS).field("istag"), Some(first.as_str()));
    gateway.reload(config("block"));
    assert_ne!(client.ask(OPTIONS).field("istag"), Some(first.as_str()));
    let answer = client.ask([respmod("", "HTTP/1.1 200 OK\r\n"), chunk("a cat"), END.into()].concat());
    assert!(answer.section.starts_with("HTTP/1.1 403 "), "the new rules are in force: {answer:?}");
}

// RFC 3507 section 4.3.3: 404, 405 and 501.
#[test]
fn paths_name_rules() {
    let tables = "[[icap.paths]]\npath = \"/scan\"\nrules = [\"animals\"]\n\n\
                  [[icap.paths]]\npath = \"/deny\"\nrules = [\"deny\"]\n\n[[icap.paths]]\npath = \"/all\"\n\n\
                  [[rules]]\nname = \"deny\"\nservices = [\"block\"]\n\n\
                  [[rules]]\nname = \"animals\"\nservices = [\"substitute\"]\n";
    let gateway = Gateway::with(tables);
    let mut client = gateway.connect();
    let sent = |path: &str| {
        let request = [respmod("", "HTTP/1.1 200 OK\r\n"), chunk("a cat"), END.into()].concat();
        String::from_utf8(request).unwrap().replacen("/scan", path, 1)
    };
    assert_eq!(client.ask(sent("/scan")).body, b"a tiger");
    assert_eq!(client.ask(sent("/scan?mode=x")).body, b"a tiger");
    assert!(client.ask(sent("/deny")).section.starts_with("HTTP/1.1 403 "));
    assert!(client.ask(sent("/all")).section.starts_with("HTTP/1.1 403 "));
    assert_eq!(client.ask(sent("/other")).status, 404);
    assert_eq!(client.ask(sent("/scan").replacen("RESPMOD", "OTHERMOD", 1)).status, 400);
    let mut client = gateway.connect();
    assert_eq!(client.ask(OPTIONS.replacen("OPTIONS", "LOGMOD", 1)).status, 501);
    assert_eq!(client.ask(OPTIONS).field("service-id"), Some("scan"));
}

#[test]
fn rules_see_what_the_client_says_of_its_own_client() {
    let tables = "[[rules]]\ndirection = \"request\"\nservices = [\"block\"]\n\
                  when = 'client.address == \"192.0.2.7\" && vars[\"user\"] == \"alice\" \
                  && vars[\"server_address\"] == \"198.51.100.1\"'\n";
    let gateway = Gateway::with(tables);
    let mut client = gateway.connect();
    let known = "X-Client-IP: 192.0.2.7\r\nX-Authenticated-User: alice\r\nX-Server-IP: 198.51.100.1\r\nAllow: 204\r\n";
    assert_eq!(client.ask(reqmod(known, GET, "null-body")).status, 200);
    assert_eq!(client.ask(reqmod(&known.replace("alice", "bob"), GET, "null-body")).status, 204);
    assert_eq!(client.ask(reqmod("Allow: 204\r\n", GET, "null-body")).status, 204);
}
