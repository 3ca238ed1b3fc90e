//! The processor as a layer around a service or a client, and the proxy, which is such a layer: they behave alike.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod behaviours;
mod client;
mod examples;
mod passing;
mod stage;

#[path = "../examples/axum_app.rs"]
#[expect(dead_code, reason = "its main is for those who run it")]
mod axum_app;
#[path = "../examples/hyper_client.rs"]
#[expect(dead_code, reason = "its main is for those who run it")]
mod hyper_client;
