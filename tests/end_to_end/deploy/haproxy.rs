//! `deploy/haproxy`.

use std::net::SocketAddr;

use http::Method;
use opes_tests::deployed::Deployed;
use opes_tests::haproxy::Haproxy;
use opes_tests::patience::eventually;
use opes_tests::place::free_address;

use super::{CLIENT, Pair, assert_adapted, assert_original, fetch, origin};

fn address() -> SocketAddr {
    free_address(90)
}

fn in_front(address: SocketAddr, proxy: SocketAddr) -> Deployed {
    let file = Deployed::read("haproxy/in-front.cfg");
    file.put("bind :80\n", format!("bind {address}\n")).put("127.0.0.1:8080", proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_in_front_tells_the_origin_of_its_client_and_no_other() {
    let origin = origin().await;
    let pair = Pair::before(origin.address());
    let address = address();
    let haproxy = Haproxy::start(in_front(address, pair.proxy.address).text(), address);
    let url = format!("http://{address}/cat.txt");

    assert_adapted(&fetch(&url, &["-H", "X-Forwarded-For: 203.0.113.9", "-H", "Host: www.example.com"]));
    let seen = origin.request(Method::GET, "/cat.txt").headers;
    assert_eq!(seen["x-forwarded-for"], format!("{CLIENT}, 127.0.0.1"), "{seen:?}");
    assert_eq!(
        (&seen["x-forwarded-proto"], &seen["host"]),
        (&"http".parse().unwrap(), &"www.example.com".parse().unwrap())
    );

    assert_original(&fetch(&url, &["-H", "OPES-Bypass: *"]));
    let upload = fetch(&format!("http://{address}/echo"), &["--data-binary", "My cat."]);
    assert!(upload.ends_with("\r\n\r\nMy tiger."), "{upload}");
    let log = haproxy.finish();
    assert!(log.contains(CLIENT) && !log.contains("ALERT"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_in_front_goes_around_a_proxy_that_is_gone_only_where_it_may() {
    let origin = origin().await;
    for around in [false, true] {
        let mut pair = Pair::before(origin.address());
        let address = address();
        let mut file = in_front(address, pair.proxy.address);
        if around {
            let line = "server origin 127.0.0.1:9000 backup";
            file = file.uncomment(line, line).put("127.0.0.1:9000", origin.address());
        }
        let _haproxy = Haproxy::start(file.text(), address);
        let url = format!("http://{address}/cat.txt");
        assert_adapted(&fetch(&url, &[]));
        pair.proxy.process.kill();
        // It finds out by asking, some seconds later.
        let printed = eventually("HAProxy to go around the proxy", || {
            let printed = fetch(&url, &[]);
            (!around || printed.starts_with("HTTP/1.1 200 ")).then_some(printed)
        });
        if around {
            assert_original(&printed);
        } else {
            assert!(printed.starts_with("HTTP/1.1 503 "), "{printed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_behind_tells_applications_of_the_client_that_the_proxy_names() {
    let origin = origin().await;
    let address = address();
    let file = Deployed::read("haproxy/behind.cfg").put("127.0.0.1:9000", address);
    let file = file.put("127.0.0.1:9001", origin.address());
    let haproxy = Haproxy::start(file.text(), address);
    let pair = Pair::before(address);
    let url = format!("http://{}/cat.txt", pair.proxy.address);

    // Clients share the proxy's connections; the later of two --interface counts.
    assert_adapted(&fetch(&url, &["--interface", "127.0.0.78"]));
    assert_eq!(origin.request(Method::GET, "/cat.txt").headers["x-forwarded-for"], "127.0.0.78");
    // What a client says of itself stands before what the proxy says.
    assert_adapted(&fetch(&url, &["-H", "X-Forwarded-For: 203.0.113.9"]));
    assert_eq!(origin.request(Method::GET, "/cat.txt").headers["x-forwarded-for"], CLIENT);
    assert_original(&fetch(&url, &["-H", "OPES-Bypass: *"]));
    let line = haproxy.logged(&format!("{CLIENT}:"));
    assert!(line.contains("GET /cat.txt "), "{line}");
    drop(pair);
    let log = haproxy.finish();
    assert!(!log.contains("ALERT"), "{log}");
}
