//! The service in a host of a few lines.

use std::sync::Arc;
use std::task::{Wake, Waker};

use bytes::Bytes;
use opes_sdk::{Attributes, Chain};
use opes_services::{ClamAv, ClamAvAddress, ClamAvOptions, ClamAvPastMax, ClamAvPolicy};
use opes_tests::clamd::{Clamd, STREAM_MAX, eicar};
use opes_tests::patience::PATIENCE;
use tokio::sync::Notify;

const URI: &str = "http://s.example/clamav";

fn options(clamd: &Clamd) -> ClamAvOptions {
    ClamAvOptions { timeout: PATIENCE, ..ClamAvOptions::new(ClamAvAddress::Unix(clamd.socket())) }
}

#[derive(Default)]
struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// What came of a message: the octets that were released, and the chain.
async fn through(service: &ClamAv, pieces: impl IntoIterator<Item = Bytes>) -> (usize, Chain) {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut chain = Chain::new(&[Arc::new(service.clone())], Attributes::default(), waker);
    let mut released = 0;
    chain.start();
    for piece in pieces {
        chain.push(piece);
        released += settle(&mut chain, &woken).await;
    }
    chain.finish();
    released += settle(&mut chain, &woken).await;
    (released, chain)
}

async fn settle(chain: &mut Chain, woken: &Woken) -> usize {
    while chain.waiting() {
        woken.0.notified().await;
        chain.resume();
    }
    let mut released = 0;
    while let Some(segment) = chain.decided().then(|| chain.pull()).flatten() {
        released += segment.len();
    }
    released
}

/// Octets in pieces as they come from a network.
fn pieces(octets: Vec<u8>) -> Vec<Bytes> {
    octets.chunks(16 * 1024).map(Bytes::copy_from_slice).collect()
}

/// Clean octets that are nowhere twice.
fn clean(octets: usize) -> Vec<u8> {
    (0..octets.div_ceil(16)).flat_map(|n| format!("{n:015}\n").into_bytes()).take(octets).collect()
}

/// So many clean octets, of which only one piece is in memory.
fn long(octets: usize) -> impl Iterator<Item = Bytes> {
    let piece = Bytes::from(clean(64 * 1024));
    (0..octets.div_ceil(piece.len())).map(move |n| piece.slice(..piece.len().min(octets - n * piece.len())))
}

fn assert_infected(chain: &mut Chain) {
    assert!(!chain.finished());
    let variables = chain.take_variables();
    assert!(variables["clamav_signature"].starts_with("Test.Eicar.NDB"), "{variables:?}");
    let records = chain.take_records();
    assert_eq!(records[0].parameters[0].0, "infected");
}

#[tokio::test]
async fn the_test_file_is_found_wherever_it_stands() {
    let clamd = Clamd::start();
    let hold = ClamAv::new(URI, options(&clamd));
    let small = vec![Bytes::from(eicar())];
    let (released, mut chain) = through(&hold, small.clone()).await;
    assert!(released == 0 && chain.refusal().is_some(), "{:?}", chain.failure());
    assert_infected(&mut chain);

    let end = pieces([clean(400_000), eicar()].concat());
    let (released, mut chain) = through(&hold, end.clone()).await;
    assert!(released == 0 && chain.refusal().is_some(), "{:?}", chain.failure());
    assert_infected(&mut chain);

    let prefix = ClamAvOptions { policy: ClamAvPolicy::Prefix { octets: 65_536 }, ..options(&clamd) };
    let prefix = ClamAv::new(URI, prefix);
    let (released, mut chain) = through(&prefix, small).await;
    assert!(released == 0 && chain.refusal().is_some(), "{:?}", chain.failure());
    assert_infected(&mut chain);
    let (released, mut chain) = through(&prefix, end).await;
    assert!(
        chain.refusal().is_none()
            && chain.failure().is_some_and(|failure| failure.reason.contains("infected"))
    );
    assert!((65_536..400_000).contains(&released), "{released}");
    assert_infected(&mut chain);

    let border = pieces([clean(65_500), eicar(), clean(200_000)].concat());
    let (released, mut chain) = through(&prefix, border).await;
    assert!(released < 265_568 && chain.failure().is_some(), "across the end of the prefix");
    assert_infected(&mut chain);
}

