//! What notifications hears.

use crate::{
    Notifications, NotificationsError,
    store::{Contact, Reached},
    templates::{About, Mail},
};
use contracts::{Envelope, OrderEvent, UserEvent};

/// Keeps how a user is reached, or forgets it when they go.
pub async fn remember_contact(
    notifications: &Notifications,
    envelope: Envelope<UserEvent>,
) -> Result<(), NotificationsError> {
    let sequence = envelope.sequence;
    let (user_id, reached) = match envelope.event {
        UserEvent::UserRegistered(user) => (user.user_id, Some((user.email, user.full_name.unwrap_or(user.username)))),
        UserEvent::UserUpdated(user) => (user.user_id, Some((user.email, user.full_name.unwrap_or(user.username)))),
        UserEvent::UserDeleted(user) => (user.user_id, None),
    };
    let reached = reached.map(|(email, name)| Reached { email, name });
    Ok(notifications.store.remember(user_id, &Contact { reached, sequence }).await?)
}

/// Mails that an order was confirmed.
pub async fn order_confirmed(
    notifications: &Notifications,
    envelope: Envelope<OrderEvent>,
) -> Result<(), NotificationsError> {
    let OrderEvent::OrderConfirmed(order) = &envelope.event else {
        return Ok(());
    };
    let about = About { order_id: order.order_id, lines: &order.lines, total: order.total };
    notifications.send(order.user_id, envelope.event_id, Mail::OrderConfirmed(about)).await
}

/// Mails that an order was cancelled, and why.
pub async fn order_cancelled(
    notifications: &Notifications,
    envelope: Envelope<OrderEvent>,
) -> Result<(), NotificationsError> {
    let OrderEvent::OrderCancelled(order) = &envelope.event else {
        return Ok(());
    };
    let about = About { order_id: order.order_id, lines: &order.lines, total: order.total };
    notifications.send(order.user_id, envelope.event_id, Mail::OrderCancelled(about, order.reason)).await
}
