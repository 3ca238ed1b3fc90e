//! In the place of `ext_proc` where the feature is not compiled in.

use std::io;
use std::net::SocketAddr;

use crate::error::BenchError;
use crate::load::Load;
use crate::pace::Pace;

pub(crate) async fn drive(_load: Load, _pace: Pace) -> Result<(), BenchError> {
    Err(BenchError::NoExtProc)
}

/// Says that this build has no such server.
///
/// # Errors
/// Always.
pub fn serve(_address: SocketAddr, _ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, BenchError::NoExtProc))
}
