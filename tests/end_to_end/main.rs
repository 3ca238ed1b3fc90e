//! The built binary as a black box: real HTTP in, real HTTP out, over loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod admin_pages;
mod answerable;
mod breaker;
mod browser;
mod bypass;
mod callout_failures;
mod chains;
mod chaos;
mod check_command;
mod coded_bombs;
mod codings;
mod configuration;
mod connections;
mod curl;
mod demo;
mod deploy;
mod devtools;
mod documents;
mod durable;
mod expectation;
mod explained;
mod forward;
mod h2load;
mod headers;
mod hostile;
mod hostile_http;
mod hostile_traces;
mod large;
mod large_heads;
mod late;
mod messages;
mod never_bypass;
mod nginx;
mod origin_failures;
mod recording;
mod redbot;
mod reload;
mod requests;
mod retried;
mod rules;
mod semantics;
mod services;
mod several_runs;
mod shutdown;
mod slow;
mod tls;
mod trace;
mod tunnels;
mod unheard;
mod websocket;
