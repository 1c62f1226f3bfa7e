use contracts::{Envelope, Event, NotificationKind as Kind, OrderEvent, PaymentEvent, UserEvent};
use lambda::queue::Delivery;

use crate::{
    NotificationsError, Teller,
    domain::{News, Reached},
    teller::Telling,
};

/// Welcomes who has registered. The event itself says where they are reached, which may not have been heard otherwise yet.
pub async fn user_registered(
    teller: &Teller,
    envelope: Envelope<UserEvent>,
    delivery: Delivery,
) -> Result<(), NotificationsError> {
    let UserEvent::UserRegistered(user) = &envelope.event else { return Ok(()) };
    let reached = Reached::new(&user.email, &user.username, user.full_name.as_ref());
    teller.notifications.remember(user.user_id, &reached, envelope.sequence).await?;
    tell(teller, envelope, delivery, |event| News::of_user(&event)).await
}

/// Tells that an order is in.
pub async fn order_placed(
    teller: &Teller,
    envelope: Envelope<OrderEvent>,
    delivery: Delivery,
) -> Result<(), NotificationsError> {
    of_order(teller, envelope, delivery, Kind::OrderPlaced).await
}

/// Tells that the sale stands.
pub async fn order_confirmed(
    teller: &Teller,
    envelope: Envelope<OrderEvent>,
    delivery: Delivery,
) -> Result<(), NotificationsError> {
    of_order(teller, envelope, delivery, Kind::OrderConfirmed).await
}

/// Tells that an order is on its way.
pub async fn order_shipped(
    teller: &Teller,
    envelope: Envelope<OrderEvent>,
    delivery: Delivery,
) -> Result<(), NotificationsError> {
    of_order(teller, envelope, delivery, Kind::OrderShipped).await
}

/// Tells that an order was cancelled, and why.
pub async fn order_cancelled(
    teller: &Teller,
    envelope: Envelope<OrderEvent>,
    delivery: Delivery,
) -> Result<(), NotificationsError> {
    of_order(teller, envelope, delivery, Kind::OrderCancelled).await
}

/// Tells that the money of an order went back.
pub async fn order_refunded(
    teller: &Teller,
    envelope: Envelope<OrderEvent>,
    delivery: Delivery,
) -> Result<(), NotificationsError> {
    of_order(teller, envelope, delivery, Kind::OrderRefunded).await
}

/// Tells that money was taken.
pub async fn payment_processed(
    teller: &Teller,
    envelope: Envelope<PaymentEvent>,
    delivery: Delivery,
) -> Result<(), NotificationsError> {
    of_payment(teller, envelope, delivery, Kind::PaymentProcessed).await
}

/// Tells that no money will come.
pub async fn payment_failed(
    teller: &Teller,
    envelope: Envelope<PaymentEvent>,
    delivery: Delivery,
) -> Result<(), NotificationsError> {
    of_payment(teller, envelope, delivery, Kind::PaymentFailed).await
}

async fn of_order(
    teller: &Teller,
    envelope: Envelope<OrderEvent>,
    delivery: Delivery,
    kind: Kind,
) -> Result<(), NotificationsError> {
    tell(teller, envelope, delivery, |event| News::of_order(event).filter(|news| news.kind == kind)).await
}

async fn of_payment(
    teller: &Teller,
    envelope: Envelope<PaymentEvent>,
    delivery: Delivery,
    kind: Kind,
) -> Result<(), NotificationsError> {
    tell(teller, envelope, delivery, |event| News::of_payment(event).filter(|news| news.kind == kind)).await
}

/// Tells what is news of an event; nothing, if that is none.
async fn tell<E: Event>(
    teller: &Teller,
    envelope: Envelope<E>,
    delivery: Delivery,
    news: impl FnOnce(E) -> Option<News>,
) -> Result<(), NotificationsError> {
    let (event_id, happened_at, cause) = (envelope.event_id, envelope.timestamp, envelope.as_cause());
    match news(envelope.event) {
        Some(news) => teller.tell(Telling { news: &news, event_id, happened_at, cause, delivery }).await,
        None => Ok(()),
    }
}
