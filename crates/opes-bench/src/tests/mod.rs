//! Whole runs against small servers on loopback: what is counted, never how long it takes.

#[cfg(feature = "ext-proc")]
mod ext_proc;
mod icap;
mod pacing;
mod peers;
mod raw;

use std::net::SocketAddr;
use std::time::Duration;

use crate::{Arrivals, Extent, Load, Mode, Profile, Target};

/// So many transactions one after the other, without warm-up.
pub(crate) fn load(target: Target, address: SocketAddr, count: u64) -> Load {
    Load {
        target,
        address,
        size: 1000,
        chunk: 300,
        inflight: 3,
        connections: 2,
        arrivals: Arrivals::Closed { think: Duration::ZERO },
        extent: Extent::Count(count),
        warm_up: Duration::ZERO,
        mode: Mode::Echo,
        profile: Profile::Response,
        services: Vec::new(),
        path: "echo".to_owned(),
        background: None,
        preview: None,
        server_pid: None,
    }
}
