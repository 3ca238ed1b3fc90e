//! One connection to an ICAP server, and its next one where the server closes it between messages.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use crate::error::BenchError;
use crate::icap::reader::{Part, Reader};
use crate::icap::request::Request;
use crate::pace::Pace;

/// Sends requests to one address as the pace says.
pub(crate) async fn drive(address: SocketAddr, request: Request, mut pace: Pace) -> Result<(), BenchError> {
    let mut client = Client::connect(address, request).await?;
    pace.ready();
    loop {
        let ticket = pace.next().await;
        let result = client.exchange(&pace).await?;
        pace.ended(ticket, Instant::now(), result);
    }
}

struct Client {
    address: SocketAddr,
    request: Request,
    stream: TcpStream,
    buffer: BytesMut,
    /// Something has come back on this connection, so that the server may have closed it since.
    used: bool,
}

/// How an answer ended.
enum Answered {
    /// The message is as it was; or why it is not.
    Final { result: Result<(), String>, closes: bool },
    /// The server wants what follows the preview.
    Continue,
    /// The connection ended before an octet of the answer.
    Nothing,
}

impl Client {
    async fn connect(address: SocketAddr, request: Request) -> Result<Self, BenchError> {
        let stream = open(address).await?;
        Ok(Self { address, request, stream, buffer: BytesMut::new(), used: false })
    }

    /// Sends the request and reads the answer. A connection that the server has closed meanwhile is replaced; the
    /// failure of a fresh one is the failure of the run.
    async fn exchange(&mut self, pace: &Pace) -> Result<Result<(), String>, BenchError> {
        loop {
            let used = std::mem::replace(&mut self.used, true);
            let answered = self.once(pace).await;
            match answered {
                Ok(Answered::Final { result, closes }) => {
                    if closes {
                        self.reopen().await?;
                    }
                    return Ok(result);
                }
                Ok(_) if used => self.reopen().await?,
                Ok(_) => return Err(BenchError::Closed),
                Err(BenchError::Io(_)) if used => self.reopen().await?,
                Err(error) => return Err(error),
            }
        }
    }

    async fn once(&mut self, pace: &Pace) -> Result<Answered, BenchError> {
        let (mut reader, mut writer) = self.stream.split();
        let mut answer = Answer { request: &self.request, buffer: &mut self.buffer, reader: Reader::new() };
        let first = both(&mut writer, &self.request.first, answer.read(&mut reader, pace), pace).await?;
        let (Answered::Continue, Some(rest)) = (&first, &self.request.rest) else { return Ok(first) };
        both(&mut writer, rest, answer.read(&mut reader, pace), pace).await
    }

    async fn reopen(&mut self) -> Result<(), BenchError> {
        self.stream = open(self.address).await?;
        self.buffer.clear();
        self.used = false;
        Ok(())
    }
}

async fn open(address: SocketAddr) -> Result<TcpStream, BenchError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Writes while it reads: a server may answer while the message still goes out, and stop reading until it can.
async fn both(
    writer: &mut WriteHalf<'_>,
    octets: &[u8],
    answer: impl Future<Output = Result<Answered, BenchError>>,
    pace: &Pace,
) -> Result<Answered, BenchError> {
    let write = async {
        writer.write_all(octets).await?;
        pace.octets(octets.len(), 0);
        Ok::<_, BenchError>(())
    };
    tokio::pin!(write, answer);
    tokio::select! {
        biased;
        written = &mut write => {
            written?;
            answer.await
        }
        answered = &mut answer => match answered? {
            // It reads no further.
            Answered::Final { closes: true, result } => Ok(Answered::Final { closes: true, result }),
            answered => {
                write.await?;
                Ok(answered)
            }
        },
    }
}

/// The answer to a request.
struct Answer<'a> {
    request: &'a Request,
    buffer: &'a mut BytesMut,
    reader: Reader,
}

impl Answer<'_> {
    /// Reads an answer to its end and checks every octet of the body.
    async fn read(&mut self, stream: &mut ReadHalf<'_>, pace: &Pace) -> Result<Answered, BenchError> {
        let sample = &self.request.sample;
        let (mut head, mut at, mut good) = (None, 0, true);
        loop {
            while let Some(part) = self.reader.next(self.buffer)? {
                match part {
                    Part::Head(found) => head = Some((found.status()?, found)),
                    Part::Encapsulated(_) => {}
                    Part::Body(octets) => {
                        good &= sample.has(at, &octets);
                        at += octets.len();
                    }
                    Part::End { .. } => {
                        let Some((status, head)) = head else { return Err(BenchError::Closed) };
                        let result = match status {
                            100 => return Ok(Answered::Continue),
                            204 if self.request.look => Ok(()),
                            204 => Err("the server leaves the message as it is (204)".to_owned()),
                            200 if !good => Err("the message came back with other octets".to_owned()),
                            200 if at < sample.size() => {
                                Err(format!("{at} of {} octets came back", sample.size()))
                            }
                            200 => Ok(()),
                            _ => Err(format!("the server answers {:?}", head.start)),
                        };
                        return Ok(Answered::Final { result, closes: head.closes });
                    }
                }
            }
            self.buffer.reserve(64 * 1024);
            let read = stream.read_buf(self.buffer).await?;
            pace.octets(0, read);
            if read == 0 {
                return if head.is_none() && self.buffer.is_empty() {
                    Ok(Answered::Nothing)
                } else {
                    Err(BenchError::Closed)
                };
            }
        }
    }
}
