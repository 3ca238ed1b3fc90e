//! Services that take the whole body and work on it for a while.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use opes_sdk::{Adapted, Message, ServiceFactory, async_service};
use opes_services::Peek;

use super::alone::{host_with_group, is_failure_of, raw_part};

const PIECE: usize = 1 << 20;

/// Waits until it is told, and leaves the body as it is.
fn patient(limit: usize, ready: &Arc<AtomicBool>) -> Arc<dyn ServiceFactory> {
    let ready = Arc::clone(ready);
    Arc::new(async_service("urn:whole", limit as u64, move |message: Message| {
        let ready = Arc::clone(&ready);
        async move {
            poll_fn(|_| if ready.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }).await;
            drop(message);
            Ok(Adapted::Unchanged)
        }
    }))
}

#[test]
fn a_service_may_hold_the_whole_body_up_to_the_limit_that_it_states() {
    for (limit, fits) in [(20 * PIECE, true), (20 * PIECE - 1, false)] {
        let ready = Arc::new(AtomicBool::new(false));
        let host = host_with_group(vec![patient(limit, &ready)]);
        host.hear(&["TS 0 1;", "AMS 0;"]);
        for number in 0..20 {
            host.hear_octets(&raw_part(0, number * PIECE, "response-body", &vec![b'x'; PIECE]));
        }
        host.hear(&["AME 0;"]);
        let said = host.said();
        if !fits {
            let last = said.last().expect("an end");
            assert!(is_failure_of(last, 0) && last.contains("longer than the 20971519 octets"), "{last}");
            continue;
        }
        assert!(!said.iter().any(|message| message.starts_with("TE")), "it waits: {:?}", said.last());
        ready.store(true, Ordering::Relaxed);
        // The waker of a service wakes all that wait on the connection.
        host.hear(&["PQ;"]);
        let octets = host.octets();
        assert!(octets.ends_with(b"AME 0;\r\nTE 0;\r\n"), "{} octets", octets.len());
    }
}

#[test]
fn a_service_may_look_at_as_much_of_the_body_as_it_states() {
    let host = host_with_group(vec![Arc::new(Peek::new("urn:peek", 20 * PIECE as u64, "evil", "no"))]);
    host.hear(&["TS 0 1;", "AMS 0;"]);
    for number in 0..20 {
        let said = host.said();
        assert!(said.is_empty(), "after {number} MiB it has not decided: {:?}", said.last());
        host.hear_octets(&raw_part(0, number * PIECE, "response-body", &vec![b'x'; PIECE]));
    }
    assert!(host.said().iter().any(|message| message.starts_with("AMS")), "it has decided");
}
