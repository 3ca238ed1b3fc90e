//! What REDbot, a checker of HTTP resources, says of responses through the proxy that it does not say of nginx itself.

use std::collections::BTreeSet;

use opes_tests::config::{Config, IDENTITY, Rule, SUBSTITUTE};
use opes_tests::nginx::Nginx;
use opes_tests::opes::Opes;
use opes_tests::redbot::{Note, check, program};

#[test]
fn redbot_finds_nothing_that_the_proxy_made_worse() {
    let program = program().expect("scripts/test installs REDbot");
    let text = b"The cat sat on the mat.\n".repeat(400);
    let nginx = Nginx::origin(&[("text.txt", &text), ("page.html", b"<!DOCTYPE html><title>cat</title>")]);
    let server = Opes::server(&Config::server());
    for service in [SUBSTITUTE, IDENTITY] {
        let services = [service];
        let config = Config::reverse(nginx.address(), server.address);
        let proxy = Opes::proxy(&config.rule(&Rule::response(&services)));
        for path in ["/text.txt", "/page.html", "/chunked/text.txt", "/zipped/text.txt"] {
            let of = |address| check(program.clone(), &format!("http://{address}{path}"));
            let (before, behind) = (of(nginx.address()), of(proxy.address));
            assert!(before.len() > 3 && behind.len() > 3, "it has looked: {before:?} {behind:?}");
            let complaints = |notes: &BTreeSet<Note>| {
                let complaints = notes.iter().filter(|note| note.is_complaint());
                complaints.map(|note| note.name.clone()).collect::<BTreeSet<_>>()
            };
            let ours: Vec<_> = complaints(&behind).difference(&complaints(&before)).cloned().collect();
            // The validator of content that was not looked at: see "HTTP as the proxy speaks it" in README.md.
            let known = if service == SUBSTITUTE { &["MISSING_HDRS_304"][..] } else { &[] };
            assert!(
                ours.iter().all(|name| known.contains(&name.as_str())),
                "{path} through {service}: {ours:?}"
            );
        }
    }
}
