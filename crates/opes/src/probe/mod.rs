//! `opes probe`: what a callout server says of itself.

mod report;
mod session;

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use ocp_proto::Event;
use ocp_proto::message::{Feature, Service};
use opes_profile::http::{AuxParts, Extensions, Profile, offer_extended};

use crate::cli::CommandError;
use session::{ProbeError, Session};

/// How many progress queries the round trip is measured with.
const QUERIES: usize = 5;

/// Features that every server is asked about.
const KNOWN: [Profile; 2] = [Profile::Request, Profile::Response];

/// What `opes probe` is told.
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// Where the callout server listens: an IP address or a name, a colon, and a port
    #[arg(value_name = "ADDR")]
    address: String,
    /// Ask for a service group of this service, on a connection of its own; may be given several times
    #[arg(long = "service", value_name = "URI")]
    services: Vec<String>,
    /// Offer this HTTP profile only; without it, both are offered
    #[arg(long)]
    profile: Option<ProfileArg>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProfileArg {
    Request,
    Response,
}

/// Asks the server and prints what it answers. What is asked for explicitly and refused is a failure.
pub(crate) async fn run(args: ProbeArgs) -> Result<(), CommandError> {
    report::line(&args.address);
    let failed = |what: String| CommandError::Failed(format!("{}: {what}", args.address));
    let mut refusals = 0;
    if !agent(&args).await.map_err(|error| failed(error.to_string()))? {
        refusals += 1;
    }
    for uri in &args.services {
        let answer = service(&args, uri).await;
        report::service(uri, &answer);
        refusals += usize::from(answer.is_err());
    }
    match refusals {
        0 => Ok(()),
        1 => Err(failed("one thing that was asked for is refused".to_owned())),
        count => Err(failed(format!("{count} things that were asked for are refused"))),
    }
}

/// Negotiates and asks for everything that one connection can tell; whether the profile asked for was selected.
async fn agent(args: &ProbeArgs) -> Result<bool, ProbeError> {
    let (mut session, connecting) = Session::connect(&args.address).await?;
    report::time("connected in", connecting);
    let selected = negotiate(&mut session, args).await?;
    report::time(&format!("round trip of PQ and PA, median of {QUERIES}:"), round_trip(&mut session).await?);
    for profile in KNOWN {
        let supported = ability(&mut session, profile).await?;
        report::ability(profile.uri(), supported);
    }
    report::selected(selected.as_ref());
    session.finish().await;
    Ok(args.profile.is_none() || selected.is_some())
}

/// Whether a service group of this service can be created.
async fn service(args: &ProbeArgs, uri: &str) -> Result<(), ProbeError> {
    let (mut session, _) = Session::connect(&args.address).await?;
    negotiate(&mut session, args).await?;
    session.create_group(vec![Service::new(uri.to_owned())]).await?;
    // RFC 4037 section 11.3: without CE, the group was created before the query was answered.
    progress(&mut session).await?;
    session.finish().await;
    Ok(())
}

async fn negotiate(session: &mut Session, args: &ProbeArgs) -> Result<Option<Feature>, ProbeError> {
    let profiles = match args.profile {
        Some(ProfileArg::Request) => &[Profile::Request][..],
        Some(ProfileArg::Response) => &[Profile::Response],
        None => &[Profile::Response, Profile::Request],
    };
    let offers = profiles.iter().map(|profile| offer_extended(*profile, AuxParts::ALL, Extensions::ALL));
    session.offer(offers.collect())?;
    session
        .wait("NR", |event| match event {
            Event::Answer { selected, group: None } => Some(selected),
            _ => None,
        })
        .await
}

async fn ability(session: &mut Session, profile: Profile) -> Result<bool, ProbeError> {
    session.connection().query_ability(Feature::new(profile.uri()));
    session
        .wait("AA", |event| match event {
            Event::Ability(supported) => Some(supported),
            _ => None,
        })
        .await
}

async fn progress(session: &mut Session) -> Result<Duration, ProbeError> {
    session.connection().query_progress(None);
    let asked = Instant::now();
    let answer = |event| matches!(event, Event::Progress { xid: None, .. }).then_some(());
    session.wait("PA", answer).await?;
    Ok(asked.elapsed())
}

async fn round_trip(session: &mut Session) -> Result<Duration, ProbeError> {
    let mut times = Vec::with_capacity(QUERIES);
    for _ in 0..QUERIES {
        times.push(progress(session).await?);
    }
    times.sort_unstable();
    Ok(times[QUERIES / 2])
}
