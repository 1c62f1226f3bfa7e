use std::time::Duration;

use contracts::Cause;
use kernel::{OrderId, PaymentId, Timestamp};
use lambda::{env, task::TaskError};
use serde::Deserialize;

use super::act;
use crate::{Orders, domain::Command};

/// The part of the workflow's input that this task needs.
#[derive(Debug, Deserialize)]
pub struct ConfirmOrder {
    order_id: OrderId,
}

/// For how long after its checkout began an order's stock is certainly held.
#[derive(Debug, Clone, Copy)]
pub struct StockHeld(Duration);

/// What inventory has left to hear of the confirmation in, before it puts the stock back.
const MARGIN: Duration = Duration::from_secs(60);

impl StockHeld {
    /// A minute less than inventory sets something aside.
    ///
    /// # Errors
    /// When the template did not set a variable, or not to a number.
    pub fn from_env() -> Result<Self, lambda::Error> {
        let minutes: u64 = env("RESERVATION_MINUTES")?.parse()?;
        Ok(Self(Duration::from_secs(minutes * 60).saturating_sub(MARGIN)))
    }

    /// Stock of checkouts that began before this may be gone at `now`.
    fn since(self, now: Timestamp) -> Timestamp {
        now.plus_seconds(-i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX))
    }
}

/// Lets the sale stand: from here on the order is paid. Refused as `StepNotAllowed` if it was cancelled meanwhile, and as
/// `CheckoutTooLate` if its stock may have been put back for sale.
pub async fn confirm_order(
    (orders, stock_held): &(Orders, StockHeld),
    work: ConfirmOrder,
    cause: Cause,
) -> Result<(), TaskError> {
    // An order has one payment, whose id follows from the order's, here as in payments.
    let payment_id = PaymentId::derived(work.order_id, "payment");
    let act = act(cause);
    let stock_held_since = stock_held.since(act.now);
    orders.carry_out(work.order_id, Command::Confirm { payment_id, stock_held_since }, &act).await?;
    Ok(())
}
