//! OCP under load: the processor's side of one connection, with nothing between it and the socket.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;

use ocp_proto::codec::RawMessage;
use ocp_proto::message::{GroupId, Outcome, Service, Xid};
use ocp_proto::{Connection, Event, Limits, Role, StartError, Transmit, XidMap};
use opes_profile::http::{self, AuxParts, Part, am_el_parameter};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

use crate::background::Background;
use crate::course::Ticket;
use crate::error::BenchError;
use crate::load::{Load, Mode};
use crate::message::Sample;
use crate::pace::{Pace, TURNS};

/// The most octets that wait to be written.
const UNSENT: usize = 256 * 1024;

/// A transaction under way.
struct Running {
    /// `None` for one of the background, which is not counted.
    ticket: Option<Ticket>,
    adapted: Adapted,
}

/// What has come back of a message.
struct Adapted {
    /// Octets of the body.
    body: usize,
    /// So far they are those that were sent.
    good: bool,
    /// The data that comes now is of the header.
    in_header: bool,
}

impl Adapted {
    fn new() -> Self {
        Self { body: 0, good: true, in_header: false }
    }

    /// Takes octets of what was sent, from this offset of its flow on: head first, then body.
    fn use_preserved(&mut self, sample: &Sample, offset: u64, octets: &[u8]) {
        let in_body =
            octets.len() - octets.len().min((sample.head.len() as u64).saturating_sub(offset) as usize);
        let from = &octets[octets.len() - in_body..];
        self.good &= sample.has(self.body, from);
        self.body += in_body;
    }

    /// Takes octets, with the DUM that they begin.
    fn take(&mut self, sample: &Sample, dum: Option<&RawMessage>, octets: &[u8]) {
        // What follows the first octets of a DUM belongs to the same part.
        if let Some(dum) = dum {
            let part = dum.named(http::AM_PART).and_then(|value| value.as_atom()).and_then(Part::from_token);
            self.in_header = part.is_some_and(Part::is_header);
        }
        if !self.in_header {
            self.good &= sample.has(self.body, octets);
            self.body += octets.len();
        }
    }
}

struct Client {
    connection: Connection,
    load: Load,
    sample: Sample,
    group: Option<GroupId>,
    ready: bool,
    background: Option<Background>,
    running: XidMap<Running>,
    pace: Pace,
    /// A transaction that is due and that the connection cannot take yet.
    due: Option<Ticket>,
    failure: Option<String>,
}

/// Starts transactions on one connection as its pace says.
pub(crate) async fn drive(load: Load, pace: Pace) -> Result<(), BenchError> {
    let mut stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    let mut client = Client::new(load, pace);
    let mut out = Transmit::default();
    poll_fn(|cx| client.poll(cx, &mut stream, &mut out)).await
}

