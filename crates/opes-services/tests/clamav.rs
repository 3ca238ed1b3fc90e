//! The service against a real clamd with a signature database of our own.

use std::{
    fmt::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    task::{Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use opes_sdk::{Attributes, Chain};
use opes_services::{ClamAv, ClamAvAddress, ClamAvOptions, ClamAvPastMax, ClamAvPolicy};
use tokio::sync::Notify;

const URI: &str = "http://s.example/clamav";

/// The most octets of a stream that the daemon takes.
const STREAM_MAX: usize = 100 * 1024 * 1024;

/// The file that every scanner calls infected; in two halves, since this file is scanned, too.
fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}", "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// A daemon of our own; ends with this.
struct Clamd {
    process: Child,
    place: PathBuf,
    socket: PathBuf,
    tcp: String,
}

impl Clamd {
    fn start(name: &str) -> Self {
        let place = PathBuf::from(format!("/tmp/opes-clamd-{}-{name}", std::process::id()));
        let database = place.join("db");
        std::fs::create_dir_all(&database).unwrap();
        let mut signature = "Test.Eicar.NDB:0:*:".to_owned();
        eicar().iter().for_each(|octet| write!(signature, "{octet:02x}").unwrap());
        std::fs::write(database.join("t.ndb"), signature + "\n").unwrap();
        let socket = place.join("clamd.sock");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = place.join("clamd.conf");
        let [place_name, database, socket_name] = [&place, &database, &socket].map(|path| path.display());
        let text = format!(
            "DatabaseDirectory {database}\nLocalSocket {socket_name}\nTCPSocket {port}\nTCPAddr 127.0.0.1\n\
             LogFile {place_name}/log\nTemporaryDirectory {place_name}\nForeground yes\n\
             StreamMaxLength 100M\nMaxFileSize 100M\nMaxScanSize 400M\n"
        );
        std::fs::write(&config, text).unwrap();
        let mut command =
            Command::new(if Path::new("/usr/sbin/clamd").exists() { "/usr/sbin/clamd" } else { "clamd" });
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("clamd (package clamav-daemon), which scripts/test installs");
        let mut clamd = Self { process, place, socket, tcp: format!("127.0.0.1:{port}") };
        while std::net::TcpStream::connect(&clamd.tcp).is_err() || !clamd.socket.exists() {
            assert_eq!(clamd.process.try_wait().unwrap(), None, "clamd ended; see {}", clamd.place.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        clamd
    }

    fn options(&self) -> ClamAvOptions {
        ClamAvOptions {
            timeout: Duration::from_secs(120),
            ..ClamAvOptions::new(ClamAvAddress::Unix(self.socket.clone()))
        }
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.place);
        }
    }
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
    let clamd = Clamd::start("found");
    let hold = ClamAv::new(URI, clamd.options());
    let small = vec![Bytes::from(eicar())];
    let (released, mut chain) = through(&hold, small.clone()).await;
    assert!(released == 0 && chain.refusal().is_some(), "{:?}", chain.failure());
    assert_infected(&mut chain);

    let end = pieces([clean(400_000), eicar()].concat());
    let (released, mut chain) = through(&hold, end.clone()).await;
    assert!(released == 0 && chain.refusal().is_some(), "{:?}", chain.failure());
    assert_infected(&mut chain);

    let prefix = ClamAvOptions { policy: ClamAvPolicy::Prefix { octets: 65_536 }, ..clamd.options() };
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
    let clamd = Clamd::start("clean");
    for address in [ClamAvAddress::Unix(clamd.socket.clone()), ClamAvAddress::Tcp(clamd.tcp.clone())] {
        for policy in [ClamAvPolicy::Hold, ClamAvPolicy::Prefix { octets: 4096 }] {
            let options = ClamAvOptions { address: address.clone(), policy, pool: 1, ..clamd.options() };
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
    let clamd = Clamd::start("long");
    let options = ClamAvOptions { max_bytes: 1 << 30, ..clamd.options() };
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
async fn a_daemon_that_dies_is_a_failure_and_one_that_is_back_is_used() {
    let clamd = Clamd::start("dies");
    let service = ClamAv::new(URI, clamd.options());
    assert!(through(&service, pieces(clean(1000))).await.1.finished());
    drop(clamd);
    let (released, chain) = through(&service, pieces(clean(1000))).await;
    assert!(released == 0 && chain.failure().is_some());
    let clamd = Clamd::start("dies");
    let (released, chain) = through(&service, pieces(clean(1000))).await;
    assert_eq!((released, chain.finished()), (1000, true), "{:?}", chain.failure());
    drop(clamd);
}
