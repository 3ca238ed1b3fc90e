//! The service `clamav` with the real clamd.

mod http;
mod service;
mod squid;
