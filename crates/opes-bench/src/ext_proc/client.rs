//! One connection to a processor, with a stream for each message.

use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::messages::{
    Answer, BodySendMode, HeaderMap, HeaderValue, HttpBody, HttpHeaders, Part, ProcessingRequest,
    ProcessingResponse, ProtocolConfiguration,
};
use super::wire::{Connector, Wire};
use super::{PATH, WINDOW};
use crate::error::BenchError;
use crate::load::{Load, Mode, Profile};
use crate::message::Sample;
use crate::pace::Pace;

/// Starts messages on one connection as its pace says.
pub(crate) async fn drive(load: Load, mut pace: Pace) -> Result<(), BenchError> {
    let wire = Arc::new(Wire::default());
    let channel = connect(&load, Arc::clone(&wire)).await?;
    let script = Rc::new(Script::new(&load));
    pace.ready();
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            ticket = pace.next() => {
                let exchange = exchange(channel.clone(), Rc::clone(&script));
                running.push(async move { (ticket, exchange.await) });
            }
            Some((ticket, result)) = running.next() => {
                let (written, read) = wire.take();
                pace.octets(written, read);
                pace.ended(ticket, Instant::now(), result?);
            }
        }
    }
}

async fn connect(load: &Load, wire: Arc<Wire>) -> Result<Channel, BenchError> {
    let endpoint =
        Endpoint::from_shared(format!("http://{}", load.address)).map_err(|error| failed(&error))?;
    let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    endpoint.connect_with_connector(Connector(wire)).await.map_err(|error| failed(&error))
}

/// What went wrong, down to the cause that says most.
fn failed(error: &dyn Error) -> BenchError {
    let (mut last, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        (last, cause) = (error.to_string(), error.source());
    }
    BenchError::Server(last)
}

/// The messages of a stream, the same each time, and what has to come back.
struct Script {
    messages: Vec<ProcessingRequest>,
    sample: Sample,
    mode: Mode,
    profile: Profile,
}

impl Script {
    fn new(load: &Load) -> Self {
        let response = load.profile == Profile::Response;
        let sample = Sample::new(response, load.size, load.chunk);
        let mode = match load.mode {
            Mode::Echo => BodySendMode::FullDuplexStreamed,
            Mode::Look => BodySendMode::Streamed,
        } as i32;
        let none = BodySendMode::None as i32;
        let config = ProtocolConfiguration {
            request_body_mode: if response { none } else { mode },
            response_body_mode: if response { mode } else { none },
            send_body_without_waiting_for_header_response: true,
        };
        let headers =
            HttpHeaders { headers: Some(headers(&sample.head)), end_of_stream: sample.pieces.is_empty() };
        let part = if response { Part::ResponseHeaders(headers) } else { Part::RequestHeaders(headers) };
        let mut messages = vec![ProcessingRequest { part: Some(part), protocol_config: Some(config) }];
        for (at, piece) in sample.pieces.iter().enumerate() {
            let body = HttpBody { body: piece.clone(), end_of_stream: at + 1 == sample.pieces.len() };
            let part = if response { Part::ResponseBody(body) } else { Part::RequestBody(body) };
            messages.push(ProcessingRequest { part: Some(part), protocol_config: None });
        }
        Self { messages, sample, mode: load.mode, profile: load.profile }
    }
}

/// The head as HTTP/2 would have it.
fn headers(head: &[u8]) -> HeaderMap {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let start = lines.next().unwrap_or_default();
    let value = |key: &str, value: &str| HeaderValue {
        key: key.to_ascii_lowercase(),
        raw_value: Bytes::copy_from_slice(value.trim().as_bytes()),
    };
    let mut words = start.split(' ');
    let pseudo = match (words.next(), words.next()) {
        (Some("HTTP/1.1"), Some(status)) => vec![value(":status", status)],
        (Some(method), Some(path)) => vec![value(":method", method), value(":path", path)],
        _ => Vec::new(),
    };
    let fields = lines.filter_map(|line| line.split_once(':')).map(|(name, text)| match name {
        "Host" => value(":authority", text),
        name => value(name, text),
    });
    HeaderMap { headers: pseudo.into_iter().chain(fields).collect() }
}

/// One message on a stream of its own. What fails without a word of the processor fails the run.
async fn exchange(channel: Channel, script: Rc<Script>) -> Result<Result<(), String>, BenchError> {
    match converse(channel, &script).await {
        Ok(result) => Ok(result),
        Err(status) if status.source().is_some() => Err(failed(&status)),
        Err(status) => {
            Ok(Err(format!("the processor ends the stream: {:?} {}", status.code(), status.message())))
        }
    }
}

async fn converse(channel: Channel, script: &Script) -> Result<Result<(), String>, Status> {
    let mut grpc = Grpc::new(channel).max_decoding_message_size(usize::MAX);
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let outbound = Request::new(stream::iter(script.messages.clone()));
    let codec = ProstCodec::<ProcessingRequest, ProcessingResponse>::default();
    let answers = grpc.streaming(outbound, PathAndQuery::from_static(PATH), codec).await?;
    let mut answers = answers.into_inner();
    let mut back = Back { script, head: false, pieces: 0, body: 0, good: true };
    while let Some(message) = answers.message().await? {
        back.take(message);
    }
    Ok(back.result())
}

/// What has come back.
struct Back<'a> {
    script: &'a Script,
    head: bool,
    pieces: usize,
    body: usize,
    good: bool,
}

impl Back<'_> {
    fn take(&mut self, message: ProcessingResponse) {
        match (self.script.profile, message.answer) {
            (Profile::Request, Some(Answer::RequestHeaders(_)))
            | (Profile::Response, Some(Answer::ResponseHeaders(_))) => self.head = true,
            (Profile::Request, Some(Answer::RequestBody(adapted)))
            | (Profile::Response, Some(Answer::ResponseBody(adapted))) => {
                self.pieces += 1;
                if let Some(piece) = adapted.into_streamed() {
                    self.good &= self.script.sample.has(self.body, &piece.body);
                    self.body += piece.body.len();
                }
            }
            _ => self.good = false,
        }
    }

    fn result(&self) -> Result<(), String> {
        let sample = &self.script.sample;
        if !self.head {
            Err("the headers were not answered".to_owned())
        } else if !self.good {
            Err("the message came back with other octets".to_owned())
        } else if self.script.mode == Mode::Echo && self.body != sample.size() {
            Err(format!("{} of {} octets came back", self.body, sample.size()))
        } else if self.script.mode == Mode::Look && self.pieces != sample.pieces.len() {
            Err(format!("{} of {} pieces were answered", self.pieces, sample.pieces.len()))
        } else {
            Ok(())
        }
    }
}
