//! What services and their hosts record, in the trace of the processor.

use opes_sdk::TraceRecord;

use super::{Entry, Trace, same_agent};

impl Trace {
    /// Takes records of services and their hosts (`proto-spec/extensions/trace-records.md`) into the entries of the
    /// services; a record of another agent becomes an entry of its own behind them. Says how many records have no agent
    /// that can stand in a trace, and so were left out.
    ///
    /// A service that is applied several times has an entry for each time: a parameter that the first of them has
    /// already goes to the next.
    pub fn add_records(&mut self, records: &[TraceRecord]) -> usize {
        let mut left_out = 0;
        for record in records {
            let Ok(entry) = Entry::try_from(record) else {
                left_out += 1;
                continue;
            };
            match self.entry_for(&entry) {
                Some(service) => service.parameters.extend(entry.parameters),
                None => self.services.push(entry),
            }
        }
        left_out
    }

    /// The service's entry that takes these parameters: the first that has none of them yet, else the last.
    fn entry_for(&mut self, record: &Entry) -> Option<&mut Entry> {
        let names = |entry: &Entry, name: &str| {
            entry.parameters.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let fresh = |entry: &Entry| !record.parameters.iter().any(|(name, _)| names(entry, name));
        let own: Vec<_> = (0..self.services.len())
            .filter(|index| same_agent(self.services[*index].agent.as_str(), record.agent.as_str()))
            .collect();
        let first = own.iter().copied().find(|index| fresh(&self.services[*index]));
        let index = first.or_else(|| own.last().copied())?;
        self.services.get_mut(index)
    }
}
