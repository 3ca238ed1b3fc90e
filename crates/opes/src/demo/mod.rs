//! `opes demo`: a data provider, a callout server and a processor in one process, on loopback.

mod origin;
mod terminal;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ocp::client::{Client, ClientConfig, GroupSpec};
use ocp::server::{Server, ServerConfig, Services};
use opes_pages::Token;
use opes_processor::Recorder;
use opes_processor::http::{OriginTls, Proxy, ProxyConfig, Transformation};
use opes_processor::rules::{Point, Rule, Rules, Run};
use opes_processor::system::System;
use opes_profile::http::Profile;
use opes_record::{Journal, JournalOptions, OpenError};
use opes_services::{Digest, Identity, Substitute};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admin::AdminListener;
use crate::cli::CommandError;
use crate::commands::{administration, announce, cannot_listen};
use crate::config::AdminSettings;
use crate::signals;
use terminal::Terminal;

const SYSTEM: &str = "http://opes.example.com/system";
const IDENTITY: &str = "http://services.example.com/identity";
const SUBSTITUTE: &str = "http://services.example.com/substitute";
const DIGEST: &str = "http://services.example.com/digest";

/// How long the demo waits for messages under way when it ends.
const DRAIN: Duration = Duration::from_secs(2);

/// Runs the demo until a signal comes.
pub(crate) async fn run(listen: SocketAddr) -> Result<(), CommandError> {
    let shutdown = signals::shutdown()?;
    let (origin, origin_address) = bind_origin().await?;
    let origin = tokio::spawn(origin::serve(origin));
    let (server, server_address) = bind_server().await?;
    let (stop_server, mut stopping) = watch::channel(());
    let server = tokio::spawn(server.run(async move {
        let _ = stopping.changed().await;
    }));
    let client = Client::new(client_config(server_address));
    let records = Records::open()?;
    let system = System::new(SYSTEM, None).map_err(|error| CommandError::Failed(error.to_string()))?;
    let settings = AdminSettings { listen: loopback(), token: Some(token()?) };
    let admin = administration(&settings, &records.recorder, &system).await?;
    let proxy = bind_proxy(listen, origin_address, &client, system, records.recorder.clone()).await?;
    let address = proxy.local_addr().map_err(|error| cannot_listen(listen, &error))?;
    announce(address, " (proxy)");
    welcome(address, origin_address, server_address);
    admin_link(&settings, &admin)?;
    tokio::select! {
        () = proxy.run(shutdown) => {}
        never = admin.run() => match never {},
    }
    client.close(DRAIN).await;
    let _ = stop_server.send(());
    let _ = server.await;
    origin.abort();
    println!("The demo has ended.");
    Ok(())
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn bind_origin() -> Result<(TcpListener, SocketAddr), CommandError> {
    let failed = |error: std::io::Error| cannot_listen(loopback(), &error);
    let listener = TcpListener::bind(loopback()).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn bind_server() -> Result<(Server, SocketAddr), CommandError> {
    let failed = |error: std::io::Error| cannot_listen(loopback(), &error);
    let mut services = Services::new();
    services.add(Arc::new(Identity::new(IDENTITY)));
    services.add(Arc::new(Digest::new(DIGEST)));
    let substitute = Substitute::new(SUBSTITUTE, "cat", "tiger");
    services.add(Arc::new(substitute.map_err(|error| CommandError::Failed(error.to_string()))?));
    let config = ServerConfig { drain: DRAIN, ..ServerConfig::new(services) };
    let server = Server::bind(loopback(), config).await.map_err(failed)?;
    let address = server.local_addr().map_err(failed)?;
    Ok((server, address))
}

fn client_config(server: SocketAddr) -> ClientConfig {
    let groups = vec![
        GroupSpec::new(Profile::Request, [IDENTITY]),
        GroupSpec::new(Profile::Response, [SUBSTITUTE, DIGEST]),
    ];
    ClientConfig { groups, ..ClientConfig::new(server.to_string()) }
}

async fn bind_proxy(
    listen: SocketAddr,
    origin: SocketAddr,
    client: &Client,
    system: System,
    recorder: Recorder,
) -> Result<Proxy, CommandError> {
    let failed = |error: String| CommandError::Failed(error);
    let rule = |name, point, services: &[&str]| {
        let read_only = [IDENTITY, DIGEST].map(str::to_owned).into();
        let run = Run {
            read_only,
            server: Some("demo".into()),
            ..Run::callout(client.clone(), services.iter().copied())
        };
        Rule::new(name, point, vec![run])
    };
    let rules = vec![
        rule("requests", Point::RequestIn, &[IDENTITY]),
        rule("responses", Point::ResponseOut, &[SUBSTITUTE, DIGEST]),
    ];
    let origin_tls = OriginTls::without_authorities().map_err(|error| failed(error.to_string()))?;
    let rules = Rules::new(rules, system.owners());
    let config = ProxyConfig {
        origin: Some(format!("http://{origin}").parse().map_err(|_| failed("no origin".to_owned()))?),
        transformation: Transformation::Always,
        drain: DRAIN,
        recorder: Some(recorder),
        ..ProxyConfig::new(system, rules, origin_tls, Arc::new(Terminal::new()))
    };
    Proxy::bind(listen, config).await.map_err(|error| cannot_listen(listen, &error))
}

/// The records of the demo, in a folder that goes with it.
struct Records {
    recorder: Recorder,
    folder: PathBuf,
}

impl Records {
    fn open() -> Result<Self, CommandError> {
        let folder = std::env::temp_dir().join(format!("opes-demo-{}", std::process::id()));
        let failed = |error: OpenError| CommandError::Failed(format!("the demo's records: {error}"));
        let journal = Journal::open(JournalOptions::new(&folder)).map_err(failed)?;
        Ok(Self { recorder: Recorder::new(Arc::new(journal)), folder })
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        // A folder that stays behind is one for the system to clean up.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn token() -> Result<Token, CommandError> {
    Token::random().map_err(|error| CommandError::Failed(error.to_string()))
}

fn admin_link(settings: &AdminSettings, admin: &AdminListener) -> Result<(), CommandError> {
    let address = admin.local_addr().map_err(|error| cannot_listen(settings.listen, &error))?;
    if let Some(token) = &settings.token {
        println!("Every message, what was done to it and how long it took, for you only:");
        println!("  {}", token.link(address));
        println!();
    }
    Ok(())
}

fn welcome(proxy: SocketAddr, origin: SocketAddr, server: SocketAddr) {
    println!();
    println!("  you ── HTTP ──▶ proxy {proxy} ── HTTP ──▶ origin {origin}");
    println!("                    └── OCP ──▶ callout server {server}");
    println!();
    println!("Open http://{proxy}/ in a browser, or try:");
    println!();
    for (command, purpose) in origin::tour(proxy) {
        println!("  {command}");
        println!("      # {purpose}");
    }
    println!();
    println!("What happens to each message is shown here. Ctrl-C ends the demo.");
    println!();
}
