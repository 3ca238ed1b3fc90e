//! What a seed decides beforehand: services, messages, transport, limits and faults.

use std::time::Duration;

use bytes::Bytes;
use ocp_proto::Limits;
use opes_profile::http::Profile;

use super::messages::{MessagePlan, message};
use super::pipe::Line;
use super::random::Random;
use super::services::Kind;
use crate::budget::Budget;
use crate::client::GroupSpec;
use crate::client::group::ON_DEMAND;

/// What may go wrong in a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Nothing but what services and owners do: every message comes to its end.
    Calm,
    /// Connections end early.
    Faulty,
    /// Nobody is patient.
    Hasty,
}

/// Something that happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    ServerDrains,
    ServerStops,
    ClientDrains,
    ClientStops,
    /// A direction breaks: the octets under way are lost but for some.
    Cut {
        from_client: bool,
    },
    /// Both do.
    Reset,
    /// The client has used this many identifiers short of all.
    Exhausted {
        left: u64,
    },
}

/// How the connections end when everything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    ClientDrains,
    ServerDrains,
    ClientStops,
    ServerStops,
    /// Nobody says anything until the idle time is over.
    Idle,
}

/// A service group.
#[derive(Debug, Clone)]
pub(super) struct GroupPlan {
    pub(super) spec: GroupSpec,
    pub(super) chain: Vec<Kind>,
}

impl GroupPlan {
    /// A group of such services; `number` tells it from other groups.
    pub(super) fn new(profile: Profile, number: usize, chain: Vec<Kind>) -> Self {
        let uris = (0..chain.len()).map(|place| format!("http://s.example/{number}/{place}"));
        Self { spec: GroupSpec::new(profile, uris), chain }
    }
}

/// One side of every connection.
#[derive(Debug, Clone)]
pub(super) struct SidePlan {
    pub(super) limits: Limits,
    pub(super) budget: Budget,
    /// The most octets that wait for the transport.
    pub(super) unsent: usize,
    /// How what it sends travels.
    pub(super) line: Line,
}

/// A whole simulation.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) mood: Mood,
    pub(super) groups: Vec<GroupPlan>,
    /// Groups that every connection creates at once.
    pub(super) initial: usize,
    pub(super) messages: Vec<MessagePlan>,
    pub(super) client: SidePlan,
    pub(super) server: SidePlan,
    pub(super) patience: Duration,
    /// Whether the server wants the request's head with responses.
    pub(super) wants_request: bool,
    /// Whether the client wants trace records, and so waits for the server's TE.
    pub(super) records: bool,
    pub(super) interrupts: usize,
    pub(super) faults: Vec<(Duration, Fault)>,
    /// When somebody asks how far a transaction is.
    pub(super) queries: Vec<Duration>,
    pub(super) farewell: Farewell,
}

impl Plan {
    pub(super) fn new(random: &Random) -> Self {
        let mood = *random.pick(&[Mood::Calm, Mood::Calm, Mood::Faulty, Mood::Hasty]);
        // Now and then more than a connection keeps of those that come on demand.
        let most = if random.percent(5) { 3 + ON_DEMAND } else { 3 };
        let groups: Vec<_> = (0..random.within(1..=most)).map(|number| group(random, mood, number)).collect();
        let budget = budget(random);
        let wants_request = random.percent(70);
        let count = 1 + random.skewed(39);
        let messages: Vec<_> = (0..count)
            .map(|number| message(random, &groups, number as u64, &budget, wants_request))
            .collect();
        let total = messages.iter().map(|message| message.message.body.len()).sum();
        let hurry = mood == Mood::Hasty;
        let faults = if mood == Mood::Faulty { faults(random) } else { Vec::new() };
        let mut plan = Self {
            mood,
            initial: random.within(0..=groups.len().min(3)),
            groups,
            messages,
            client: side(random, hurry, budget, total),
            server: side(random, hurry, budget, total),
            patience: if hurry { random.duration(Duration::from_secs(2)) } else { Duration::from_secs(3600) },
            wants_request,
            records: random.percent(40),
            interrupts: *random.pick(&[0, 5, 40]),
            faults,
            queries: (0..random.within(0..=4)).map(|_| random.duration(Duration::from_millis(300))).collect(),
            farewell: *random.pick(&[
                Farewell::ClientDrains,
                Farewell::ServerDrains,
                Farewell::ClientStops,
                Farewell::ServerStops,
                Farewell::Idle,
            ]),
        };
        // Who is asked now and then is never idle.
        if plan.is_kept_alive() && plan.farewell == Farewell::Idle {
            plan.farewell = Farewell::ClientStops;
        }
        plan
    }

    /// Whether an agent asks for signs of life.
    pub(super) fn is_kept_alive(&self) -> bool {
        self.client.limits.ping.is_some() || self.server.limits.ping.is_some()
    }
}

