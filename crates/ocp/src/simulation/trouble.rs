//! What disturbs a connection, and how it ends.

use ocp_proto::message::Xid;

use super::pipe::Pipe;
use super::plan::{Farewell, Fault};
use super::random::Random;
use super::wire::Wire;
use crate::driver::lock;

impl Wire {
    /// Lets something happen to the connection.
    pub(super) fn strike(&self, fault: Fault, random: &Random) {
        let cut = |pipe: &Pipe| pipe.cut(random.within(0..=pipe.octets()));
        match fault {
            Fault::ServerDrains => lock(&self.host).drain(),
            Fault::ServerStops => lock(&self.host).stop(),
            Fault::ClientDrains => lock(&self.link).drain(),
            Fault::ClientStops => lock(&self.link).stop("the processor stops"),
            Fault::Cut { from_client: true } => cut(&self.from_client),
            Fault::Cut { from_client: false } => cut(&self.from_server),
            Fault::Reset => {
                cut(&self.from_client);
                cut(&self.from_server);
            }
            Fault::Exhausted { left } => lock(&self.link).use_up(left),
        }
    }

    /// Lets one agent ask the other how far some transaction is.
    pub(super) fn query(&self, random: &Random) {
        let xid = Some(Xid(random.within(0..=8) as u64));
        match random.percent(50) {
            true => lock(&self.link).query(xid),
            false => lock(&self.host).query(xid),
        }
    }

    /// Ends the connection, or lets time do it.
    pub(super) fn part(&self, farewell: Farewell) {
        match farewell {
            Farewell::ClientDrains => lock(&self.link).drain(),
            Farewell::ServerDrains => lock(&self.host).drain(),
            Farewell::ClientStops => lock(&self.link).stop("the processor stops"),
            Farewell::ServerStops => lock(&self.host).stop(),
            Farewell::Idle => {}
        }
    }
}
