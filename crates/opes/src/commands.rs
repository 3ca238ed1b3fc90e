//! The commands that run from a configuration file.

use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ocp::server::{Server, ServerConfig};
use opes_pages::{About, Admin, Token};
use opes_processor::Recorder;
use opes_processor::http::Proxy;
use opes_processor::report::Log;
use opes_processor::system::System;

use crate::admin::AdminListener;
use crate::cli::CommandError;
use crate::config::{self, AdminSettings, Answerable, StoreSettings};
use crate::explain::ExplainArgs;
#[cfg(feature = "icap")]
use crate::reload::Offered;
use crate::reload::{Adapting, Hosted, Occasions};
use crate::signals;

/// `opes server`.
pub(crate) async fn server(file: &Path, listen: Option<SocketAddr>) -> Result<(), CommandError> {
    let occasions = Occasions::of(file)?;
    let config = config::server(file)?;
    let settings = ServerConfig {
        services: config.services.hosted(),
        connections: config.connections,
        limits: config.limits,
        patience: config.patience,
        head_octets: config.head_octets,
        recoding: Arc::new(config.recoding),
        drain: config.drain,
    };
    let shutdown = signals::shutdown()?;
    let address = listen.unwrap_or(config.listen);
    let server = Server::bind(address, settings).await.map_err(|error| cannot_listen(address, &error))?;
    announce(server.local_addr().map_err(|error| cannot_listen(address, &error))?, "");
    let hosted = Hosted::new(server.hosting(), config.services, config.written);
    tokio::select! {
        () = server.run(shutdown) => Ok(()),
        never = hosted.follow(occasions) => match never {},
    }
}

/// `opes proxy`.
pub(crate) async fn proxy(file: &Path, listen: Option<SocketAddr>) -> Result<(), CommandError> {
    let occasions = Occasions::of(file)?;
    let config = config::proxy(file)?;
    let drain = config.drain;
    let address = listen.unwrap_or(config.listen);
    let (recorder, admin) = opened(file, &config.answerable).await?;
    let (settings, clients, written) = config.into_processor(Arc::new(Log), recorder);
    let mut adapting = Adapting::new(&settings, clients, written);
    let shutdown = signals::shutdown()?;
    let proxy = Proxy::bind(address, settings).await.map_err(|error| cannot_listen(address, &error))?;
    announce(proxy.local_addr().map_err(|error| cannot_listen(address, &error))?, " (proxy)");
    tokio::select! {
        () = proxy.run(shutdown) => {}
        never = adapting.follow(occasions) => match never {},
        never = administered(admin) => match never {},
    }
    adapting.close(drain).await;
    Ok(())
}

/// Opens what a processor answers for its work with.
async fn opened(
    file: &Path,
    answerable: &Answerable,
) -> Result<(Option<Recorder>, Option<AdminListener>), CommandError> {
    let failed = |problem: String| CommandError::Failed(format!("{}: {problem}", file.display()));
    let recorder = answerable.store.as_ref().map(StoreSettings::open).transpose().map_err(failed)?;
    let admin = match (&answerable.admin, &recorder) {
        (Some(admin), Some(recorder)) => Some(administration(admin, recorder, &answerable.system).await?),
        _ => None,
    };
    Ok((recorder, admin))
}

async fn administered(admin: Option<AdminListener>) -> Infallible {
    match admin {
        Some(admin) => admin.run().await,
        None => std::future::pending().await,
    }
}

/// Listens for the administrator, and says where to.
pub(crate) async fn administration(
    settings: &AdminSettings,
    recorder: &Recorder,
    system: &System,
) -> Result<AdminListener, CommandError> {
    let given = settings.token.clone();
    let token = match &given {
        Some(token) => token.clone(),
        None => Token::random().map_err(|error| CommandError::Failed(error.to_string()))?,
    };
    let about = About { systems: vec![system.agent().clone()] };
    let admin = Admin::new(&token, Arc::clone(recorder.store()), about);
    let failed = |error| cannot_listen(settings.listen, &error);
    let listener = AdminListener::bind(settings.listen, admin).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    announce(address, " (admin)");
    if given.is_none() {
        // Nobody else is told, and it is another one after the next start.
        eprintln!("administration: {}", token.link(address));
    }
    Ok(listener)
}

/// `opes gateway`.
#[cfg(feature = "icap")]
pub(crate) async fn gateway(file: &Path) -> Result<(), CommandError> {
    use opes_gateway::icap::Icap;

    let occasions = Occasions::of(file)?;
    let config = config::gateway(file)?;
    let (drain, address) = (config.drain, config.listen);
    let (recorder, admin) = opened(file, &config.answerable).await?;
    let (settings, clients, owners, written) = config.into_icap(Arc::new(Log), recorder);
    let mut offered = Offered::new(&settings, clients, owners, written);
    let shutdown = signals::shutdown()?;
    let icap = Icap::bind(address, settings).await.map_err(|error| cannot_listen(address, &error))?;
    announce(icap.local_addr().map_err(|error| cannot_listen(address, &error))?, " (icap)");
    tokio::select! {
        () = icap.run(shutdown) => {}
        never = offered.follow(occasions) => match never {},
        never = administered(admin) => match never {},
    }
    offered.close(drain).await;
    Ok(())
}

/// `opes check`.
pub(crate) fn check(file: &Path, explain: &ExplainArgs) -> Result<(), CommandError> {
    let kind = config::check(file)?;
    let explanation = explain.explanation(file)?;
    let good = format!("{}: a good configuration of `opes {kind}`\n", file.display());
    let text = explanation.unwrap_or(good);
    // Nobody reads it any more when this fails.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(())
}

/// Tells scripts where we listen; this is all that goes to standard output.
pub(crate) fn announce(address: SocketAddr, role: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads it any more when this fails.
    let _ = writeln!(out, "listening on {address}{role}").and_then(|()| out.flush());
}

pub(crate) fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> CommandError {
    CommandError::Failed(format!("cannot listen on {address}: {error}"))
}
