//! The real Squid, in the foreground, as a client of an ICAP server.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::patience::eventually;
use crate::place::Place;
use crate::process::{Process, run};

/// A running Squid: a forward proxy that has requests and responses adapted.
#[derive(Debug)]
pub struct Squid {
    process: Process,
    address: SocketAddr,
    place: Place,
}

const CONFIGURATION: &str = "
http_port ADDRESS
http_access allow all
cache deny all
pid_filename PLACE/squid.pid
cache_log PLACE/cache.log
access_log none
logformat seen %icap::rm %icap::Hs
icap_log stdio:PLACE/icap.log seen
pinger_enable off
netdb_filename none
coredump_dir PLACE
shutdown_lifetime 1 seconds
visible_hostname squid.example.com
icap_enable on
icap_preview_enable on
icap_206_enable on
icap_send_client_ip on
icap_service_failure_limit -1
icap_service one reqmod_precache icap://GATEWAY/scan bypass=off
icap_service two respmod_precache icap://GATEWAY/scan bypass=off
adaptation_access one allow all
adaptation_access two allow all
";

impl Squid {
    /// Starts it before an ICAP server.
    #[must_use]
    pub fn before(gateway: SocketAddr) -> Self {
        let place = Place::new();
        let address = address();
        let path = place.path().to_str().expect("a temporary path in UTF-8");
        let text = CONFIGURATION
            .replace("ADDRESS", &address.to_string())
            .replace("GATEWAY", &gateway.to_string())
            .replace("PLACE", path);
        let file = place.write("squid.conf", text);
        // Started by root, it becomes another user, who has to write here.
        let mut own = Command::new("sh");
        own.args(["-c", "if [ \"$(id -u)\" = 0 ]; then chown -R proxy \"$1\"; fi", "sh", path]);
        assert!(run(own).status.success(), "a directory for Squid");
        let installed = Path::new("/usr/sbin/squid");
        let mut command = Command::new(if installed.is_file() { installed } else { Path::new("squid") });
        command.arg("-N").arg("-f").arg(file);
        let mut process = Process::start(command);
        eventually("Squid to listen", || {
            assert!(process.alive(), "Squid does not start: {}", process.stderr());
            TcpStream::connect(address).ok()
        });
        Self { process, address, place }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Methods and ICAP statuses so far, without OPTIONS, once there are so many.
    #[must_use]
    pub fn log(&self, transactions: usize) -> Vec<String> {
        let file = self.place.path().join("icap.log");
        eventually("Squid to log the ICAP transactions", || {
            let text = std::fs::read_to_string(&file).ok()?;
            let lines = text.lines().filter(|line| !line.starts_with("OPTIONS")).map(str::to_owned);
            let lines: Vec<_> = lines.collect();
            (lines.len() >= transactions).then_some(lines)
        })
    }

    /// What it has to complain about.
    #[must_use]
    pub fn complaints(&self) -> String {
        std::fs::read_to_string(self.place.path().join("cache.log")).unwrap_or_default()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

/// A free port on a loopback address of this process alone, since Squid cannot say which port it was given.
fn address() -> SocketAddr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let listener = TcpListener::bind((Ipv4Addr::new(127, 89, high, low.max(1)), 0));
    listener.and_then(|listener| listener.local_addr()).expect("a free loopback port")
}
