//! Sets of sequence numbers, kept as ranges. In a healthy stream there is one range whatever its
//! length; the number of ranges is bounded, because a peer chooses the numbers.

/// The most ranges of one set: 16 KiB.
const MAX_RANGES: usize = 1024;

/// A bounded set of sequence numbers.
#[derive(Clone, Debug, Default)]
pub struct SequenceSet {
    /// Inclusive, ascending, neither touching nor overlapping.
    ranges: Vec<(i64, i64)>,
}

impl SequenceSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, number: i64) -> bool {
        self.position(number).is_ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether the numbers between the lowest and the highest are not all there.
    pub(super) fn has_gap(&self) -> bool {
        self.ranges.len() > 1
    }

    /// The end of the lowest range.
    pub(super) fn first_gap(&self) -> Option<i64> {
        self.ranges.first().map(|(_, end)| end.saturating_add(1))
    }

    /// The lowest number behind this one that is not in the set.
    pub(super) fn gap_behind(&self, number: i64) -> i64 {
        let next = number.saturating_add(1);
        self.position(next).map_or(next, |index| self.ranges[index].1.saturating_add(1))
    }

    /// The highest number.
    pub(super) fn last(&self) -> Option<i64> {
        self.ranges.last().map(|(_, end)| *end)
    }

    /// Adds a number. False if it is not in the set afterwards: there are too many gaps.
    pub fn insert(&mut self, number: i64) -> bool {
        let Err(index) = self.position(number) else { return true };
        let joins_left = index > 0 && self.ranges[index - 1].1.checked_add(1) == Some(number);
        let joins_right = self.ranges.get(index).is_some_and(|(start, _)| number.checked_add(1) == Some(*start));
        match (joins_left, joins_right) {
            (true, true) => {
                self.ranges[index - 1].1 = self.ranges[index].1;
                self.ranges.remove(index);
            }
            (true, false) => self.ranges[index - 1].1 = number,
            (false, true) => self.ranges[index].0 = number,
            (false, false) if self.ranges.len() < MAX_RANGES => self.ranges.insert(index, (number, number)),
            (false, false) => return false,
        }
        true
    }

    /// Adds every number from 0 up to this one. False if all of them were there.
    pub(super) fn insert_up_to(&mut self, number: i64) -> bool {
        if self.position(0).is_ok_and(|index| self.ranges.get(index).is_some_and(|(_, end)| *end >= number)) {
            return false;
        }
        let (mut start, mut end) = (0, number);
        // Whatever overlaps it or touches it becomes one range with it.
        let first = self.ranges.partition_point(|(_, range_end)| range_end.saturating_add(1) < 0);
        let last = self.ranges.partition_point(|(range_start, _)| *range_start <= number.saturating_add(1));
        for (joined_start, joined_end) in self.ranges.drain(first..last) {
            start = start.min(joined_start);
            end = end.max(joined_end);
        }
        self.ranges.insert(first, (start, end));
        true
    }

    /// Removes every number up to this one.
    pub(super) fn remove_up_to(&mut self, number: i64) {
        let gone = self.ranges.partition_point(|(_, end)| *end <= number);
        self.ranges.drain(..gone);
        if let Some((start, _)) = self.ranges.first_mut().filter(|(start, _)| *start <= number) {
            *start = number.saturating_add(1);
        }
    }

    /// Removes a number. One that would split a range too many stays.
    pub(super) fn remove(&mut self, number: i64) {
        let Ok(index) = self.position(number) else { return };
        let (start, end) = self.ranges[index];
        match (start == number, end == number) {
            (true, true) => drop(self.ranges.remove(index)),
            (true, false) => self.ranges[index].0 = number + 1,
            (false, true) => self.ranges[index].1 = number - 1,
            (false, false) if self.ranges.len() < MAX_RANGES => {
                self.ranges[index].1 = number - 1;
                self.ranges.insert(index + 1, (number + 1, end));
            }
            (false, false) => {}
        }
    }

