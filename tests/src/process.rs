//! A child process: its output is collected as it comes, and it is gone when the test is over.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::patience::{PATIENCE, STEP};

/// More than this of one stream is not kept.
const KEEP: usize = 4 << 20;

/// A running child with its collected output.
#[derive(Debug)]
pub struct Process {
    child: Child,
    what: String,
    out: Arc<Stream>,
    err: Arc<Stream>,
    readers: Vec<JoinHandle<()>>,
    status: Option<ExitStatus>,
}

/// What a process left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a command to its end, within a bound.
pub fn run(command: Command) -> Finished {
    let mut process = Process::start(command);
    let status = process.exit();
    Finished { status, stdout: process.stdout(), stderr: process.stderr() }
}

impl Process {
    /// Starts `command` without input and collects its output.
    pub fn start(mut command: Command) -> Self {
        let what = format!("{command:?}");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
        let (out, err) = (Arc::new(Stream::default()), Arc::new(Stream::default()));
        let readers = vec![
            collect(child.stdout.take().expect("a pipe"), Arc::clone(&out)),
            collect(child.stderr.take().expect("a pipe"), Arc::clone(&err)),
        ];
        Self { child, what, out, err, readers, status: None }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.out.text()
    }

    /// Its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.err.text()
    }

    /// Waits for a line of standard output that `pick` takes.
    pub fn line<T>(&self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        self.out.line(pick).unwrap_or_else(|| panic!("{}: no {what} on stdout\n{}", self.what, self.report()))
    }

    /// Waits for a line of standard error that `pick` takes.
    pub fn log<T>(&self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        self.err.line(pick).unwrap_or_else(|| panic!("{}: no {what} on stderr\n{}", self.what, self.report()))
    }

    /// Sends a signal by name (`TERM`, `INT`), to this process only.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &id]).status();
        assert!(sent.expect("sh").success(), "{}: signal {name} could not be sent", self.what);
    }

    /// Has it stand still, alive and silent, until [`Process::go_on`]. Each thread stops in its own time after the
    /// signal, and may answer until then: so this waits for all of them.
    pub fn stand_still(&self) {
        self.signal("STOP");
        let end = Instant::now() + PATIENCE;
        while !self.stands_still() {
            assert!(Instant::now() < end, "{} does not stop\n{}", self.what, self.report());
            std::thread::sleep(STEP);
        }
    }

    /// Lets it go on after [`Process::stand_still`].
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    fn stands_still(&self) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.id())).expect("it runs");
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok()).all(|stat| {
            // The state comes after the name, which stands in parentheses.
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        })
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().expect("a process of our own can be killed");
        self.exit();
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        self.status.is_none() && self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits for its end and for the end of its output.
    pub fn exit(&mut self) -> ExitStatus {
        self.exit_within(PATIENCE)
    }

    /// The same with a bound of its own.
    pub fn exit_within(&mut self, bound: Duration) -> ExitStatus {
        let end = Instant::now() + bound;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(Instant::now() < end, "{} does not end\n{}", self.what, self.report());
            std::thread::sleep(STEP);
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("the reader of a pipe");
        }
        self.status = Some(status);
        status
    }

    fn report(&self) -> String {
        format!("--- stdout\n{}\n--- stderr\n{}", tail(&self.stdout()), tail(&self.stderr()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_none() {
            // Gone already is as good as killed.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}\n{}", self.what, self.report());
        }
    }
}

/// One output stream of a child.
#[derive(Debug, Default)]
struct Stream {
    state: Mutex<State>,
    grew: Condvar,
}

#[derive(Debug, Default)]
struct State {
    octets: Vec<u8>,
    ended: bool,
}

impl Stream {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.state.lock().expect("no reader panicked").octets).into_owned()
    }

    /// The first whole line that `pick` takes; `None` when the stream ended or the bound is over.
    fn line<T>(&self, pick: impl Fn(&str) -> Option<T>) -> Option<T> {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state.lock().expect("no reader panicked");
        loop {
            let whole = state.octets.iter().rposition(|&octet| octet == b'\n').map_or(0, |last| last + 1);
            let text = String::from_utf8_lossy(&state.octets[..whole]);
            if let Some(found) = text.lines().find_map(&pick) {
                return Some(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self.grew.wait_timeout(state, left).expect("no reader panicked").0;
        }
    }
}

fn collect(mut pipe: impl Read + Send + 'static, stream: Arc<Stream>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        loop {
            let read = pipe.read(&mut buffer).unwrap_or(0);
            let mut state = stream.state.lock().expect("no waiter panicked");
            let room = KEEP.saturating_sub(state.octets.len());
            state.octets.extend_from_slice(&buffer[..read.min(room)]);
            state.ended = read == 0;
            stream.grew.notify_all();
            if read == 0 {
                return;
            }
        }
    })
}

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(6000);
    let start = (start..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[start..]
}
