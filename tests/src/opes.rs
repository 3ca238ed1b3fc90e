//! The binary under test, running.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::binary;
use crate::config::Config;
use crate::patience::eventually;
use crate::place::Place;
use crate::process::{Finished, Process, run};

/// A running `opes server` or `opes proxy` that accepts connections.
#[derive(Debug)]
pub struct Opes {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    place: Place,
}

/// The name of the configuration in its place.
const FILE: &str = "opes.toml";

impl Opes {
    /// Starts a callout server.
    #[must_use]
    pub fn server(config: &Config) -> Self {
        Self::start(&["server"], config, "")
    }

    /// Starts a callout server at an address of before.
    #[must_use]
    pub fn server_at(address: SocketAddr, config: &Config) -> Self {
        let running = Self::start(&["server", "--listen", &address.to_string()], config, "");
        assert_eq!(running.address, address, "--listen overrides the configuration");
        running
    }

    /// Starts an HTTP proxy.
    #[must_use]
    pub fn proxy(config: &Config) -> Self {
        Self::start(&["proxy"], config, " (proxy)")
    }

    /// The same, where nothing can be written to standard error, as to a file on a full disk.
    #[must_use]
    pub fn unheard(config: &Config) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 2> /dev/full"]).arg(binary::path());
        Self::run(command, &["proxy"], config, " (proxy)")
    }

    /// Starts a gateway for ICAP.
    #[must_use]
    pub fn gateway(config: &Config) -> Self {
        Self::start(&["gateway"], config, " (icap)")
    }

    fn start(arguments: &[&str], config: &Config, role: &str) -> Self {
        Self::run(binary::opes(), arguments, config, role)
    }

    fn run(mut command: Command, arguments: &[&str], config: &Config, role: &str) -> Self {
        let place = Place::new();
        let file = place.write(FILE, config.to_string());
        command.args(arguments).arg("--config").arg(file);
        let process = Process::start(command);
        let address = process.line("listening line", |line| listening(line, role));
        Self { process, address, place }
    }

    /// Puts another configuration in the place of the present one, and says nothing of that.
    pub fn rewrite(&self, config: impl ToString) {
        let other = self.place.write("other.toml", config.to_string());
        std::fs::rename(other, self.place.path().join(FILE)).expect("a file of our own");
    }

    /// Has another configuration reloaded, and waits until it is in force.
    pub fn reload(&self, config: impl ToString) {
        let before = self.reloads();
        self.rewrite(config);
        self.process.signal("HUP");
        eventually("the reload", || (self.reloads() > before).then_some(()));
    }

    /// How often another configuration has come into force.
    #[must_use]
    pub fn reloads(&self) -> usize {
        self.process.stderr().matches("the configuration is reloaded").count()
    }
}

/// The address in `listening on ADDR` followed by exactly `role`.
#[must_use]
pub fn listening(line: &str, role: &str) -> Option<SocketAddr> {
    line.strip_prefix("listening on ")?.strip_suffix(role)?.parse().ok()
}

/// Runs `opes` to its end.
#[must_use]
pub fn run_opes(arguments: &[&str]) -> Finished {
    let mut command = binary::opes();
    command.args(arguments);
    run(command)
}

/// A configuration in a file, for commands that end by themselves.
#[derive(Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    _place: Place,
}

impl File {
    /// Writes the configuration.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let place = Place::new();
        Self { path: place.write("configuration-under-test.toml", text), _place: place }
    }

    /// Its path as an argument.
    #[must_use]
    pub fn argument(&self) -> &str {
        self.path.to_str().expect("a temporary path in UTF-8")
    }
}
