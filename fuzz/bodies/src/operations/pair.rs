//! A processor and a server, the transport between them, and what is true of their transactions.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ocp_proto::message::{Code, Feature, GroupId, Outcome, Service, Xid};
use ocp_proto::{Closed, Event, Fault, Limits, Origin, Role};

use super::agent::{ABILITY, Agent};
use super::exchange::{Exchange, Life, of_one_part, part_at};
use super::operation::{Side, Terms};
use crate::{clock, pattern};

/// The most octets that all transactions of a run get: more only takes time.
const DATA: u64 = 400_000;

/// How much a processor preserves, per transaction and per connection.
const KEPT: [(u64, u64); 4] = [(256 * 1024, 4 * 1024 * 1024), (0, 0), (100, 150), (4096, 6000)];

/// Both agents and the truth about them.
pub(super) struct Pair {
    pub(super) processor: Agent,
    pub(super) server: Agent,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) groups: Vec<GroupId>,
    pub(super) now: Instant,
    pub(super) terms: Terms,
    /// How many octets may still be given.
    data: u64,
    /// Time has passed, an agent was told to end the connection: then a connection may end.
    pub(super) may_run_out: bool,
    pub(super) may_end: bool,
}

impl Pair {
    pub(super) fn new(terms: Terms) -> Self {
        let now = clock::start();
        let (kept_per_transaction, kept_per_connection) = KEPT[usize::from(terms.kept & 3)];
        let ping = terms.pings().then_some(Duration::from_secs(3));
        let limits = Limits { kept_per_transaction, kept_per_connection, ping, ..Limits::default() };
        let mut pair = Self {
            processor: Agent::new(Role::Processor, limits.clone(), &terms, now),
            server: Agent::new(Role::Server, limits, &terms, now),
            exchanges: Vec::new(),
            groups: Vec::new(),
            now,
            terms,
            data: DATA,
            may_run_out: false,
            may_end: false,
        };
        if pair.terms.exhausted {
            pair.processor.connection.skip_to(Xid(ocp_proto::codec::number::MAX - 2));
        }
        pair.processor.connection.offer(Vec::new(), None, now).expect("a first offer");
        pair.settle();
        pair.create_group(1);
        pair
    }

    pub(super) fn agent(&mut self, side: Side) -> &mut Agent {
        match side {
            Side::Processor => &mut self.processor,
            Side::Server => &mut self.server,
        }
    }

    /// Takes an agent's octets out of the transport; returns whether there were any.
    pub(super) fn deliver(&mut self, to: Side, most: usize) -> bool {
        let mut sent = std::mem::take(&mut self.agent(to.other()).sent);
        let some = self.agent(to).receive(&mut sent, most);
        self.agent(to.other()).sent = sent;
        self.poll(to);
        some
    }

    pub(super) fn transmit(&mut self, side: Side, most: usize) -> bool {
        let now = self.now;
        let some = self.agent(side).transmit(now, most);
        self.poll(side);
        some
    }

