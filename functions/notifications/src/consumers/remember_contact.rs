use contracts::{Envelope, UserEvent};

use crate::{Notifications, NotificationsError, Push, domain::Reached};

/// Keeps how a user is reached, or forgets all of them when they go.
pub async fn remember_contact(
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
