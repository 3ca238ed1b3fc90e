//! How the small servers of the load generator take connections.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

/// Serves each connection by `echo` until the process ends, on one thread. `ready` is told the address.
///
/// # Errors
/// The address cannot be listened on.
pub(crate) fn serve<F>(
    address: SocketAddr,
    ready: impl FnOnce(SocketAddr),
    echo: impl Fn(TcpStream) -> F,
) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
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
