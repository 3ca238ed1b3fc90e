//! Services and a host for the tests of the chain.

#![allow(dead_code, unreachable_pub)]

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
};

use bytes::Bytes;
use opes_sdk::{
    Attributes, Body, Chain, Context, Decision, Needs, Segment, Service, ServiceFactory, Step, factory,
};

/// Passes everything.
pub struct Echo;

impl Service for Echo {
    fn needs(&self) -> Needs {
        Needs { modifies: false, ..Needs::default() }
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(segment);
        Step::Continue
    }
}

/// Emits upper case.
pub struct Shout;

impl Service for Shout {
    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(Segment::new(segment.octets.to_ascii_uppercase()));
        Step::Continue
    }
}

/// Doubles each octet `a`, one octet at a time.
pub struct Double;

impl Service for Double {
    fn push(&mut self, cx: &mut Context<'_>, mut segment: Segment) -> Step {
        while !segment.is_empty() {
            let octet = segment.split_to(1);
            if octet.octets == "a" {
                cx.emit(Segment::new("a"));
            }
            cx.emit(octet);
        }
        Step::Continue
    }
}

/// Passes everything, always so many octets late.
pub struct Delay(pub usize, pub VecDeque<Segment>);

impl Delay {
    fn octets(&self) -> usize {
        self.1.iter().map(Segment::len).sum()
    }

    fn release(&mut self, cx: &mut Context<'_>, keep: usize) {
        while self.octets() > keep {
            let surplus = self.octets() - keep;
            let Some(mut front) = self.1.pop_front() else {
                return;
            };
            cx.emit(front.split_to(surplus));
            if !front.is_empty() {
                self.1.push_front(front);
            }
        }
    }
}

impl Service for Delay {
    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        self.1.push_back(segment);
        self.release(cx, self.0);
        Step::Continue
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        self.release(cx, 0);
        Step::Continue
    }

    fn held(&self) -> u64 {
        self.octets() as u64
    }
}

/// Drops the first octets, and leaves.
pub struct Behead(pub usize);

impl Service for Behead {
    fn push(&mut self, cx: &mut Context<'_>, mut segment: Segment) -> Step {
        self.0 -= segment.split_to(self.0).len();
        if self.0 > 0 {
            return Step::Continue;
        }
        cx.emit(segment);
        Step::Leave
    }
}

/// Waits at its start, after each push, and at its finish; passes what it got only when resumed.
pub struct Doze(pub Vec<Segment>);

impl Service for Doze {
    fn start(&mut self, _: &mut Context<'_>) -> Step {
        Step::Wait
    }

    fn push(&mut self, _: &mut Context<'_>, segment: Segment) -> Step {
        self.0.push(segment);
        Step::Wait
    }

    fn finish(&mut self, _: &mut Context<'_>) -> Step {
        Step::Wait
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Step {
        self.0.drain(..).for_each(|segment| cx.emit(segment));
        Step::Continue
    }
}

/// Notes what it is called with and passes it; has the given needs.
pub struct Log {
    pub needs: Needs,
    pub notes: Arc<Mutex<Vec<String>>>,
}

impl Log {
    fn note(&self, note: String) -> Step {
        self.notes.lock().map_or(Step::Wait, |mut notes| {
            notes.push(note);
            Step::Continue
        })
    }
}

impl Service for Log {
    fn needs(&self) -> Needs {
        self.needs
    }

    fn start(&mut self, _: &mut Context<'_>) -> Step {
        self.note("start".into())
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        let step = self.note(format!("{:?}@{:?}", segment.octets, segment.original));
        cx.emit(segment);
        step
    }

    fn finish(&mut self, _: &mut Context<'_>) -> Step {
        self.note("finish".into())
    }
}

/// A log and the notes it will take.
pub fn log(needs: Needs) -> (Arc<dyn ServiceFactory>, Arc<Mutex<Vec<String>>>) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&notes);
    (shared(move |_| Log { needs, notes: Arc::clone(&notes) }), taken)
}

/// A service made of a function for each call.
pub struct Script<S, P> {
    pub needs: Needs,
    pub start: S,
    pub push: P,
}

impl<S, P> Service for Script<S, P>
where
    S: FnMut(&mut Context<'_>) -> Step + Send,
    P: FnMut(&mut Context<'_>, Segment) -> Step + Send,
{
    fn needs(&self) -> Needs {
        self.needs
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Step {
        (self.start)(cx)
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        (self.push)(cx, segment)
    }
}

/// A script with these needs that runs one function at its start and echoes.
pub fn at_start(needs: Needs, start: fn(&mut Context<'_>) -> Step) -> Arc<dyn ServiceFactory> {
    shared(move |_| Script { needs, start, push: |cx: &mut Context<'_>, segment| Echo.push(cx, segment) })
}

/// A script with these needs that runs one function at each push.
pub fn at_push(needs: Needs, push: fn(&mut Context<'_>, Segment) -> Step) -> Arc<dyn ServiceFactory> {
    shared(move |_| Script { needs, start: |_: &mut Context<'_>| Step::Continue, push })
}

pub fn shared<S: Service + 'static>(
    build: impl Fn(&Attributes) -> S + Send + Sync + 'static,
) -> Arc<dyn ServiceFactory> {
    Arc::new(factory("http://s.example/test", build))
}

pub fn later() -> Needs {
    Needs { decides: Decision::Later, ..Needs::default() }
}

pub fn wants(body: Body) -> Needs {
    Needs { body, ..Needs::default() }
}

/// A started chain.
pub fn started(factories: &[Arc<dyn ServiceFactory>]) -> Chain {
    let mut chain = Chain::new(factories, Attributes::default(), Waker::noop().clone());
    chain.start();
    chain
}

/// Everything that can be pulled now.
pub fn drain(chain: &mut Chain) -> Vec<Segment> {
    std::iter::from_fn(|| chain.pull()).collect()
}

/// The octets of everything that can be pulled now.
pub fn octets(chain: &mut Chain) -> Bytes {
    drain(chain).iter().flat_map(|segment| segment.octets.to_vec()).collect()
}

/// A waker that counts.
#[derive(Default)]
pub struct Bell(pub AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    pub fn rung(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
