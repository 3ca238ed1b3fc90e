//! The real Squid, in the foreground, as a client of an ICAP server.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::patience::eventually;
use crate::place::{Place, free_address};
use crate::process::{Finished, Process, run};

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
        let address = Self::address_to_listen();
        let path = place.path().to_str().expect("a temporary path in UTF-8");
        let text = CONFIGURATION
            .replace("ADDRESS", &address.to_string())
            .replace("GATEWAY", &gateway.to_string())
            .replace("PLACE", path);
        Self::start(place, address, &text)
    }

    /// An address for it to listen at.
    #[must_use]
    pub fn address_to_listen() -> SocketAddr {
        free_address(89)
    }

    /// Starts it with a configuration that has it listen at the address, and all its files in the place.
    #[must_use]
    pub fn start(place: Place, address: SocketAddr, configuration: &str) -> Self {
        let file = place.write("squid.conf", configuration);
        let path = place.path().to_str().expect("a temporary path in UTF-8");
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

    /// Fetches with curl through it: what curl says, with the head on its standard output, and the body.
    ///
    /// # Panics
    /// When curl cannot be started.
    pub async fn fetch(&self, url: &str, arguments: &[&str]) -> (Finished, Vec<u8>) {
        let file = self.place.path().join("fetched");
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "120", "-D-", "-o"]).arg(&file);
        command.args(["-x", &format!("http://{}", self.address)]).args(arguments).arg(url);
        // What an earlier fetch has left is not this one's.
        let _ = std::fs::remove_file(&file);
        let done = tokio::task::spawn_blocking(move || run(command)).await.expect("curl runs");
        (done, std::fs::read(&file).unwrap_or_default())
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

    /// The lines of its ICAP log, whatever they look like, once they satisfy the test.
    #[must_use]
    pub fn log_until(&self, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let file = self.place.path().join("icap.log");
        eventually("Squid to log the ICAP transactions", || {
            let text = std::fs::read_to_string(&file).ok()?;
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            enough(&lines).then_some(lines)
        })
    }

    /// Ends it, and waits until it has.
    pub fn finish(mut self) {
        self.process.signal("TERM");
        let status = self.process.exit();
        assert!(status.success(), "Squid: {status}\n{}", self.complaints());
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