impl Client {
    fn new(load: Load, pace: Pace) -> Self {
        let largest = load.background.map_or(load.size, |(size, _)| size.max(load.size)) as u64;
        let kept = if load.mode == Mode::Look { largest + 4096 } else { 0 };
        let limits = Limits {
            kept_per_transaction: kept,
            kept_per_connection: kept.saturating_mul(load.inflight as u64),
            ..Limits::default()
        };
        let now = Instant::now();
        let mut connection = Connection::new(Role::Processor, limits, Vec::new(), now);
        let _ = connection.offer(Vec::new(), None, now);
        let response = load.profile == http::Profile::Response;
        let sample = Sample::new(response, load.size, load.chunk);
        Self {
            background: Background::new(&load, response),
            connection,
            load,
            sample,
            group: None,
            ready: false,
            running: XidMap::default(),
            pace,
            due: None,
            failure: None,
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut TcpStream,
        out: &mut Transmit,
    ) -> Poll<Result<(), BenchError>> {
        for _ in 0..TURNS {
            let mut moved = false;
            if out.len() < UNSENT {
                let buffer = self.connection.read_buffer();
                buffer.reserve(256 * 1024);
                match pin!(stream.read_buf(buffer)).poll(cx) {
                    Poll::Ready(Ok(octets)) if octets > 0 => {
                        self.pace.octets(0, octets);
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
            self.start(cx, now);
            self.connection.poll_transmit(now, out, UNSENT);
            if !out.is_empty() {
                let mut slices = [IoSlice::new(&[]); 64];
                let filled = out.io_slices(&mut slices);
                match Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..filled]) {
                    Poll::Ready(Ok(written)) => {
                        out.advance(written);
                        self.pace.octets(written, 0);
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
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn error(&self, reason: &str) -> BenchError {
        BenchError::Server(self.failure.clone().unwrap_or_else(|| reason.to_owned()))
    }

    fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Answer { group: None, .. } => self.create_group(now),
            Event::Answer { selected, group } => {
                self.ready = selected.is_some() && group == self.group;
                if self.ready {
                    self.pace.ready();
                } else {
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
                    running.adapted.body = sample(&self.sample, &self.background, running).size();
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

    fn data(&mut self, xid: Xid, dum: Option<&RawMessage>, octets: &[u8], original: Option<u64>) {
        let Some(running) = self.running.get_mut(&xid) else { return };
        let sample = sample(&self.sample, &self.background, running);
        match original {
            Some(offset) => running.adapted.use_preserved(sample, offset, octets),
            None => running.adapted.take(sample, dum, octets),
        }
    }

    fn end(&mut self, xid: Xid, good: bool, now: Instant) {
        let Some(running) = self.running.remove(&xid) else { return };
        let expected = sample(&self.sample, &self.background, &running).size();
        let result = if !good {
            Err("the server ended the transaction with a failure".to_owned())
        } else if !running.adapted.good {
            Err("the message came back with other octets".to_owned())
        } else if running.adapted.body != expected {
            Err(format!("{} of {expected} octets came back", running.adapted.body))
        } else {
            Ok(())
        };
        match (running.ticket, &mut self.background) {
            (Some(ticket), _) => self.pace.ended(ticket, now, result),
            (None, None) => {}
            (None, Some(background)) => {
                background.ended();
                if let Err(why) = result {
                    self.failure = Some(format!("in the background: {why}"));
                }
            }
        }
    }

    /// Starts what is due.
    fn start(&mut self, cx: &mut Context<'_>, now: Instant) {
        let Some(group) = self.group.filter(|_| self.ready) else { return };
        while let Some(background) = &mut self.background
            && background.poll_next(cx, now).is_ready()
        {
            if self.send(group, None, now).is_err() {
                return self.background.iter_mut().for_each(Background::ended);
            }
        }
        loop {
            let ticket = match self.due.take() {
                Some(ticket) => ticket,
                None => match self.pace.poll_next(cx, now) {
                    Poll::Ready(ticket) => ticket,
                    Poll::Pending => return,
                },
            };
            if self.send(group, Some(ticket), now).is_err() {
                self.due = Some(ticket);
                return;
            }
        }
    }

    /// Sends a message: one that counts has a ticket.
    fn send(&mut self, group: GroupId, ticket: Option<Ticket>, now: Instant) -> Result<(), StartError> {
        let running = Running { ticket, adapted: Adapted::new() };
        let sample = sample(&self.sample, &self.background, &running);
        let parameter = am_el_parameter(sample.size() as u64);
        let xid = self.connection.start_transaction(group, parameter, now)?;
        let (header, body) = (self.load.profile.header(), self.load.profile.body());
        let _ = self.connection.send(xid, header.parameter(), sample.head.clone(), None);
        for piece in &sample.pieces {
            let _ = self.connection.send(xid, body.parameter(), piece.clone(), None);
        }
        self.connection.end_message(xid, Outcome::OK);
        self.running.insert(xid, running);
        Ok(())
    }
}

/// What a transaction carries.
fn sample<'a>(counted: &'a Sample, background: &'a Option<Background>, running: &Running) -> &'a Sample {
    match (background, running.ticket) {
        (Some(background), None) => &background.sample,
        _ => counted,
    }
}

#[cfg(test)]
mod tests {
    use ocp_proto::codec::{Decoder, DecoderLimits, Item};

    use super::*;

    /// The head of a DUM with this part.
    fn dum(part: &str) -> RawMessage {
        let mut decoder = Decoder::new(DecoderLimits::default());
        let head = format!("DUM 0 0\r\nAM-Part: {part}\r\n\r\n1000:");
        decoder.buffer().extend_from_slice(head.as_bytes());
        match decoder.next().unwrap() {
            Some(Item::Message(dum)) => dum,
            item => panic!("{item:?}"),
        }
    }

    #[test]
    fn what_follows_the_first_octets_of_a_header_is_not_of_the_body() {
        let sample = Sample::new(true, 3, 3);
        let mut adapted = Adapted::new();
        adapted.take(&sample, Some(&dum("response-header")), b"HTTP/1.1 200 ");
        adapted.take(&sample, None, b"OK\r\n\r\n");
        assert_eq!((adapted.body, adapted.good), (0, true));
        adapted.take(&sample, Some(&dum("response-body")), &[0, 1]);
        adapted.take(&sample, None, &[2]);
        assert_eq!((adapted.body, adapted.good), (3, true));
        adapted.take(&sample, None, &[3]);
        assert!(!adapted.good, "more than was sent");
    }

    #[test]
    fn small_pieces_come_by_dum_between_preserved_ones() {
        let sample = Sample::new(true, 5, 5);
        let head = sample.head.len() as u64;
        let mut adapted = Adapted::new();
        adapted.use_preserved(&sample, 0, &sample.head);
        adapted.use_preserved(&sample, head - 1, &[b'\n', 0, 1]);
        adapted.take(&sample, Some(&dum("response-body")), &[2, 3]);
        adapted.use_preserved(&sample, head + 4, &[4]);
        assert_eq!((adapted.body, adapted.good), (5, true));
        adapted.use_preserved(&sample, head, &[0]);
        assert!(!adapted.good, "the same again");
    }

    #[test]
    fn the_body_is_compared_from_the_first_octet_of_its_message_on() {
        let sample = Sample::new(true, 3, 3);
        for (first, second) in [([1], [1]), ([0], [2])] {
            let mut adapted = Adapted::new();
            adapted.take(&sample, Some(&dum("response-body")), &first);
            adapted.take(&sample, None, &second);
            assert!(!adapted.good);
        }
    }
}