fn group(random: &Random, mood: Mood, number: usize) -> GroupPlan {
    let profile = *random.pick(&[Profile::Request, Profile::Response, Profile::Response]);
    let length = *random.pick(&[0, 1, 1, 1, 2, 2, 3]);
    // Services that all want no more than a prefix have the rest held back.
    let prefix = random.percent(15);
    let chain = (0..length).map(|_| if prefix { prefix_kind(random) } else { kind(random, mood) });
    GroupPlan::new(profile, number, chain.collect())
}

fn prefix_kind(random: &Random) -> Kind {
    let octets = random.skewed(30_000) as u64;
    random.pick(&[Kind::Peek { octets }, Kind::First { octets }, Kind::Nothing]).clone()
}

fn kind(random: &Random, mood: Mood) -> Kind {
    let salt = random.next() % 1000;
    let waits = Duration::from_millis(*random.pick(&[1, 20, 200]));
    match random.within(0..=if mood == Mood::Hasty { 19 } else { 18 }) {
        0 | 1 => Kind::Identity,
        2 => Kind::Substitute("cat", random.pick::<&str>(&["", "a tiger", "cat!"])),
        3 => Kind::Block,
        4 | 5 => Kind::Digest,
        6 => Kind::Inject { within: random.skewed(100_000) as u64 },
        7 | 8 => Kind::Peek { octets: random.skewed(100_000) as u64 },
        9 => Kind::Wait { look: random.percent(40), late: random.percent(40), percent: 30, most: waits },
        10 => Kind::Whole { late: random.percent(50) },
        11 | 12 => Kind::Leave { after: random.skewed(100_000) },
        13 => random.pick(&[Kind::Nothing, Kind::Drop]).clone(),
        14 => Kind::Echo { first: random.skewed(2000) },
        15 => random.pick(&[Kind::Label, Kind::Describe]).clone(),
        16 => Kind::Fail { salt, look: random.percent(30) },
        17 => Kind::Refuse { salt, decides: random.percent(60).then(|| random.skewed(70_000)) },
        18 => Kind::Async { salt },
        _ => Kind::Stuck { look: random.percent(30) },
    }
}

fn budget(random: &Random) -> Budget {
    if random.percent(40) {
        return Budget::default();
    }
    let transaction = 16 + random.skewed(64 * 1024);
    Budget {
        transaction,
        connection: transaction * random.within(1..=16),
        unsent: 1 + random.skewed(32 * 1024),
        ..Budget::default()
    }
}

fn side(random: &Random, hurry: bool, budget: Budget, total: usize) -> SidePlan {
    let kept = [0, 1, 100, 3000, 70_000, 256 * 1024];
    let mut limits = Limits {
        progress: Duration::from_secs(3600),
        idle: Duration::from_secs(7200),
        kept_per_transaction: *random.pick(&kept),
        kept_per_connection: *random.pick(&kept) * random.within(1..=16) as u64,
        ..Limits::default()
    };
    if hurry {
        limits.progress = Duration::from_millis(50) + random.duration(Duration::from_millis(500));
        limits.idle = Duration::from_millis(50) + random.duration(Duration::from_millis(500));
        let silence = Duration::from_millis(20) + random.duration(limits.progress);
        limits.ping = random.percent(50).then_some(silence);
        limits.report = random.percent(50).then_some(silence / 4);
    }
    // Small pieces of large messages would only take long.
    let finest = 1 + total / 3000;
    let grain = finest + random.skewed(64 * 1024);
    let line = Line {
        delay: Duration::from_millis(*random.pick(&[0, 1, 10])),
        window: finest * 4 + random.skewed(512 * 1024),
        grain,
        stalls: *random.pick(&[0, 0, 10]),
    };
    let unsent = if random.percent(40) { 256 * 1024 } else { finest * 4 + random.skewed(32 * 1024) };
    SidePlan { limits, budget, unsent, line }
}

fn faults(random: &Random) -> Vec<(Duration, Fault)> {
    let one = |_| {
        let fault = *random.pick(&[
            Fault::ServerDrains,
            Fault::ServerStops,
            Fault::ClientDrains,
            Fault::ClientStops,
            Fault::Cut { from_client: true },
            Fault::Cut { from_client: false },
            Fault::Reset,
            Fault::Exhausted { left: random.skewed(8) as u64 },
        ]);
        (random.duration(Duration::from_millis(*random.pick(&[5, 60, 400]))), fault)
    };
    (0..random.within(1..=3)).map(one).collect()
}

/// Octets in which the patterns of the services occur now and then, and which differ from place to place otherwise.
pub(super) fn octets(random: &Random, size: usize) -> Bytes {
    let mut octets = Vec::with_capacity(size + 8);
    while octets.len() < size {
        octets.extend_from_slice(&random.next().to_le_bytes());
    }
    octets.truncate(size);
    for _ in 0..random.within(0..=6) {
        let word = random.pick(&["cat", "cat", "<b>", "evil", "catcat"]).as_bytes();
        if word.len() <= size {
            let start = random.skewed(size - word.len());
            octets[start..start + word.len()].copy_from_slice(word);
        }
    }
    octets.into()
}
