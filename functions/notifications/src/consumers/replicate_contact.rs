use contracts::{Envelope, UserEvent};

use crate::{Notifications, NotificationsError, Push, domain::Reached};

/// Keeps the replica of how a user is reached, and erases it when the account is deleted.
pub async fn replicate_contact(
    (notifications, push): &(Notifications, Push),
    envelope: Envelope<UserEvent>,
) -> Result<(), NotificationsError> {
    match &envelope.event {
        UserEvent::UserDeleted(user) => notifications.forget(push, user.user_id, envelope.sequence).await,
        UserEvent::UserRegistered(user) => {
            let reached = Reached::new(&user.email, &user.username, user.full_name.as_ref());
            notifications.remember(user.user_id, &reached, envelope.sequence).await
        }
        UserEvent::UserUpdated(user) => {
            let reached = Reached::new(&user.email, &user.username, user.full_name.as_ref());
            notifications.remember(user.user_id, &reached, envelope.sequence).await
        }
    }
}
