//! Heads whose octets are made when somebody wants them.

use std::sync::OnceLock;

use bytes::Bytes;

/// A head in the front end's own form.
pub trait EncodeHead: Send + Sync {
    /// Its octets, as they are given to services.
    fn encode(&self) -> Bytes;
}

impl EncodeHead for Bytes {
    fn encode(&self) -> Bytes {
        self.clone()
    }
}

/// A head that is encoded once, and only if some service looks at its octets: those in this process seldom do.
#[derive(Debug)]
pub struct LazyHead<H: ?Sized = dyn EncodeHead> {
    octets: OnceLock<Bytes>,
    head: H,
}

impl<H: EncodeHead> LazyHead<H> {
    /// A head that was not encoded yet.
    pub fn new(head: H) -> Self {
        Self { octets: OnceLock::new(), head }
    }

    /// The head as it was given.
    pub fn into_inner(self) -> H {
        self.head
    }
}

impl<H: EncodeHead + ?Sized> LazyHead<H> {
    /// The head as it was given.
    pub fn get(&self) -> &H {
        &self.head
    }

    /// Its octets.
    pub fn octets(&self) -> &Bytes {
        self.octets.get_or_init(|| self.head.encode())
    }
}
