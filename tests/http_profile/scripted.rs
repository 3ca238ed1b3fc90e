//! A callout server that follows a script.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opes_tests::patience::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::messages::{Message, Reader};

/// What the server says to a message of a transaction: messages with `|` for CRLF, and `$` for the transaction.
pub(crate) type Script = fn(&Message) -> String;

/// A whole adapted message of these parts.
pub(crate) fn adapted(length: Option<u64>, parts: &[(&str, &str)]) -> String {
    let mut said = length.map_or_else(|| "AMS $;|".to_owned(), |length| format!("AMS $|AM-EL: {length}|;|"));
    let mut offset = 0;
    for (part, octets) in parts {
        said += &format!("DUM $ {offset}|AM-Part: {part}||{}:{octets}|;|", octets.len());
        offset += octets.len();
    }
    said + "AME $;|"
}

/// A running server.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Message>>>,
    listening: AbortHandle,
}

impl Scripted {
    /// Selects the offered profile with these members, creates all groups, and follows the script.
    pub(crate) async fn start(members: &'static str, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&heard);
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, members, script, Arc::clone(&all)));
            }
        };
        Self { address, heard, listening: tokio::spawn(accept).abort_handle() }
    }

    /// What the processor has said, once this is so.
    pub(crate) fn heard(&self, what: &str, enough: impl Fn(&[Message]) -> bool) -> Vec<Message> {
        eventually(what, || {
            let heard = self.heard.lock().expect("no connection panicked").clone();
            enough(&heard).then_some(heard)
        })
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(mut stream: TcpStream, members: &str, script: Script, all: Arc<Mutex<Vec<Message>>>) {
    let (mut reader, mut buffer) = (Reader::new(), vec![0; 65_536]);
    let mut said = "CS;\r\n".to_owned();
    loop {
        if stream.write_all(said.as_bytes()).await.is_err() {
            return;
        }
        said.clear();
        let Ok(read) = stream.read(&mut buffer).await else { return };
        if read == 0 {
            return;
        }
        for message in reader.read(&buffer[..read]) {
            said += &answer(&message, members, script);
            all.lock().expect("no connection panicked").push(message);
        }
    }
}

fn answer(message: &Message, members: &str, script: Script) -> String {
    match message.name() {
        "NO" => match message.named("SG") {
            None => "NR;\r\n".to_owned(),
            Some(group) => {
                let (_, rest) = message.head.split_once('{').expect("an offered feature");
                let uri = rest.split(['|', '}']).next().expect("its identifier");
                // RFC 4037 section 3.1: a line break only before named members.
                let members = if members.is_empty() { String::new() } else { format!("|{members}") };
                format!("NR {{{uri}{members}}}|SG: {group}|;|").replace('|', "\r\n")
            }
        },
        "PQ" if message.xid().is_none() => "PA;\r\n".to_owned(),
        _ => match message.xid() {
            Some(xid) => script(message).replace('|', "\r\n").replace('$', &xid.to_string()),
            None => String::new(),
        },
    }
}
