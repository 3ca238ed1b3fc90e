//! `deploy/nginx`.

use std::net::SocketAddr;

use http::Method;
use opes_tests::deployed::Deployed;
use opes_tests::nginx::Nginx;
use opes_tests::place::Place;

use super::{CLIENT, Pair, assert_adapted, assert_original, fetch, origin};

fn start(place: Place, address: SocketAddr, site: &Deployed) -> Nginx {
    Nginx::with_site(place, address, site.text())
}

fn in_front(address: SocketAddr, proxy: SocketAddr) -> Deployed {
    let site = Deployed::read("nginx/in-front.conf");
    site.put("listen 80;", format!("listen {address};")).put("127.0.0.1:8080", proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_in_front_tells_the_origin_of_its_client_and_no_other() {
    let origin = origin().await;
    let pair = Pair::before(origin.address());
    let address = Nginx::address_for_site();
    let nginx = start(Place::new(), address, &in_front(address, pair.proxy.address));
    let url = format!("http://{address}/cat.txt");

    assert_adapted(&fetch(&url, &["-H", "X-Forwarded-For: 203.0.113.9", "-H", "Host: www.example.com"]));
    let seen = origin.request(Method::GET, "/cat.txt").headers;
    assert_eq!(seen["x-forwarded-for"], format!("{CLIENT}, 127.0.0.1"), "{seen:?}");
    assert_eq!(
        (&seen["x-forwarded-host"], &seen["x-forwarded-proto"]),
        (&seen["host"], &"http".parse().unwrap())
    );
    assert_eq!(seen["host"], "www.example.com");

    assert_original(&fetch(&url, &["-H", "OPES-Bypass: *"]));
    let upload = fetch(&format!("http://{address}/echo"), &["--data-binary", "My cat."]);
    assert!(upload.ends_with("\r\n\r\nMy tiger."), "{upload}");
    let complaints = nginx.finish();
    assert_eq!(complaints, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_in_front_goes_around_a_proxy_that_is_gone_only_where_it_may() {
    let origin = origin().await;
    for around in [false, true] {
        let mut pair = Pair::before(origin.address());
        let address = Nginx::address_for_site();
        let mut site = in_front(address, pair.proxy.address);
        if around {
            let line = "server 127.0.0.1:9000 backup;";
            site = site.uncomment(line, line).put("127.0.0.1:9000", origin.address());
        }
        let _nginx = start(Place::new(), address, &site);
        let url = format!("http://{address}/cat.txt");
        assert_adapted(&fetch(&url, &[]));
        pair.proxy.process.kill();
        let printed = fetch(&url, &[]);
        if around {
            assert_original(&printed);
        } else {
            assert!(printed.starts_with("HTTP/1.1 502 "), "{printed}");
        }
    }
}

fn behind(place: &Place, address: SocketAddr) -> Deployed {
    let site = Deployed::read("nginx/behind.conf").put("127.0.0.1:9000", address);
    site.put_path("/var/log/nginx", place.path()).put_path("/var/www/html", place.path())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_behind_logs_the_client_that_the_proxy_names() {
    let place = Place::new();
    place.write("cat.txt", "A cat.");
    let address = Nginx::address_for_site();
    let site = behind(&place, address);
    let nginx = start(place, address, &site);
    let pair = Pair::before(address);
    let url = format!("http://{}/cat.txt", pair.proxy.address);
    assert_adapted(&fetch(&url, &["-H", "Accept-Encoding: gzip"]));
    assert_original(&fetch(&url, &["-H", "OPES-Bypass: *"]));
    // What a client says of itself stands before what the proxy says.
    assert_adapted(&fetch(&url, &["-H", "X-Forwarded-For: 203.0.113.9"]));
    let lines = nginx.lines("opes.log", 3);
    assert!(lines.iter().all(|line| line.starts_with(&format!("{CLIENT} - - ["))), "{lines:?}");
    let complaints = nginx.finish();
    assert_eq!(complaints, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_behind_tells_an_application_of_the_client() {
    let origin = origin().await;
    origin.page("/app/cat.txt", opes_tests::origin::Page::text("A cat."));
    let place = Place::new();
    let address = Nginx::address_for_site();
    let site =
        behind(&place, address).uncomment("location /app/ {", "}").put("127.0.0.1:9001", origin.address());
    let _nginx = start(place, address, &site);
    let pair = Pair::before(address);
    assert_adapted(&fetch(&format!("http://{}/app/cat.txt", pair.proxy.address), &[]));
    assert_eq!(origin.request(Method::GET, "/app/cat.txt").headers["x-forwarded-for"], CLIENT);
}
