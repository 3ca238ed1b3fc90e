//! What an OPES processor shows about its traces (RFC 3897): to everybody, what the system does and what it says of a
//! message by the policy of its operator ([`SystemPage`]); to the administrator, all that is kept ([`Admin`]).
//!
//! Both take a request and give a response. Nothing here listens, waits for a socket or has a thread; but both read a
//! [`opes_record::Store`], which may wait for a disk: an asynchronous caller calls them where it may block.
//!
//! HTML for people, JSON for programs. No page has a script, a picture or anything else from elsewhere, and its content
//! security policy forbids all but its own stylesheet. What ends and services said is written as text: escaped, and with
//! the characters made visible that would change how the text around them reads.
//!
//! ```
//! use std::sync::Arc;
//!
//! use opes_pages::{About, Admin, Bypassable, Disclosures, OfferedService, SystemPage, Token, Tracing};
//! use opes_profile::trace::AgentId;
//! use opes_record::{Discard, Store};
//!
//! let store: Arc<dyn Store> = Arc::new(Discard);
//! let system = AgentId::new("http://opes.example.com/system")?;
//!
//! let mut page = SystemPage::new(system.clone());
//! page.disclosures = Disclosures {
//!     references: Some("Links are not changed; words on pages are.".into()),
//!     privacy: Some("https://example.com/privacy".into()),
//!     responsible: Some("Example Ltd".into()),
//!     contact: Some("mailto:opes@example.com".into()),
//! };
//! page.services = vec![OfferedService {
//!     uri: AgentId::new("http://services.example.com/substitute")?,
//!     bypassable: Bypassable::Yes,
//! }];
//! let (head, ()) = http::Request::get("/system").header("accept", "application/json").body(())?.into_parts();
//! assert_eq!(page.answer(&head, &*store).status(), 200);
//!
//! let token = Token::random()?;
//! println!("http://127.0.0.1:8081/?token={}", token.reveal());
//! let admin = Admin::new(&token, store, About { systems: vec![system] });
//! let stranger = http::Request::get("/").body(bytes::Bytes::new())?;
//! assert_eq!(admin.answer(stranger).status(), 401);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admin;
mod answer;
mod negotiate;
mod page;
mod public;
mod query;
mod shown;
#[cfg(test)]
mod testing;
mod units;

pub use admin::{About, Admin, BODY_OCTETS, SESSION_LASTS, SESSIONS, Token, TokenError, WRONG_TOKENS};
pub use answer::TARGET_OCTETS;
pub use public::{Bypassable, Disclosures, Kept, OfferedService, Summary, SystemPage, Tracing};
