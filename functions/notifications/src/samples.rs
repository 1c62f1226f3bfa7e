//! Example news, for previews and for the snapshots of the templates.

use contracts::{CancelReason, OrderCancelled, OrderEvent, OrderLine};
use kernel::{Currency, Money, OrderId, ProductId, Quantity, UserId};

use crate::domain::News;
use contracts::NotificationKind as Kind;

/// The shop that speaks.
pub const SHOP: &str = "Waybill Shop";

/// Where its pages are.
pub const URL: &str = "https://shop.example";

/// Who is spoken to.
pub const NAME: &str = "Ada Lovelace";

/// One of each type, and each reason of a cancelled order, with a name for its file.
pub fn news() -> Vec<(&'static str, News)> {
    let (user_id, order_id) = ids();
    let of = |kind, lines: Vec<OrderLine>, has_amount: bool| News {
        kind,
        user_id,
        order_id: (kind != Kind::UserRegistered).then_some(order_id),
        lines,
        amount: has_amount.then(total),
        reason: None,
    };
    let mut news = vec![
        ("user_registered", of(Kind::UserRegistered, Vec::new(), false)),
        ("order_placed", of(Kind::OrderPlaced, lines(), true)),
        ("payment_processed", of(Kind::PaymentProcessed, Vec::new(), true)),
        ("payment_failed", of(Kind::PaymentFailed, Vec::new(), true)),
        ("order_confirmed", of(Kind::OrderConfirmed, lines(), true)),
        ("order_shipped", of(Kind::OrderShipped, Vec::new(), false)),
        ("order_refunded", of(Kind::OrderRefunded, Vec::new(), true)),
    ];
    let reasons = [
        ("order_cancelled_out_of_stock", CancelReason::OutOfStock),
        ("order_cancelled_payment_declined", CancelReason::PaymentDeclined),
        ("order_cancelled_payment_unavailable", CancelReason::PaymentUnavailable),
        ("order_cancelled_checkout_failed", CancelReason::CheckoutFailed),
        ("order_cancelled_requested", CancelReason::Requested),
        ("order_cancelled_unpaid", CancelReason::Unpaid),
    ];
    news.extend(reasons.into_iter().filter_map(|(name, reason)| {
        let event = OrderCancelled { order_id, user_id, reason, lines: lines(), total: total() };
        Some((name, News::of_order(OrderEvent::OrderCancelled(event))?))
    }));
    news
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
