//! A service of one's own: turns text into upper case, and lets go of everything else.
//!
//! Run it with `cargo run --example own_service -p opes-services`.

use std::{sync::Arc, task::Waker};

use opes_sdk::{Attributes, Chain, Context, Segment, Service, Step, factory};
use opes_services::Substitute;

struct Shout;

impl Service for Shout {
    fn start(&mut self, cx: &mut Context<'_>) -> Step {
        let media_type = cx.attributes().media_type.as_deref().unwrap_or_default();
        if media_type.starts_with("text/") { Step::Continue } else { Step::Leave }
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(Segment::new(segment.octets.to_ascii_uppercase()));
        Step::Continue
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let substitute = Substitute::new("http://services.example.com/substitute", "cat", "tiger")?;
    let shout = factory("http://services.example.com/shout", |_: &Attributes| Shout);
    for media_type in ["text/plain", "image/png"] {
        let attributes = Attributes { media_type: Some(media_type.into()), ..Attributes::default() };
        let services = [Arc::new(substitute.clone()) as _, Arc::new(shout.clone()) as _];
        let mut chain = Chain::new(&services, attributes, Waker::noop().clone());
        chain.start();
        chain.push("the ca".into());
        chain.push("t sat".into());
        chain.finish();
        println!("{media_type}:");
        while let Some(Segment { octets, original }) = chain.pull() {
            println!("  {octets:?} original: {original:?}");
        }
    }
    Ok(())
}