    /// Lets everything arrive that is said.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut some = false;
            for side in [Side::Processor, Side::Server] {
                some |= self.transmit(side, 64 * 1024);
                some |= self.deliver(side.other(), usize::MAX);
            }
            if !some {
                return;
            }
        }
        panic!("the agents do not stop talking");
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.may_run_out |= seconds > 0;
        let now = self.now;
        for side in [Side::Processor, Side::Server] {
            clock::run(&mut self.agent(side).connection, now);
            self.poll(side);
        }
    }

    /// The transport breaks.
    pub(super) fn cut(&mut self) {
        for side in [Side::Processor, Side::Server] {
            let agent = self.agent(side);
            agent.cut = true;
            agent.sent = BytesMut::new();
            agent.connection.transport_closed();
            self.poll(side);
        }
    }

    pub(super) fn create_group(&mut self, services: u8) {
        let services = (0..services & 3).map(|at| Service::new(format!("ocp://{at}"))).collect();
        if let Ok(group) = self.processor.connection.create_group(services) {
            assert!(self.groups.last().is_none_or(|last| group > *last), "identifiers grow");
            self.groups.push(group);
        }
    }

    pub(super) fn start(&mut self, group: GroupId) {
        let now = self.now;
        let Ok(xid) = self.processor.connection.start_transaction(group, Bytes::new(), now) else { return };
        assert!(self.exchanges.last().is_none_or(|last| xid > last.xid), "identifiers grow");
        let mut exchange = Exchange::new(xid);
        if let Some(pause) = self.terms.pause_at {
            self.processor.connection.pause_original_at(xid, u64::from(pause) * 3);
        }
        if let Some(stop) = self.terms.stop_at {
            let size = u64::from(stop) * 3;
            exchange.enough = Some(size);
            self.processor.connection.stop_original_at(xid, size);
        }
        self.exchanges.push(exchange);
    }

    /// The transaction of this choice, the youngest first.
    pub(super) fn choose(&self, choice: u8) -> Option<usize> {
        let count = self.exchanges.len();
        (count > 0).then(|| count - 1 - usize::from(choice) % count)
    }

    /// The processor gives the next octets of the original.
    pub(super) fn give(&mut self, at: usize, size: u64) {
        let exchange = &mut self.exchanges[at];
        let mut left = size.min(self.data);
        self.data -= left;
        loop {
            let size = of_one_part(exchange.given, left);
            let octets = pattern::original(exchange.xid, exchange.given, size);
            let open = self.processor.connection.is_sending(exchange.xid);
            let sent =
                self.processor.connection.send(exchange.xid, part_at(exchange.given), octets, None).is_ok();
            assert_eq!(sent, open, "an open flow takes data, and no other one");
            if !sent {
                return;
            }
            exchange.given += size;
            left -= size;
            if left == 0 {
                return;
            }
        }
    }

    /// The server gives adapted data, which stands at `original` of the original.
    pub(super) fn write(&mut self, at: usize, octets: &[u8], mut original: Option<u64>) {
        let exchange = &mut self.exchanges[at];
        let mut left = &octets[..octets.len().min(self.data as usize)];
        self.data -= left.len() as u64;
        loop {
            let offset = exchange.adapted.len() as u64;
            let size = of_one_part(offset, left.len() as u64);
            let (now, later) = left.split_at(size as usize);
            let open = self.server.connection.is_sending(exchange.xid);
            let octets = Bytes::copy_from_slice(now);
            let sent = self.server.connection.send(exchange.xid, part_at(offset), octets, original).is_ok();
            assert_eq!(sent, open, "an open flow takes data, and no other one");
            if !sent {
                return;
            }
            exchange.adapted.extend_from_slice(now);
            original = original.map(|offset| offset + size);
            left = later;
            if left.is_empty() {
                return;
            }
        }
    }

    /// The server begins the adapted message.
    pub(super) fn answer(&mut self, at: usize, modp: Option<u8>) {
        let exchange = &mut self.exchanges[at];
        self.server.connection.start_message(exchange.xid, Bytes::new(), modp.map(|modp| modp % 101));
        exchange.answered |= exchange.server == Life::Active;
    }

    pub(super) fn end_message(&mut self, side: Side, at: usize, failure: bool) {
        let exchange = &mut self.exchanges[at];
        let agent = match side {
            Side::Processor => &mut self.processor,
            Side::Server => &mut self.server,
        };
        if !agent.connection.is_sending(exchange.xid) {
            return;
        }
        // After DSS the server may only stop.
        let stopped = side == Side::Server && exchange.stopped.is_some();
        let outcome = match (failure, stopped) {
            (true, _) => Outcome::failure("given up"),
            (false, true) => Outcome::PARTIAL,
            (false, false) => Outcome::OK,
        };
        let end = match side {
            Side::Processor => &mut exchange.original_end,
            Side::Server => &mut exchange.adapted_end,
        };
        assert_eq!(end.replace(outcome.code), None, "a flow ends once");
        agent.connection.end_message(exchange.xid, outcome);
        assert!(!agent.connection.is_sending(exchange.xid));
    }

    pub(super) fn want_stop_sending(&mut self, at: usize) {
        let exchange = &mut self.exchanges[at];
        exchange.stop_wanted |= self.server.connection.is_sending(exchange.xid);
        self.server.connection.want_stop_sending(exchange.xid);
    }

    pub(super) fn want_stop_receiving(&mut self, at: usize, size: u64) {
        let exchange = &mut self.exchanges[at];
        // Only the first counts, and only while the original flows; a smaller one here is only less strict.
        let before = exchange.enough.unwrap_or(u64::MAX);
        if exchange.server == Life::Active {
            exchange.enough = Some(before.min(size));
        }
        self.server.connection.want_stop_receiving(exchange.xid, size);
    }

    pub(super) fn abort(&mut self, side: Side, at: usize) {
        let exchange = &mut self.exchanges[at];
        let xid = exchange.xid;
        match side {
            Side::Processor => exchange.processor = Life::Over,
            Side::Server if exchange.server == Life::Before => return,
            Side::Server => exchange.server = Life::Over,
        }
        self.agent(side).connection.abort_transaction(xid, "not needed any more");
    }

    /// Takes all events of an agent.
    pub(super) fn poll(&mut self, side: Side) {
        let now = self.now;
        while let Some(event) = self.agent(side).next(now) {
            match side {
                Side::Processor => self.processor_sees(event),
                Side::Server => self.server_sees(event),
            }
        }
        let connection = &mut self.agent(side).connection;
        assert!(connection.read_buffer().len() <= 65_536, "what is held is bounded");
        for exchange in &mut self.exchanges {
            let (agent, life) = match side {
                Side::Processor => (&self.processor, &mut exchange.processor),
                Side::Server => (&self.server, &mut exchange.server),
            };
            if *life == Life::Active && !agent.connection.is_active(exchange.xid) {
                *life = Life::Over;
            }
            assert_eq!(*life == Life::Active, agent.connection.is_active(exchange.xid), "{exchange:?}");
        }
    }

    fn processor_sees(&mut self, event: Event) {
        match event {
            Event::Connected
            | Event::Progress { .. }
            | Event::Ability(_)
            | Event::Answer { .. }
            | Event::Extended { .. } => {}
            Event::Offer { features, .. } => self.consider(Side::Processor, features),
            Event::Closed(closed) => self.over(Side::Processor, closed),
            Event::MessageStarted { xid, .. } => {
                let exchange = self.at_processor(xid);
                assert!(exchange.answered, "the server has said so");
                assert!(!std::mem::replace(&mut exchange.answer_seen, true), "one AMS");
            }
            Event::Data { xid, dum, octets, original, .. } => {
                self.at_processor(xid).adapted_came(dum.as_ref(), &octets, original);
            }
            Event::MessageEnded { xid, outcome } => self.at_processor(xid).adapted_over(&outcome),
            Event::RestIsOriginal { xid, from, unsent } => {
                self.at_processor(xid).rest_is_original(from, &unsent.concat());
            }
            Event::StopSendingWanted(xid) => assert!(self.at_processor(xid).stop_wanted),
            Event::StopReceivingWanted { xid, .. } => {
                self.at_processor(xid);
            }
            Event::Interest { xid, range } => {
                self.at_processor(xid);
                assert!(range.end() > 0);
            }
            Event::TransactionEnded { xid, .. } => self.at_processor(xid).processor = Life::Over,
            Event::TransactionFailed { xid, fault } => {
                self.may_fail(&fault);
                self.at_processor(xid).processor = Life::Over;
            }
            other => panic!("an event for servers: {other:?}"),
        }
    }

    fn server_sees(&mut self, event: Event) {
        match event {
            Event::Connected
            | Event::Progress { .. }
            | Event::Ability(_)
            | Event::Answer { .. }
            | Event::Extended { .. } => {}
            Event::GroupWanted { group, .. } => {
                assert!(self.groups.contains(&group), "the processor has created it");
                self.server.connection.accept_group(group);
            }
            Event::GroupDestroyed(_) => {}
            Event::Offer { features, .. } => self.consider(Side::Server, features),
            Event::Closed(closed) => self.over(Side::Server, closed),
            Event::TransactionStarted { xid, .. } => self.started(xid),
            Event::MessageStarted { xid, .. } => {
                self.at_server(xid);
                if self.terms.leaves
                    && let Some(at) = self.exchanges.iter().position(|exchange| exchange.xid == xid)
                {
                    self.answer(at, None);
                    self.want_stop_sending(at);
                    self.want_stop_receiving(at, 0);
                }
            }
            Event::Data { xid, dum, octets, original, .. } => {
                self.at_server(xid).original_came(dum.as_ref(), &octets, original);
            }
            Event::MessageEnded { xid, outcome } => self.at_server(xid).original_over(&outcome),
            Event::Stopped(xid) => {
                let exchange = self.at_server(xid);
                assert!(exchange.stop_wanted, "DSS was asked for");
                assert_eq!(exchange.stopped.replace(exchange.got), None, "DSS comes once");
            }
            Event::TransactionEnded { xid, .. } => self.at_server(xid).server = Life::Over,
            Event::TransactionFailed { xid, fault } => {
                self.may_fail(&fault);
                self.at_server(xid).server = Life::Over;
            }
            other => panic!("an event for processors: {other:?}"),
        }
    }

    fn started(&mut self, xid: Xid) {
        let exchange = self.exchanges.iter_mut().find(|exchange| exchange.xid == xid);
        let exchange = exchange.expect("the processor has started it");
        assert_eq!(exchange.server, Life::Before, "a transaction starts once");
        exchange.server = Life::Active;
        if self.terms.pause_at.is_some() {
            self.server.connection.expect_pause(xid);
        }
        if let Some(stop) = self.terms.stop_at {
            self.server.connection.stop_receiving_at(xid, u64::from(stop) * 3);
        }
    }

    /// Answers an offer: with the first feature that is supported.
    fn consider(&mut self, side: Side, features: Vec<Feature>) {
        let selected = features.iter().find(|feature| feature.uri() == ABILITY.as_bytes()).cloned();
        let unknowns = features.into_iter().filter(|feature| feature.uri() != ABILITY.as_bytes()).collect();
        self.agent(side).connection.answer(selected, Vec::new(), unknowns);
    }

    fn over(&mut self, side: Side, closed: Closed) {
        match &closed {
            Closed::Fault(fault) => self.may_fail(fault),
            Closed::Locally => assert!(self.may_end || self.may_run_out, "nobody has ended the connection"),
            Closed::ByPeer(outcome) => {
                assert!(self.may_end || self.may_run_out, "nobody has ended it: {}", outcome.reason());
            }
        }
        let agent = self.agent(side);
        assert_eq!(agent.connection.transactions(), 0, "transactions end with the connection");
        assert_eq!(agent.connection.poll_timeout(), None, "and time with them");
        agent.closed = Some(closed);
    }

    /// Neither agent may be at fault, or take the other one to be.
    fn may_fail(&self, fault: &Fault) {
        assert_eq!(fault.origin, Origin::Transport, "both agents keep the rules, but: {fault}");
        assert!(self.may_run_out || self.processor.cut, "nothing has run out: {fault}");
    }

    fn at_processor(&mut self, xid: Xid) -> &mut Exchange {
        let exchange = self.exchanges.iter_mut().find(|exchange| exchange.xid == xid);
        let exchange = exchange.expect("a transaction that was started");
        assert_eq!(exchange.processor, Life::Active, "no events after the end");
        exchange
    }

    fn at_server(&mut self, xid: Xid) -> &mut Exchange {
        let exchange = self.exchanges.iter_mut().find(|exchange| exchange.xid == xid);
        let exchange = exchange.expect("a transaction that was started");
        assert_eq!(exchange.server, Life::Active, "no events after the end");
        exchange
    }

    /// Whether the adapted message is complete at the processor.
    pub(super) fn is_complete(&self, at: usize) -> bool {
        self.exchanges[at].adapted_ended == Some(Code::Ok)
    }
}
