//! A million records: what one costs on the path of a message and on the writer's thread, what it takes on the disk,
//! and how long it takes to find one, and to open the file after a crash.
//!
//! `cargo bench -p opes-record --profile dist [-- FOLDER RECORDS]`. The folder must not exist.

#![allow(clippy::unwrap_used)] // what cannot be measured ends the measurement

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use opes_record::{
    ClientDetail, Direction, Journal, JournalOptions, Outcome, Parameter, Place, Point, Record, RuleMatch,
    ServiceUse, Span, Store, Text, TraceId, TraceIds,
};

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let folder = arguments.next().map_or_else(temporary, PathBuf::from);
    let records = arguments.next().map_or(1_000_000, |records| records.parse().unwrap());
    let open = || {
        let began = Instant::now();
        let journal = Journal::open(JournalOptions::new(&folder)).unwrap();
        println!("open: {:?}", began.elapsed());
        journal
    };
    let journal = open();
    let ids = fill(&journal, records);
    find(&journal, &ids);
    println!("{} octets on disk for each record", journal.counts().octets / ids.len() as u64);
    steady(&journal);
    let copy = folder.with_extension("crashed");
    copy_files(&folder, &copy);
    drop(journal);
    open();

    let began = Instant::now();
    let crashed = Journal::open(JournalOptions::new(&copy)).unwrap();
    println!("open after a crash: {:?}", began.elapsed());
    find(&crashed, &ids);
    drop(crashed);
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::remove_dir_all(&copy).unwrap();
}

/// Fills the journal, at most as fast as it writes.
fn fill(journal: &Journal, records: usize) -> Vec<TraceId> {
    let shared = Shared::new();
    let (began, cpu) = (Instant::now(), Cpu::now());
    let mut building = Duration::ZERO;
    let mut ids = Vec::with_capacity(records);
    while ids.len() < records {
        let one = Instant::now();
        for _ in 0..2_000 {
            let record = shared.record();
            ids.push(record.id);
            assert!(journal.submit(record).is_taken());
        }
        building += one.elapsed();
        assert!(journal.flush(Duration::from_secs(60)));
    }
    let (cpu, each) = (cpu.since(), |time: Duration| time / records as u32);
    println!("{records} records in {:?}", began.elapsed());
    println!("  build and submit: {:?} each", each(building));
    println!("  CPU of all threads: {:?} each", each(cpu));
    ids
}

/// 2,000 records in a second, as they come from a proxy.
fn steady(journal: &Journal) {
    let shared = Shared::new();
    let (began, cpu) = (Instant::now(), Cpu::now());
    for tick in 1..=2_000 {
        for _ in 0..10 {
            let _ = journal.submit(shared.record());
        }
        std::thread::sleep((Duration::from_millis(5) * tick).saturating_sub(began.elapsed()));
    }
    let spent = cpu.since().as_secs_f64() / began.elapsed().as_secs_f64();
    let dropped = journal.counts().dropped.total();
    println!("2,000 records/s: {:.2} % of a core, {dropped} dropped", spent * 100.0);
}

fn find(journal: &Journal, ids: &[TraceId]) {
    let mut times: Vec<_> = (0..10_000)
        .map(|turn| {
            // A prime step visits all parts of the file.
            let id = ids[turn * 7_919 % ids.len()];
            let began = Instant::now();
            assert_eq!(journal.find(id).unwrap().unwrap().id, id);
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "lookup: median {:?}, 99 % {:?}, most {:?}",
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times.last().unwrap()
    );
}

/// What a snapshot of the rules owns.
struct Shared {
    ids: TraceIds,
    rule: Text,
    service: Text,
    place: Place,
}

impl Shared {
    fn new() -> Self {
        Self {
            ids: TraceIds::new(),
            rule: Text::new("responses with html"),
            service: Text::new("http://opes.example.com/services/insert-notice"),
            place: Place::Callout { name: "adapters".into(), address: "192.0.2.10:1344".into() },
        }
    }

    fn record(&self) -> Record {
        let id = self.ids.make();
        let mut record = Record::new(id, id.millis(), Direction::Response, Text::constant("GET"));
        record.uri = Some("http://www.example.com/news/2026/11/an-article.html".into());
        record.client = ClientDetail::Truncated.of([192, 0, 2, 7].into());
        record.status = Some(200);
        record.outcome = Outcome::Adapted;
        record.rules.push(RuleMatch { rule: self.rule.clone(), point: Point::ResponseIn });
        for verdict in ["inserted", "3 replaced"] {
            let mut service = ServiceUse {
                result: Some(200),
                octets_in: 10_240,
                octets_out: 10_400,
                span: Some(Span { start: 310, end: 4_700 }),
                verdict: Some(verdict.into()),
                ..ServiceUse::new(self.service.clone(), self.place.clone())
            };
            service.parameters.push(Parameter { name: "count".into(), value: "3".into() });
            record.services.push(service);
        }
        record.trace.push(format!("http://opes.example.com/system;id={id}").into());
        record.trace.push(
            "http://opes.example.com/system/processor, http://opes.example.com/services/insert-notice".into(),
        );
        (record.octets_in, record.octets_out, record.micros) = (10_240, 10_400, 5_100);
        record
    }
}

/// The processor time of all threads of this process.
struct Cpu(Duration);

impl Cpu {
    fn now() -> Self {
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        let of = |path: &Path| std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let nanos = |text: String| text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        Self(Duration::from_nanos(threads.map(|thread| nanos(of(&thread.unwrap().path()))).sum()))
    }

    fn since(&self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

fn temporary() -> PathBuf {
    std::env::temp_dir().join(format!("opes-record-{}", std::process::id()))
}

/// The files as they are: what a crash leaves.
fn copy_files(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
