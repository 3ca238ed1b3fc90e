//! What passes between processor and services beside a message (`proto-spec/extensions/`): the briefing that comes with
//! the processor's AMS, the variables and trace records that go with our AMS, AME and TE.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ocp_proto::codec::RawMessage;
use ocp_proto::message::Xid;
use opes_profile::http::Extensions;
use opes_profile::notes::{Allowance, Briefing, Malformed, Notes};
use opes_sdk::{Applied, Attributes, Chain, Deed, ServiceFactory, TraceRecord};

use crate::clock::Clock;

/// The most records that services may make for one message; the rest of what a message may have is left to what the
/// host says about each service.
const MADE: usize = 64;

/// The notes of one transaction. Costs nothing where nothing was negotiated, and little where nothing is said.
#[derive(Debug, Default)]
pub(super) struct NoteKeeper(Option<Box<Kept>>);

/// What is kept, before the services begin and after.
#[derive(Debug)]
enum Kept {
    Briefing(Briefing),
    /// Where trace records are wanted.
    Records(Records),
}

/// What was recorded so far.
#[derive(Debug)]
struct Records {
    /// When the services began.
    begun: Instant,
    allowance: Allowance,
    /// How many records of services were sent.
    made: usize,
    /// Whether the host's record of each service was sent.
    told: Vec<bool>,
}

impl NoteKeeper {
    /// Takes what the processor's AMS says to the services.
    ///
    /// # Errors
    /// Some of it is not of its type.
    pub(super) fn take_briefing(
        &mut self,
        ams: &RawMessage,
        extensions: Extensions,
    ) -> Result<(), Malformed> {
        if extensions.variables
            && let Some(briefing) = Briefing::read(ams)?
        {
            self.0 = Some(Box::new(Kept::Briefing(briefing)));
        }
        Ok(())
    }

    /// The services begin: tells them what the processor said.
    pub(super) fn brief(&mut self, attributes: &mut Attributes, extensions: Extensions, clock: &Clock) {
        if let Some(Kept::Briefing(briefing)) = self.0.take().map(|kept| *kept) {
            let Briefing { parameters, variables, client } = briefing;
            *attributes = Attributes { parameters, variables, client, ..std::mem::take(attributes) };
        }
        if extensions.trace_records {
            let (allowance, told) = (Allowance::default(), Vec::new());
            let records = Records { begun: clock.now(), allowance, made: 0, told };
            self.0 = Some(Box::new(Kept::Records(records)));
        }
    }

    /// What is to be said by now, as encoded parameters behind those of `before`.
    pub(super) fn note(
        &mut self,
        before: Bytes,
        xid: Xid,
        extensions: Extensions,
        (chain, services): (&mut Chain, &[Arc<dyn ServiceFactory>]),
        clock: &Clock,
    ) -> Bytes {
        let mut notes = Notes::default();
        if extensions.variables {
            notes.variables = chain.take_variables();
        }
        let mut unused = Allowance::default();
        let allowance = match self.0.as_deref_mut() {
            Some(Kept::Records(records)) => {
                records.collect(chain, services, clock, &mut notes);
                &mut records.allowance
            }
            Some(Kept::Briefing(_)) | None => &mut unused,
        };
        if notes.is_empty() {
            return before;
        }
        let mut lines = before.to_vec();
        let dropped = notes.dropped + notes.encode(allowance, &mut lines);
        if dropped > 0 {
            tracing::warn!(xid = xid.0, dropped, "services say more than can be sent");
        }
        lines.into()
    }
}

impl Records {
    /// What services have recorded, and what became of those that are done.
    fn collect(
        &mut self,
        chain: &mut Chain,
        services: &[Arc<dyn ServiceFactory>],
        clock: &Clock,
        notes: &mut Notes,
    ) {
        notes.records = chain.take_records();
        let room = MADE.saturating_sub(self.made);
        notes.dropped = notes.records.len().saturating_sub(room);
        notes.records.truncate(room);
        self.made += notes.records.len();

        self.told.resize(services.len(), false);
        let mut now = None;
        for ((service, applied), told) in services.iter().zip(chain.applied()).zip(&mut self.told) {
            if *told || !applied.deed.is_final() {
                continue;
            }
            *told = true;
            let now = *now.get_or_insert_with(|| clock.now());
            let micros = now.saturating_duration_since(self.begun).as_micros();
            notes.records.push(record(&**service, applied, micros));
        }
    }
}

/// The host's own record of a service.
fn record(service: &dyn ServiceFactory, applied: Applied, micros: u128) -> TraceRecord {
    let record = TraceRecord::new(service.uri());
    let record = match service.version() {
        Some(version) => record.with("version", version),
        None => record,
    };
    record
        .with("result", word(applied.deed))
        .with("octets-in", applied.received.to_string())
        .with("octets-out", applied.emitted.to_string())
        .with("duration-us", micros.to_string())
}

fn word(deed: Deed) -> &'static str {
    match deed {
        Deed::AtWork => "working",
        Deed::Passed => "passed",
        Deed::Processed => "processed",
        Deed::Changed => "changed",
        Deed::Left => "left",
        Deed::Refused => "refused",
        Deed::Failed => "failed",
        Deed::Stopped => "stopped",
    }
}
