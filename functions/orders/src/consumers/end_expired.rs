use contracts::{CancelReason, Envelope, InventoryEvent};
use kernel::Timestamp;

use crate::{
    Orders, OrdersError,
    domain::{Actor, Command},
    store::Act,
};

/// Ends an order whose stock is set aside for too long, if nobody has paid: its checkout died, or takes too long. That the order has
/// ended puts money and stock back; one that is paid keeps them, however late the news of it are. The order's log decides between the two.
pub async fn end_expired(orders: &Orders, envelope: Envelope<InventoryEvent>) -> Result<(), OrdersError> {
    let cause = envelope.as_cause();
    let InventoryEvent::ReservationExpired(expired) = envelope.event else {
        return Ok(());
    };
    let act = Act { by: Actor::system("end-expired"), reason: None, now: Timestamp::now(), cause };
    // A checkout that was deferred has waited for the provider all the time.
    let reason = match orders.store.deferred(expired.order_id).await? {
        Some(_) => CancelReason::PaymentUnavailable,
        None => CancelReason::CheckoutFailed,
    };
    orders.carry_out(expired.order_id, Command::Fail { reason }, &act).await.map(drop)
}
