//! Who is told what, and by which way. Pure: no clock, no AWS.

mod attempt;
mod contact;
mod masking;
mod news;
mod phone_number;
mod preferences;

pub use attempt::{Attempt, Claim, Grant, MOST_UNANSWERED, Outcome};
pub use contact::{Contact, Device, MOST_DEVICES, Reached, Target};
pub(crate) use masking::{email as mask_email, token as mask_token};
pub use news::News;
pub use phone_number::PhoneNumber;
pub use preferences::{Choices, KINDS, Preferences};
