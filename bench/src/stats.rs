//! Percentiles of a set of measurements.

use std::time::Duration;

/// Measurements of one case, sorted when asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Adds a duration, in milliseconds.
    pub(crate) fn add(&mut self, duration: Duration) {
        self.0.push(duration.as_secs_f64() * 1e3);
    }

    /// Adds a plain number.
    pub(crate) fn add_number(&mut self, number: f64) {
        self.0.push(number);
    }

    /// The value below which `percent` of the samples lie; 0 when there are none.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        if sorted.is_empty() {
            return 0.0;
        }
        let rank = (percent / 100.0 * (sorted.len() - 1) as f64).round() as usize;
        sorted[rank]
    }

    /// In the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = f64> {
        self.0.iter().copied()
    }

    /// The median.
    pub(crate) fn median(&self) -> f64 {
        self.percentile(50.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let mut samples = Samples::default();
        for number in [5.0, 1.0, 3.0, 2.0, 4.0] {
            samples.add_number(number);
        }
        assert_eq!(samples.median(), 3.0);
        assert_eq!(samples.percentile(100.0), 5.0);
        assert_eq!(Samples::default().median(), 0.0);
    }
}
