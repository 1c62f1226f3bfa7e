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
            let name = user.full_name.clone().unwrap_or_else(|| user.username.clone());
            let reached = Reached { email: user.email.clone(), name };
            notifications.remember(user.user_id, &reached, envelope.sequence).await
        }
        UserEvent::UserUpdated(user) => {
            let name = user.full_name.clone().unwrap_or_else(|| user.username.clone());
            let reached = Reached { email: user.email.clone(), name };
            notifications.remember(user.user_id, &reached, envelope.sequence).await
        }
    }
}
