//! Schedules that run once a minute, for checkouts that did not end.

mod end_unpaid;
mod resume_checkouts;

use std::time::Duration;

use serde::Deserialize;

pub use end_unpaid::{UnpaidTimeout, end_unpaid};
pub use resume_checkouts::resume_checkouts;

/// The event of a schedule. Its content is not used.
#[derive(Debug, Deserialize)]
pub struct ScheduledEvent {}

/// How long a run may take. What is left is done by the next run.
const MAX_RUN_TIME: Duration = Duration::from_secs(40);

/// How many orders are handled at the same time.
const MAX_CONCURRENCY: usize = 8;
