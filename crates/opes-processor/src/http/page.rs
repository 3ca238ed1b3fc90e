//! The page of the system (RFC 3897 section 3.2), as an HTTP resource of the processor.

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use opes_pages::{Bypassable, OfferedService};
use opes_profile::trace::AgentId;
use opes_record::{Discard, Store};

use super::body::{ProxyBody, full};
use super::failed::Failed;
use super::processor::Processor;
use crate::record::Recorder;
use crate::rules::Rules;
use crate::system::Account;

/// Why some services cannot be bypassed.
const REQUIRED: &str = "the operator does not let this service be bypassed";

/// Answers a request for the page, where these rules are in force.
pub(super) async fn page<B>(processor: &Processor, rules: Rules, request: Request<B>) -> Response<ProxyBody> {
    let (head, _) = request.into_parts();
    // A record may have to be read from a disk.
    let response = match head.uri.query().is_some() && processor.recorder.is_some() {
        true => {
            let processor = processor.clone();
            tokio::task::spawn_blocking(move || answer(&processor, &rules, &head)).await.ok()
        }
        false => Some(answer(processor, &rules, &head)),
    };
    let Some(response) = response else {
        return Failed::gateway("The page could not be made.").response(&processor.system);
    };
    let mut response = response.map(full);
    processor.system.add_trace(response.headers_mut(), &Account::default());
    response
}

fn answer(processor: &Processor, rules: &Rules, head: &Parts) -> Response<Bytes> {
    let mut page = (*processor.page).clone();
    let services = rules.services();
    page.services = services
        .into_iter()
        .filter_map(|(uri, required)| {
            let bypassable = if required { Bypassable::No(REQUIRED.to_owned()) } else { Bypassable::Yes };
            Some(OfferedService { uri: AgentId::new(&uri).ok()?, bypassable })
        })
        .collect();
    if page.tracing.kept.is_none() {
        page.tracing.kept = processor.recorder.as_ref().map(Recorder::kept);
    }
    let store = processor.recorder.as_ref().map_or(&Discard as &dyn Store, |recorder| &**recorder.store());
    page.answer(head, store)
}
