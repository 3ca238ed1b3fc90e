//! ext_proc against the crate's own processor.

use super::{load, peers};
use crate::{BenchError, Mode, Profile, Target, run};

#[test]
fn both_directions_come_back_whole() {
    let address = peers::serve(crate::serve_ext_proc);
    for profile in [Profile::Response, Profile::Request] {
        for size in [0, 1, 300, 100_000] {
            let mut load = load(Target::ExtProc, address, 50);
            (load.profile, load.size) = (profile, size);
            let outcome = run(&load, |_| ()).unwrap();
            assert_eq!((outcome.transactions, outcome.errors), (50, 0), "{profile:?} {size}");
            assert!(outcome.octets_in >= 50 * size as u64, "{profile:?} {size}");
        }
    }
}

#[test]
fn what_is_only_looked_at_does_not_come_back() {
    let mut load = load(Target::ExtProc, peers::serve(crate::serve_ext_proc), 100);
    (load.mode, load.size, load.chunk) = (Mode::Look, 100_000, 50_000);
    let outcome = run(&load, |_| ()).unwrap();
    assert_eq!((outcome.transactions, outcome.errors), (100, 0));
    assert!(outcome.octets_in < outcome.octets_out / 10);
}

#[test]
fn what_is_no_processor_ends_the_run() {
    let address = peers::answering(b"PRI", |_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    assert!(matches!(run(&load(Target::ExtProc, address, 10), |_| ()), Err(BenchError::Server(_))));
}
