//! The owners of transactions: what a processor does with a message, now and then slowly, now and then not at all.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use ocp_proto::message::Xid;
use opes_profile::http::{Part, Profile};

use super::messages::{Ending, MessagePlan, Pace};
use super::oracle::{Expected, Parts};
use super::plan::Mood;
use super::received::Received;
use super::wire::Wire;
use super::world::World;
use crate::client::{ClientError, LinkId, Transaction, TransactionError};
use crate::driver::lock;

/// How long an owner waits for the server once its original has failed.
const PATIENCE: Duration = Duration::from_millis(500);

/// How a transaction ended for its owner.
#[derive(Debug, Clone)]
enum Fate {
    Ended,
    Failed { error: TransactionError, started: bool },
    Dropped,
}

/// One transaction in the hands of its owner, who gives and takes at the same time.
struct Attempt {
    world: Rc<World>,
    number: usize,
    wire: Rc<Wire>,
    transaction: RefCell<Option<Transaction>>,
    original: Parts,
    given: Cell<usize>,
    original_failed: Cell<bool>,
    fate: RefCell<Option<Fate>>,
    waiter: RefCell<Option<Waker>>,
}

/// Brings one message through the server, trying again where the plan says so.
pub(super) async fn own(world: Rc<World>, number: usize) {
    let plan = world.plan.messages[number].clone();
    let expected = plan.expected(&world.plan.groups[plan.group]);
    world.timeline.sleep(plan.start).await;
    let mut avoid = None;
    loop {
        match attempt(&world, number, &expected, avoid).await {
            Some(link) if plan.retries && avoid.is_none() => avoid = Some(link),
            _ => break,
        }
    }
    world.done(number);
}

/// One attempt; the link to avoid when it was refused before it was taken up.
async fn attempt(
    world: &Rc<World>,
    number: usize,
    expected: &Expected,
    avoid: Option<LinkId>,
) -> Option<LinkId> {
    let plan = &world.plan.messages[number];
    let spec = &world.plan.groups[plan.group].spec;
    let length = plan.length_known.then_some(plan.message.body.len() as u64);
    let transaction = match world.begin(spec, length, avoid).await {
        Ok(transaction) => transaction,
        Err(error) => {
            check_start(world, &error);
            return None;
        }
    };
    let wire = world.wire(transaction.link());
    let original = original(plan, &transaction);
    let attempt = Rc::new(Attempt {
        world: Rc::clone(world),
        number,
        wire,
        transaction: RefCell::new(Some(transaction)),
        original,
        given: Cell::new(0),
        original_failed: Cell::new(false),
        fate: RefCell::new(None),
        waiter: RefCell::new(None),
    });
    world.spawn(Box::pin(Rc::clone(&attempt).give()));
    world.spawn(Box::pin(Rc::clone(&attempt).take(Received::new(
        expected,
        plan.parts(),
        attempt.xid(),
        Rc::clone(&attempt.wire.given),
    ))));
    if let Ending::DropAfter(time) = plan.ending {
        let attempt = Rc::clone(&attempt);
        world.spawn(Box::pin(async move {
            attempt.world.timeline.sleep(time).await;
            attempt.finish(Fate::Dropped);
        }));
    }
    let fate = attempt.fate().await;
    attempt.check(&fate, expected);
    world.timeline.sleep(plan.linger).await;
    attempt.drop_transaction(&fate);
    match fate {
        Fate::Failed { error: TransactionError::Refused(_) | TransactionError::Lost(_), started: false } => {
            Some(attempt.wire.id)
        }
        _ => None,
    }
}

/// Without faults every transaction can be started.
fn check_start(world: &World, error: &ClientError) {
    assert!(world.plan.mood != Mood::Calm, "a transaction could not be started: {error}");
}

/// The original flow in its parts: auxiliary ones as negotiated.
fn original(plan: &MessagePlan, transaction: &Transaction) -> Parts {
    let mut parts = plan.parts();
    let aux = transaction.settings().aux;
    if plan.message.profile == Profile::Response && aux.contains(Part::RequestHeader) {
        parts.insert(0, (Part::RequestHeader, plan.request_head.clone()));
    }
    parts
}

impl MessagePlan {
    fn parts(&self) -> Parts {
        let message = &self.message;
        let profile = message.profile;
        vec![
            (profile.header(), message.head.clone()),
            (profile.body(), message.body.clone()),
            (profile.trailer(), message.trailer.clone()),
        ]
    }
}

impl Attempt {
    fn plan(&self) -> &MessagePlan {
        &self.world.plan.messages[self.number]
    }

    fn xid(&self) -> Xid {
        Xid(self.transaction.borrow().as_ref().map_or(0, Transaction::xid))
    }

    async fn pause(&self, pace: Pace) {
        if self.world.random.percent(pace.percent) {
            self.world.timeline.sleep(self.world.random.duration(pace.most)).await;
        }
    }

