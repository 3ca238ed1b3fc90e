//! Service group identifiers of one creator (RFC 4037 sections 10.2, 11.3, 11.4).

use std::collections::BTreeSet;

use crate::message::GroupId;

/// The first identifier of a group of ours.
const FIRST: GroupId = GroupId(1);

/// The groups that one agent has created on a connection.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    active: BTreeSet<GroupId>,
    last: Option<GroupId>,
}

impl Groups {
    /// Creates `group`.
    ///
    /// # Errors
    /// The identifier is not higher than every one before it (section 10.2).
    pub(crate) fn create(&mut self, group: GroupId) -> Result<(), &'static str> {
        if self.last.is_some_and(|last| group <= last) {
            return Err("a service group identifier is not higher than those before it");
        }
        self.last = Some(group);
        self.active.insert(group);
        Ok(())
    }

    /// Makes the next identifier at least `group`.
    pub(crate) fn skip_to(&mut self, group: GroupId) {
        self.last = Some(GroupId(group.0.saturating_sub(1))).max(self.last);
    }

    /// Destroys `group`; false when it is not active.
    pub(crate) fn destroy(&mut self, group: GroupId) -> bool {
        self.active.remove(&group)
    }

    pub(crate) fn contains(&self, group: GroupId) -> bool {
        self.active.contains(&group)
    }

    /// Whether this agent's own group was ever created, active or not.
    pub(crate) fn has_created(&self, group: GroupId) -> bool {
        group >= FIRST && self.last.is_some_and(|last| group <= last)
    }

    pub(crate) fn len(&self) -> usize {
        self.active.len()
    }

    /// The identifier after the last one; `None` when they are used up.
    pub(crate) fn next(&self) -> Option<GroupId> {
        let next = self.last.map_or(FIRST, |last| GroupId(last.0 + 1));
        (next.0 <= crate::codec::number::MAX).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: OCP-10.2-02, OCP-10.2-03
    #[test]
    fn identifiers_only_grow() {
        let mut groups = Groups::default();
        groups.create(GroupId(5)).unwrap();
        assert!(groups.create(GroupId(5)).is_err());
        assert!(groups.create(GroupId(4)).is_err());
        assert!(groups.destroy(GroupId(5)));
        assert!(!groups.destroy(GroupId(5)));
        assert!(groups.create(GroupId(5)).is_err(), "also after it was destroyed");
        groups.create(GroupId(6)).unwrap();
    }
}
