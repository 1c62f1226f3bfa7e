//! What notifications hears.

use contracts::{Envelope, OrderEvent, UserEvent};
use kernel::Redacted;

use crate::{
    Notifications, NotificationsError,
    store::Contact,
    templates::{About, Mail},
};

/// Keeps how a user is reached.
pub async fn remember_contact(
    notifications: &Notifications,
    envelope: Envelope<UserEvent>,
) -> Result<(), NotificationsError> {
    let UserEvent::UserRegistered(user) = envelope.event;
    let name = user.full_name.unwrap_or(user.username);
    let contact =
        Contact { email: user.email, name: Redacted::new(name.expose().clone()), sequence: envelope.sequence };
    Ok(notifications.store.remember(user.user_id, &contact).await?)
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
