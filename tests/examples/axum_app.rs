//! An axum application as an OPES processor: what it is asked and what it answers goes through a callout server.
//!
//! Run it beside `opes server` with `cargo run --example axum_app -p opes-tests -- 127.0.0.1:4037`.
use axum::{Router, routing::get};
use ocp::client::{Client, ClientConfig};
use opes_processor::http::{AdaptLayer, Processor};
use opes_processor::rules::{Point, Rule, Rules, Run};
use opes_processor::system::System;
use tokio::net::TcpListener;
use tower_layer::Layer;

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Serves an application whose messages are adapted.
pub(crate) async fn serve(listener: TcpListener, app: Router, rules: Vec<Rule>) -> Result {
    let system = System::new("http://opes.example.com/system", None)?;
    let rules = Rules::new(rules, system.owners());
    let adapted = AdaptLayer::new(Processor::new(system, rules)).layer(app);
    Ok(axum::serve(listener, Router::new().fallback_service(adapted)).await?)
}

#[tokio::main]
async fn main() -> Result {
    let callout = std::env::args().nth(1).ok_or("which callout server?")?;
    let client = Client::new(ClientConfig::new(callout));
    let services = Run::callout(client, ["http://services.example.com/substitute"]);
    let rule = Rule::new("responses", Point::ResponseOut, vec![services]);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    serve(listener, Router::new().route("/", get(|| async { "A cat." })), vec![rule]).await
}
