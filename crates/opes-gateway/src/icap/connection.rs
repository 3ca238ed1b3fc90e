//! A client's connection: its requests, one after the other.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use icap_proto::{Encapsulated, Method, ResponseHead};
use opes_processor::http::{About, Followed, Outcome};
use opes_processor::listening::Phase;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::answer::{Answer, AnswerError};
use super::intake::Intake;
use super::message::{self, UnreadableHead};
use super::output::Output;
use super::request::{Begun, Input, InputError};
use super::services::{Offer, Services};
use super::{IcapConfig, options, sides};

/// How long a client may go on with what was refused.
const LINGER: Duration = Duration::from_secs(1);

/// What all connections are served with.
pub(super) struct Serving {
    pub(super) config: IcapConfig,
    pub(super) acceptor: Option<TlsAcceptor>,
}

/// What becomes of a connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another request may follow.
    Request,
    /// It ends.
    Close,
    /// It ends at once: what was said is not whole.
    Abort,
}

/// A message of HTTP as it came, up to its body.
enum Original {
    Request(Request<()>),
    Response(Request<()>, Response<()>),
}

impl Serving {
    /// Serves a client until either side ends the connection, or the gateway stops.
    pub(super) async fn serve(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        mut phase: watch::Receiver<Phase>,
    ) {
        let _ = stream.set_nodelay(true);
        let until = phase.clone();
        let served = async {
            let Some(acceptor) = &self.acceptor else { return self.speak(stream, address, until).await };
            match timeout(self.config.head_time, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.speak(stream, address, until).await,
                Ok(Err(error)) => tracing::debug!(%error, %address, "no TLS handshake"),
                Err(_) => tracing::debug!(%address, "no TLS handshake in time"),
            }
        };
        tokio::select! {
            () = served => {}
            _ = phase.wait_for(|phase| *phase == Phase::Over) => {}
        }
    }

    async fn speak<S: AsyncRead + AsyncWrite>(
        &self,
        stream: S,
        address: SocketAddr,
        mut phase: watch::Receiver<Phase>,
    ) {
        let (reader, writer) = tokio::io::split(stream);
        let config = &self.config;
        let mut input = Input::new(reader, config.head_octets, config.silence);
        let mut out = Output::new(writer, config.silence);
        loop {
            let begun = tokio::select! {
                biased;
                begun = input.begin(config.head_time) => begun,
                _ = phase.wait_for(|phase| *phase != Phase::Serving) => break,
            };
            let next = match begun {
                Ok(None) => break,
                Ok(Some(begun)) => self.handle(begun, &mut input, &mut out, &phase).await,
                Err(error) => self.refuse(&mut out, &error).await,
            };
            tracing::trace!(%address, ?next, "a request is answered");
            match next {
                Next::Request => {}
                Next::Abort => return,
                Next::Close => {
                    out.shutdown().await;
                    // An end before the client has said all would cut off what it was told.
                    let _ = timeout(LINGER, input.drain()).await;
                    return;
                }
            }
        }
        out.shutdown().await;
    }

    /// Says what is wrong with what the client sends.
    async fn refuse<W: AsyncWrite + Unpin>(&self, out: &mut Output<W>, error: &InputError) -> Next {
        tracing::debug!(%error, "a client is refused");
        let Some(status) = error.status() else { return Next::Abort };
        let services = self.config.services.current();
        out.head(&options::answer(status, &services, true), Some(&Encapsulated::NOTHING), &[]);
        match out.flush().await {
            Ok(()) => Next::Close,
            Err(_) => Next::Abort,
        }
    }

    async fn handle<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &self,
        begun: Begun,
        input: &mut Input<R>,
        out: &mut Output<W>,
        phase: &watch::Receiver<Phase>,
    ) -> Next {
        let services = self.config.services.current();
        let closes = begun.head.fields.has_token("connection", "close") || *phase.borrow() != Phase::Serving;
        let path = begun.head.path();
        let say = |status| options::answer(status, &services, closes);
        let head = match (&begun.head.method, services.offer(path)) {
            // RFC 3507 section 4.3.2: 501 for methods that nobody knows.
            (Method::Other(_), _) => say(501),
            (_, None) => say(404),
            (Method::Options, Some(_)) => options::options(&self.config, &services, path, closes),
            (Method::Reqmod | Method::Respmod, Some(offer)) => match original(&begun) {
                Ok(original) => {
                    let exchange =
                        Exchange { serving: self, begun: &begun, services: &services, offer, closes };
                    return exchange.run(original, input, out).await;
                }
                Err(error) => {
                    tracing::debug!(%error, "a client is refused");
                    say(400)
                }
            },
        };
        say_only(&head, &begun, input, out, closes).await
    }
}

