//! Sample contents of notifications, for previews and for the snapshots of the templates.

use contracts::{CancelReason, NotificationKind as Kind, OrderCancelled, OrderEvent, OrderLine};
use kernel::{Currency, Money, OrderId, ProductId, Quantity, UserId};

use crate::domain::{Notifiable, NotificationContent};

/// The name of the shop.
pub const SHOP_NAME: &str = "Waybill Shop";

/// The URL of the shop.
pub const SHOP_URL: &str = "https://shop.example";

/// The name of the customer.
pub const CUSTOMER_NAME: &str = "Ada Lovelace";

/// Returns a sample of each type of event, and of each reason to cancel an order, with the names of their files.
pub fn contents() -> Vec<(&'static str, NotificationContent)> {
    let (user_id, order_id) = ids();
    let content = |kind, lines: Vec<OrderLine>, has_amount: bool| NotificationContent {
        kind,
        user_id,
        order_id: (kind != Kind::UserRegistered).then_some(order_id),
        lines,
        amount: has_amount.then(total),
        reason: None,
    };
    let mut contents = vec![
        ("user_registered", content(Kind::UserRegistered, Vec::new(), false)),
        ("order_placed", content(Kind::OrderPlaced, lines(), true)),
        ("payment_processed", content(Kind::PaymentProcessed, Vec::new(), true)),
        ("payment_failed", content(Kind::PaymentFailed, Vec::new(), true)),
        ("order_confirmed", content(Kind::OrderConfirmed, lines(), true)),
        ("order_shipped", content(Kind::OrderShipped, Vec::new(), false)),
        ("order_refunded", content(Kind::OrderRefunded, Vec::new(), true)),
    ];
    let reasons = [
        ("order_cancelled_out_of_stock", CancelReason::OutOfStock),
        ("order_cancelled_payment_declined", CancelReason::PaymentDeclined),
        ("order_cancelled_payment_unavailable", CancelReason::PaymentUnavailable),
        ("order_cancelled_checkout_failed", CancelReason::CheckoutFailed),
        ("order_cancelled_requested", CancelReason::Requested),
        ("order_cancelled_unpaid", CancelReason::Unpaid),
    ];
    contents.extend(reasons.into_iter().filter_map(|(name, reason)| {
        let event = OrderCancelled { order_id, user_id, reason, lines: lines(), total: total() };
        Some((name, OrderEvent::OrderCancelled(event).into_content()?))
    }));
    contents
}

fn ids() -> (UserId, OrderId) {
    let order_id: [u8; 16] = [0x01, 0x93, 0, 0, 0, 0, 0x70, 0x03, 0x80, 0, 0, 0, 0, 0, 0, 0x01];
    (UserId::derived(order_id, "customer"), OrderId::from(order_id))
}

fn lines() -> Vec<OrderLine> {
    let line = |name: &str, quantity: u32, minor| {
        Some(OrderLine {
            product_id: ProductId::derived("samples", name),
            name: name.to_owned(),
            quantity: Quantity::try_from(quantity).ok()?,
            unit_price: Money::from_minor(minor, Currency::Usd),
        })
    };
    let lines = [
        line("Mechanical Keyboard", 1, 12_990),
        line("Mug with a rather long name that has to break on a phone", 2, 1_250),
    ];
    lines.into_iter().flatten().collect()
}

fn total() -> Money {
    Money::from_minor(15_490, Currency::Usd)
}
