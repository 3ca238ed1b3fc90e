//! Places of a test's own: a directory that is removed when the test is over, a port at which nobody listens.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::TcpSocket;

/// A fresh directory under the system's temporary directory.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
}

impl Place {
    /// Makes the directory.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("opes-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file into it and says where the file is.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path.join(name);
        std::fs::write(&file, contents).expect("a file in the temporary directory");
        file
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A directory left behind is untidy, not a failure of what was tested.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A free port on a loopback address 127.`net`.x.y of this process alone, for programs that cannot say which port they
/// were given.
#[must_use]
pub fn free_address(net: u8) -> SocketAddr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let listener = TcpListener::bind((Ipv4Addr::new(127, net, high, low.max(1)), 0));
    listener.and_then(|listener| listener.local_addr()).expect("a free loopback port")
}

/// An address at which nobody listens, for as long as this lives: the port is taken, and not listened to.
#[derive(Debug)]
pub struct Nobody {
    socket: TcpSocket,
}

impl Nobody {
    /// Takes a port.
    #[must_use]
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free loopback port");
        Self { socket }
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound address")
    }
}

impl Default for Nobody {
    fn default() -> Self {
        Self::new()
    }
}
