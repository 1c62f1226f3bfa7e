use contracts::{Envelope, UserEvent};
use lambda::queue::Delivery;

use crate::{
    NotificationDispatcher, NotificationsError,
    dispatcher::DispatchRequest,
    domain::{ContactDetails, Notifiable},
};

/// Sends the notification of an event. Ignores events of other types than the dispatcher's.
pub async fn dispatch<E: Notifiable>(
    dispatcher: &NotificationDispatcher,
    envelope: Envelope<E>,
    delivery: Delivery,
) -> Result<(), NotificationsError> {
    let (event_id, happened_at, cause) = (envelope.event_id, envelope.timestamp, envelope.as_cause());
    match envelope.event.into_content().filter(|content| content.kind == dispatcher.kind) {
        Some(content) => {
            let request = DispatchRequest { content: &content, event_id, happened_at, cause, delivery };
            dispatcher.dispatch(request).await
        }
        None => Ok(()),
    }
}

/// Sends the welcome message to a new user. It stores the contact first, because `replicate_contact` may receive the
/// event later.
pub async fn user_registered(
    dispatcher: &NotificationDispatcher,
    envelope: Envelope<UserEvent>,
    delivery: Delivery,
) -> Result<(), NotificationsError> {
    let UserEvent::UserRegistered(user) = &envelope.event else { return Ok(()) };
    let details = ContactDetails::new(&user.email, &user.username, user.full_name.as_ref());
    dispatcher.notifications.update_contact(user.user_id, &details, envelope.sequence).await?;
    dispatch(dispatcher, envelope, delivery).await
}
