//! Encoding takes no memory: heads and small payload are written behind each other into one buffer, which is used again
//! once it was written, and large payload goes to the transport as it is.

use bytes::Bytes;
use ocp_proto::Limits;
use ocp_proto::message::Xid;

use crate::agents::Agent;
use crate::allocations;

/// How often a write is measured.
const ROUNDS: u64 = 100;

/// Writes before that.
const WARMING: u64 = 16;

/// The largest payload that is copied behind its head (`src/transmit.rs`).
const COPIED: usize = 2048;

/// A list of what is preserved that doubles as it grows.
const GROWTH: u64 = 8;

/// A server in a transaction whose adapted message has begun.
fn server() -> (Agent, Xid) {
    let mut server = Agent::server(Limits::default());
    server.hear(b"TS 7 1;\r\nAMS 7;\r\n");
    server.serve();
    server.write();
    (server, Xid(7))
}

/// A processor in a transaction, which preserves so many octets of it.
fn processor(kept: u64) -> (Agent, Xid) {
    let limits = Limits { kept_per_transaction: kept, kept_per_connection: kept, ..Limits::default() };
    let mut processor = Agent::processor(limits);
    let xid = processor.start();
    processor.write();
    (processor, xid)
}

/// What it took to encode and write.
struct Cost {
    allocations: u64,
    writes: u64,
}

/// Encodes and writes [`ROUNDS`] times `pieces` messages with `size` octets each. Their way into the queue is not
/// counted.
fn encoding((mut agent, xid): (Agent, Xid), pieces: usize, size: usize) -> Cost {
    let payload = Bytes::from(vec![b'x'; size]);
    // Pieces of one part would share a message.
    let parts = ["AM-Part: request-body\r\n", "AM-Part: response-body\r\n"];
    let round = |agent: &mut Agent| {
        for part in parts.iter().cycle().take(pieces) {
            let parameters = Bytes::from_static(part.as_bytes());
            agent.connection.send(xid, parameters, payload.clone(), None).unwrap();
        }
        allocations(|| agent.write())
    };
    // The first writes find out how large the buffer has to be, and use up what may be preserved.
    for _ in 0..WARMING {
        round(&mut agent);
    }
    (agent.written, agent.writes) = (0, 0);
    let allocations = (0..ROUNDS).map(|_| round(&mut agent)).sum();
    assert!(agent.written > ROUNDS as usize * pieces * size, "everything was written");
    Cost { allocations, writes: agent.writes }
}

/// Both roles, a processor that has nothing to preserve and one that has all it may.
fn agents() -> [(Agent, Xid); 3] {
    [server(), processor(0), processor(1024)]
}

#[test]
fn a_dum_takes_no_memory_whatever_its_size() {
    let small = [(1, 0), (2, 100), (400, 100), (2, COPIED), (30, COPIED)];
    let large = [(1, COPIED + 1), (16, COPIED + 1), (3, 64 * 1024), (64, 64 * 1024)];
    for (pieces, size) in small.into_iter().chain(large) {
        for agent in agents() {
            let role = agent.0.connection.role();
            let cost = encoding(agent, pieces, size);
            assert!(cost.writes >= ROUNDS);
            assert_eq!(cost.allocations, 0, "{role:?}: {ROUNDS} times {pieces} messages of {size} octets");
        }
    }
}

/// What is preserved for the server is the data that was sent. Only small pieces are copied, into buffers that several
/// of them share.
#[test]
fn preserving_takes_a_buffer_for_small_pieces_and_nothing_for_large_ones() {
    for (size, buffers) in [(COPIED / 2, 1), (64 * 1024, 0)] {
        let pieces = 2;
        let kept = (WARMING + ROUNDS) * pieces as u64 * size as u64;
        let without = encoding(processor(0), pieces, size).allocations;
        let with = encoding(processor(kept), pieces, size).allocations;
        let most = buffers * ROUNDS + GROWTH;
        assert!(with - without <= most, "{} more allocations for {size} octets, not {most}", with - without);
    }
}
