//! Large heads over HTTP/2, on both sides of the proxy: within its bound they pass, beyond it there is a clear answer.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opes_tests::body;
use opes_tests::certificates::Certificates;
use opes_tests::config::{Config, IDENTITY, Rule, SUBSTITUTE};
use opes_tests::opes::Opes;
use opes_tests::origin::Shaped;
use opes_tests::patience::within;
use tokio::net::TcpStream;

const MEBIBYTE: usize = 1 << 20;

/// Asks the proxy over HTTP/2 for a page of the origin, with these large fields.
async fn ask(
    proxy: &Opes,
    origin: &Shaped,
    large: &[String],
) -> Result<(StatusCode, HeaderMap, Bytes), hyper::Error> {
    let stream = TokioIo::new(TcpStream::connect(proxy.address).await.expect("a proxy"));
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.max_header_list_size(4 * MEBIBYTE as u32);
    let (mut sender, connection) = builder.handshake(stream).await.expect("HTTP/2");
    tokio::spawn(async move { drop(connection.await) });
    let uri = format!("https://localhost:{}/200/length/cat", origin.address.port());
    let request = large.iter().fold(Request::get(uri), |request, value| request.header("x-large", value));
    let request = request.body(body::empty()).expect("a request");
    let (head, body) = within("a response", sender.send_request(request)).await?.into_parts();
    Ok((head.status, head.headers, within("its body", body.collect()).await?.to_bytes()))
}

fn values(headers: &HeaderMap) -> Vec<&[u8]> {
    headers.get_all("x-large").iter().map(|value| value.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mebibyte_passes_both_ways_over_http_2_where_heads_have_room() {
    const ROOM: &str = "[limits]\nhead_bytes = 2097152\n";
    let certificates = Certificates::new();
    let origin = Shaped::secure(&certificates).await;
    let server = Opes::server(&Config::server().table(ROOM));
    let config = Config::forward(server.address).table(&certificates.origin_table()).table(ROOM);
    let rules = [Rule::request(&[IDENTITY]), Rule::response(&[SUBSTITUTE])];
    let plain = Opes::proxy(&config.clone());
    let adapting = Opes::proxy(&rules.iter().fold(config, Config::rule));
    let (one, many) = (vec!["v".repeat(MEBIBYTE)], vec!["w".repeat(MEBIBYTE / 64); 64]);
    for (proxy, text) in [(&plain, "cat"), (&adapting, "tiger")] {
        for large in [&one, &many] {
            let (status, headers, body) = ask(proxy, &origin, large).await.expect("a response");
            assert_eq!((status, &body[..]), (StatusCode::OK, text.as_bytes()));
            let asked = origin.last().expect("a request");
            assert_eq!(asked.version, Version::HTTP_2);
            for (headers, what) in [(&asked.headers, "request"), (&headers, "response")] {
                let expected: Vec<_> = large.iter().map(String::as_bytes).collect();
                assert!(values(headers) == expected, "{what}: {} of {}", values(headers).len(), large.len());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_beyond_the_bound_is_refused_over_http_2_and_the_next_one_passes() {
    let certificates = Certificates::new();
    let origin = Shaped::secure(&certificates).await;
    let config = Config::forward(([127, 0, 0, 1], 9).into()).table(&certificates.origin_table());
    let proxy = Opes::proxy(&config);
    let (status, ..) = ask(&proxy, &origin, &["v".repeat(80_000)]).await.expect("a response");
    assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    // Far beyond the bound the connection ends, since nobody reads that much to say so.
    ask(&proxy, &origin, &["v".repeat(MEBIBYTE)]).await.expect_err("no response");
    assert!(origin.last().is_none(), "nothing of them goes on");
    let (status, headers, body) = ask(&proxy, &origin, &["v".repeat(1024)]).await.expect("a response");
    assert_eq!((status, &body[..], values(&headers).len()), (StatusCode::OK, &b"cat"[..], 1));
}
