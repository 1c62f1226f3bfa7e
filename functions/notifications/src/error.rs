//! The errors of the context, and the problems that API callers receive for them.

use dynamo::StoreError;
use kernel::Invalid;
use lambda::problem::{FieldError, Problem};

use crate::domain::MAX_DEVICES;

/// An error of the notifications context.
#[derive(Debug, thiserror::Error)]
pub enum NotificationsError {
    /// No event of the user was received yet. The message is delivered again.
    #[error("the user is not known yet")]
    UnknownUser,
    /// Another environment is sending the notification, or died while it did.
    #[error("another function holds the delivery lease")]
    LeaseHeld,
    /// A template could not be rendered.
    #[error("a template could not be rendered: {0}")]
    Template(#[from] minijinja::Error),
    /// The service did not accept the notification.
    #[error("the service did not accept the notification: {0}")]
    NotAccepted(String),
    /// The service did not respond: it may have accepted the notification. The lease expires before the next attempt.
    #[error("the service did not respond")]
    Unanswered,
    /// The account was deleted.
    #[error("the user was deleted")]
    UserDeleted,
    /// The caller has no such device.
    #[error("the device does not exist")]
    NoDevice,
    /// The caller has the maximum number of devices.
    #[error("the user has too many devices")]
    TooManyDevices,
    /// The shop sends no push messages.
    #[error("push messages are disabled: there is no platform application")]
    PushDisabled,
    /// The platform does not know the token.
    #[error("the device token is unknown")]
    UnknownToken,
    /// A call to SNS failed.
    #[error("a device could not be registered or deleted at SNS: {0}")]
    Push(String),
    /// Other requests changed the contact at the same time.
    #[error("the contact is being changed by other requests")]
    Busy,
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotificationsError> for Problem {
    fn from(error: NotificationsError) -> Self {
        match error {
            NotificationsError::UserDeleted => Self::not_found("user"),
            NotificationsError::NoDevice => Self::not_found("device"),
            NotificationsError::TooManyDevices => {
                let detail =
                    format!("You already have the maximum of {MAX_DEVICES} devices. Delete one of them first.");
                Self::new(409, "too_many_devices", detail)
            }
            NotificationsError::PushDisabled => {
                Self::new(409, "push_is_off", "This shop does not send push notifications.")
            }
            NotificationsError::UnknownToken => {
                let invalid = Invalid::new("unknown_token", "is not a valid token of the push platform of this shop");
                Self::validation(vec![FieldError::new("token", invalid)])
            }
            NotificationsError::Busy => {
                Self::new(409, "busy", "Your notification settings are being changed by another request. Try again.")
            }
            NotificationsError::Store(error) => error.into(),
            NotificationsError::UnknownUser
            | NotificationsError::LeaseHeld
            | NotificationsError::Template(_)
            | NotificationsError::NotAccepted(_)
            | NotificationsError::Unanswered
            | NotificationsError::Push(_) => {
                tracing::error!(%error, "a request failed");
                Self::internal()
            }
        }
    }
}
