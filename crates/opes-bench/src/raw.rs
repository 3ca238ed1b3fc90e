//! Length-prefixed messages that come back as they are: what TCP on loopback gives at best.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::course::Ticket;
use crate::error::BenchError;
use crate::listen;
use crate::load::{Load, Mode};
use crate::message::pattern;
use crate::pace::{Pace, TURNS};

/// Octets of the length before each message.
const PREFIX: usize = 4;

/// Messages that are due go out together up to so many octets.
const BATCH: usize = 1 << 20;

/// Sends messages on one connection as its pace says.
pub(crate) async fn drive(load: Load, pace: Pace) -> Result<(), BenchError> {
    let mut stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    let message = message(&load);
    let answer = if load.mode == Mode::Look { &message[..PREFIX] } else { &message[..] };
    let (mut reader, mut writer) = stream.split();
    let running: RefCell<VecDeque<Ticket>> = RefCell::new(VecDeque::new());
    pace.ready();
    let pace = RefCell::new(pace);
    let send = async {
        loop {
            let most = BATCH / message.len() + 1;
            let count = due(&pace, &running, most).await;
            let batch = message.repeat(count);
            writer.write_all(&batch).await?;
            pace.borrow().octets(batch.len(), 0);
        }
    };
    let receive = async {
        let mut buffer = BytesMut::new();
        loop {
            for _ in 0..TURNS {
                buffer.reserve(256 * 1024);
                let read = reader.read_buf(&mut buffer).await?;
                if read == 0 {
                    return Err(BenchError::Closed);
                }
                let now = Instant::now();
                pace.borrow().octets(0, read);
                while let Some(octets) = buffer.get(..answer.len()) {
                    let result = same(octets, answer);
                    buffer.advance(answer.len());
                    let ticket = running.borrow_mut().pop_front().ok_or_else(more)?;
                    pace.borrow_mut().ended(ticket, now, result);
                }
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = send => ended,
        ended = receive => ended,
    }
}

fn same(octets: &[u8], expected: &[u8]) -> Result<(), String> {
    if octets == expected { Ok(()) } else { Err("the message came back with other octets".to_owned()) }
}

fn more() -> BenchError {
    BenchError::Server("more came back than was sent".to_owned())
}

/// The length, whose highest bit asks for an answer without the body, and the body.
fn message(load: &Load) -> Bytes {
    let mut message = BytesMut::with_capacity(PREFIX + load.size);
    let look = if load.mode == Mode::Look { 1 << 31 } else { 0 };
    message.extend_from_slice(&(load.size as u32 | look).to_be_bytes());
    message.extend(pattern(load.size));
    message.freeze()
}

/// Waits for messages that are due, and says how many there are.
async fn due(pace: &RefCell<Pace>, running: &RefCell<VecDeque<Ticket>>, most: usize) -> usize {
    poll_fn(|cx| {
        let (mut count, now) = (0, Instant::now());
        while count < most
            && let Poll::Ready(ticket) = pace.borrow_mut().poll_next(cx, now)
        {
            running.borrow_mut().push_back(ticket);
            count += 1;
        }
        if count > 0 { Poll::Ready(count) } else { Poll::Pending }
    })
    .await
}

/// Serves the echo until the process ends, on one thread. `ready` is told the address.
///
/// # Errors
/// The address cannot be listened on.
pub fn serve(address: SocketAddr, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    listen::serve(address, ready, echo)
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(256 * 1024);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let mut answers: Vec<Bytes> = Vec::new();
        while let Some(header) = buffer.first_chunk::<PREFIX>() {
            let length = u32::from_be_bytes(*header);
            let (look, size) = (length >> 31 == 1, (length & (u32::MAX >> 1)) as usize);
            if buffer.len() < PREFIX + size {
                break;
            }
            let mut message = buffer.split_to(PREFIX + size).freeze();
            if look {
                message.truncate(PREFIX);
            }
            answers.push(message);
        }
        write_all(&mut stream, &answers).await?;
    }
}

/// Messages that came in one read lie beside each other, so they go out in few writes.
async fn write_all(stream: &mut TcpStream, answers: &[Bytes]) -> io::Result<()> {
    let mut left: VecDeque<Bytes> = answers.iter().cloned().collect();
    while !left.is_empty() {
        let slices: Vec<io::IoSlice<'_>> =
            left.iter().take(64).map(|answer| io::IoSlice::new(answer)).collect();
        let mut written = stream.write_vectored(&slices).await?;
        while let Some(front) = left.front_mut() {
            if written < front.len() {
                front.advance(written);
                break;
            }
            written -= front.len();
            left.pop_front();
        }
    }
    Ok(())
}
