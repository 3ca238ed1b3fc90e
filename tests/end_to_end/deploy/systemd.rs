//! `deploy/systemd`, as far as it can be seen without systemd as the first process.

use std::path::PathBuf;
use std::process::Command;

use opes_tests::binary;
use opes_tests::deployed::Deployed;
use opes_tests::opes::listening;
use opes_tests::patience::eventually;
use opes_tests::place::Place;
use opes_tests::process::{Process, run};

/// The commands, with what they print when they are ready.
const ROLES: [(&str, &str); 3] = [("server", ""), ("proxy", " (proxy)"), ("gateway", " (icap)")];

/// A unit with the binary under test and a configuration on a free port, in a place of its own.
struct Unit {
    text: String,
    file: PathBuf,
    place: Place,
}

impl Unit {
    fn of(role: &str) -> Self {
        let place = Place::new();
        std::os::unix::fs::symlink(binary::path(), place.path().join("opes")).expect("a link");
        let name = format!("opes-{role}.service");
        let text = Deployed::read(&format!("systemd/{name}"))
            .put_path("/usr/local/bin", place.path())
            .put_path("/etc/opes", place.path());
        let text = text.text().to_owned();
        let port =
            ["4037", "8080", "1344"][ROLES.iter().position(|(name, _)| *name == role).expect("a role")];
        let own = format!("listen = \"127.0.0.1:{port}\"");
        let config = Deployed::read(&format!("opes/{role}.toml")).put(&own, "listen = \"127.0.0.1:0\"");
        place.write(&format!("{role}.toml"), config.text());
        let file = place.write(&name, &text);
        Self { text, file, place }
    }

    fn value(&self, key: &str) -> &str {
        let lines = self.text.lines().filter_map(|line| line.split_once('='));
        let mut values = lines.filter(|(name, _)| *name == key).map(|(_, value)| value);
        values.next().unwrap_or_else(|| panic!("{} has no {key}", self.file.display()))
    }

    fn command(&self, key: &str, process: u32) -> Command {
        let text = self.value(key).replace("$MAINPID", &process.to_string());
        let mut words = text.split(' ');
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words);
        command
    }
}

#[test]
fn units_are_good_and_leave_a_service_little_to_misuse() {
    for (role, _) in ROLES {
        let unit = Unit::of(role);
        let mut verify = Command::new("systemd-analyze");
        verify.arg("verify").arg(&unit.file);
        let done = run(verify);
        // It looks at units of the machine, too, which may have faults of their own.
        assert!(
            done.status.success() && !done.stderr.contains("opes-"),
            "{role}: {}{}",
            done.stdout,
            done.stderr
        );
        // From 0 to 100, for what the unit allows; a service without any of it has 96.
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--threshold=15"]).arg(&unit.file);
        let done = run(security);
        assert!(done.status.success(), "{role}: {}{}", done.stdout, done.stderr);
    }
}

#[test]
fn units_check_start_reload_and_stop_as_they_say() {
    for (role, ready) in ROLES {
        let unit = Unit::of(role);
        let check = run(unit.command("ExecStartPre", 0));
        assert!(check.status.success(), "{role}: {}", check.stderr);
        let mut process = Process::start(unit.command("ExecStart", 0));
        process.line("listening line", |line| listening(line, ready));
        let toml = unit.place.path().join(format!("{role}.toml"));
        let text = std::fs::read_to_string(&toml).expect("the configuration");
        std::fs::write(
            &toml,
            text.replace("http://services.example.com/digest", "http://services.example.com/read"),
        )
        .expect("the configuration");
        assert!(run(unit.command("ExecReload", process.id())).status.success(), "{role}");
        eventually("the reload", || process.stderr().contains("the configuration is reloaded").then_some(()));
        process.signal("TERM");
        let status = process.exit();
        assert!(status.success(), "{role}: {status}");
    }
}

#[test]
fn units_wait_longer_than_what_is_under_way_may_take() {
    for (role, _) in ROLES {
        let unit = Unit::of(role);
        let config = std::fs::read_to_string(unit.place.path().join(format!("{role}.toml"))).expect("a file");
        let config: toml::Table = config.parse().expect("TOML");
        let drain = config.get("drain_seconds").map_or(10, |value| value.as_integer().expect("seconds"));
        let stop: i64 = unit.value("TimeoutStopSec").parse().expect("seconds");
        assert!(stop > drain, "{role}: {stop} {drain}");
    }
}
