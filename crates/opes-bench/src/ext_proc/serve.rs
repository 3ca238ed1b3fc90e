//! A small processor that gives every body back in full duplex, and says "go on" to everything else.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{Stream, StreamExt};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::{Grpc, StreamingService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::messages::{Adapted, Answer, BodySendMode, HttpBody, Part, ProcessingRequest, ProcessingResponse};
use super::{PATH, WINDOW};

/// Serves until the process ends, on one thread. `ready` is told the address.
///
/// # Errors
/// The address cannot be listened on.
pub fn serve(address: SocketAddr, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        ready(listener.local_addr()?);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .serve_with_incoming(Processor, incoming);
        server.await.map_err(io::Error::other)
    })
}

#[derive(Clone, Copy)]
struct Processor;

impl Service<http::Request<Body>> for Processor {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            if request.uri().path() != PATH {
                return Ok(Status::unimplemented("only ext_proc").into_http());
            }
            let codec = ProstCodec::<ProcessingResponse, ProcessingRequest>::default();
            let mut grpc = Grpc::new(codec).max_decoding_message_size(usize::MAX);
            Ok(grpc.streaming(Echo, request).await)
        })
    }
}

struct Echo;

impl StreamingService<ProcessingRequest> for Echo {
    type Response = ProcessingResponse;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<ProcessingResponse, Status>> + Send>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<ProcessingRequest>>) -> Self::Future {
        let answers = request.into_inner().scan(Modes::default(), |modes, message| {
            ready(Some(message.map(|message| modes.answer(message))))
        });
        ready(Ok(Response::new(Box::pin(answers))))
    }
}

/// Which bodies the sender wants back.
#[derive(Default)]
struct Modes {
    request: bool,
    response: bool,
}

impl Modes {
    fn answer(&mut self, message: ProcessingRequest) -> ProcessingResponse {
        if let Some(config) = message.protocol_config {
            self.request = config.request_body_mode() == BodySendMode::FullDuplexStreamed;
            self.response = config.response_body_mode() == BodySendMode::FullDuplexStreamed;
        }
        let answer = message.part.map(|part| match part {
            Part::RequestHeaders(_) => Answer::RequestHeaders(Adapted::default()),
            Part::ResponseHeaders(_) => Answer::ResponseHeaders(Adapted::default()),
            Part::RequestBody(body) => Answer::RequestBody(adapted(self.request, body)),
            Part::ResponseBody(body) => Answer::ResponseBody(adapted(self.response, body)),
        });
        ProcessingResponse { answer }
    }
}

fn adapted(duplex: bool, body: HttpBody) -> Adapted {
    if duplex { Adapted::streamed(body) } else { Adapted::default() }
}
