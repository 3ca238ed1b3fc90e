//! Lists of bounded length.

use std::ops::Deref;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// At most `MAX` items; of further ones only the number is kept. The first `HERE` need no room of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Unbounded<T>")]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct List<T, const MAX: usize, const HERE: usize = 0> {
    items: SmallVec<[T; HERE]>,
    left_out: u32,
}

/// A list as somebody else wrote it.
#[derive(Deserialize)]
struct Unbounded<T> {
    items: Vec<T>,
    left_out: u32,
}

impl<T, const MAX: usize, const HERE: usize> From<Unbounded<T>> for List<T, MAX, HERE> {
    fn from(mut read: Unbounded<T>) -> Self {
        let beyond = read.items.len().saturating_sub(MAX).try_into().unwrap_or(u32::MAX);
        read.items.truncate(MAX);
        Self { items: read.items.into(), left_out: read.left_out.saturating_add(beyond) }
    }
}

impl<T, const MAX: usize, const HERE: usize> List<T, MAX, HERE> {
    /// These items, with so many left out before.
    pub(crate) fn of(items: Vec<T>, left_out: u32) -> Self {
        Unbounded { items, left_out }.into()
    }

    /// Adds an item where there is room.
    pub fn push(&mut self, item: T) {
        if self.items.len() < MAX {
            self.items.push(item);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Makes room for so many more items at once.
    pub fn reserve(&mut self, items: usize) {
        self.items.reserve_exact(items.min(MAX - self.items.len()));
    }

    /// How many items are not here for lack of room.
    pub fn left_out(&self) -> u32 {
        self.left_out
    }

    /// How many items there were.
    pub fn total(&self) -> u32 {
        self.left_out.saturating_add(self.items.len().try_into().unwrap_or(u32::MAX))
    }

    /// Counts items that are not here.
    pub fn leave_out(&mut self, items: u32) {
        self.left_out = self.left_out.saturating_add(items);
    }

    /// The items, to be changed in place.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.items.iter_mut()
    }

    /// Puts the items in the order of these keys; those with the same key stay as they were.
    pub fn sort_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K) {
        self.items.sort_by_key(key);
    }

    /// Leaves out the last item; whether there was one.
    pub(crate) fn shorten(&mut self) -> bool {
        let shortened = self.items.pop().is_some();
        self.left_out = self.left_out.saturating_add(shortened.into());
        shortened
    }
}

impl<T, const MAX: usize, const HERE: usize> Default for List<T, MAX, HERE> {
    fn default() -> Self {
        Self { items: SmallVec::new(), left_out: 0 }
    }
}

impl<T, const MAX: usize, const HERE: usize> Deref for List<T, MAX, HERE> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T, const MAX: usize, const HERE: usize> Extend<T> for List<T, MAX, HERE> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

impl<T, const MAX: usize, const HERE: usize> FromIterator<T> for List<T, MAX, HERE> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut list = Self::default();
        list.extend(items);
        list
    }
}

impl<'a, T, const MAX: usize, const HERE: usize> IntoIterator for &'a List<T, MAX, HERE> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted() {
        let mut list: List<u8, 2> = (0..5).collect();
        assert_eq!((&*list, list.left_out()), (&[0, 1][..], 3));
        assert!(list.shorten());
        assert_eq!((&*list, list.left_out()), (&[0][..], 4));
        assert!(list.shorten() && !list.shorten());
        assert_eq!(list.left_out(), 5);
    }
}
