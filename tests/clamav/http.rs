//! The service between HTTP client and origin, at a callout server and in the proxy.

use http::{Method, StatusCode};
use opes_tests::clamd::{Clamd, SIGNATURE, eicar};
use opes_tests::client;
use opes_tests::coding::encode;
use opes_tests::config::{Config, Rule};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};

const CLAMAV: &str = "http://services.example.com/clamav";

/// Where the service is.
const PLACES: [&str; 2] = ["callout server", "proxy"];

struct Arrangement {
    origin: Origin,
    clamd: Clamd,
    _server: Option<Opes>,
    proxy: Opes,
}

/// The service in this place, with these options besides its address.
async fn arranged(place: &str, options: &str) -> Arrangement {
    let (origin, clamd) = (Origin::start().await, Clamd::start());
    let options = format!("address = \"{}\"\n{options}", clamd.address());
    let (server, callout) = if place == "proxy" {
        (None, ([127, 0, 0, 1], 1).into())
    } else {
        let server = Opes::server(&Config::server().service(CLAMAV, "clamav", &options));
        let address = server.address;
        (Some(server), address)
    };
    let mut config = Config::reverse(origin.address(), callout);
    if place == "proxy" {
        config = config.service(CLAMAV, "clamav", &options);
    }
    let proxy = Opes::proxy(&config.rule(&Rule::response(&[CLAMAV])));
    Arrangement { origin, clamd, _server: server, proxy }
}

fn infected() -> Vec<u8> {
    [&b"some text before "[..], &eicar(), b" and after"].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_infected_is_refused_and_what_is_clean_passes() {
    for place in PLACES {
        let stack = arranged(place, "").await;
        stack.origin.page("/infected", Page::text(infected()));
        stack
            .origin
            .page("/zipped", Page::text(encode("gzip", &infected())).field("content-encoding", "gzip"));
        for path in ["/infected", "/zipped"] {
            let answer = client::get(stack.proxy.address, path).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{place}: {path}");
            assert!(answer.text().contains("This content is infected."), "{:?}", answer.text());
            for internal in [SIGNATURE, "clamd", "clamav", "127."] {
                assert!(!answer.text().contains(internal), "{:?}", answer.text());
            }
        }
        let clean = client::get(stack.proxy.address, "/bytes/1000000?seed=3&framing=chunked").await;
        assert_eq!((clean.status, clean.body.len()), (StatusCode::OK, 1_000_000), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_infection_behind_a_clean_prefix_breaks_the_message_off() {
    for place in PLACES {
        let stack = arranged(place, "policy = \"prefix\"\nprefix_bytes = 10000").await;
        let body = [&[b'x'; 400_000][..], &eicar()].concat();
        stack.origin.page("/late", Page::text(body));
        let answer = client::fetch(stack.proxy.address, client::request(Method::GET, "/late")).await;
        assert!(answer.is_err(), "{place}: {answer:?}");
        let clean = client::get(stack.proxy.address, "/bytes/3000000?seed=3").await;
        assert_eq!((clean.status, clean.body.len()), (StatusCode::OK, 3_000_000), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_scanner_nothing_passes() {
    for place in PLACES {
        let mut stack = arranged(place, "").await;
        stack.origin.page("/clean", Page::text("nothing wrong here"));
        stack.clamd.stop();
        let answer = client::get(stack.proxy.address, "/clean").await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{place}");
        assert!(!answer.text().contains("nothing wrong"), "{:?}", answer.text());
        stack.clamd.again();
        assert_eq!(client::get(stack.proxy.address, "/clean").await.text(), "nothing wrong here", "{place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_is_refused_or_passes_as_the_file_says() {
    let strict = arranged("callout server", "max_bytes = 1000").await;
    strict.origin.page("/long", Page::text(vec![b'x'; 2000]));
    let answer = client::get(strict.proxy.address, "/long").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("too long"), "{:?}", answer.text());
    let lax = arranged("callout server", "max_bytes = 1000\npast_max = \"pass\"").await;
    lax.origin.page("/long", Page::text(vec![b'x'; 2000]));
    assert_eq!(client::get(lax.proxy.address, "/long").await.body.len(), 2000);
}
