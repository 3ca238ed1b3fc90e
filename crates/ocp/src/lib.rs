//! OCP over tokio: a callout server that hosts services, and a client with a pool of connections.

mod budget;
pub mod client;
mod clock;
mod driver;
mod pilot;
pub mod server;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod transport;