    /// What `act` says of the transaction, once it is ready; `None` when the transaction was dropped.
    async fn with<R>(&self, act: impl Fn(&Transaction, &Context<'_>) -> Poll<R>) -> Option<R> {
        let ready = poll_fn(|cx| match &*self.transaction.borrow() {
            Some(transaction) => act(transaction, cx).map(Some),
            None => Poll::Ready(None),
        });
        let answer = ready.await;
        if answer.is_some() {
            self.world.activity.note();
        }
        answer
    }

    /// Gives the original in pieces, as there is room.
    async fn give(self: Rc<Self>) {
        let plan = self.plan();
        for (part, mut octets) in self.original.clone() {
            let mut first = true;
            while !octets.is_empty() || (first && part.is_body() && self.world.random.percent(20)) {
                first = false;
                self.pause(plan.giving).await;
                if self.with(|transaction, cx| transaction.poll_room(cx)).await.is_none() {
                    return;
                }
                let size = octets.len().min(self.world.random.within(1..=plan.grain));
                self.send(part, octets.split_to(size));
                if self.give_up(plan.ending) {
                    // An owner whose original has failed does not wait for ever.
                    self.world.timeline.sleep(PATIENCE).await;
                    return self.finish(Fate::Dropped);
                }
            }
        }
        if let Some(transaction) = &*self.transaction.borrow() {
            transaction.complete();
        }
    }

    fn send(&self, part: Part, octets: Bytes) {
        let transaction = self.transaction.borrow();
        let Some(transaction) = &*transaction else { return };
        let mut given = self.wire.given.borrow_mut();
        given.entry(transaction.xid()).or_default().extend_from_slice(&octets);
        drop(given);
        self.given.set(self.given.get() + octets.len());
        transaction.send(part, octets).expect("a message of this size fits");
    }

    /// Whether the original ends here.
    fn give_up(&self, ending: Ending) -> bool {
        match ending {
            Ending::DropGiven(octets) if self.given.get() >= octets => self.finish(Fate::Dropped),
            Ending::FailGiven(octets) if self.given.get() >= octets => self.fail_original(),
            _ => return false,
        }
        true
    }

    /// The original fails: the server is told, where it still listens.
    fn fail_original(&self) {
        let transaction = self.transaction.borrow();
        let listens = transaction.as_ref().filter(|transaction| transaction.wants_original());
        let xid = listens.map(Transaction::xid);
        drop(transaction);
        match xid {
            None => self.finish(Fate::Dropped),
            Some(xid) => {
                self.original_failed.set(true);
                lock(&self.wire.link).fail_original(Xid(xid));
            }
        }
    }

    /// Takes the adapted message.
    async fn take(self: Rc<Self>, mut received: Received) {
        let plan = self.plan();
        loop {
            self.pause(plan.taking).await;
            let Some(next) = self.with(|transaction, cx| transaction.poll_next(cx)).await else { return };
            match next {
                Ok(adapted) => {
                    if received.accept(adapted) {
                        if plan.hears_notes {
                            self.hear_notes(&mut received).await;
                        }
                        return self.finish(Fate::Ended);
                    }
                }
                Err(error) => {
                    return self.finish(Fate::Failed { error, started: received.has_started() });
                }
            }
            if matches!(plan.ending, Ending::DropTaken(octets) if received.octets >= octets) {
                return self.finish(Fate::Dropped);
            }
        }
    }

    /// Waits for what the server says last: where it records anything, the result of every service.
    async fn hear_notes(&self, received: &mut Received) {
        let heard = self.with(|transaction, cx| transaction.poll_notes(cx)).await;
        received.hear(heard.flatten());
        let plan = &self.world.plan;
        if plan.mood == Mood::Calm {
            let services = plan.groups[self.plan().group].chain.len();
            let expected = if plan.records && plan.wants_request { services } else { 0 };
            assert_eq!(received.results, expected, "message {}: results of services", self.number);
        }
    }

    fn finish(&self, fate: Fate) {
        self.fate.borrow_mut().get_or_insert(fate);
        if let Some(waiter) = self.waiter.borrow_mut().take() {
            waiter.wake();
        }
    }

    async fn fate(&self) -> Fate {
        poll_fn(|cx| match &*self.fate.borrow() {
            Some(fate) => Poll::Ready(fate.clone()),
            None => {
                *self.waiter.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// Whether this fate is one that the services, the owner and the faults can explain.
    fn check(&self, fate: &Fate, expected: &Expected) {
        let Fate::Failed { error, .. } = fate else { return };
        let mood = self.world.plan.mood;
        let explained = expected.may_fail || self.original_failed.get() || mood != Mood::Calm;
        assert!(explained, "message {} has failed for no reason: {error}", self.number);
        if let TransactionError::Broken(reason) = error {
            let in_time = mood != Mood::Hasty && reason.starts_with("no progress");
            assert!(!in_time && reason.starts_with("no progress"), "message {}: {reason}", self.number);
        }
    }

    /// Drops the transaction; nothing may come after its end.
    fn drop_transaction(&self, fate: &Fate) {
        let Some(transaction) = self.transaction.borrow_mut().take() else { return };
        let cx = Context::from_waker(Waker::noop());
        if matches!(fate, Fate::Ended) {
            let xid = Xid(transaction.xid());
            let exact = lock(&self.wire.link).is_over(xid);
            self.wire.crossed.borrow_mut().push((xid, transaction.crossed(), exact));
        }
        let more = if matches!(fate, Fate::Dropped) { None } else { Some(transaction.poll_next(&cx)) };
        match (fate, more) {
            (Fate::Ended, Some(Poll::Ready(more))) => panic!("something comes after the end: {more:?}"),
            (Fate::Failed { error, .. }, Some(Poll::Ready(Err(again)))) => assert_eq!(*error, again),
            (Fate::Failed { .. }, Some(more)) => panic!("something comes after the failure: {more:?}"),
            _ => {}
        }
    }
}
