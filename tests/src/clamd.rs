//! The real clamd, in the foreground, with a signature database of our own.

use std::fmt::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::patience::eventually;
use crate::place::{Place, free_address};
use crate::process::Process;

/// The most octets of a stream that it takes.
pub const STREAM_MAX: usize = 100 * 1024 * 1024;

/// The name of its one signature begins so.
pub const SIGNATURE: &str = "Test.Eicar.NDB";

/// The file that every scanner calls infected, which is in its database; in two halves, since sources are scanned, too.
#[must_use]
pub fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}", "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// A running clamd; the place with its files is gone with it.
#[derive(Debug)]
pub struct Clamd {
    process: Process,
    address: SocketAddr,
    place: Place,
}

/// `PLACE` is where the files are.
const CONFIGURATION: &str = "
DatabaseDirectory PLACE/db
LocalSocket PLACE/clamd.sock
TCPAddr HOST
TCPSocket PORT
TemporaryDirectory PLACE
Foreground yes
StreamMaxLength 100M
MaxFileSize 100M
MaxScanSize 400M
";

impl Clamd {
    /// Starts one that knows [`eicar`], wherever it stands.
    #[must_use]
    pub fn start() -> Self {
        let place = Place::new();
        std::fs::create_dir(place.path().join("db")).expect("a directory for the database");
        let mut signature = format!("{SIGNATURE}:0:*:");
        eicar().iter().for_each(|octet| write!(signature, "{octet:02x}").expect("a string takes everything"));
        place.write("db/test.ndb", signature + "\n");
        let address = free_address(90);
        let path = place.path().to_str().expect("a temporary path in UTF-8");
        let text = CONFIGURATION
            .replace("PLACE", path)
            .replace("HOST", &address.ip().to_string())
            .replace("PORT", &address.port().to_string());
        place.write("clamd.conf", text);
        let process = run(&place, address);
        Self { process, address, place }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where else it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.place.path().join("clamd.sock")
    }

    /// Ends it at once.
    pub fn stop(&mut self) {
        self.process.kill();
    }

    /// Starts it again where it was.
    pub fn again(&mut self) {
        let _ = std::fs::remove_file(self.socket());
        self.process = run(&self.place, self.address);
    }
}

fn run(place: &Place, address: SocketAddr) -> Process {
    // Where Debian has it; not on the path of every user.
    let installed = Path::new("/usr/sbin/clamd");
    let mut command = Command::new(if installed.is_file() { installed } else { Path::new("clamd") });
    command.arg("-c").arg(place.path().join("clamd.conf"));
    let mut process = Process::start(command);
    let socket = place.path().join("clamd.sock");
    eventually("clamd to listen", || {
        assert!(process.alive(), "clamd does not start: {}", process.stderr());
        TcpStream::connect(address).ok().filter(|_| socket.exists())
    });
    process
}
