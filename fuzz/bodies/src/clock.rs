//! Virtual time.

use std::sync::OnceLock;
use std::time::Instant;

use ocp_proto::Connection;

/// When every run begins. One value for the process, so that a run does not depend on when it is made.
pub(crate) fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// Lets what is due by `now` happen; a deadline that has passed goes away.
pub(crate) fn run(connection: &mut Connection, now: Instant) {
    for _ in 0..4 {
        match connection.poll_timeout() {
            Some(due) if due <= now => connection.handle_timeout(now),
            _ => return,
        }
    }
    panic!("a deadline that has passed does not go away");
}
