//! Memory for what is asked for again, bounded in number and in bytes.
//!
//! It has two halves: what is asked for moves to the newer one, and when that is full the older one is forgotten. So
//! nothing has to be kept about when anything was last asked for.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// How much each half holds at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HalfSize {
    pub(crate) entries: usize,
    /// As whoever keeps something counts them.
    pub(crate) bytes: usize,
}

/// The memory.
#[derive(Debug)]
pub(crate) struct Halves<K, V> {
    size: HalfSize,
    newer: Half<K, V>,
    older: Half<K, V>,
}

#[derive(Debug)]
struct Half<K, V> {
    /// With the bytes that each counts.
    entries: HashMap<K, (V, usize)>,
    bytes: usize,
}

impl<K, V> Default for Half<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), bytes: 0 }
    }
}

impl<K: Eq + Hash, V: Clone> Halves<K, V> {
    pub(crate) fn new(size: HalfSize) -> Self {
        Self { size, newer: Half::default(), older: Half::default() }
    }

    pub(crate) fn find<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let Some((value, _)) = self.newer.entries.get(key) {
            return Some(value.clone());
        }
        let (key, (value, bytes)) = self.older.entries.remove_entry(key)?;
        self.older.bytes -= bytes;
        self.keep(key, value.clone(), bytes);
        Some(value)
    }

    /// Keeps something, in the place of what was kept under this key. What is larger than a half is not kept.
    pub(crate) fn keep(&mut self, key: K, value: V, bytes: usize) {
        self.forget(&key);
        if bytes > self.size.bytes {
            return;
        }
        if self.newer.bytes + bytes > self.size.bytes || self.newer.entries.len() >= self.size.entries {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.bytes += bytes;
        self.newer.entries.insert(key, (value, bytes));
    }

    pub(crate) fn forget_all(&mut self) {
        (self.newer, self.older) = (Half::default(), Half::default());
    }

    fn forget(&mut self, key: &K) {
        for half in [&mut self.newer, &mut self.older] {
            if let Some((_, bytes)) = half.entries.remove(key) {
                half.bytes -= bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entries: usize, bytes: usize) -> Halves<u32, u32> {
        Halves::new(HalfSize { entries, bytes })
    }

    fn check(halves: &Halves<u32, u32>) {
        for half in [&halves.newer, &halves.older] {
            assert_eq!(half.bytes, half.entries.values().map(|(_, bytes)| bytes).sum::<usize>());
            assert!(half.bytes <= halves.size.bytes && half.entries.len() <= halves.size.entries);
        }
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        for mut halves in [of(10, 1000), of(1000, 100)] {
            halves.keep(0, 7, 10);
            for number in 1..200 {
                halves.keep(number, number, 10);
                assert_eq!(halves.find(&0), Some(7), "after {number}");
                check(&halves);
            }
            assert_eq!((halves.find(&1), halves.find(&199)), (None, Some(199)));
        }
    }

    #[test]
    fn the_last_that_was_kept_under_a_key_counts_and_once() {
        let mut halves = of(2, 100);
        for (key, value, bytes) in [(1, 1, 30), (1, 2, 60), (2, 3, 10), (3, 4, 10), (1, 5, 20)] {
            halves.keep(key, value, bytes);
            check(&halves);
            assert_eq!(halves.find(&key), Some(value));
        }
        halves.keep(1, 6, 101);
        assert_eq!(halves.find(&1), None, "it is too large, and what it replaces is not there any more either");
        check(&halves);
    }

    #[test]
    fn nothing_is_left_of_what_is_forgotten() {
        let value = std::sync::Arc::new(());
        let mut halves = Halves::new(HalfSize { entries: 1, bytes: 10 });
        for key in 0..3 {
            halves.keep(key, std::sync::Arc::clone(&value), 1);
        }
        assert_eq!(std::sync::Arc::strong_count(&value), 3, "two halves with one each");
        halves.forget_all();
        assert_eq!((std::sync::Arc::strong_count(&value), halves.find(&2)), (1, None));
    }
}
