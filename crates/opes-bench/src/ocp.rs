//! OCP under load: the processor's side of one connection, with nothing between it and the socket.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use ocp_proto::message::{GroupId, Outcome, Service, Xid};
use ocp_proto::{Connection, Event, Limits, Role, Transmit, XidMap};
use opes_profile::http::{self, AuxParts, Part, am_el_parameter};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

use crate::load::{BenchError, Load, Mode, Tally};
use crate::message::Sample;

/// The most octets that wait to be written.
const UNSENT: usize = 256 * 1024;

/// A transaction under way.
struct Running {
    begun: Instant,
    body: usize,
    good: bool,
}

struct Client {
    connection: Connection,
    load: Load,
    share: usize,
    sample: Sample,
    group: Option<GroupId>,
    ready: bool,
    running: XidMap<Running>,
    tally: Rc<RefCell<Tally>>,
    failure: Option<String>,
}

/// Keeps `share` transactions going on one connection.
pub(crate) async fn drive(load: Load, share: usize, tally: Rc<RefCell<Tally>>) -> Result<(), BenchError> {
    let mut stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    let mut client = Client::new(load, share, tally);
    let mut out = Transmit::default();
    poll_fn(|cx| client.poll(cx, &mut stream, &mut out)).await
}

impl Client {
    fn new(load: Load, share: usize, tally: Rc<RefCell<Tally>>) -> Self {
        let kept = if load.mode == Mode::Look { load.size as u64 + 4096 } else { 0 };
        let limits = Limits {
            kept_per_transaction: kept,
            kept_per_connection: kept * share as u64,
            ..Limits::default()
        };
        let now = Instant::now();
        let mut connection = Connection::new(Role::Processor, limits, Vec::new(), now);
        let _ = connection.offer(Vec::new(), None, now);
        let sample = Sample::new(load.profile == http::Profile::Response, load.size, load.chunk);
        Self {
            connection,
            load,
            share,
            sample,
            group: None,
            ready: false,
            running: XidMap::default(),
            tally,
            failure: None,
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut TcpStream,
        out: &mut Transmit,
    ) -> Poll<Result<(), BenchError>> {
        loop {
            let mut moved = false;
            if out.len() < UNSENT {
                let buffer = self.connection.read_buffer();
                buffer.reserve(256 * 1024);
                match pin!(stream.read_buf(buffer)).poll(cx) {
                    Poll::Ready(Ok(octets)) if octets > 0 => {
                        self.tally_octets(0, octets);
                        moved = true;
                    }
                    Poll::Ready(_) => {
                        return Poll::Ready(Err(self.error("the server closed the connection")));
                    }
                    Poll::Pending => {}
                }
            }
            let now = Instant::now();
            while let Some(event) = self.connection.poll_event(now) {
                self.handle(event, now);
            }
            if self.failure.is_some() {
                return Poll::Ready(Err(self.error("failed")));
            }
            self.start(now);
            self.connection.poll_transmit(now, out, UNSENT);
            if !out.is_empty() {
                let mut slices = [IoSlice::new(&[]); 64];
                let filled = out.io_slices(&mut slices);
                match Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..filled]) {
                    Poll::Ready(Ok(written)) => {
                        out.advance(written);
                        self.tally_octets(written, 0);
                        moved = true;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Pending => {}
                }
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }

    fn tally_octets(&self, written: usize, read: usize) {
        let mut tally = self.tally.borrow_mut();
        if tally.measuring {
            tally.octets_out += written as u64;
            tally.octets_in += read as u64;
        }
    }

    fn error(&self, reason: &str) -> BenchError {
        BenchError::Server(self.failure.clone().unwrap_or_else(|| reason.to_owned()))
    }

    fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Answer { group: None, .. } => self.create_group(now),
            Event::Answer { selected, group } => {
                self.ready = selected.is_some() && group == self.group;
                if !self.ready {
                    self.failure = Some("the server does not support the HTTP profile".to_owned());
                }
            }
            Event::Data { xid, dum, octets, original, .. } => self.data(xid, dum.as_ref(), &octets, original),
            Event::MessageEnded { xid, outcome } => {
                self.end(xid, !outcome.is_failure(), now);
                self.connection.complete_transaction(xid);
            }
            Event::RestIsOriginal { xid, .. } => {
                if let Some(running) = self.running.get_mut(&xid) {
                    running.body = self.sample.size();
                }
                self.end(xid, true, now);
                self.connection.end_transaction(xid, Outcome::OK);
            }
            Event::StopSendingWanted(xid) => self.connection.stop_sending(xid),
            Event::TransactionEnded { xid, .. } | Event::TransactionFailed { xid, .. } => {
                self.end(xid, false, now)
            }
            Event::Closed(closed) => self.failure = Some(closed.reason()),
            _ => {}
        }
    }

    fn create_group(&mut self, now: Instant) {
        let services = self.load.services.iter().map(|uri| Service::new(uri.clone().into_bytes())).collect();
        if let Ok(group) = self.connection.create_group(services) {
            let _ =
                self.connection.offer(vec![http::offer(self.load.profile, AuxParts::NONE)], Some(group), now);
            self.group = Some(group);
        }
    }

    fn data(
        &mut self,
        xid: Xid,
        dum: Option<&ocp_proto::codec::RawMessage>,
        octets: &[u8],
        original: Option<u64>,
    ) {
        let Some(running) = self.running.get_mut(&xid) else { return };
        if original.is_some() {
            return;
        }
        let header = dum.is_some_and(|dum| {
            let part = dum.named(http::AM_PART).and_then(|value| value.as_atom()).and_then(Part::from_token);
            part.is_some_and(Part::is_header)
        });
        if !header {
            running.good &= self.sample.has(running.body, octets);
            running.body += octets.len();
        }
    }

    fn end(&mut self, xid: Xid, good: bool, now: Instant) {
        let Some(running) = self.running.remove(&xid) else { return };
        let whole = self.load.mode == Mode::Look || running.body == self.sample.size();
        self.tally.borrow_mut().ended(running.begun, now, good && running.good && whole);
    }

    fn start(&mut self, now: Instant) {
        if !self.ready || self.tally.borrow().stopping {
            return;
        }
        let Some(group) = self.group else { return };
        while self.running.len() < self.share {
            let parameter = am_el_parameter(self.sample.size() as u64);
            let Ok(xid) = self.connection.start_transaction(group, parameter, now) else { return };
            let (header, body) = (self.load.profile.header(), self.load.profile.body());
            let _ = self.connection.send(xid, header.parameter(), self.sample.head.clone(), None);
            for piece in &self.sample.pieces {
                let _ = self.connection.send(xid, body.parameter(), piece.clone(), None);
            }
            self.connection.end_message(xid, Outcome::OK);
            self.running.insert(xid, Running { begun: now, body: 0, good: true });
        }
    }
}