    /// Adds every number that is in the other set; beyond too many gaps, none.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut both = [self.ranges.as_slice(), other.ranges.as_slice()].concat();
        both.sort_unstable();
        self.ranges.clear();
        for (start, end) in both {
            if let Some((_, last)) = self.ranges.last_mut()
                && start <= last.saturating_add(1)
            {
                *last = end.max(*last);
            } else if self.ranges.len() < MAX_RANGES {
                self.ranges.push((start, end));
            }
        }
    }

    /// Removes every number that is in the other set.
    pub(super) fn subtract(&mut self, other: &Self) {
        let mut holes = other.ranges.iter().peekable();
        let mut left = Vec::with_capacity(self.ranges.len() + other.ranges.len());
        for &(mut start, end) in &self.ranges {
            while holes.next_if(|(_, hole_end)| *hole_end < start).is_some() {}
            let mut rest = true;
            let mut inside = holes.clone();
            while let Some((hole_start, hole_end)) = inside.next_if(|(hole_start, _)| *hole_start <= end) {
                if *hole_start > start {
                    left.push((start, *hole_start - 1));
                }
                if *hole_end >= end {
                    rest = false;
                    break;
                }
                start = *hole_end + 1;
            }
            if rest {
                left.push((start, end));
            }
        }
        self.ranges = left;
    }

    /// The lowest number.
    pub(super) fn first(&self) -> Option<i64> {
        self.ranges.first().map(|(start, _)| *start)
    }

    /// Takes the lowest number out.
    pub(super) fn pop_first(&mut self) -> Option<i64> {
        let (number, _) = *self.ranges.first()?;
        self.remove(number);
        Some(number)
    }

    /// The range that holds the number, or where one would be put.
    fn position(&self, number: i64) -> Result<usize, usize> {
        // Nearly every question is about the highest range.
        match self.ranges.last() {
            Some((_, end)) if *end < number => return Err(self.ranges.len()),
            Some((start, _)) if *start <= number => return Ok(self.ranges.len() - 1),
            _ => {}
        }
        let index = self.ranges.partition_point(|(_, end)| *end < number);
        match self.ranges.get(index) {
            Some((start, _)) if *start <= number => Ok(index),
            _ => Err(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(acts in prop::collection::vec((0..40i64, prop::bool::weighted(0.6)), 0..200)) {
            let mut set = SequenceSet::new();
            let mut model = BTreeSet::new();
            for (number, adds) in acts {
                if adds {
                    prop_assert!(set.insert(number));
                    model.insert(number);
                } else {
                    set.remove(number);
                    model.remove(&number);
                }
                for number in -1..42 {
                    prop_assert_eq!(set.contains(number), model.contains(&number));
                    prop_assert_eq!(Some(set.gap_behind(number)), (number + 1..).find(|next| !model.contains(next)));
                }
                let gaps = model.iter().zip(model.iter().skip(1)).filter(|(a, b)| *a + 1 < **b).count();
                prop_assert_eq!(set.has_gap(), gaps > 0);
                prop_assert_eq!(set.is_empty(), model.is_empty());
                prop_assert_eq!(set.last(), model.last().copied());
            }
            while let Some(number) = set.pop_first() {
                prop_assert_eq!(Some(number), model.pop_first());
            }
            prop_assert!(model.is_empty());
        }
    }

    proptest! {
        #[test]
        fn whole_sets_are_added_and_removed(
            numbers in prop::collection::btree_set(0..60i64, 0..60),
            removed in prop::collection::btree_set(0..60i64, 0..60),
        ) {
            let set_of = |numbers: &BTreeSet<i64>| {
                let mut set = SequenceSet::new();
                numbers.iter().for_each(|number| assert!(set.insert(*number)));
                set
            };
            let mut union = set_of(&numbers);
            union.merge(&set_of(&removed));
            prop_assert_eq!(union.ranges, set_of(&numbers.union(&removed).copied().collect()).ranges);
            let mut set = set_of(&numbers);
            set.subtract(&set_of(&removed));
            let left: BTreeSet<i64> = numbers.difference(&removed).copied().collect();
            prop_assert_eq!(set.ranges, set_of(&left).ranges);
        }

        #[test]
        fn everything_up_to_a_number_is_added_and_removed(
            numbers in prop::collection::btree_set(-3..40i64, 0..40),
            number in 0..45i64,
        ) {
            let set_of = |numbers: &BTreeSet<i64>| {
                let mut set = SequenceSet::new();
                numbers.iter().for_each(|number| assert!(set.insert(*number)));
                set
            };
            let mut set = set_of(&numbers);
            let all_there = (0..=number).all(|number| numbers.contains(&number));
            prop_assert_eq!(set.insert_up_to(number), !all_there);
            let union: BTreeSet<i64> = numbers.iter().copied().chain(0..=number).collect();
            prop_assert_eq!(set.ranges, set_of(&union).ranges);
            let mut set = set_of(&numbers);
            set.remove_up_to(number);
            let left: BTreeSet<i64> = numbers.range(number + 1..).copied().collect();
            prop_assert_eq!(set.ranges, set_of(&left).ranges);
        }
    }

    #[test]
    fn gaps_are_bounded() {
        let mut set = SequenceSet::new();
        let full = i64::try_from(MAX_RANGES).unwrap_or(i64::MAX) * 2;
        for number in (0..full).step_by(2) {
            assert!(set.insert(number));
        }
        assert!(!set.insert(full + 1));
        assert!(set.insert(1), "closing a gap needs no room");
        assert!(set.insert(full + 1));
    }

    #[test]
    fn the_ends_of_the_number_line_are_numbers() {
        let mut set = SequenceSet::new();
        assert!(set.insert(i64::MAX) && set.insert(i64::MIN) && set.insert(i64::MAX - 1));
        assert!(set.contains(i64::MAX) && !set.contains(0));
        assert_eq!(set.pop_first(), Some(i64::MIN));
        assert_eq!(set.first_gap(), Some(i64::MAX));
        assert!(set.insert_up_to(i64::MAX) && !set.insert_up_to(i64::MAX));
        assert!(set.contains(0) && set.contains(i64::MAX) && !set.has_gap());
        set.remove_up_to(i64::MAX);
        assert!(set.is_empty());
    }
}
