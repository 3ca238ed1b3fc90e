//! A hyper client as an OPES processor: what it asks goes through a callout server, and so may what it is answered.
//!
//! Run it beside `opes server` with
//! `cargo run --example hyper_client -p opes-tests -- 127.0.0.1:4037 http://127.0.0.1:9000/ 'A cat.'`.
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use ocp::client::ClientConfig;
use opes_processor::http::{Adapt, AdaptLayer, Processor, ProxyBody};
use opes_processor::rules::{Point, Rule, Rules, Run};
use opes_processor::system::System;
use tower_layer::Layer;
use tower_service::Service;

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A client whose messages are adapted.
pub(crate) fn client(rules: Vec<Rule>) -> Result<Adapt<Client<HttpConnector, ProxyBody>>> {
    let system = System::new("http://opes.example.com/system", None)?;
    let rules = Rules::new(rules, system.owners());
    let client = Client::builder(TokioExecutor::new()).build_http();
    Ok(AdaptLayer::new(Processor::new(system, rules)).layer(client))
}

#[tokio::main]
async fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [callout, uri, text] = &*arguments else { return Err("CALLOUT URI TEXT, please".into()) };
    let callout = ocp::client::Client::new(ClientConfig::new(callout));
    let services = Run::callout(callout, ["http://services.example.com/substitute"]);
    let rule = Rule::new("requests", Point::RequestIn, vec![services]);
    let request = Request::post(uri).body(Full::<bytes::Bytes>::from(text.clone()))?;
    let response = client(vec![rule])?.call(request).await?;
    println!("{}", response.status());
    println!("{}", String::from_utf8_lossy(&response.into_body().collect().await?.to_bytes()));
    Ok(())
}
