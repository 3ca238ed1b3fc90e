//! A whole simulation: one client, its connections to one server, the owners of its transactions, and virtual time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocp_proto::Role;
use opes_profile::http::{Extensions, Wanted};

use super::activity::Activity;
use super::end::Surroundings;
use super::owner::own;
use super::plan::Plan;
use super::random::Random;
use super::services::Tools;
use super::tasks::{Job, Tasks};
use super::timeline::Timeline;
use super::wire::{Journal, Wire};
use crate::client::link::Link;
use crate::client::pool::{Choice, Pool, negotiated, wait_for_change};
use crate::client::{Briefing, ClientConfig, ClientError, GroupSpec, LinkId, Transaction, Wish};
use crate::driver::lock;
use crate::server::host::{Host, HostSettings};
use crate::server::{Services, wanted};

/// The most connections of one simulation.
const CONNECTIONS: usize = 8;

/// The most steps of one simulation: more means that it goes round in circles.
const STEPS: u64 = 3_000_000;

/// What everybody in a simulation shares.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) timeline: Timeline,
    pub(super) random: Random,
    pub(super) activity: Rc<Activity>,
    pub(super) wires: RefCell<Vec<Rc<Wire>>>,
    pool: Arc<Pool>,
    host: HostSettings,
    surroundings: Surroundings,
    spawned: RefCell<Vec<Job>>,
    /// Which owners are done.
    done: RefCell<Vec<bool>>,
    journal: Option<Journal>,
    steps: Cell<u64>,
}

impl World {
    pub(super) fn new(plan: Plan, random: Random, journal: Option<Journal>) -> Rc<Self> {
        let timeline = Timeline::new();
        let tools = Tools { timeline: timeline.clone(), random: random.clone(), patience: plan.patience };
        let mut services = Services::new();
        for group in &plan.groups {
            for (uri, kind) in group.spec.services.iter().zip(&group.chain) {
                services.add(kind.service(uri, &tools));
            }
        }
        let config = ClientConfig {
            limits: plan.client.limits.clone(),
            extensions: Extensions { trace_records: plan.records, ..Extensions::ALL },
            groups: plan.groups.iter().take(plan.initial).map(|group| group.spec.clone()).collect(),
            ..ClientConfig::new("simulated")
        };
        let host = HostSettings {
            services,
            wanted: Arc::new(if plan.wants_request { wanted() } else { Wanted::default() }),
            open: Arc::default(),
            limits: plan.server.limits.clone(),
            patience: plan.patience,
            most_head: crate::server::HEAD_OCTETS,
            recoding: Arc::default(),
            clock: timeline.clock(),
            budget: plan.server.budget,
        };
        let activity = Rc::new(Activity::default());
        let surroundings = Surroundings {
            timeline: timeline.clone(),
            random: random.clone(),
            activity: Rc::clone(&activity),
            interrupts: plan.interrupts,
        };
        Rc::new(Self {
            pool: Arc::new(Pool::new(config, timeline.clock(), plan.client.budget)),
            done: RefCell::new(vec![false; plan.messages.len()]),
            plan,
            timeline,
            random,
            activity,
            wires: RefCell::new(Vec::new()),
            host,
            surroundings,
            spawned: RefCell::new(Vec::new()),
            journal,
            steps: Cell::new(0),
        })
    }

    pub(super) fn spawn(&self, job: Job) {
        self.spawned.borrow_mut().push(job);
    }

    /// Notes that an owner needs nothing more.
    pub(super) fn done(&self, owner: usize) {
        self.done.borrow_mut()[owner] = true;
    }

    pub(super) fn wire(&self, id: LinkId) -> Rc<Wire> {
        let wires = self.wires.borrow();
        Rc::clone(wires.iter().find(|wire| wire.id == id).expect("a transaction is on a connection"))
    }

    /// Starts a transaction as [`Pool`] does, opening connections in memory.
    pub(super) async fn begin(
        self: &Rc<Self>,
        spec: &GroupSpec,
        length: Option<u64>,
        avoid: Option<LinkId>,
    ) -> Result<Transaction, ClientError> {
        loop {
            match self.pool.choose(Wish { spec, length, briefing: &Briefing::default() }, avoid) {
                Choice::Started(transaction) => return Ok(transaction),
                Choice::Failed(error) => return Err(error),
                Choice::Wait(link) => wait_for_change(&link, spec).await,
                Choice::Open(groups) => {
                    let link = self.opening().or_else(|| self.open(groups)).ok_or(ClientError::Timeout)?;
                    let _ = negotiated(&link).await;
                }
            }
        }
    }

    /// The connection that is being opened.
    fn opening(&self) -> Option<Arc<Mutex<Link>>> {
        let wires = self.wires.borrow();
        let fresh = |wire: &&Rc<Wire>| {
            let link = lock(&wire.link);
            !link.is_negotiated() && link.closed().is_none() && wire.is_up()
        };
        wires.iter().find(fresh).map(|wire| Arc::clone(&wire.link))
    }

