//! Length-prefixed messages that come back as they are: what TCP on loopback gives at best.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::load::{BenchError, Load, Mode, Tally};

/// Octets of the length before each message.
const PREFIX: usize = 4;

/// Keeps `share` messages going on one connection.
pub(crate) async fn drive(load: Load, share: usize, tally: Rc<RefCell<Tally>>) -> Result<(), BenchError> {
    let mut stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    let look = load.mode == Mode::Look;
    let mut message = BytesMut::with_capacity(PREFIX + load.size);
    // The highest bit asks for an answer without the body.
    let length = load.size as u32 | if look { 1 << 31 } else { 0 };
    message.extend_from_slice(&length.to_be_bytes());
    message.extend((0..load.size).map(|at| (at % 251) as u8));
    let message = message.freeze();
    let answer = PREFIX + if look { 0 } else { load.size };
    let (mut reader, mut writer) = stream.split();
    let begun: RefCell<VecDeque<Instant>> = RefCell::new(VecDeque::new());
    let due = tokio::sync::Notify::new();
    let send = async {
        loop {
            let missing = share - begun.borrow().len();
            if missing == 0 {
                due.notified().await;
                continue;
            }
            let now = Instant::now();
            let mut batch = BytesMut::new();
            for _ in 0..missing.min((1 << 20) / message.len() + 1) {
                begun.borrow_mut().push_back(now);
                batch.extend_from_slice(&message);
            }
            writer.write_all(&batch).await?;
            if tally.borrow().measuring {
                tally.borrow_mut().octets_out += batch.len() as u64;
            }
        }
    };
    let receive = async {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(256 * 1024);
            let read = reader.read_buf(&mut buffer).await?;
            if read == 0 {
                return Err(BenchError::Server("the server closed the connection".to_owned()));
            }
            let now = Instant::now();
            if tally.borrow().measuring {
                tally.borrow_mut().octets_in += read as u64;
            }
            while buffer.len() >= answer {
                let good = look || buffer[PREFIX..answer] == message[PREFIX..];
                buffer.advance(answer);
                if let Some(begun) = begun.borrow_mut().pop_front() {
                    tally.borrow_mut().ended(begun, now, good);
                }
                due.notify_one();
            }
        }
    };
    tokio::select! {
        ended = send => ended,
        ended = receive => ended,
    }
}

/// Serves the echo until the process ends, on one thread. `ready` is told the address.
///
/// # Errors
/// The address cannot be listened on.
pub fn serve(address: SocketAddr, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        ready(listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(echo(stream));
        }
    })
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
