//! A small ICAP server that gives every message back, or leaves it (204) where it may: the least that ICAP costs.

use std::io;
use std::net::SocketAddr;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::icap::reader::{Head, Part, Reader};
use crate::listen;

/// Serves until the process ends, on one thread. `ready` is told the address.
///
/// # Errors
/// The address cannot be listened on.
pub fn serve(address: SocketAddr, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    listen::serve(address, ready, echo)
}

/// What is being answered.
#[derive(Default)]
struct Message {
    /// By 204, when it is over.
    left: bool,
    body: bool,
    /// A preview, before which no answer goes out.
    preview: bool,
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut buffer, mut out) = (Reader::new(), BytesMut::new(), BytesMut::new());
    let mut message = Message::default();
    loop {
        while let Some(part) = reader.next(&mut buffer).map_err(io::Error::other)? {
            match part {
                Part::Head(head) => message = begin(&head, &mut out),
                Part::End { ieof: false } if message.preview && !message.left => {
                    stream.write_all(b"ICAP/1.0 100 Continue\r\n\r\n").await?;
                    reader.body_goes_on();
                    message.preview = false;
                }
                Part::End { .. } => {
                    out.put_slice(if message.left {
                        b"ICAP/1.0 204 No Content\r\nISTag: \"bench\"\r\nEncapsulated: null-body=0\r\n\r\n"
                    } else if message.body {
                        b"0\r\n\r\n"
                    } else {
                        b""
                    });
                    message = Message::default();
                }
                _ if message.left => {}
                Part::Encapsulated(octets) => out.put_slice(&octets),
                Part::Body(octets) => {
                    out.put_slice(format!("{:x}\r\n", octets.len()).as_bytes());
                    out.put_slice(&octets);
                    out.put_slice(b"\r\n");
                }
            }
        }
        if !out.is_empty() && !message.preview {
            stream.write_all(&out).await?;
            out.clear();
        }
        buffer.reserve(64 * 1024);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

fn begin(head: &Head, out: &mut BytesMut) -> Message {
    let left = head.allows_204;
    if !left {
        let encapsulated = head.encapsulated.as_deref().unwrap_or("null-body=0");
        let answer = format!("ICAP/1.0 200 OK\r\nISTag: \"bench\"\r\nEncapsulated: {encapsulated}\r\n\r\n");
        out.put_slice(answer.as_bytes());
    }
    Message { left, body: head.has_body(), preview: head.preview.is_some() }
}
