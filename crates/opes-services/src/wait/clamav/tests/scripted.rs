//! A clamd that follows a script.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::super::Address;

/// One stream as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Came {
    /// The connection, from 1.
    pub(super) connection: usize,
    /// The stream in it, from 1.
    pub(super) number: usize,
    pub(super) octets: Vec<u8>,
}

/// What is done about a stream.
pub(super) enum Act {
    /// This reply. `{}` is the number of the command.
    Say(&'static str),
    /// This reply, and nothing is read any more.
    SayAndStay(&'static str),
    /// This reply, and the connection ends.
    SayAndClose(&'static str),
    /// These octets, and the connection ends.
    Close(&'static [u8]),
    /// Nothing, and the connection stays.
    Nothing,
}

/// The scanner, and the streams that it got.
pub(super) struct Scripted {
    pub(super) address: Address,
    pub(super) came: Arc<Mutex<Vec<Came>>>,
    /// Connections now, and at the same time at most.
    pub(super) open: Arc<Mutex<(usize, usize)>>,
}

impl Scripted {
    /// Acts on each stream when it is complete.
    pub(super) async fn new(act: impl Fn(&Came) -> Act + Send + Sync + 'static) -> Self {
        Self::that_takes(usize::MAX, act).await
    }

    /// Acts on each stream when it is complete, or longer than `most`, which it does not read on then.
    pub(super) async fn that_takes(most: usize, act: impl Fn(&Came) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap().to_string());
        let (came, open) = (Arc::default(), Arc::default());
        let scripted = Self { address, came: Arc::clone(&came), open: Arc::clone(&open) };
        let act = Arc::new(act);
        tokio::spawn(async move {
            for connection in 1.. {
                let (socket, _) = listener.accept().await.unwrap();
                let (came, open, act) = (Arc::clone(&came), Arc::clone(&open), Arc::clone(&act));
                {
                    let mut open: std::sync::MutexGuard<'_, (usize, usize)> = open.lock().unwrap();
                    *open = (open.0 + 1, open.1.max(open.0 + 1));
                }
                tokio::spawn(async move {
                    let _ = serve(socket, connection, most, &came, &*act).await;
                    open.lock().unwrap().0 -= 1;
                });
            }
        });
        scripted
    }

    /// Connection and number of each stream.
    pub(super) fn numbers(&self) -> Vec<(usize, usize)> {
        self.came.lock().unwrap().iter().map(|came| (came.connection, came.number)).collect()
    }
}

async fn serve(
    socket: TcpStream,
    connection: usize,
    most: usize,
    log: &Mutex<Vec<Came>>,
    act: &(impl Fn(&Came) -> Act + Sync),
) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    command(&mut socket, b"zIDSESSION\0").await?;
    for number in 1.. {
        command(&mut socket, b"zINSTREAM\0").await?;
        let mut octets = Vec::new();
        loop {
            let length = socket.read_u32().await? as usize;
            let before = octets.len();
            octets.resize(before + length, 0);
            socket.read_exact(&mut octets[before..]).await?;
            if length == 0 || octets.len() > most {
                break;
            }
        }
        let came = Came { connection, number, octets };
        let done = act(&came);
        log.lock().unwrap().push(came);
        let reply = |text: &str| [text.replace("{}", &number.to_string()).as_bytes(), b"\0"].concat();
        match done {
            Act::Say(text) => socket.write_all(&reply(text)).await?,
            Act::SayAndStay(text) => {
                socket.write_all(&reply(text)).await?;
                std::future::pending().await
            }
            Act::SayAndClose(text) => return socket.write_all(&reply(text)).await,
            Act::Close(octets) => return socket.write_all(octets).await,
            Act::Nothing => std::future::pending().await,
        }
    }
    Ok(())
}

async fn command(socket: &mut BufReader<TcpStream>, expected: &[u8]) -> std::io::Result<()> {
    let mut read = vec![0; expected.len()];
    socket.read_exact(&mut read).await?;
    assert_eq!(read, expected);
    Ok(())
}
