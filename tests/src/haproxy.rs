//! The real HAProxy, in the foreground.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::patience::eventually;
use crate::place::Place;
use crate::process::Process;

/// A running HAProxy.
#[derive(Debug)]
pub struct Haproxy {
    process: Process,
    _place: Place,
}

impl Haproxy {
    /// Starts it with a configuration that has it listen there.
    #[must_use]
    pub fn start(configuration: &str, address: SocketAddr) -> Self {
        let place = Place::new();
        let file = place.write("haproxy.cfg", configuration);
        // Where Debian has it; not on the path of every user.
        let installed = Path::new("/usr/sbin/haproxy");
        let mut command = Command::new(if installed.is_file() { installed } else { Path::new("haproxy") });
        command.arg("-db").arg("-f").arg(file);
        let mut process = Process::start(command);
        eventually("HAProxy to listen", || {
            assert!(process.alive(), "HAProxy does not start: {}", process.stderr());
            TcpStream::connect(address).ok()
        });
        Self { process, _place: place }
    }

    /// Waits for a line of its log that has this in it.
    #[must_use]
    pub fn logged(&self, part: &str) -> String {
        self.process.log(part, |line| line.contains(part).then(|| line.to_owned()))
    }

    /// Ends it gracefully, and gives what it has logged.
    pub fn finish(mut self) -> String {
        self.process.signal("USR1");
        let status = self.process.exit();
        assert!(status.success(), "HAProxy: {status}\n{}", self.process.stderr());
        self.process.stderr()
    }
}
