//! A log that cannot be written harms nobody.

use opes_tests::client;
use opes_tests::config::{Config, DIGEST};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::patience::{PATIENCE, STEP};
use opes_tests::place::Place;
use opes_tests::records::system_page;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_is_counted_although_that_cannot_be_logged_either() {
    let (origin, place) = (Origin::start().await, Place::new());
    origin.page("/zoo", Page::text("a cat"));
    let folder = place.path().join("records");
    let config = Config::reverse(origin.address(), ([127, 0, 0, 1], 9).into());
    let config = config
        .service(DIGEST, "digest", "")
        .table(&format!("[[rules]]\nservices = [{DIGEST:?}]\n[store]\nfolder = {folder:?}\n"));
    let proxy = Opes::unheard(&config);
    // No file can be made there any more, which is logged.
    std::fs::remove_dir_all(&folder).expect("a folder of our own");
    for dropped in 1..=3 {
        assert_eq!(client::get(proxy.address, "/zoo").await.text(), "a cat");
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let page = system_page(proxy.address, "", "application/json").await.text();
            let page: Value = serde_json::from_str(&page).expect("JSON");
            if page["tracing"]["dropped"] == dropped {
                break;
            }
            assert!(std::time::Instant::now() < end, "{dropped} are dropped: {page}");
            tokio::time::sleep(STEP).await;
        }
    }
}
