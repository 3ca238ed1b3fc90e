//! Services made of async functions that take the payload as it comes.

use std::{
    fmt,
    future::{self, Future},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{self, Poll},
};

use crate::{Attributes, Context, Description, Failure, Needs, Refusal, Segment, Service, Step, TraceRecord};

/// Makes the service of one message of an async function that takes the payload piece by piece.
///
/// The function is called at the start of the message, with its attributes, and its future polled with the host's
/// waker; it brings its own reactor, if it needs one. While it waits for anything but [`Payload::next`], the service
/// waits ([`Step::Wait`]) and no payload is pushed. While it waits for the next piece, it is polled again when that
/// comes, or the end, and not before: so it should wait for nothing else at the same time. Where the message is given
/// up, the future is dropped.
///
/// ```
/// use opes_sdk::{Attributes, Ended, Needs, Payload, factory, streaming};
///
/// async fn echo(_: Attributes, mut payload: Payload) -> Result<Ended, opes_sdk::Failure> {
///     while let Some(segment) = payload.next().await {
///         payload.emit(segment);
///     }
///     Ok(Ended::Passes)
/// }
/// let service = factory("http://services.example.com/echo", |_: &Attributes| streaming(Needs::default(), echo));
/// ```
pub fn streaming<F, R>(needs: Needs, adapt: F) -> Streaming<F, R>
where
    F: FnOnce(Attributes, Payload) -> R + Send,
    R: Future<Output = Result<Ended, Failure>> + Send,
{
    Streaming { needs, adapt: Some(adapt), future: None, desk: Arc::default() }
}

/// How an async function is done with its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// What it has not taken of the payload passes unchanged.
    Passes,
    /// The message must not pass. Counts as a failure after the point of decision.
    Refused(Refusal),
}

/// An async function's side of its message: where the payload comes from and goes to.
#[derive(Debug)]
pub struct Payload {
    desk: Arc<Mutex<Desk>>,
}

