//! Example orders, for a stack that is tried out. They take the way of every order.

use contracts::Cause;
use kernel::{OrderId, ProductId, Quantity, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Orders, OrdersError,
    domain::{self, Actor, Command, Order, Status, WantedLine},
    store::{Act, Appended, Beside, Change},
};

/// The orders to be there.
#[derive(Debug, Deserialize)]
pub struct Seed {
    orders: Vec<SeedOrder>,
}

#[derive(Debug, Deserialize)]
struct SeedOrder {
    id: OrderId,
    user_id: UserId,
    items: Vec<SeedItem>,
    /// None for an order that stays unpaid.
    payment_method: Option<String>,
    /// The state it is to be brought to.
    until: Status,
}

#[derive(Debug, Deserialize)]
struct SeedItem {
    product_id: ProductId,
    quantity: Quantity,
}

/// What became of them.
#[derive(Debug, Default, Serialize)]
pub struct Seeded {
    created: usize,
    existing: usize,
    /// How many wait for news from other contexts or for their checkout: the command is to be given again.
    waiting: usize,
}

/// Places the orders that are not there yet and brings each, step by step, to the state it is to have.
///
/// # Errors
/// When the store does not answer.
pub async fn seed(orders: &Orders, seed: Seed) -> Result<Seeded, OrdersError> {
    let mut seeded = Seeded::default();
    for wanted in &seed.orders {
        let (order, new) = match orders.load(wanted.id).await {
            Ok(order) => (Some(order), false),
            Err(OrdersError::NotFound) => (place(orders, wanted).await?, true),
            Err(error) => return Err(error),
        };
        let there = match order {
            Some(order) => {
                seeded.created += usize::from(new);
                bring_on(orders, order, wanted.until).await?
            }
            None => false,
        };
        seeded.waiting += usize::from(!there);
        seeded.existing += usize::from(there && !new);
    }
    Ok(seeded)
}

/// Places the order, once its products are known.
async fn place(orders: &Orders, wanted: &SeedOrder) -> Result<Option<Order>, OrdersError> {
    let line = |item: &SeedItem| WantedLine {
        field: String::new(),
        product_id: item.product_id,
        quantity: item.quantity,
        price: None,
    };
    let lines: Vec<WantedLine> = wanted.items.iter().map(line).collect();
    let known = orders.store.known(wanted.user_id, &lines, None, None).await?;
    let quote = match domain::price(&lines, None, &known.products) {
        Ok(quote) if known.user == Some(true) => quote,
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
    let change = Change { before: None, order: &order, events, act: &act(now) };
    match orders.store.append(change, Beside::default()).await? {
        Appended::Done => Ok(Some(order)),
        Appended::Answered(_) | Appended::Charged(_) | Appended::Conflict => Err(OrdersError::Busy),
    }
}

/// Takes the steps that an operator takes; whether the order is where it is to be.
async fn bring_on(orders: &Orders, mut order: Order, until: Status) -> Result<bool, OrdersError> {
    while order.status < until {
        let step = match order.status {
            Status::Paid => Command::Process,
            Status::Processing => Command::Ship,
            Status::Shipped => Command::Deliver,
            // Paid or cancelled by the checkout, not by hand.
            Status::Pending | Status::Delivered | Status::Cancelled | Status::Refunded => return Ok(false),
        };
        order = orders.carry_out(order.id, step, &act(Timestamp::now())).await?;
    }
    Ok(true)
}

fn act(now: Timestamp) -> Act {
    Act { by: Actor::system("seed"), reason: None, now, cause: Cause::own() }
}
