//! Why something was not told, or not done, and how a caller sees that.

use dynamo::StoreError;
use kernel::Invalid;
use lambda::problem::{FieldError, Problem};

use crate::domain::MOST_DEVICES;

/// What went wrong in notifications.
#[derive(Debug, thiserror::Error)]
pub enum NotificationsError {
    /// The user has not been heard of yet. The message comes again.
    #[error("no address is known of the user")]
    NoContact,
    /// Another environment is telling the same, or died while it did.
    #[error("it is being sent")]
    BeingSent,
    /// It could not be written.
    #[error("a template failed: {0}")]
    Template(#[from] minijinja::Error),
    /// The channel's service did not take it.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The channel's service did not answer: it may have taken it. The claim runs out before it is tried again.
    #[error("the service did not answer")]
    Unanswered,
    /// The account was deleted.
    #[error("there is no such user any more")]
    Gone,
    /// The caller has no such device.
    #[error("there is no such device")]
    NoDevice,
    /// The caller has as many devices as anybody may have.
    #[error("there are too many devices")]
    TooManyDevices,
    /// The shop sends no push messages.
    #[error("there is no platform application")]
    PushIsOff,
    /// No device of the platform has such a token.
    #[error("the token is none")]
    UnknownToken,
    /// SNS failed.
    #[error("a device could not be registered or forgotten: {0}")]
    Push(String),
    /// Others changed the same at the same moment.
    #[error("it is being changed by others")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotificationsError> for Problem {
    fn from(error: NotificationsError) -> Self {
        match error {
            NotificationsError::Gone => Self::not_found("user"),
            NotificationsError::NoDevice => Self::not_found("device"),
            NotificationsError::TooManyDevices => {
                let detail = format!("There are {MOST_DEVICES} devices already; delete one of them first.");
                Self::new(409, "too_many_devices", detail)
            }
            NotificationsError::PushIsOff => Self::new(409, "push_is_off", "This shop sends no push messages."),
            NotificationsError::UnknownToken => {
                let invalid = Invalid::new("unknown_token", "is not a token of the platform that the shop pushes to");
                Self::validation(vec![FieldError::new("token", invalid)])
            }
            NotificationsError::Busy => Self::new(409, "busy", "It is being changed by another request; try again."),
            NotificationsError::Store(error) => error.into(),
            NotificationsError::NoContact
            | NotificationsError::BeingSent
            | NotificationsError::Template(_)
            | NotificationsError::NotSent(_)
            | NotificationsError::Unanswered
            | NotificationsError::Push(_) => {
                tracing::error!(%error, "a request failed");
                Self::internal()
            }
        }
    }
}
