//! Messages that are adapted one at a time, for front ends whose clients have the way to the other side.

use std::sync::Arc;

use bytes::Bytes;
use http::header::RANGE;
use http::{Request, Response, Version};
use http_body::Body;
use opes_profile::bypass::Bypass;

use super::asked::{Asked, KeptBody, remove_range};
use super::body::{BodyError, ProxyBody};
use super::failed::Failed;
use super::followed::Followed;
use super::hop::{self, Undecodable};
use super::page::page;
use super::points::{self, Way};
use super::processor::Processor;
use super::request::Outbound;
use super::told::Subject;
use crate::rules::{Prospect, Rules, Variables};

/// What is known of a message beside itself.
#[derive(Clone)]
pub struct About {
    /// The rules that decide about it.
    pub rules: Rules,
    /// The data consumer: an address or a name.
    pub client: Option<Arc<str>>,
    /// The request came through TLS.
    pub secure: bool,
    /// What rules and services see as variables.
    pub variables: Variables,
}

/// What goes on in the place of a message.
pub enum Apart {
    /// The request, adapted or not.
    Request(Request<ProxyBody>),
    /// The response, adapted or not; or one that answers a request.
    Response(Response<ProxyBody>),
}

/// What has become of a message.
pub struct Outcome {
    /// What goes on. Its trace is written.
    pub message: Apart,
    /// The variables, with those that services have set with its head.
    pub variables: Variables,
    /// Whether it is a response of the processor's own, since the message could not be adapted.
    pub failed: bool,
}

impl Processor {
    /// A request through its services. They may answer it; so does the system's page. `followed` is told where the message
    /// stands, from the beginning on.
    ///
    /// Cancellation drops the message.
    pub async fn adapt_request<B>(&self, about: About, followed: &Followed, request: Request<B>) -> Outcome
    where
        B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        if self.system.is_addressed_by(&request) {
            let message = Apart::Response(page(self, about.rules, request).await);
            followed.came_back(false, false);
            return Outcome { message, variables: about.variables, failed: false };
        }
        let (mut way, version) = (self.way(about, followed, &request), request.version());
        let adapted = self.request(&mut way, version, request).await;
        self.outcome(way, followed, adapted)
    }

    /// A response through its services. `asked` is the request that it answers, as far as that is known.
    ///
    /// Cancellation drops the message.
    pub async fn adapt_response<B>(
        &self,
        about: About,
        followed: &Followed,
        asked: &Request<()>,
        response: Response<B>,
    ) -> Outcome
    where
        B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        let mut way = self.way(about, followed, asked);
        let adapted = self.response(&mut way, asked, response).await;
        self.outcome(way, followed, adapted.map(Apart::Response))
    }

    /// The response in the place of a message whose adaptation has failed after its head was there.
    pub fn failure(&self) -> Response<ProxyBody> {
        Failed::gateway("The adaptation of the message failed.").response(&self.system)
    }

    fn way<B>(&self, about: About, followed: &Followed, request: &Request<B>) -> Way {
        let About { rules, client, secure, variables } = about;
        Way {
            rules,
            bypass: Bypass::parse(request.headers()),
            asked: self.transformation.of(request.headers()),
            subject: Arc::new(Subject { method: request.method().clone(), target: request.uri().clone() }),
            client,
            secure,
            variables,
            trailers: false,
            followed: Some(followed.clone()),
        }
    }

    fn outcome(&self, way: Way, followed: &Followed, adapted: Result<Apart, Failed>) -> Outcome {
        let failed = adapted.is_err();
        let message = adapted.unwrap_or_else(|failed| {
            followed.came_back(false, false);
            Apart::Response(failed.response(&self.system))
        });
        Outcome { message, variables: way.variables, failed }
    }

    async fn request<B>(
        &self,
        way: &mut Way,
        version: Version,
        mut request: Request<B>,
    ) -> Result<Apart, Failed>
    where
        B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        let fields = hop::take(request.headers_mut()).map_err(Undecodable::in_request)?;
        match points::request(self, way, request).await? {
            Outbound::Request(mut request) => {
                // Which service its response is sent to is the client's affair. Where that is the same one, which knows
                // both directions, a range of the origin's content would be adapted as if it were one of ours.
                if request.headers().contains_key(RANGE) && way.prospect(&request).changes {
                    remove_range(request.headers_mut());
                    if let Some(followed) = &way.followed {
                        followed.came_back(false, false);
                    }
                }
                hop::put(fields, request.headers_mut());
                *request.version_mut() = version;
                Ok(Apart::Request(request))
            }
            Outbound::Response(response) => {
                if let Some(followed) = &way.followed {
                    followed.came_back(false, false);
                }
                Ok(Apart::Response(response))
            }
        }
    }

    async fn response<B>(
        &self,
        way: &mut Way,
        asked: &Request<()>,
        mut response: Response<B>,
    ) -> Result<Response<ProxyBody>, Failed>
    where
        B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        let fields = hop::take(response.headers_mut()).map_err(Undecodable::in_response)?;
        let mut head = Request::new(());
        (*head.method_mut(), *head.uri_mut()) = (asked.method().clone(), asked.uri().clone());
        *head.headers_mut() = asked.headers().clone();
        // Whoever cannot read them need not see them.
        let _ = hop::remove(head.headers_mut());
        let (version, allowed) =
            (response.version(), way.asked.min(self.transformation.of(response.headers())));
        // The body of the request does not come with its response.
        let prospect = Prospect { sees_request: true, ..Prospect::default() };
        let asked = Asked { body: Some(KeptBody::Absent), ..Asked::new(&head, None, prospect, Vec::new()) };
        let mut response = points::response(self, way, Some(&asked), allowed, response).await?;
        hop::put(fields, response.headers_mut());
        *response.version_mut() = version;
        Ok(response)
    }
}
