//! The consumers of notifications.

mod dispatch;
mod replicate_contact;

pub use dispatch::{dispatch, user_registered};
pub use replicate_contact::replicate_contact;
