//! What orders does once a minute, for checkouts that came to nothing.

mod end_unpaid;
mod resume_checkouts;

use std::time::Duration;

use serde::Deserialize;

pub use end_unpaid::{Patience, end_unpaid};
pub use resume_checkouts::resume_checkouts;

/// What the schedule says; nothing of it is of interest.
#[derive(Debug, Deserialize)]
pub struct Tick {}

/// After so long the rest is left to the next run.
const LONGEST_RUN: Duration = Duration::from_secs(40);

/// How many orders are dealt with at the same moment.
const AT_ONCE: usize = 8;