    fn open(self: &Rc<Self>, groups: Vec<GroupSpec>) -> Option<Arc<Mutex<Link>>> {
        if self.wires.borrow().len() == CONNECTIONS {
            return None;
        }
        let (id, link) = self.pool.add(groups);
        let host = Host::new(self.host.clone());
        let sides = (&self.plan.client, &self.plan.server);
        let opened = (id, Arc::clone(&link));
        let wire = Rc::new(Wire::new(opened, host, sides, &self.surroundings, self.journal.as_ref()));
        self.wires.borrow_mut().push(Rc::clone(&wire));
        for role in [Role::Processor, Role::Server] {
            let job = match role {
                Role::Processor => wire.client_job(&self.plan.client, &self.surroundings),
                Role::Server => wire.server_job(&self.plan.server, &self.surroundings),
            };
            let (world, driven) = (Rc::clone(self), Rc::clone(&wire.driven));
            self.spawn(Box::pin(async move {
                job.await;
                driven.set(driven.get() - 1);
                if role == Role::Processor {
                    world.pool.remove(id);
                }
            }));
        }
        Some(link)
    }

    /// Runs everything to its end.
    pub(super) fn run(self: &Rc<Self>) {
        let mut tasks = Tasks::default();
        for number in 0..self.plan.messages.len() {
            self.spawn(Box::pin(own(Rc::clone(self), number)));
        }
        self.trouble();
        let kept_alive = self.plan.is_kept_alive();
        loop {
            self.settle(&mut tasks);
            let done = self.done.borrow().iter().all(|done| *done);
            if self.timeline.is_idle() {
                self.check_wake_ups(&mut tasks);
                if done {
                    break;
                }
                self.report_deadlock();
            }
            if done && kept_alive && self.wires.borrow().iter().all(|wire| wire.is_at_rest()) {
                break;
            }
            self.timeline.jump();
        }
        self.check_tables();
        self.part();
        while self.wires.borrow().iter().any(|wire| wire.driven.get() > 0) {
            self.settle(&mut tasks);
            let more = self.timeline.jump();
            assert!(
                more || self.wires.borrow().iter().all(|wire| wire.driven.get() == 0),
                "a connection stays"
            );
        }
        self.check_farewell();
    }

    /// Lets everything happen that can happen without time.
    fn settle(&self, tasks: &mut Tasks) {
        loop {
            self.spawned.borrow_mut().drain(..).for_each(|job| tasks.spawn(job));
            if !tasks.step(&self.random) {
                return;
            }
            self.steps.set(self.steps.get() + 1);
            assert!(self.steps.get() < STEPS, "the simulation goes round in circles");
        }
    }

    /// Nobody who was not woken can do anything.
    fn check_wake_ups(&self, tasks: &mut Tasks) {
        let before = self.activity.count();
        tasks.poll_all();
        assert_eq!(self.activity.count(), before, "somebody could have gone on and was not woken");
        self.settle(tasks);
    }

    fn report_deadlock(&self) {
        let waiting: Vec<_> = self
            .done
            .borrow()
            .iter()
            .enumerate()
            .filter(|(_, done)| !**done)
            .map(|(owner, _)| owner)
            .collect();
        let state: Vec<_> = self.wires.borrow().iter().map(|wire| wire.describe()).collect();
        panic!("nothing can happen any more, but owners {waiting:?} wait: {state:#?}");
    }

    /// Schedules what disturbs.
    fn trouble(self: &Rc<Self>) {
        for (time, fault) in self.plan.faults.clone() {
            let world = Rc::clone(self);
            self.spawn(Box::pin(async move {
                world.timeline.sleep(time).await;
                let wires: Vec<_> =
                    world.wires.borrow().iter().filter(|wire| wire.is_up()).cloned().collect();
                if !wires.is_empty() {
                    world.random.pick(&wires).strike(fault, &world.random);
                }
            }));
        }
        for time in self.plan.queries.clone() {
            let world = Rc::clone(self);
            self.spawn(Box::pin(async move {
                world.timeline.sleep(time).await;
                let wires = world.wires.borrow().clone();
                if !wires.is_empty() {
                    world.random.pick(&wires).query(&world.random);
                }
            }));
        }
    }

    /// Once every owner is done, nothing is left of any transaction.
    fn check_tables(&self) {
        for wire in self.wires.borrow().iter() {
            wire.check_tables();
        }
    }

    /// Ends the connections.
    fn part(&self) {
        for wire in self.wires.borrow().iter().filter(|wire| wire.is_up()) {
            wire.part(self.plan.farewell);
        }
    }

    fn check_farewell(&self) {
        for wire in self.wires.borrow().iter() {
            wire.check_failures(self.plan.mood);
            assert!(lock(&wire.link).closed().is_some(), "a connection that is not driven is not closed");
        }
    }

    /// A summary of everything that has happened.
    pub(super) fn digest(&self) -> (u64, u64, Duration) {
        (self.steps.get(), self.activity.count(), self.timeline.elapsed())
    }
}
