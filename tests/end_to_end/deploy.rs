//! The configurations of `deploy/` do what they say.

use opes_tests::binary::repository;
use opes_tests::client;
use opes_tests::config::Config;
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};

/// A file of `deploy/` with an address of its own for each one in it.
fn deployed(name: &str, addresses: &[(&str, String)]) -> Config {
    let path = repository().join("deploy").join(name);
    let mut text =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for (written, free) in addresses {
        assert!(text.contains(written), "{name} does not name {written}");
        text = text.replace(written, free);
    }
    Config::default().table(&text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_and_proxy_work_together_before_an_origin() {
    let origin = Origin::start().await;
    origin.page("/cats.txt", Page::text("A cat."));
    let server = Opes::server(&deployed("server.toml", &[("127.0.0.1:4037", "127.0.0.1:0".to_owned())]));
    let proxy = Opes::proxy(&deployed(
        "proxy.toml",
        &[
            ("127.0.0.1:8080", "127.0.0.1:0".to_owned()),
            ("127.0.0.1:9000", origin.address().to_string()),
            ("127.0.0.1:4037", server.address.to_string()),
        ],
    ));
    let answer = client::get(proxy.address, "/cats.txt").await;
    assert_eq!(answer.text(), "A tiger.");
    let via: Vec<_> = answer.headers.get_all("opes-via").iter().collect();
    println!("{via:?}");
    assert!(
        via.iter().any(|via| via.to_str().unwrap().contains("http://services.example.com/digest")),
        "{via:?}"
    );
}
