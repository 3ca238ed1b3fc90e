//! What a whole transaction costs a callout server, from TS to TE.

use ocp_proto::Limits;

use crate::agents::Agent;
use crate::allocations;

/// Transactions that are measured, and as many before.
const TRANSACTIONS: u64 = 256;

/// Transactions that share a read and a write where a server is busy.
const TOGETHER: u64 = 16;

/// The data of a transaction, and the most allocations that it may take.
struct Work {
    pieces: usize,
    size: usize,
    /// For each of [`TRANSACTIONS`] that come one after the other.
    alone: u64,
    /// For each [`TOGETHER`] that come at a time.
    together: u64,
}

/// A transaction takes its queue, which doubles as it grows.
const WORK: [Work; 5] = [
    Work { pieces: 0, size: 0, alone: 1, together: 16 },
    Work { pieces: 1, size: 1024, alone: 1, together: 16 },
    Work { pieces: 1, size: 4096, alone: 1, together: 16 },
    Work { pieces: 4, size: 16 * 1024, alone: 2, together: 32 },
    Work { pieces: 16, size: 64 * 1024, alone: 16, together: 256 },
];

/// Tables of the connection that double as they grow.
const GROWTH: u64 = 4;

/// What a processor says in a transaction up to the end of its message.
fn message(xid: u64, pieces: usize, size: usize) -> String {
    let mut all = format!("TS {xid} 1;\r\nAMS {xid}\r\nAM-EL: {}\r\n;\r\n", pieces * size);
    for piece in 0..pieces {
        all += &format!("DUM {xid} {}\r\nAM-Part: response-body\r\n\r\n{size}:", piece * size);
        all += &"x".repeat(size);
        all += "\r\n;\r\n";
    }
    all + &format!("AME {xid};\r\n")
}

/// Allocations of the server for [`TRANSACTIONS`] transactions that come and are answered `together` at a time.
fn serving(together: u64, pieces: usize, size: usize) -> u64 {
    let mut server = Agent::server(Limits::default());
    let mut serve = |batch: u64| {
        let xids = batch * together..(batch + 1) * together;
        let messages: String = xids.clone().map(|xid| message(xid, pieces, size)).collect();
        let ends: String = xids.map(|xid| format!("TE {xid};\r\n")).collect();
        allocations(|| {
            server.hear(messages.as_bytes());
            assert_eq!(server.serve(), pieces * together as usize);
            server.write();
            server.hear(ends.as_bytes());
            server.serve();
            assert_eq!(server.connection.transactions(), 0);
        })
    };
    let batches = TRANSACTIONS / together;
    for batch in 0..batches {
        serve(batch);
    }
    (batches..2 * batches).map(serve).sum()
}

#[test]
fn a_transaction_takes_its_queue() {
    for Work { pieces, size, alone, together } in WORK {
        for (at_once, most) in [(1, alone), (TOGETHER, together)] {
            let batches = TRANSACTIONS / at_once;
            let count = serving(at_once, pieces, size);
            assert!(
                count <= most * batches + GROWTH,
                "{batches} times {at_once} transactions of {pieces} x {size} octets: {count} allocations, not {most} each"
            );
        }
    }
}
