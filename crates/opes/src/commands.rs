//! The commands that run from a configuration file.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ocp::server::{Server, ServerConfig};
use opes_processor::http::Proxy;
use opes_processor::report::Log;

use crate::cli::CommandError;
use crate::config;
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
    let (settings, clients, written) = config.into_processor(Arc::new(Log));
    let mut adapting = Adapting::new(&settings, clients, written);
    let shutdown = signals::shutdown()?;
    let proxy = Proxy::bind(address, settings).await.map_err(|error| cannot_listen(address, &error))?;
    announce(proxy.local_addr().map_err(|error| cannot_listen(address, &error))?, " (proxy)");
    tokio::select! {
        () = proxy.run(shutdown) => {}
        never = adapting.follow(occasions) => match never {},
    }
    adapting.close(drain).await;
    Ok(())
}

/// `opes gateway`.
#[cfg(feature = "icap")]
pub(crate) async fn gateway(file: &Path) -> Result<(), CommandError> {
    use opes_gateway::icap::Icap;

    let occasions = Occasions::of(file)?;
    let config = config::gateway(file)?;
    let (drain, address) = (config.drain, config.listen);
    let (settings, clients, owners, written) = config.into_icap(Arc::new(Log));
    let mut offered = Offered::new(settings.services.clone(), clients, owners, written);
    let shutdown = signals::shutdown()?;
    let icap = Icap::bind(address, settings).await.map_err(|error| cannot_listen(address, &error))?;
    announce(icap.local_addr().map_err(|error| cannot_listen(address, &error))?, " (icap)");
    tokio::select! {
        () = icap.run(shutdown) => {}
        never = offered.follow(occasions) => match never {},
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
