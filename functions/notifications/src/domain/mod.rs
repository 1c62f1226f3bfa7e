//! Which customers are notified of what, and by which channels. Pure: no clock, no AWS.

mod attempt;
mod contact;
mod content;
mod masking;
mod phone_number;
mod preferences;

pub use attempt::{Attempt, DeliveryLease, LeaseDecision, MAX_UNANSWERED, Outcome};
pub use contact::{Contact, ContactDetails, Device, MAX_DEVICES, Target};
pub use content::{Notifiable, NotificationContent};
pub(crate) use masking::{email as mask_email, token as mask_token};
pub use phone_number::PhoneNumber;
pub use preferences::{ChannelChoices, Preferences};
