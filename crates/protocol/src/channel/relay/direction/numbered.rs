//! Things by their sequence numbers, in order. Streams come in order and are acknowledged in order, so they are kept in
//! one ring: adding at its end, taking from its front and finding cost next to nothing. Everything else costs a move of
//! at most half of them, which the bound on what a direction keeps bounds.

use std::collections::VecDeque;

/// An empty one keeps memory for so many, so that keystrokes need not allocate; for more it does not.
const IDLE_CAPACITY: usize = 4;

#[derive(Debug)]
pub(super) struct Numbered<T> {
    /// By ascending number, none twice; there may be gaps.
    entries: VecDeque<(i64, T)>,
}

impl<T> Numbered<T> {
    pub(super) const fn new() -> Self {
        Self { entries: VecDeque::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn contains(&self, number: i64) -> bool {
        self.position(number).is_ok()
    }

    pub(super) fn get(&self, number: i64) -> Option<&T> {
        let (_, entry) = self.entries.get(self.position(number).ok()?)?;
        Some(entry)
    }

    pub(super) fn get_mut(&mut self, number: i64) -> Option<&mut T> {
        let index = self.position(number).ok()?;
        let (_, entry) = self.entries.get_mut(index)?;
        Some(entry)
    }

    pub(super) fn first(&self) -> Option<(i64, &T)> {
        self.entries.front().map(|(number, entry)| (*number, entry))
    }

    pub(super) fn last(&self) -> Option<(i64, &T)> {
        self.entries.back().map(|(number, entry)| (*number, entry))
    }

    /// The first from this number on.
    pub(super) fn first_from(&self, number: i64) -> Option<(i64, &T)> {
        let (Ok(index) | Err(index)) = self.position(number);
        self.entries.get(index).map(|(number, entry)| (*number, entry))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &T)> {
        self.entries.iter().map(|(number, entry)| (*number, entry))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (i64, &mut T)> {
        self.entries.iter_mut().map(|(number, entry)| (*number, entry))
    }

    /// Adds one, in place of one that had its number.
    pub(super) fn insert(&mut self, number: i64, entry: T) {
        match self.position(number) {
            Err(index) if index == self.entries.len() => self.entries.push_back((number, entry)),
            Ok(index) => {
                if let Some(known) = self.entries.get_mut(index) {
                    known.1 = entry;
                }
            }
            Err(index) => self.entries.insert(index, (number, entry)),
        }
    }

    pub(super) fn remove(&mut self, number: i64) -> Option<T> {
        let index = self.position(number).ok()?;
        let (_, entry) = self.entries.remove(index)?;
        if self.entries.is_empty() && self.entries.capacity() > IDLE_CAPACITY {
            self.entries = VecDeque::new();
        }
        Some(entry)
    }

    /// Where the number is, or where it would be put.
    fn position(&self, number: i64) -> Result<usize, usize> {
        let (Some((first, _)), Some((last, _))) = (self.entries.front(), self.entries.back()) else { return Err(0) };
        if number < *first {
            return Err(0);
        }
        if number > *last {
            return Err(self.entries.len());
        }
        // Without gaps the number itself says where.
        let index = number.checked_sub(*first).and_then(|index| usize::try_from(index).ok());
        if let Some(index) = index
            && self.entries.get(index).is_some_and(|(found, _)| *found == number)
        {
            return Ok(index);
        }
        self.entries.binary_search_by_key(&number, |(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(acts in prop::collection::vec((-2..30i64, 0..3u8), 0..200)) {
            let mut numbered = Numbered::new();
            let mut model = BTreeMap::new();
            for (step, (number, act)) in acts.into_iter().enumerate() {
                match act {
                    0 | 1 => {
                        numbered.insert(number, step);
                        model.insert(number, step);
                    }
                    _ => prop_assert_eq!(numbered.remove(number), model.remove(&number)),
                }
                prop_assert_eq!(numbered.len(), model.len());
                prop_assert_eq!(numbered.is_empty(), model.is_empty());
                prop_assert!(numbered.iter().eq(model.iter().map(|(number, step)| (*number, step))));
                prop_assert_eq!(numbered.first(), model.first_key_value().map(|(number, step)| (*number, step)));
                prop_assert_eq!(numbered.last(), model.last_key_value().map(|(number, step)| (*number, step)));
                for number in [i64::MIN, -3, -1, 0, 7, 30, i64::MAX].into_iter().chain(-2..30) {
                    prop_assert_eq!(numbered.get(number), model.get(&number));
                    prop_assert_eq!(numbered.get_mut(number).copied(), model.get(&number).copied());
                    prop_assert_eq!(numbered.contains(number), model.contains_key(&number));
                    let from = model.range(number..).next().map(|(number, step)| (*number, step));
                    prop_assert_eq!(numbered.first_from(number), from);
                }
            }
        }
    }
}
