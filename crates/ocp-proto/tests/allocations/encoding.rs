//! Encoding takes no memory for a message: heads and small payload are written behind each other into one buffer,
//! large payload goes to the transport as it is.
//!
//! What does take memory is the buffer itself, which the transport keeps until it has written it. A write needs one, and
//! one more for each piece of large payload, since what follows the payload cannot stand in front of it.

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

/// A buffer of heads: its octets, and the counter by which the transport holds it. It begins as large as the one before
/// was, up to 64 KiB; where a write takes more, it grows on the way.
const PER_BUFFER: u64 = 2;

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
fn small_messages_take_nothing_but_the_buffer_of_a_write() {
    for (pieces, size) in [(1, 0), (2, 100), (400, 100), (2, COPIED), (30, COPIED)] {
        for agent in agents() {
            let role = agent.0.connection.role();
            let cost = encoding(agent, pieces, size);
            assert_eq!(cost.writes, ROUNDS, "one write each");
            assert!(
                cost.allocations <= PER_BUFFER * cost.writes,
                "{role:?}: {} allocations for {ROUNDS} writes of {pieces} messages of {size} octets",
                cost.allocations
            );
        }
    }
}

#[test]
fn a_large_message_takes_one_more_buffer() {
    for (pieces, size) in [(1, COPIED + 1), (16, COPIED + 1), (3, 64 * 1024), (64, 64 * 1024)] {
        for agent in agents() {
            let role = agent.0.connection.role();
            let cost = encoding(agent, pieces, size);
            let buffers = ROUNDS * pieces as u64 + cost.writes;
            assert!(
                cost.allocations <= PER_BUFFER * buffers,
                "{role:?}: {} allocations for {ROUNDS} times {pieces} messages of {size} octets",
                cost.allocations
            );
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
