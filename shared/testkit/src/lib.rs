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
pub use faults::{Echo, dead_letter, drained, kill_function, processing, publish, send_now};
pub use mail_server::MailOutage;
pub use orphans::{
    can_be_captured_now, has_grown_old, has_overdue_reservation, is_deferred, is_forgotten, is_put_off, reserve_only,
    resumes,
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
pub use workflow::{Checkout, Held};

use std::{future::Future, time::Duration};

/// How long a test waits for something that is on its way: longer than a message stays invisible that a killed function held,
/// twice. Tests run side by side, and the message may be anybody's.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How long the gateway may go on with what the authorizer said before: its five seconds, and some for a machine that is busy.
pub const LAG: Duration = Duration::from_secs(15);

/// Waits until `look` finds something.
///
/// # Panics
/// When `limit` is over; the message says for what was waited, and what was there instead.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let started = std::time::Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(instead) if started.elapsed() > limit => {
                panic!("waited {limit:?} for {what}; there was {instead}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
