//! What the black-box tests use: people who shop, their mail, and the faults that meet them.
//!
//! Everything fails by panicking, with what was expected and what came instead: these are tests.
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
    can_be_captured_now, has_grown_old, has_overdue_reservation, is_deferred, is_deferred_by_now, is_forgotten,
    is_put_off, reserve_only, resumes,
};
pub use person::{Answer, PASSWORD, Person};
pub use phones::{endpoint_of, is_endpoint, is_uninstalled, new_device_token, new_phone_number, pushes_to, texts_to};
pub use secret::{change_secret, forget_secret, new_secret, secret};
pub use shop::{Product, Shop};
pub use socket::Socket;
pub use stack::{Stack, invoke, items_with};
pub use table::{TestTable, text};
pub use tokens::{forged_token, genuine_token};
pub use webhook::{Webhook, event, intent_of, is_set_aside, seconds, stripe};
pub use workflow::{Checkout, PausedCheckout};

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How long a test waits before it takes what it waits for to hang. A limit for hangs, never for speed: a correct
/// product on a machine that is four times slower, and busy with all other tests, stays far below it.
pub const HANG_LIMIT: Duration = Duration::from_secs(300);

/// How long the gateway may use an authorizer's earlier decision: the five seconds for which API Gateway caches it,
/// with a margin for the granularity of its clock. It is measured when a request is sent, so that a slow machine does
/// not add to it.
pub const AUTHORIZER_CACHE: Duration = Duration::from_secs(15);

/// Waits until `look` succeeds.
///
/// # Panics
/// When it does not within [`HANG_LIMIT`]; the message names what was waited for, and what was found instead.
pub async fn eventually<T, F>(what: &str, look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    eventually_within(what, HANG_LIMIT, look).await
}

/// Waits until `look` succeeds, which it must if it begins when `limit` has passed, however long it takes.
///
/// # Panics
/// When it does not; the message names what was waited for, and what was found instead.
pub async fn eventually_within<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let started = Instant::now();
    loop {
        let begun = started.elapsed();
        match look().await {
            Ok(found) => return found,
            Err(instead) if begun > limit => panic!("waited {limit:?} for {what}; there was {instead}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
