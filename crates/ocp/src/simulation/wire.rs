//! One simulated connection: a link and a host, a pipe for each direction, and a witness beside each agent.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use ocp_proto::Role;
use ocp_proto::message::Xid;

use super::end::{End, Surroundings};
use super::pipe::Pipe;
use super::plan::SidePlan;
use super::tasks::Job;
use super::witness::{Given, Preservation, Witness};
use crate::client::LinkId;
use crate::client::link::Link;
use crate::driver::lock;
use crate::pilot::Pilot;
use crate::server::host::Host;

/// A connection.
pub(super) struct Wire {
    pub(super) id: LinkId,
    pub(super) link: Arc<Mutex<Link>>,
    pub(super) host: Arc<Mutex<Host>>,
    pub(super) from_client: Pipe,
    pub(super) from_server: Pipe,
    pub(super) client: Rc<RefCell<Witness>>,
    pub(super) server: Rc<RefCell<Witness>>,
    pub(super) given: Given,
    /// What transactions that ended well say of how much of the original has crossed, and whether that was all.
    pub(super) crossed: RefCell<Vec<(Xid, u64, bool)>>,
    /// Ends that are still driven.
    pub(super) driven: Rc<Cell<usize>>,
}

/// What was said on all connections.
pub(super) type Journal = Rc<RefCell<VecDeque<String>>>;

impl Wire {
    pub(super) fn new(
        (id, link): (LinkId, Arc<Mutex<Link>>),
        host: Host,
        (client, server): (&SidePlan, &SidePlan),
        surroundings: &Surroundings,
        journal: Option<&Journal>,
    ) -> Self {
        let given = Given::default();
        let pipe =
            |side: &SidePlan| Pipe::new(side.line.clone(), &surroundings.timeline, &surroundings.random);
        let preservation = Preservation {
            transaction: client.limits.kept_per_transaction,
            connection: client.limits.kept_per_connection,
        };
        let witness = |role| {
            let mut witness = Witness::new(role, preservation, Rc::clone(&given));
            witness.journal = journal.cloned();
            Rc::new(RefCell::new(witness))
        };
        Self {
            id,
            link,
            host: Arc::new(Mutex::new(host)),
            from_client: pipe(client),
            from_server: pipe(server),
            client: witness(Role::Processor),
            server: witness(Role::Server),
            given,
            crossed: RefCell::default(),
            driven: Rc::new(Cell::new(2)),
        }
    }

    /// What drives the client's end.
    pub(super) fn client_job(&self, side: &SidePlan, surroundings: &Surroundings) -> Job {
        let pilot = Pilot::new(Arc::clone(&self.link), side.unsent);
        let pipes = (self.from_server.clone(), self.from_client.clone());
        let (link, most) = (Arc::clone(&self.link), side.budget.transaction);
        let check = Box::new(move |witness: &Witness| check_link(&lock(&link), witness, most));
        let end = End::new(surroundings.clone(), pilot, pipes, Rc::clone(&self.client), check);
        Box::pin(end.run())
    }

    /// What drives the server's end.
    pub(super) fn server_job(&self, side: &SidePlan, surroundings: &Surroundings) -> Job {
        let pilot = Pilot::new(Arc::clone(&self.host), side.unsent);
        let pipes = (self.from_client.clone(), self.from_server.clone());
        let (host, most) = (Arc::clone(&self.host), side.budget.transaction as u64);
        let check = Box::new(move |witness: &Witness| check_host(&lock(&host), witness, most));
        let end = End::new(surroundings.clone(), pilot, pipes, Rc::clone(&self.server), check);
        Box::pin(end.run())
    }

    /// Whether both ends are driven.
    pub(super) fn is_up(&self) -> bool {
        self.driven.get() == 2
    }
}

/// Whoever holds more than its budget has asked its peer to pause.
fn check_link(link: &Link, witness: &Witness, most: usize) {
    let census = link.census();
    let sum: usize = census.inboxes.iter().map(|(_, octets)| octets).sum();
    assert_eq!(census.held, sum, "the link has miscounted what it holds");
    for (xid, octets) in census.inboxes {
        // Nobody can be asked for a pause once the connection has ended.
        let over = link.closed().is_some() || link.goes_on_alone(xid);
        let held_back = over || witness.is_held_back(xid.0);
        assert!(octets <= most || held_back, "transaction {xid}: {octets} octets wait and no DWP was sent");
    }
}

fn check_host(host: &Host, witness: &Witness, most: u64) {
    for (xid, octets) in host.census() {
        let held_back = witness.is_held_back(xid.0);
        assert!(octets <= most || held_back, "transaction {xid}: {octets} octets wait and no DWP was sent");
    }
}
