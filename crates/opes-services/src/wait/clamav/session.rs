//! One session with clamd: streams, one after the other (clamd(8): IDSESSION, INSTREAM).

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf},
    net::TcpStream,
    time::timeout,
};

use super::{
    Address,
    error::ScanError,
    reply::{Verdict, parse},
};

/// The longest reply that is read: octets.
const REPLY: usize = 4096;

/// The longest piece of a stream: octets. The scanner takes none that is longer than a whole stream may be.
const PIECE: usize = 64 * 1024;

/// Either kind of socket.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A connection on which commands are numbered, from 1.
pub(super) struct Session {
    reader: ReadHalf<Box<dyn Socket>>,
    writer: WriteHalf<Box<dyn Socket>>,
    read: BytesMut,
    /// The number of the last command.
    number: u32,
    limit: Duration,
}

impl Session {
    /// Connects. Connecting, and each step afterwards, may take up to `limit`.
    pub(super) async fn open(address: &Address, limit: Duration) -> Result<Self, ScanError> {
        let socket = within(limit, "connecting to the scanner", async {
            connect(address).await.map_err(ScanError::Connect)
        });
        let (reader, mut writer) = tokio::io::split(socket.await?);
        let greeting = async { writer.write_all(b"zIDSESSION\0").await.map_err(ScanError::Broken) };
        within(limit, "writing to the scanner", greeting).await?;
        Ok(Self { reader, writer, read: BytesMut::new(), number: 0, limit })
    }

    /// Whether the session can be used again: the scanner has not closed it, and said nothing unasked.
    pub(super) async fn is_idle(&mut self) -> bool {
        let mut octet = [0];
        let polled = poll_fn(|cx| {
            let mut buffer = ReadBuf::new(&mut octet);
            Poll::Ready(Pin::new(&mut self.reader).poll_read(cx, &mut buffer))
        });
        polled.await.is_pending() && self.read.is_empty() && self.number < u32::MAX
    }

    /// Begins a stream. A verdict means that the scanner takes no more of it; the session is of no use then. So with
    /// [`send`](Self::send).
    pub(super) async fn begin(&mut self) -> Result<Option<Verdict>, ScanError> {
        self.number += 1;
        self.write(&b"zINSTREAM\0"[..]).await
    }

    /// Sends the next octets of the stream.
    pub(super) async fn send(&mut self, mut octets: Bytes) -> Result<Option<Verdict>, ScanError> {
        while !octets.is_empty() {
            let piece = octets.split_to(octets.len().min(PIECE));
            // At most PIECE.
            let length = u32::try_from(piece.len()).unwrap_or(u32::MAX).to_be_bytes();
            let early = self.write(Buf::chain(length.as_slice(), piece)).await?;
            if early.is_some() {
                return Ok(early);
            }
        }
        Ok(None)
    }

    /// Ends the stream, and waits for what the scanner says of it.
    pub(super) async fn end(&mut self) -> Result<Verdict, ScanError> {
        if let Some(early) = self.write(&[0; 4][..]).await? {
            return Ok(early);
        }
        let line =
            within(self.limit, "the scanner's verdict", reply(&mut self.reader, &mut self.read)).await?;
        parse(&line, self.number)
    }

    /// Writes all of it. Who has answered does not read on, so that is looked for meanwhile.
    async fn write(&mut self, mut octets: impl Buf) -> Result<Option<Verdict>, ScanError> {
        let Self { reader, writer, read, number, limit } = self;
        let step = async {
            let written = tokio::select! {
                biased;
                line = reply(reader, read) => return early(&line?, *number),
                written = writer.write_all_buf(&mut octets) => written,
            };
            let Err(error) = written else { return Ok(None) };
            // The scanner may have said why before it hung up.
            reply(reader, read).await.map_or(Err(ScanError::Broken(error)), |line| early(&line, *number))
        };
        within(*limit, "writing to the scanner", step).await
    }
}

/// A verdict that came before the end of the stream: what was not read may hold anything.
fn early(line: &[u8], number: u32) -> Result<Option<Verdict>, ScanError> {
    match parse(line, number)? {
        Verdict::Clean => Err(ScanError::Early),
        verdict => Ok(Some(verdict)),
    }
}

/// The next reply, without its final zero octet. Cancel safe: what was read stays in `read`.
async fn reply(reader: &mut (impl AsyncRead + Unpin), read: &mut BytesMut) -> Result<BytesMut, ScanError> {
    loop {
        if let Some(end) = read.iter().position(|octet| *octet == 0) {
            let line = read.split_to(end);
            read.advance(1);
            return Ok(line);
        }
        if read.len() > REPLY {
            return Err(ScanError::Endless);
        }
        match reader.read_buf(read).await {
            Ok(0) => return Err(ScanError::Closed),
            Ok(_) => {}
            Err(error) => return Err(ScanError::Broken(error)),
        }
    }
}

async fn connect(address: &Address) -> io::Result<Box<dyn Socket>> {
    Ok(match address {
        Address::Tcp(address) => {
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            Box::new(socket)
        }
        #[cfg(unix)]
        Address::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
        #[cfg(not(unix))]
        Address::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
    })
}

async fn within<T>(
    limit: Duration,
    what: &'static str,
    step: impl Future<Output = Result<T, ScanError>>,
) -> Result<T, ScanError> {
    timeout(limit, step).await.unwrap_or(Err(ScanError::TimedOut { what, limit }))
}