impl Payload {
    /// The next piece, never empty; `None` once the payload is complete. Cancel safe: a piece is given or still there.
    pub async fn next(&mut self) -> Option<Segment> {
        future::poll_fn(|_| {
            let mut desk = self.desk();
            match desk.given.take() {
                Some(segment) => Poll::Ready(Some(segment)),
                None if desk.complete => Poll::Ready(None),
                None => {
                    desk.hungry = true;
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Emits a piece of adapted payload.
    pub fn emit(&mut self, segment: Segment) {
        self.desk().emitted.push(segment);
    }

    /// States how many octets of payload the function holds back from now on ([`Service::held`]).
    pub fn holds(&mut self, octets: u64) {
        self.desk().held = octets;
    }

    /// The point of decision has passed, once all that was said before is known to the host ([`Context::decide`]).
    pub fn decide(&mut self) {
        self.desk().decided = true;
    }

    /// Changes how the adapted payload is described ([`Context::describe`]).
    pub fn describe(&mut self, description: Description) {
        self.desk().descriptions.push(description);
    }

    /// Adds a record to the message's OPES trace.
    pub fn record(&mut self, record: TraceRecord) {
        self.desk().records.push(record);
    }

    /// Sets a variable ([`Context::set_variable`]).
    pub fn set_variable(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.desk().variables.push((name.into(), value.into()));
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }
}

/// What passes between the calls of the host and the function.
#[derive(Debug, Default)]
struct Desk {
    given: Option<Segment>,
    complete: bool,
    /// The function waits for the next piece.
    hungry: bool,
    emitted: Vec<Segment>,
    held: u64,
    decided: bool,
    descriptions: Vec<Description>,
    records: Vec<TraceRecord>,
    variables: Vec<(String, String)>,
}

impl Desk {
    /// Hands the host what the function has said.
    fn clear(&mut self, cx: &mut Context<'_>) {
        self.descriptions.drain(..).for_each(|description| cx.describe(description));
        self.variables.drain(..).for_each(|(name, value)| cx.set_variable(name, value));
        self.records.drain(..).for_each(|record| cx.record(record));
        self.emitted.drain(..).for_each(|segment| cx.emit(segment));
        if self.decided {
            cx.decide();
        }
    }
}

// A panic in between leaves nothing half done: each holder makes one step.
fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What [`streaming`] makes.
pub struct Streaming<F, R> {
    needs: Needs,
    /// Empty once the message has started.
    adapt: Option<F>,
    future: Option<Pin<Box<R>>>,
    desk: Arc<Mutex<Desk>>,
}

impl<F, R> fmt::Debug for Streaming<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").field("needs", &self.needs).finish_non_exhaustive()
    }
}

impl<F, R> Service for Streaming<F, R>
where
    F: FnOnce(Attributes, Payload) -> R + Send,
    R: Future<Output = Result<Ended, Failure>> + Send,
{
    fn needs(&self) -> Needs {
        self.needs
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Step {
        if let Some(adapt) = self.adapt.take() {
            let payload = Payload { desk: Arc::clone(&self.desk) };
            self.future = Some(Box::pin(adapt(cx.attributes().clone(), payload)));
        }
        self.resume(cx)
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        lock(&self.desk).given = Some(segment);
        self.resume(cx)
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        lock(&self.desk).complete = true;
        self.resume(cx)
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(future) = &mut self.future else {
            return Step::Leave;
        };
        lock(&self.desk).hungry = false;
        let polled = future.as_mut().poll(&mut task::Context::from_waker(cx.waker()));
        let mut desk = lock(&self.desk);
        desk.clear(cx);
        let ended = match polled {
            Poll::Pending if desk.hungry => return Step::Continue,
            Poll::Pending => return Step::Wait,
            Poll::Ready(ended) => ended,
        };
        let rest = mem::take(&mut *desk).given;
        drop(desk);
        self.future = None;
        match ended {
            Ok(Ended::Passes) => {
                rest.into_iter().for_each(|segment| cx.emit(segment));
                Step::Leave
            }
            Ok(Ended::Refused(refusal)) => Step::Refuse(refusal),
            Err(failure) => Step::Fail(failure),
        }
    }

    fn held(&self) -> u64 {
        let desk = lock(&self.desk);
        desk.held + desk.given.as_ref().map_or(0, |segment| segment.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        task::Waker,
    };

    use super::*;
    use crate::{Chain, Decision, factory};

    /// Something that a function waits for, until the test opens it.
    #[derive(Debug, Clone, Default)]
    struct Gate(Arc<AtomicBool>);

    impl Gate {
        fn open(&self) {
            self.0.store(true, Ordering::Relaxed);
        }

        async fn opened(&self) {
            future::poll_fn(|_| if self.0.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending })
                .await;
        }
    }

    fn chain<F, R>(adapt: F) -> Chain
    where
        F: Fn(Attributes, Payload) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<Ended, Failure>> + Send + 'static,
    {
        let needs = Needs { modifies: false, decides: Decision::Later, holds: 4, ..Needs::default() };
        let service = factory("urn:test", move |_: &Attributes| streaming(needs, adapt.clone()));
        let mut chain = Chain::new(&[Arc::new(service)], Attributes::default(), Waker::noop().clone());
        chain.start();
        chain
    }

    fn pulled(chain: &mut Chain) -> String {
        let mut octets = Vec::new();
        while let Some(segment) = chain.pull() {
            assert!(segment.original.is_some(), "still the original");
            octets.extend_from_slice(&segment.octets);
        }
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn pieces_come_as_they_are_pushed_and_the_end_after_them() {
        let mut chain = chain(|_, mut payload: Payload| async move {
            payload.decide();
            while let Some(segment) = payload.next().await {
                payload.emit(segment);
            }
            payload.record(TraceRecord::new("urn:test"));
            payload.set_variable("seen", "all");
            Ok(Ended::Passes)
        });
        assert!(chain.decided() && !chain.waiting());
        chain.push("ab".into());
        assert_eq!(pulled(&mut chain), "ab");
        chain.push("c".into());
        chain.finish();
        assert_eq!(pulled(&mut chain), "c");
        assert!(chain.finished() && !chain.modified());
        assert_eq!(chain.take_records(), [TraceRecord::new("urn:test")]);
        assert_eq!(chain.take_variables()["seen"], "all");
    }

    #[test]
    fn nothing_is_pushed_while_the_function_waits_for_something_else() {
        let gate = Gate::default();
        let inner = gate.clone();
        let mut chain = chain(move |_, mut payload: Payload| {
            let gate = inner.clone();
            async move {
                let first = payload.next().await;
                payload.holds(2);
                gate.opened().await;
                payload.holds(0);
                payload.emit(first.unwrap());
                assert_eq!(payload.next().await.map(|segment| segment.octets), Some("cd".into()));
                Ok(Ended::Refused(Refusal::new("seen enough")))
            }
        });
        chain.push("ab".into());
        chain.push("cd".into());
        assert!(chain.waiting() && !chain.decided());
        assert_eq!((chain.buffered(), chain.gathered()), (4, 2), "held as stated, and queued");
        chain.resume();
        assert!(chain.waiting(), "nobody has opened");
        gate.open();
        chain.resume();
        assert_eq!(chain.refusal(), Some(&Refusal::new("seen enough")));
    }

    #[test]
    fn what_the_function_left_passes() {
        let gate = Gate::default();
        let inner = gate.clone();
        let mut chain = chain(move |_, mut payload: Payload| {
            let gate = inner.clone();
            async move {
                let first = payload.next().await;
                payload.emit(first.unwrap());
                gate.opened().await;
                Ok(Ended::Passes)
            }
        });
        ["ab", "cd", "e"].into_iter().for_each(|piece| chain.push(piece.into()));
        assert_eq!(pulled(&mut chain), "ab");
        gate.open();
        chain.resume();
        assert_eq!(pulled(&mut chain), "cde");
        assert!(chain.has_left() && !chain.modified());
    }

    #[test]
    fn a_failure_of_the_function_fails_the_message_and_drops_it() {
        let mut chain = chain(|_, mut payload: Payload| async move {
            payload.next().await;
            Err(Failure::new("broken"))
        });
        chain.push("ab".into());
        assert_eq!(chain.failure(), Some(&Failure::new("broken")));
    }

    #[test]
    fn a_message_that_is_given_up_drops_the_function() {
        struct Told(Gate);
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.open();
            }
        }
        let gate = Gate::default();
        let inner = gate.clone();
        let mut chain = chain(move |_, mut payload: Payload| {
            let told = Told(inner.clone());
            async move {
                payload.next().await;
                let never = Gate::default();
                never.opened().await;
                drop(told);
                Ok(Ended::Passes)
            }
        });
        chain.push("ab".into());
        assert!(chain.waiting() && !gate.0.load(Ordering::Relaxed));
        chain.abort();
        assert!(gate.0.load(Ordering::Relaxed));
    }
}