/// Answers without looking at the body.
async fn say_only<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    head: &ResponseHead,
    begun: &Begun,
    input: &mut Input<R>,
    out: &mut Output<W>,
    closes: bool,
) -> Next {
    let intake = Intake::new(begun.permissions.first_stage(), None, begun.has_body());
    intake.discard();
    out.head(head, Some(&Encapsulated::NOTHING), &[]);
    if out.flush().await.is_err() {
        return Next::Abort;
    }
    match input.body(&intake).await {
        Ok(()) if !closes => Next::Request,
        _ => Next::Close,
    }
}

/// The message that a request encapsulates.
fn original(begun: &Begun) -> Result<Original, UnreadableHead> {
    // RFC 3507 section 4.4.1: heads are optional. Without one of a request there is nothing to go by.
    let asked = match &begun.request {
        Some(octets) => Some(message::request(octets)?),
        None => None,
    };
    Ok(match begun.head.method {
        Method::Respmod => {
            let response = match &begun.response {
                Some(octets) => message::response(octets)?,
                None => Response::new(()),
            };
            Original::Response(asked.unwrap_or_default(), response)
        }
        _ => Original::Request(asked.ok_or_else(UnreadableHead::missing)?),
    })
}

/// One message on its way.
struct Exchange<'a> {
    serving: &'a Serving,
    begun: &'a Begun,
    services: &'a Arc<Services>,
    offer: &'a Offer,
    closes: bool,
}

impl Exchange<'_> {
    async fn run<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &self,
        original: Original,
        input: &mut Input<R>,
        out: &mut Output<W>,
    ) -> Next {
        let Begun { permissions, .. } = self.begun;
        let (length, of_request) = match &original {
            Original::Request(request) => (message::length(request.headers()), true),
            Original::Response(asked, response) => (length_of_response(asked, response), false),
        };
        let intake = Intake::new(permissions.first_stage(), length, self.begun.has_body());
        let (followed, started) = (Followed::default(), AtomicBool::new(false));
        let read = {
            let answer = Answer {
                out,
                intake: &intake,
                followed: followed.clone(),
                permissions: *permissions,
                services: Arc::clone(self.services),
                processor: &self.serving.config.processor,
                always_trace: self.serving.config.always_trace,
                closes: self.closes,
                thought: &self.offer.thought,
                started: &started,
            };
            let answer = answer.run(of_request, self.adapt(original, &followed, &intake));
            both(answer, input.body(&intake)).await
        };
        match read {
            Ok(()) if self.closes => Next::Close,
            Ok(()) => Next::Request,
            Err(Failed::Answer(error)) => {
                tracing::debug!(%error, "an answer is not complete");
                Next::Abort
            }
            Err(Failed::Input(error)) if !started.load(Ordering::Relaxed) => {
                self.serving.refuse(out, &error).await
            }
            Err(Failed::Input(error)) => {
                tracing::debug!(%error, "a message is not complete");
                Next::Abort
            }
        }
    }

    async fn adapt(&self, original: Original, followed: &Followed, intake: &Intake) -> Outcome {
        let head = &self.begun.head;
        let about = About {
            rules: self.offer.rules.clone(),
            client: sides::client(head),
            secure: false,
            variables: sides::variables(head),
        };
        let processor = &self.serving.config.processor;
        match original {
            Original::Request(request) => {
                processor.adapt_request(about, followed, request.map(|()| intake.body())).await
            }
            Original::Response(asked, response) => {
                let response = response.map(|()| intake.body());
                processor.adapt_response(about, followed, &asked, response).await
            }
        }
    }
}

/// RFC 9110 section 6.4.1: what such a response says of a length is not about its body.
fn length_of_response(asked: &Request<()>, response: &Response<()>) -> Option<u64> {
    let describes = asked.method() == http::Method::HEAD || response.status() == StatusCode::NOT_MODIFIED;
    if describes { None } else { message::length(response.headers()) }
}

/// What ends a request before it is answered.
enum Failed {
    Answer(AnswerError),
    Input(InputError),
}

/// Answers while the body is read, and then reads what is left of it.
async fn both(
    answer: impl Future<Output = Result<(), AnswerError>>,
    read: impl Future<Output = Result<(), InputError>>,
) -> Result<(), Failed> {
    let (mut answer, mut read) = (pin!(answer), pin!(read));
    let mut complete = false;
    loop {
        tokio::select! {
            biased;
            answered = &mut answer => {
                match answered {
                    Ok(()) => {}
                    // Whoever reads knows why.
                    Err(AnswerError::Input) if !complete => {}
                    Err(error) => return Err(Failed::Answer(error)),
                }
                break;
            }
            done = &mut read, if !complete => {
                done.map_err(Failed::Input)?;
                complete = true;
            }
        }
    }
    if complete { Ok(()) } else { read.await.map_err(Failed::Input) }
}
