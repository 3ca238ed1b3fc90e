//! What holds for every chain, however the body is cut and the calls interleave.

mod support;

use std::sync::Arc;

use opes_sdk::{Adapted, Body, Chain, Context, Needs, Segment, Service, ServiceFactory, Step, async_service};
use proptest::{collection::vec, prelude::*};
use support::*;

/// The services that chains are made of; none depends on how the body is cut.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Echo,
    Delay(usize),
    Doze,
    Look(Body),
    Echoed(Body),
    Unchanged,
    Shout,
    Double,
    Behead(usize),
}

impl Kind {
    fn keeps_the_body(self) -> bool {
        !matches!(self, Self::Shout | Self::Double | Self::Behead(_))
    }

    fn factory(self) -> Arc<dyn ServiceFactory> {
        match self {
            Self::Echo => shared(|_| Echo),
            Self::Delay(n) => shared(move |_| Delay(n, Default::default())),
            Self::Doze => shared(|_| Doze(Vec::new())),
            Self::Look(body) => log(Needs { body, ..Needs::look() }).0,
            Self::Echoed(body) => log(wants(body)).0,
            Self::Unchanged => {
                Arc::new(async_service("http://s.example/", 1 << 20, |_| async { Ok(Adapted::Unchanged) }))
            }
            Self::Shout => shared(|_| Shout),
            Self::Double => shared(|_| Double),
            Self::Behead(n) => shared(move |_| Behead(n + 1)),
        }
    }
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![Just(Body::Streamed), (0..30u64).prop_map(Body::First), Just(Body::Whole { limit: 1 << 20 }),]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Echo),
        (0..20usize).prop_map(Kind::Delay),
        Just(Kind::Doze),
        body().prop_map(Kind::Look),
        body().prop_map(Kind::Echoed),
        Just(Kind::Unchanged),
        Just(Kind::Shout),
        Just(Kind::Double),
        (0..20usize).prop_map(Kind::Behead),
    ]
}

/// What the host does after a push.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Nothing,
    Pull,
    Resume,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![Just(Turn::Nothing), Just(Turn::Pull), Just(Turn::Resume)]
}

/// A host that records what it pulled and what the chain promised on the way.
#[derive(Default)]
struct Host {
    pulled: Vec<Segment>,
    /// How much was pulled when the chain said that the rest is the original from an offset.
    promises: Vec<(usize, u64)>,
    said_unmodified: bool,
}

impl Host {
    fn take(&mut self, segment: Segment) {
        self.pulled.push(segment);
    }

    fn look(&mut self, chain: &Chain) {
        self.said_unmodified |= !chain.modifies();
        if chain.only_looks() {
            self.promises.push((self.octets().len(), chain.offset()));
        }
    }

    fn act(&mut self, chain: &mut Chain, turn: Turn) {
        match turn {
            Turn::Nothing => {}
            Turn::Pull => chain.pull().into_iter().for_each(|segment| self.take(segment)),
            Turn::Resume => chain.resume(),
        }
        self.look(chain);
    }

    fn octets(&self) -> Vec<u8> {
        self.pulled.iter().flat_map(|segment| segment.octets.to_vec()).collect()
    }
}

/// Runs the body through a chain of these services, cut and interleaved by the script.
fn run(kinds: &[Kind], body: &[u8], script: &[(usize, Turn)]) -> (Chain, Host) {
    let factories: Vec<_> = kinds.iter().map(|kind| kind.factory()).collect();
    let mut chain = started(&factories);
    let mut host = Host::default();
    host.look(&chain);
    let mut rest = bytes::Bytes::copy_from_slice(body);
    for &(cut, turn) in script {
        chain.push(rest.split_to(cut.min(rest.len())));
        host.act(&mut chain, turn);
    }
    chain.push(rest);
    host.look(&chain);
    chain.finish();
    host.look(&chain);
    while !chain.finished() && chain.failure().is_none() {
        host.act(&mut chain, Turn::Pull);
        host.act(&mut chain, Turn::Resume);
    }
    (chain, host)
}

proptest! {
    #[test]
    fn cuts_and_turns_make_no_difference(
        kinds in vec(kind(), 0..5),
        body in "[a-c]{0,80}",
        script in vec((0..20usize, turn()), 0..12),
    ) {
        let body = body.as_bytes();
        let (whole, reference) = run(&kinds, body, &[]);
        let (chain, host) = run(&kinds, body, &script);
        let adapted = host.octets();
        prop_assert_eq!(&adapted, &reference.octets());
        prop_assert_eq!(chain.failure(), None);
        prop_assert_eq!(chain.buffered(), 0);
        prop_assert!(chain.decided() && chain.has_left());

        for segment in host.pulled.iter().filter(|segment| segment.original.is_some()) {
            let offset = usize::try_from(segment.original.unwrap()).unwrap();
            prop_assert_eq!(&segment.octets[..], &body[offset..offset + segment.len()]);
        }

        prop_assert_eq!(chain.modified(), whole.modified());
        if kinds.iter().all(|kind| kind.keeps_the_body()) {
            prop_assert!(!chain.modified());
        }
        prop_assert!(chain.modified() || adapted == body);
        prop_assert!(!(host.said_unmodified && chain.modified()));

        for (pulled, offset) in host.promises {
            prop_assert_eq!(&adapted[pulled..], &body[usize::try_from(offset).unwrap()..]);
        }
    }

    #[test]
    fn what_is_buffered_is_what_came_in_and_did_not_go_out(
        kinds in vec(kind().prop_filter("keeps the body", |kind| kind.keeps_the_body()), 0..5),
        script in vec((0..20usize, turn()), 0..12),
    ) {
        // A service that holds octets without saying so is not counted: Doze, until it is resumed. What one that
        // looks gathers went out already and is held beside.
        let counted = |kind: &Kind| {
            !matches!(kind, Kind::Doze | Kind::Look(Body::First(_)) | Kind::Look(Body::Whole { .. }))
        };
        let kinds: Vec<_> = kinds.into_iter().filter(counted).collect();
        let factories: Vec<_> = kinds.iter().map(|kind| kind.factory()).collect();
        let mut chain = started(&factories);
        let mut host = Host::default();
        let mut pushed = 0;
        for (cut, turn) in script {
            chain.push(vec![b'a'; cut].into());
            pushed += cut;
            host.act(&mut chain, turn);
            prop_assert_eq!(chain.buffered(), (pushed - host.octets().len()) as u64);
            prop_assert!(chain.gathered() <= chain.buffered());
        }
    }

    #[test]
    fn a_service_that_looks_never_holds_the_flow(body in body(), cuts in vec(1..20usize, 1..12)) {
        let mut chain = started(&[Kind::Look(body).factory(), Kind::Look(body).factory()]);
        for cut in cuts {
            chain.push(vec![b'a'; cut].into());
            prop_assert_eq!(chain.pull().map(|segment| segment.len()), Some(cut));
            prop_assert!(chain.only_looks());
        }
    }

    #[test]
    fn hostile_offsets_do_no_harm(offsets in vec(any::<Option<u64>>(), 0..6)) {
        struct Liar(Vec<Option<u64>>);
        impl Service for Liar {
            fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
                let octets = segment.octets;
                self.0.drain(..).for_each(|original| cx.emit(Segment { octets: octets.clone(), original }));
                Step::Leave
            }
        }
        let mut chain = started(&[shared(move |_| Liar(offsets.clone())), shared(|_| Double)]);
        chain.push("abc".into());
        chain.finish();
        drain(&mut chain);
        prop_assert!(chain.finished());
    }
}
