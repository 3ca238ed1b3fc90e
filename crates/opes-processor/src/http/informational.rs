//! Informational responses (RFC 9110 section 15.2) to a request that is on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, StatusCode};

use super::asked::Asked;
use super::body::ProxyBody;
use super::expect::Opener;
use super::points::Way;
use super::processor::Processor;
use super::response;

/// How many informational responses to one request are looked at.
const INFORMATIONAL: usize = 16;

/// Whom informational responses are for.
pub(super) struct Listener {
    pub(super) shared: Arc<Processor>,
    /// The request that they answer, where services may want them.
    pub(super) listening: Option<(Way, Asked)>,
    pub(super) opener: Option<Opener>,
}

impl Listener {
    /// Takes the informational responses to this request, if hyper sends it: 100 opens the body, and all of them are
    /// adapted.
    pub(super) fn listen(self, request: &mut Request<ProxyBody>) {
        let Self { shared, listening, opener } = self;
        let count = AtomicUsize::new(0);
        hyper::ext::on_informational(request, move |informational| {
            if informational.status() == StatusCode::CONTINUE {
                opener.iter().for_each(Opener::open);
            }
            let Some((way, asked)) = listening.clone() else { return };
            // The client sees none of them, so more are as good as none.
            if count.fetch_add(1, Ordering::Relaxed) >= INFORMATIONAL {
                return;
            }
            let (status, headers) = (informational.status(), informational.headers().clone());
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                response::adapt_informational(&shared, way, asked, status, headers).await;
            });
        });
    }
}
