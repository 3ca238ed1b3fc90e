//! OCP under load: the processor's side of one connection, with nothing between it and the socket.
//!
//! A load generator that did all that a processor has to do would cost as much as the server. This one sends what it has
//! encoded before, keeps what every transaction needs and no more, and still looks at every octet that comes back.

mod adapted;
mod cargo;
mod running;
mod session;
mod shape;
mod table;
mod template;
mod transactions;

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Buf;
use ocp_proto::Transmit;
use ocp_proto::codec::{Decoder, DecoderLimits, Item, MessageWriter, RawMessage};
use ocp_proto::message::{InvalidMessage, Message, Scope, Xid};
use opes_profile::http::{self, Part};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

use crate::background::Background;
use crate::course::Ticket;
use crate::error::BenchError;
use crate::load::Load;
use crate::message::Sample;
use crate::pace::{Pace, TURNS};
use adapted::Wrong;
use session::Session;
use shape::Head;
use transactions::{Ended, Transactions};

/// The most octets that wait to be written.
const UNSENT: usize = 256 * 1024;

struct Client {
    decoder: Decoder,
    out: Transmit,
    session: Session,
    /// Transactions may have been started.
    begun: bool,
    transactions: Transactions,
    background: Option<Background>,
    pace: Pace,
}

/// Starts transactions on one connection as its pace says.
pub(crate) async fn drive(load: Load, pace: Pace) -> Result<(), BenchError> {
    let mut stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    let mut client = Client::new(&load, pace);
    poll_fn(|cx| client.poll(cx, &mut stream)).await
}

