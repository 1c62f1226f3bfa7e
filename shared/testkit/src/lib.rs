//! Support for the black-box tests: customers, their mail, and faults.
//!
//! All functions panic when they fail, with what was expected and what was found, because they run in tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod configured;
mod faults;
mod mail_server;
mod orphans;
mod person;
mod phones;
mod secret;
mod shop;
mod socket;
mod stack;
mod table;
mod tokens;
mod webhook;
mod workflow;

pub use configured::Configured;
pub use faults::{EventRecorder, dead_letter, drained, kill_function, kill_running, processing, publish, send_now};
pub use mail_server::MailOutage;
pub use orphans::{
    can_be_captured_now, has_overdue_reservation, is_aged, is_deferred, is_deferred_by_now, is_postponed, is_removed,
    reserve_only, resumes,
};
pub use person::{Answer, PASSWORD, Person};
pub use phones::{endpoint_of, is_endpoint, is_uninstalled, new_device_token, new_phone_number, pushes_to, texts_to};
pub use secret::{change_secret, forget_secret, new_secret, secret};
pub use shop::{Product, Shop};
pub use socket::Socket;
pub use stack::{Stack, invoke, items_with};
pub use table::{TestTable, text};
pub use tokens::{forged_token, genuine_token};
pub use webhook::{Webhook, event, intent_of, is_authorized_at_provider, seconds, stripe};
pub use workflow::{Checkout, PausedCheckout};

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How long a test waits for a condition before it fails. The limit is for hangs and not for speed: on a machine that
/// is four times slower and runs all other tests, a correct product stays far below it.
pub const HANG_LIMIT: Duration = Duration::from_secs(300);

/// How long API Gateway may use a cached decision of an authorizer: five seconds, with a margin for the granularity of
/// its clock. The time is measured when a request is sent, so a slow machine does not add to it.
pub const AUTHORIZER_CACHE: Duration = Duration::from_secs(15);

/// Waits until `look` succeeds, and returns its result.
///
/// # Panics
/// If it does not succeed within [`HANG_LIMIT`]. The message has what was expected and what was found.
pub async fn eventually<T, F>(what: &str, look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    eventually_within(what, HANG_LIMIT, look).await
}

/// Waits until `look` succeeds, and returns its result. An attempt that starts within `limit` may take any time.
///
/// # Panics
/// If an attempt fails that started after `limit`. The message has what was expected and what was found.
pub async fn eventually_within<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let started = Instant::now();
    loop {
        let elapsed = started.elapsed();
        match look().await {
            Ok(found) => return found,
            Err(found) if elapsed > limit => panic!("waited {limit:?} for {what}, but found {found}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
