//! WebSocket (RFC 6455) through the proxy: a change of protocol, behind which nothing is adapted.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use opes_tests::config::{Config, Rule, SUBSTITUTE, SYSTEM};
use opes_tests::octets::Pattern;
use opes_tests::opes::Opes;
use opes_tests::patience::PATIENCE;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// A WebSocket origin that sends back what it gets. Its threads end with the connections, or with the test.
#[derive(Debug)]
pub(crate) struct Echo {
    address: SocketAddr,
}

impl Echo {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                thread::spawn(move || echo(stream));
            }
        });
        Self { address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn echo(stream: TcpStream) {
    let Ok(mut socket) = tungstenite::accept(stream) else { return };
    // Ends when the peer closes, which tungstenite answers, or goes away.
    while let Ok(message) = socket.read() {
        if (message.is_text() || message.is_binary()) && socket.send(message).is_err() {
            return;
        }
    }
}

/// A client whose reads and writes are bounded, with the head of the 101.
fn connect(
    through: SocketAddr,
    host: &str,
) -> (WebSocket<TcpStream>, tungstenite::handshake::client::Response) {
    let stream = TcpStream::connect(through).expect("a connection to the proxy");
    stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
    stream.set_write_timeout(Some(PATIENCE)).expect("a bound");
    tungstenite::client(format!("ws://{host}/cat"), stream).expect("a WebSocket")
}

fn exchange(socket: &mut WebSocket<TcpStream>, message: Message) {
    let expected = message.clone();
    socket.send(message).expect("a message is sent");
    let came = loop {
        match socket.read().expect("a message comes back") {
            Message::Ping(_) | Message::Pong(_) => {}
            came => break came,
        }
    };
    assert!(came == expected, "{} octets came, {} were sent", came.len(), expected.len());
}

#[test]
fn messages_pass_as_they_are() {
    let echo = Echo::start();
    let server = Opes::server(&Config::server());
    let rules = [Rule::request(&[SUBSTITUTE]), Rule::response(&[SUBSTITUTE])];
    let config = Config::reverse(echo.address(), server.address);
    let mut proxy = Opes::proxy(&rules.iter().fold(config, Config::rule));
    for _ in 0..2 {
        let (mut socket, response) = connect(proxy.address, "www.example.com");
        assert_eq!(response.status(), 101);
        assert!(response.headers()["opes-system"].to_str().expect("a trace").contains(SYSTEM));
        exchange(&mut socket, Message::text("A cat sat."));
        exchange(&mut socket, Message::text(""));
        exchange(&mut socket, Message::binary(Pattern::new(61).slice(0, 1 << 20)));
        for number in 0..100_u64 {
            exchange(&mut socket, Message::binary(Pattern::new(62).slice(0, number * 31)));
        }
        let farewell = CloseFrame { code: CloseCode::Normal, reason: "the cat is out".into() };
        socket.close(Some(farewell.clone())).expect("a close is sent");
        let answered = loop {
            match socket.read().expect("the close is answered") {
                Message::Close(frame) => break frame,
                other => assert!(other.is_ping() || other.is_pong(), "{other:?}"),
            }
        };
        assert_eq!(answered, Some(farewell));
        let end = loop {
            match socket.read() {
                Ok(message) => assert!(message.is_close(), "{message:?}"),
                Err(error) => break error,
            }
        };
        assert!(matches!(end, tungstenite::Error::ConnectionClosed), "{end}");
    }
    assert!(proxy.process.alive());
}

/// Several at a time, each with more under way than any buffer holds.
#[test]
fn both_directions_flow_at_a_time() {
    let echo = Echo::start();
    let server = Opes::server(&Config::server());
    let config = Config::reverse(echo.address(), server.address).rule(&Rule::response(&[SUBSTITUTE]));
    let proxy = Opes::proxy(&config);
    let through = proxy.address;
    let clients: Vec<_> = (0..4_u64)
        .map(|seed| {
            thread::spawn(move || {
                let (mut socket, _) = connect(through, "www.example.com");
                for number in 0..20 {
                    let start = number * 1000;
                    exchange(&mut socket, Message::binary(Pattern::new(seed).slice(start, start + 300_000)));
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("every client gets back what it sent");
    }
}