impl Client {
    fn new(load: &Load, pace: Pace) -> Self {
        let response = load.profile == http::Profile::Response;
        let sample = Sample::new(response, load.size, load.chunk);
        let background = Background::new(load, response);
        let other = background.as_ref().map(|background| background.sample.clone());
        let mut out = Transmit::default();
        Self {
            decoder: Decoder::new(DecoderLimits::default()),
            session: Session::new(load, out.head()),
            out,
            begun: false,
            transactions: Transactions::new(load, sample, other, session::GROUP),
            background,
            pace,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, stream: &mut TcpStream) -> Poll<Result<(), BenchError>> {
        for _ in 0..TURNS {
            let read = self.read(cx, stream)?;
            let now = Instant::now();
            self.take(now).map_err(BenchError::Server)?;
            self.say(cx, now).map_err(BenchError::Server)?;
            if !(self.write(cx, stream)? || read) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads what there is, unless the server does not read either; true when there was something.
    fn read(&mut self, cx: &mut Context<'_>, stream: &mut TcpStream) -> Result<bool, BenchError> {
        if self.out.len() >= UNSENT {
            return Ok(false);
        }
        let buffer = self.decoder.buffer();
        buffer.reserve(256 * 1024);
        match pin!(stream.read_buf(buffer)).poll(cx) {
            Poll::Ready(Ok(octets)) if octets > 0 => {
                self.pace.octets(0, octets);
                Ok(true)
            }
            Poll::Ready(_) => Err(BenchError::Closed),
            Poll::Pending => Ok(false),
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, stream: &mut TcpStream) -> Result<bool, BenchError> {
        if self.out.is_empty() {
            return Ok(false);
        }
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = self.out.io_slices(&mut slices);
        match Pin::new(stream).poll_write_vectored(cx, &slices[..filled]) {
            Poll::Ready(written) => {
                let written = written?;
                self.out.advance(written);
                self.pace.octets(written, 0);
                Ok(true)
            }
            Poll::Pending => Ok(false),
        }
    }

    /// Takes all that has been read.
    fn take(&mut self, now: Instant) -> Result<(), String> {
        loop {
            self.take_known(now)?;
            match self.decoder.next().map_err(|error| format!("not OCP: {error}"))? {
                Some(Item::Message(raw)) => self.message(&raw, now)?,
                Some(Item::Payload(octets)) => self.transactions.octets(&octets),
                Some(Item::End) => self.transactions.message_ended(),
                None => return Ok(()),
            }
        }
    }

    /// Takes messages that need not be decoded.
    fn take_known(&mut self, now: Instant) -> Result<(), String> {
        if self.decoder.in_message() {
            return Ok(());
        }
        let mut taken = 0;
        while let Some((octets, ended)) = self.transactions.known_message(&self.decoder.buffer()[taken..]) {
            taken += octets;
            if let Some(ended) = ended {
                self.ended(ended, now)?;
            }
        }
        self.decoder.buffer().advance(taken);
        Ok(())
    }

    fn message(&mut self, raw: &RawMessage, now: Instant) -> Result<(), String> {
        let message = match Message::parse(raw) {
            Ok(message) => message,
            Err(InvalidMessage { scope: Scope::Transaction(xid), message, problem }) => {
                self.transactions.invalid(xid, Wrong::Invalid(format!("{message} {problem}")));
                return Ok(());
            }
            Err(error) => return Err(format!("the server sent an invalid message: {error}")),
        };
        match (&message, message.xid()) {
            (_, Some(xid)) if self.begun => {
                let in_header = matches!(message, Message::Dum { .. }) && is_header(raw);
                let payload = raw.payload().map(|size| size as usize);
                let head = Head { message, payload, in_header };
                if let Some(ended) = self.transactions.message(xid, raw.octets(), head)? {
                    self.ended(ended, now)?;
                }
                Ok(())
            }
            (Message::Pq { xid }, _) => {
                self.progress(*xid);
                Ok(())
            }
            _ => {
                self.session.message(message, self.out.head())?;
                if self.session.is_ready() && !std::mem::replace(&mut self.begun, true) {
                    self.pace.ready();
                }
                Ok(())
            }
        }
    }

    /// RFC 4037 section 11.22: every PQ is answered.
    fn progress(&mut self, xid: Option<Xid>) {
        let known = xid.and_then(|xid| Some((xid, self.transactions.progress(xid)?)));
        let mut writer = MessageWriter::new(self.out.head(), "PA");
        if let Some((xid, sent)) = known {
            writer = writer.number(xid.0);
            if let Some(sent) = sent {
                writer = writer.named_number("Org-Data", sent);
            }
        }
        writer.end();
    }

    /// Starts what is due, and writes what there is to say.
    fn say(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), String> {
        if !self.session.is_ready() {
            return Ok(());
        }
        self.settle(now)?;
        while let Some(background) = &mut self.background
            && background.poll_next(cx, now).is_ready()
        {
            self.start(None)?;
        }
        while let Poll::Ready(ticket) = self.pace.poll_start(cx, now) {
            self.start(Some(ticket))?;
        }
        if self.transactions.fill(&mut self.out, UNSENT) {
            self.settle(now)?;
        }
        Ok(())
    }

    fn start(&mut self, ticket: Option<Ticket>) -> Result<(), String> {
        let started = self.transactions.start(ticket);
        started.then_some(()).ok_or_else(|| "transaction identifiers have run out".to_owned())
    }

    /// Says what is owed, now that all has been read.
    fn settle(&mut self, now: Instant) -> Result<(), String> {
        while let Some(ended) = self.transactions.settle(&mut self.out) {
            self.ended(ended, now)?;
        }
        Ok(())
    }

    fn ended(&mut self, ended: Ended, now: Instant) -> Result<(), String> {
        let result = ended.result.map_err(|wrong| wrong.to_string());
        match (ended.ticket, &mut self.background) {
            (None, Some(background)) => {
                background.ended();
                result.map_err(|why| format!("in the background: {why}"))
            }
            (None, None) => Ok(()),
            (Some(ticket), _) => {
                self.pace.ended(ticket, now, result);
                Ok(())
            }
        }
    }
}

/// Whether a DUM carries data of the message's header (RFC 4236 section 3.4).
fn is_header(dum: &RawMessage) -> bool {
    let part = dum.named(http::AM_PART).and_then(|value| value.as_atom()).and_then(Part::from_token);
    part.is_some_and(Part::is_header)
}
