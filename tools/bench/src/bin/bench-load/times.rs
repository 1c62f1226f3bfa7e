//! Statistics of measured times.

use std::time::Duration;

use serde::Serialize;

/// Quantiles of times, by nearest rank, in microseconds.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Quantiles {
    count: usize,
    p50: u64,
    p90: u64,
    p99: u64,
    most: u64,
}

/// Returns the quantiles, or `None` if there are no times.
pub fn quantiles(mut times: Vec<Duration>) -> Option<Quantiles> {
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent).div_ceil(100).checked_sub(1)?).copied().map(micros);
    Some(Quantiles { count: times.len(), p50: at(50)?, p90: at(90)?, p99: at(99)?, most: at(100)? })
}

pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_measured_times() {
        let times = (1..=200).rev().map(Duration::from_micros).collect();
        let expected = Quantiles { count: 200, p50: 100, p90: 180, p99: 198, most: 200 };
        assert_eq!(quantiles(times), Some(expected));
        let one = Quantiles { count: 1, p50: 7, p90: 7, p99: 7, most: 7 };
        assert_eq!(quantiles(vec![Duration::from_micros(7)]), Some(one));
        assert_eq!(quantiles(Vec::new()), None);
    }
}
