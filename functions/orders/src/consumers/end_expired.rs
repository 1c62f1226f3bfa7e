use contracts::{CancelReason, Envelope, InventoryEvent};
use kernel::Timestamp;

use crate::{
    Orders, OrdersError,
    domain::{Actor, Command},
    store::AuditContext,
};

/// Cancels an order whose reservation expired, unless it is paid: its checkout died or takes too long. After the
/// cancellation, its payment is voided or refunded, and its stock is released. A paid order keeps both, however late
/// this event arrives, because the log decides between the two.
pub async fn end_expired(orders: &Orders, envelope: Envelope<InventoryEvent>) -> Result<(), OrdersError> {
    let cause = envelope.as_cause();
    let InventoryEvent::ReservationExpired(expired) = envelope.event else {
        return Ok(());
    };
    let audit = AuditContext { actor: Actor::system("end-expired"), reason: None, now: Timestamp::now(), cause };
    // A deferred checkout has been waiting for the payment provider.
    let reason = match orders.store.deferred(expired.order_id).await? {
        Some(_) => CancelReason::PaymentUnavailable,
        None => CancelReason::CheckoutFailed,
    };
    orders.execute(expired.order_id, Command::Fail { reason }, &audit).await.map(drop)
}
