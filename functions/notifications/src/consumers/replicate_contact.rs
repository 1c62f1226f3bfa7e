use contracts::{Envelope, UserEvent};

use crate::{Notifications, NotificationsError, Push, domain::ContactDetails};

/// Maintains the replica of the name and address of a user, and erases it when the account is deleted.
pub async fn replicate_contact(
    (notifications, push): &(Notifications, Push),
    envelope: Envelope<UserEvent>,
) -> Result<(), NotificationsError> {
    match &envelope.event {
        UserEvent::UserDeleted(user) => notifications.erase_user(push, user.user_id, envelope.sequence).await,
        UserEvent::UserRegistered(user) => {
            let details = ContactDetails::new(&user.email, &user.username, user.full_name.as_ref());
            notifications.update_contact(user.user_id, &details, envelope.sequence).await
        }
        UserEvent::UserUpdated(user) => {
            let details = ContactDetails::new(&user.email, &user.username, user.full_name.as_ref());
            notifications.update_contact(user.user_id, &details, envelope.sequence).await
        }
    }
}
