//! One direction of a transport in memory: takes a little at a time, and delivers it later, cut elsewhere.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::random::Random;
use super::timeline::{Reason, Timeline};

/// How a direction behaves.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// The longest delay of a piece.
    pub(super) delay: Duration,
    /// The most octets under way.
    pub(super) window: usize,
    /// The most octets of one read and of one write.
    pub(super) grain: usize,
    /// How often a write stalls for nothing, in percent.
    pub(super) stalls: usize,
}

#[derive(Debug)]
struct Inner {
    line: Line,
    /// What is under way with the time of its arrival; an empty piece is the end.
    pieces: VecDeque<(Instant, Bytes)>,
    octets: usize,
    last: Instant,
    /// Nothing more is taken.
    closed: bool,
    /// The reader is gone: writing fails.
    abandoned: bool,
    /// The arrival that the reader will be woken for.
    expected: Option<Instant>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One direction; clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Pipe {
    inner: Rc<RefCell<Inner>>,
    timeline: Timeline,
    random: Random,
}

impl Pipe {
    pub(super) fn new(line: Line, timeline: &Timeline, random: &Random) -> Self {
        let inner = Inner {
            line,
            pieces: VecDeque::new(),
            octets: 0,
            last: timeline.now(),
            closed: false,
            abandoned: false,
            expected: None,
            reader: None,
            writer: None,
        };
        Self { inner: Rc::new(RefCell::new(inner)), timeline: timeline.clone(), random: random.clone() }
    }

    pub(super) fn poll_write(&self, cx: &Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut inner = self.inner.borrow_mut();
        if inner.closed || inner.abandoned {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.random.percent(inner.line.stalls) {
            let until =
                self.timeline.now() + self.random.duration(inner.line.delay) + Duration::from_micros(1);
            self.timeline.wake_at(until, cx.waker(), Reason::Work);
            return Poll::Pending;
        }
        let room = inner.line.window.saturating_sub(inner.octets).min(inner.line.grain);
        if room == 0 {
            inner.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let octets = first(slices, self.random.within(1..=room));
        let size = octets.len();
        self.send(&mut inner, octets);
        Poll::Ready(Ok(size))
    }

    /// Puts a piece on its way, after those before it.
    fn send(&self, inner: &mut Inner, octets: Bytes) {
        inner.octets += octets.len();
        inner.last = inner.last.max(self.timeline.now() + self.random.duration(inner.line.delay));
        let arrival = inner.last;
        inner.pieces.push_back((arrival, octets));
        if let Some(reader) = inner.reader.take() {
            inner.expected = Some(arrival);
            self.timeline.wake_at(arrival, &reader, Reason::Work);
        }
    }

    pub(super) fn poll_read(&self, cx: &Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut inner = self.inner.borrow_mut();
        let now = self.timeline.now();
        let most = self.random.within(1..=inner.line.grain);
        let (mut taken, mut ended) = (0, false);
        while taken < most
            && let Some((arrival, piece)) = inner.pieces.front_mut()
            && *arrival <= now
        {
            if piece.is_empty() {
                ended = true;
                break;
            }
            let part = piece.split_to(piece.len().min(most - taken));
            taken += part.len();
            buffer.extend_from_slice(&part);
            if piece.is_empty() {
                inner.pieces.pop_front();
            }
        }
        if taken == 0 && !ended {
            match inner.pieces.front().map(|(arrival, _)| *arrival) {
                Some(arrival) if inner.expected != Some(arrival) => {
                    inner.expected = Some(arrival);
                    self.timeline.wake_at(arrival, cx.waker(), Reason::Work);
                }
                Some(_) => {}
                None => inner.reader = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        inner.octets -= taken;
        if let Some(writer) = inner.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(taken))
    }

    /// The writer sends nothing more.
    pub(super) fn close(&self) {
        let mut inner = self.inner.borrow_mut();
        if !inner.closed {
            inner.closed = true;
            self.send(&mut inner, Bytes::new());
        }
    }

    /// The reader reads nothing more.
    pub(super) fn abandon(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.abandoned = true;
        inner.pieces.clear();
        if let Some(writer) = inner.writer.take() {
            writer.wake();
        }
    }

    /// The transport fails: of what is under way only the first `left` octets arrive.
    pub(super) fn cut(&self, mut left: usize) {
        let mut inner = self.inner.borrow_mut();
        if inner.closed {
            return;
        }
        inner.pieces.retain_mut(|(_, piece)| {
            piece.truncate(left);
            left -= piece.len();
            !piece.is_empty()
        });
        inner.octets = inner.pieces.iter().map(|(_, piece)| piece.len()).sum();
        inner.closed = true;
        if let Some(writer) = inner.writer.take() {
            writer.wake();
        }
        self.send(&mut inner, Bytes::new());
    }

    /// Octets under way.
    pub(super) fn octets(&self) -> usize {
        self.inner.borrow().octets
    }
}

fn first(slices: &[IoSlice<'_>], most: usize) -> Bytes {
    let mut octets = BytesMut::with_capacity(most);
    for slice in slices {
        let size = slice.len().min(most - octets.len());
        octets.extend_from_slice(&slice[..size]);
    }
    octets.freeze()
}
