//! One connection to a callout server, without a pool and with patience for each step.

use std::io;
use std::time::{Duration, Instant};

use ocp_proto::message::{Feature, Outcome, Service};
use ocp_proto::{Closed, Connection, Event, Limits, Role, StartError, Transmit};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use crate::decode::text;

/// How long one step may take.
const STEP: Duration = Duration::from_secs(5);

/// The most octets of one read.
const READ: usize = 16 * 1024;

/// The most octets that wait to be written.
const UNSENT: usize = 64 * 1024;

/// How much of what is no OCP is shown.
const SHOWN: usize = 40;

/// Why a probe ends.
#[derive(Debug, Error)]
pub(super) enum ProbeError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("cannot connect within {} s", STEP.as_secs())]
    ConnectTimeout,
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("does not speak OCP: {0}")]
    NotOcp(String),
    #[error("no CS within {} s: this may be no callout server", STEP.as_secs())]
    Silent,
    #[error("no {what} within {} s", STEP.as_secs())]
    Timeout { what: &'static str },
    #[error("{0}")]
    Ended(String),
    #[error("nothing can be sent: {0}")]
    Unsendable(String),
}

/// An OCP connection as a processor.
#[derive(Debug)]
pub(super) struct Session {
    stream: TcpStream,
    connection: Connection,
    out: Transmit,
    /// Nothing more can be written; what the server has said before may still be read.
    unwritable: bool,
    /// The server's CS has come.
    greeted: bool,
    /// The first octets that have come.
    first: Vec<u8>,
}

impl Session {
    /// Connects; says how long that took.
    pub(super) async fn connect(address: &str) -> Result<(Self, Duration), ProbeError> {
        let begun = Instant::now();
        let stream = timeout_at((begun + STEP).into(), TcpStream::connect(address)).await;
        let stream = stream.map_err(|_| ProbeError::ConnectTimeout)?.map_err(ProbeError::Connect)?;
        let took = begun.elapsed();
        // Small messages are to go out at once; where that cannot be set, the round trip is longer.
        let _ = stream.set_nodelay(true);
        let connection = Connection::new(Role::Processor, Limits::default(), Vec::new(), Instant::now());
        let out = Transmit::default();
        Ok((Self { stream, connection, out, unwritable: false, greeted: false, first: Vec::new() }, took))
    }

    /// The state machine, for queries.
    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Offers features.
    pub(super) fn offer(&mut self, features: Vec<Feature>) -> Result<(), ProbeError> {
        let offered = self.connection.offer(features, None, Instant::now());
        offered.map_err(|error| ProbeError::Unsendable(error.to_string()))
    }

    /// Creates a service group once no negotiation phase is open.
    pub(super) async fn create_group(&mut self, services: Vec<Service>) -> Result<(), ProbeError> {
        let deadline = Instant::now() + STEP;
        loop {
            match self.connection.create_group(services.clone()) {
                Ok(_) => return Ok(()),
                Err(StartError::Negotiating) => {
                    self.step("end of the negotiation", deadline).await?;
                }
                Err(error) => return Err(ProbeError::Unsendable(error.to_string())),
            }
        }
    }

    /// Waits for an event that `pick` takes. Offers of the server are rejected, everything else is passed over.
    pub(super) async fn wait<T>(
        &mut self,
        what: &'static str,
        pick: impl Fn(Event) -> Option<T>,
    ) -> Result<T, ProbeError> {
        let deadline = Instant::now() + STEP;
        loop {
            if let Some(picked) = self.step(what, deadline).await?.and_then(&pick) {
                return Ok(picked);
            }
        }
    }

    /// Ends the connection by CE. Whether the server takes notice does not matter any more.
    pub(super) async fn finish(mut self) {
        self.connection.end(Outcome::OK);
        let deadline = Instant::now() + STEP;
        if self.write("CE", deadline).await.is_ok() {
            let _ = timeout_at(deadline.into(), self.stream.shutdown()).await;
        }
    }

    /// The next event; `None` when octets came that are no event yet.
    async fn step(&mut self, what: &'static str, deadline: Instant) -> Result<Option<Event>, ProbeError> {
        let event = self.connection.poll_event(Instant::now());
        if let Some(Event::Closed(closed)) = &event {
            return Err(self.ended(closed));
        }
        self.greeted |= matches!(event, Some(Event::Connected));
        if event.is_none() {
            self.write(what, deadline).await?;
            self.read(what, deadline).await?;
        }
        Ok(event)
    }

    async fn write(&mut self, what: &'static str, deadline: Instant) -> Result<(), ProbeError> {
        loop {
            self.connection.poll_transmit(Instant::now(), &mut self.out, UNSENT);
            if self.out.is_empty() {
                return Ok(());
            }
            let octets = self.out.take();
            if !self.unwritable {
                let written = timeout_at(deadline.into(), self.stream.write_all(&octets)).await;
                self.unwritable = written.map_err(|_| self.late(what))?.is_err();
            }
        }
    }

    async fn read(&mut self, what: &'static str, deadline: Instant) -> Result<(), ProbeError> {
        let mut octets = [0; READ];
        let read = timeout_at(deadline.into(), self.stream.read(&mut octets)).await;
        match read.map_err(|_| self.late(what))? {
            Ok(0) => self.connection.transport_closed(),
            Ok(size) => {
                let octets = &octets[..size];
                let room = SHOWN.saturating_sub(self.first.len());
                self.first.extend_from_slice(&octets[..size.min(room)]);
                self.connection.read_buffer().extend_from_slice(octets);
            }
            Err(error) => return Err(ProbeError::Broken(error)),
        }
        Ok(())
    }

    fn late(&self, what: &'static str) -> ProbeError {
        if self.greeted { ProbeError::Timeout { what } } else { ProbeError::Silent }
    }

    fn ended(&self, closed: &Closed) -> ProbeError {
        let reason = text::name(closed.reason().as_bytes());
        if self.greeted {
            return ProbeError::Ended(reason);
        }
        if self.first.is_empty() {
            return ProbeError::NotOcp("it closes the connection and says nothing".to_owned());
        }
        ProbeError::NotOcp(format!("{reason}; it begins {}", text::quoted(&self.first)))
    }
}
