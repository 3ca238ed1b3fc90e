//! What the author of an OPES service depends on, and the chain runner that hosts share.
//!
//! A service adapts payload and nothing else. It knows no application protocol and touches no header: it reads
//! neutral [`Attributes`] of the message, is handed the payload in [`Segment`]s, and emits what goes on in
//! their place. A [`Segment`] that is still the original says where in the original it stands, so a service
//! that passes a piece on should pass on that piece, or slices of it, rather than a copy.
//!
//! Services are driven, not awaited. A host builds one [`Service`] per message with a [`ServiceFactory`] and
//! calls `start`, then `push` for each piece, then `finish`; each call answers with a [`Step`]. A service that
//! has to wait for something answers [`Step::Wait`] and wakes [`Context::waker`] when it can go on.
//! [`async_service`] makes such a service from an async function over the whole payload, [`streaming`] from one that takes
//! it as it comes.
//!
//! # A service of one's own
//!
//! ```
//! use std::{sync::Arc, task::Waker};
//! use opes_sdk::{Attributes, Chain, Context, Segment, Service, Step, factory};
//!
//! /// Turns plain text into upper case, and leaves every other message alone.
//! struct Shout;
//!
//! impl Service for Shout {
//!     fn start(&mut self, cx: &mut Context<'_>) -> Step {
//!         match cx.attributes().media_type.as_deref() {
//!             Some("text/plain") => Step::Continue,
//!             _ => Step::Leave,
//!         }
//!     }
//!
//!     fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
//!         cx.emit(Segment::new(segment.octets.to_ascii_uppercase()));
//!         Step::Continue
//!     }
//! }
//!
//! let shout = factory("http://services.example.com/shout", |_: &Attributes| Shout);
//! let text = Attributes { media_type: Some("text/plain".into()), ..Attributes::default() };
//! let mut chain = Chain::new(&[Arc::new(shout)], text, Waker::noop().clone());
//! chain.start();
//! chain.push("hello".into());
//! chain.finish();
//! assert_eq!(chain.pull(), Some(Segment::new("HELLO")));
//! assert!(chain.finished() && chain.modified());
//! ```

mod adapter;
mod attributes;
mod chain;
mod context;
mod needs;
mod queue;
mod record;
mod segment;
mod service;
mod streaming;

pub use adapter::{Adapted, AsyncService, Message, Outcome, async_service};
pub use attributes::Attributes;
pub use chain::{Applied, Chain, Deed};
pub use context::Context;
pub use needs::{Body, Decision, Needs};
pub use record::{Description, TraceRecord};
pub use segment::Segment;
pub use service::{Factory, Failure, Refusal, Service, ServiceFactory, Step, factory};
pub use streaming::{Ended, Payload, Streaming, streaming};

/// The examples in the README are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
