//! The transactions that are under way on one connection.

use ocp_proto::codec::number;

/// Identifiers only grow (RFC 4037 section 10.7), so that the lowest bits of those under way hardly ever meet: each has
/// its place by them, and an identifier whose place is taken is left out.
pub(super) struct Table<T> {
    places: Vec<Option<(u64, T)>>,
    next: u64,
}

/// What an identifier stands for.
pub(super) enum Entry<'a, T> {
    Running(&'a mut T),
    /// It was one, or could have been.
    Ended,
    /// No transaction has it yet.
    Unknown,
}

impl<T> Table<T> {
    /// Room for at least `most` at a time.
    pub(super) fn new(most: usize) -> Self {
        let size = (2 * most).next_power_of_two();
        Self { places: (0..size).map(|_| None).collect(), next: 0 }
    }

    /// Gives a transaction an identifier; `None` once they have run out.
    pub(super) fn insert(&mut self, transaction: T) -> Option<u64> {
        for xid in self.next..=number::MAX.min(self.next + self.places.len() as u64) {
            let place = self.place(xid);
            if self.places[place].is_none() {
                self.places[place] = Some((xid, transaction));
                self.next = xid + 1;
                return Some(xid);
            }
        }
        None
    }

    pub(super) fn get(&mut self, xid: u64) -> Entry<'_, T> {
        let (place, next) = (self.place(xid), self.next);
        match &mut self.places[place] {
            Some((known, transaction)) if *known == xid => Entry::Running(transaction),
            _ if xid < next => Entry::Ended,
            _ => Entry::Unknown,
        }
    }

    pub(super) fn running(&mut self, xid: u64) -> Option<&mut T> {
        match self.get(xid) {
            Entry::Running(transaction) => Some(transaction),
            Entry::Ended | Entry::Unknown => None,
        }
    }

    pub(super) fn remove(&mut self, xid: u64) {
        if self.running(xid).is_some() {
            let place = self.place(xid);
            self.places[place] = None;
        }
    }

    fn place(&self, xid: u64) -> usize {
        xid as usize & (self.places.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_pass_by_what_lasts() {
        let mut table = Table::new(2);
        assert_eq!(table.insert('a'), Some(0));
        for xid in [1, 2, 3, 5, 6] {
            assert_eq!(table.insert('b'), Some(xid), "4 has the place of 0");
            table.remove(xid);
            table.remove(xid);
            assert!(matches!(table.get(xid), Entry::Ended));
        }
        assert!(matches!(table.get(0), Entry::Running('a')));
        assert!(matches!(table.get(6), Entry::Ended));
        assert!(matches!(table.get(7), Entry::Unknown));
    }

    #[test]
    fn a_full_table_and_the_last_identifier_end_it() {
        let mut table = Table::new(1);
        assert_eq!([(); 3].map(|()| table.insert(())), [Some(0), Some(1), None]);
        table.next = number::MAX;
        table.places.fill(None);
        assert_eq!([(); 2].map(|()| table.insert(())), [Some(number::MAX), None]);
    }
}