#[tokio::test]
async fn what_is_clean_passes_over_either_socket_and_again() {
    let clamd = Clamd::start();
    for address in [ClamAvAddress::Unix(clamd.socket()), ClamAvAddress::Tcp(clamd.address().to_string())] {
        for policy in [ClamAvPolicy::Hold, ClamAvPolicy::Prefix { octets: 4096 }] {
            let options = ClamAvOptions { address: address.clone(), policy, pool: 1, ..options(&clamd) };
            let service = ClamAv::new(URI, options);
            for size in [1, 4096, 400_000, 10] {
                let (released, mut chain) = through(&service, pieces(clean(size))).await;
                assert_eq!((released, chain.finished()), (size, true), "{policy:?} {:?}", chain.failure());
                assert_eq!(chain.take_variables()["clamav"], "clean");
            }
        }
    }
}

#[tokio::test]
async fn streams_up_to_the_limit_of_the_daemon_are_scanned_and_longer_ones_are_not_called_clean() {
    let clamd = Clamd::start();
    let options = ClamAvOptions { max_bytes: 1 << 30, ..options(&clamd) };
    let prefix = ClamAvOptions { policy: ClamAvPolicy::Prefix { octets: 65_536 }, ..options.clone() };
    let service = ClamAv::new(URI, prefix.clone());
    let (released, mut chain) = through(&service, long(STREAM_MAX)).await;
    assert_eq!((released, chain.finished()), (STREAM_MAX, true), "{:?}", chain.failure());
    assert_eq!(chain.take_variables()["clamav"], "clean");

    let (released, chain) = through(&service, long(STREAM_MAX + 1)).await;
    assert!(released < STREAM_MAX && !chain.finished());
    assert!(
        chain.failure().is_some_and(|failure| failure.reason.contains("longer")),
        "{:?}",
        chain.failure()
    );
    let lax = ClamAv::new(URI, ClamAvOptions { past_max: ClamAvPastMax::Pass, ..prefix });
    let (released, mut chain) = through(&lax, long(STREAM_MAX + 1)).await;
    assert_eq!((released, chain.finished()), (STREAM_MAX + 1, true), "{:?}", chain.failure());
    assert_eq!(chain.take_variables()["clamav"], "unscanned");

    let (released, chain) = through(&ClamAv::new(URI, options), long(STREAM_MAX + 1)).await;
    assert!(released == 0 && chain.refusal().is_some(), "{:?}", chain.failure());
}

#[tokio::test]
async fn an_infection_near_the_limit_is_found() {
    let clamd = Clamd::start();
    let options = ClamAvOptions { max_bytes: 1 << 30, ..options(&clamd) };
    let prefix = ClamAvOptions { policy: ClamAvPolicy::Prefix { octets: 65_536 }, ..options };
    let infected = long(STREAM_MAX - 100).chain([Bytes::from(eicar())]);
    let (released, mut chain) = through(&ClamAv::new(URI, prefix), infected).await;
    assert!(released < STREAM_MAX - 100 && chain.failure().is_some());
    assert_infected(&mut chain);
}

#[tokio::test]
async fn a_daemon_that_dies_is_a_failure_and_one_that_is_back_is_used() {
    let mut clamd = Clamd::start();
    let service = ClamAv::new(URI, options(&clamd));
    assert!(through(&service, pieces(clean(1000))).await.1.finished());
    clamd.stop();
    let (released, chain) = through(&service, pieces(clean(1000))).await;
    assert!(released == 0 && chain.failure().is_some());
    clamd.again();
    let (released, chain) = through(&service, pieces(clean(1000))).await;
    assert_eq!((released, chain.finished()), (1000, true), "{:?}", chain.failure());
}
