//! Example orders, for a stack to try out. They go through the same steps as all orders.

use contracts::Cause;
use kernel::{OrderId, ProductId, Quantity, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Orders, OrdersError,
    domain::{self, Actor, Command, Order, RequestedLine, Status},
    store::{Appended, AuditContext, Change, TransactionExtras},
};

/// The orders that shall exist.
#[derive(Debug, Deserialize)]
pub struct Seed {
    orders: Vec<SeedOrder>,
}

#[derive(Debug, Deserialize)]
struct SeedOrder {
    id: OrderId,
    user_id: UserId,
    items: Vec<SeedItem>,
    /// `None` for an order that stays unpaid.
    payment_method: Option<String>,
    /// The status that the order is to reach.
    until: Status,
}

#[derive(Debug, Deserialize)]
struct SeedItem {
    product_id: ProductId,
    quantity: Quantity,
}

/// The result of one call.
#[derive(Debug, Default, Serialize)]
pub struct Seeded {
    created: usize,
    existing: usize,
    /// How many wait for replicas or for their checkout: the command has to be run again.
    waiting: usize,
}

/// Places the orders that do not exist yet, and moves each of them step by step to its status.
///
/// # Errors
/// If the table does not respond.
pub async fn seed(orders: &Orders, seed: Seed) -> Result<Seeded, OrdersError> {
    let mut seeded = Seeded::default();
    for wanted in &seed.orders {
        let (order, new) = match orders.load(wanted.id).await {
            Ok(order) => (Some(order), false),
            Err(OrdersError::NotFound) => (place(orders, wanted).await?, true),
            Err(error) => return Err(error),
        };
        let reached = match order {
            Some(order) => {
                seeded.created += usize::from(new);
                advance(orders, order, wanted.until).await?
            }
            None => false,
        };
        seeded.waiting += usize::from(!reached);
        seeded.existing += usize::from(reached && !new);
    }
    Ok(seeded)
}

/// Places the order, or returns `None` if the replica of the user or of a product has not arrived yet.
async fn place(orders: &Orders, wanted: &SeedOrder) -> Result<Option<Order>, OrdersError> {
    let line = |item: &SeedItem| RequestedLine { product_id: item.product_id, quantity: item.quantity, price: None };
    let lines: Vec<RequestedLine> = wanted.items.iter().map(line).collect();
    let context = orders.store.placement_context(wanted.user_id, &lines, None, None).await?;
    let quote = match domain::price(&lines, None, &context.products) {
        Ok(quote) if context.user == Some(true) => quote,
        _ => return Ok(None),
    };
    let now = Timestamp::now();
    let mut events = vec![Order::place(wanted.id, wanted.user_id, quote.lines, quote.total)];
    let mut order = Order::replay(events.iter().map(|event| (event, now))).ok_or(OrdersError::NotFound)?;
    if let Some(payment_method) = wanted.payment_method.clone() {
        let started = order.decide(Command::StartCheckout { payment_method })?;
        started.iter().for_each(|event| order.apply(event, now));
        events.extend(started);
    }
    let change = Change { previous_status: None, order: &order, events, audit: &audit_context(now) };
    match orders.store.append(change, TransactionExtras::default()).await? {
        Appended::Done => Ok(Some(order)),
        Appended::Replayed(_) | Appended::RateLimitContended(_) | Appended::Conflict => Err(OrdersError::Busy),
    }
}

/// Takes the steps that an operator takes. Returns whether the order has reached its status.
async fn advance(orders: &Orders, mut order: Order, until: Status) -> Result<bool, OrdersError> {
    while order.status < until {
        let step = match order.status {
            Status::Paid => Command::Process,
            Status::Processing => Command::Ship,
            Status::Shipped => Command::Deliver,
            // Only the checkout pays or cancels the order.
            Status::Pending | Status::Delivered | Status::Cancelled | Status::Refunded => return Ok(false),
        };
        order = orders.execute(order.id, step, &audit_context(Timestamp::now())).await?;
    }
    Ok(true)
}

fn audit_context(now: Timestamp) -> AuditContext {
    AuditContext { actor: Actor::system("seed"), reason: None, now, cause: Cause::own() }
}
