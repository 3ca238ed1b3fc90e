//! Servers to put under load.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

/// Starts one of the crate's own servers, which lives as long as the test program.
pub(super) fn serve(
    server: impl FnOnce(SocketAddr, Box<dyn FnOnce(SocketAddr)>) -> io::Result<()> + Send + 'static,
) -> SocketAddr {
    let (told, tells) = mpsc::channel();
    std::thread::spawn(move || {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        server(free, Box::new(move |address| told.send(address).unwrap()))
    });
    tells.recv().unwrap()
}

/// The crate's echo of length-prefixed messages.
pub(super) fn raw() -> SocketAddr {
    serve(crate::serve_raw)
}

/// The crate's ICAP server.
pub(super) fn icap() -> SocketAddr {
    serve(crate::serve_icap)
}

/// A server that does this on each connection.
pub(super) fn each(serve: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            // A connection that the load generator drops is an error of no interest.
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Answers each request that ends like this with these octets.
pub(super) fn answering(
    end: &'static [u8],
    answer: impl Fn(usize) -> Vec<u8> + Clone + Send + 'static,
) -> SocketAddr {
    each(move |mut stream| {
        for number in 0.. {
            let mut request = Vec::new();
            let mut octet = [0];
            while !request.ends_with(end) {
                stream.read_exact(&mut octet)?;
                request.push(octet[0]);
            }
            stream.write_all(&answer(number))?;
        }
        Ok(())
    })
}
