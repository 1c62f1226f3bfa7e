//! Orders that customers place and pay.
//!
//! The response to a request is stored in the transaction of its work, so a request takes three steps:
//! [`Orders::prepare_order`] or [`Orders::prepare_checkout`] reads what is needed and decides, the handler renders the
//! response from the prepared order, and [`Orders::commit`] writes both.

use std::{collections::HashMap, time::Duration};

use contracts::OrderEvent;
use dynamo::{IdempotencyKey, Item, StoredResponse};
use kernel::{OrderId, ProductId, Timestamp, UserId};
use lambda::http::{ApiRequest, Caller, Request};
use serde::Serialize;

use crate::{
    Orders, OrdersError,
    domain::{self, Command, Order, PricingError, Product, RequestedLine, StatedAmount, Status},
    store::{Appended, AuditContext, Change, TransactionExtras},
};

/// A customer's request for an order, in whichever body form it was sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaceOrder {
    /// The customer of the order; the caller, if absent.
    pub user_id: Option<UserId>,
    /// The requested products, 1 to 100 lines.
    pub lines: Vec<RequestedLine>,
    /// The total that the caller expects.
    pub total_price: Option<StatedAmount>,
    /// The payment method. Only a checkout has one.
    pub payment_method: Option<String>,
}

/// The outcome of preparing a new order.
#[derive(Debug)]
pub enum Placement {
    /// The order can be placed.
    Prepared(Box<PreparedOrder>),
    /// The same request was handled before, with this response.
    Replayed(StoredResponse),
    /// The requested lines cannot be priced, for these reasons.
    Unpriced(Vec<PricingError>),
}

/// The outcome of preparing the checkout of a placed order.
#[derive(Debug)]
pub enum CheckoutStart {
    /// The checkout can start.
    Prepared(Box<PreparedOrder>),
    /// The same request was handled before, with this response.
    Replayed(StoredResponse),
}

/// A new or changed order that is not written yet.
#[derive(Debug)]
pub struct PreparedOrder {
    /// The order after the change.
    pub order: Order,
    previous_status: Option<Status>,
    events: Vec<OrderEvent>,
    idempotency_key: Option<IdempotencyKey>,
    rate_limit: RateLimit,
}

/// How a prepared order charges the customer's rate limit.
#[derive(Debug)]
enum RateLimit {
    /// The request was charged before.
    Charged,
    /// The order's transaction charges it. This is its state, as it was read.
    InTransaction(Option<Item>),
}

/// How long the replica of a new product may take to arrive.
const MAX_REPLICATION_DELAY: Duration = Duration::from_secs(5);

/// How often an order is written while other requests of the customer change the same rate limit.
const MAX_ATTEMPTS: usize = 4;

impl Orders {
    /// Prepares a new order with one read. With a payment method, its checkout starts at once; otherwise it is paid
    /// later.
    ///
    /// # Errors
    /// If the caller may not order for that user, there is no such user, the rate limit is exceeded, or the idempotency
    /// key was used with another request.
    pub async fn prepare_order(
        &self,
        request: &Request,
        caller: Caller,
        requested: PlaceOrder,
        idempotency_key: Option<IdempotencyKey>,
    ) -> Result<Placement, OrdersError> {
        let user_id = requested.user_id.unwrap_or(caller.user_id);
        if user_id != caller.user_id && !caller.is_admin() {
            return Err(OrdersError::NotTheCaller);
        }
        let bucket = self.limiter.as_ref().map(|limiter| limiter.key(request));
        let mut context =
            self.store.placement_context(user_id, &requested.lines, idempotency_key.as_ref(), bucket.as_ref()).await?;
        if let Some(found) = &context.stored_response
            && let Some(key) = &idempotency_key
            && let Some(response) = key.replay(found, request.now())??
        {
            return Ok(Placement::Replayed(response));
        }
        // The replica of a user who has just registered may not have arrived; the caller's token proves that they
        // exist.
        if !context.user.unwrap_or(user_id == caller.user_id) {
            return Err(OrdersError::UnknownUser);
        }
        let mut rate_limit = RateLimit::InTransaction(context.bucket);
        if Self::unreplicated_lines(&requested.lines, &context.products).next().is_some() {
            // A request that makes the function wait is charged before it waits.
            if let Some(limiter) = &self.limiter {
                limiter.take(request).await.map_err(OrdersError::RateLimited)?;
            }
            rate_limit = RateLimit::Charged;
            self.wait_for_products(&requested.lines, &mut context.products).await?;
        }
        let quote = match domain::price(&requested.lines, requested.total_price, &context.products) {
            Ok(quote) => quote,
            Err(errors) => return Ok(Placement::Unpriced(errors)),
        };

        let mut events = vec![Order::place(OrderId::new(), user_id, quote.lines, quote.total)];
        let mut order =
            Order::replay(events.iter().map(|event| (event, request.now()))).ok_or(OrdersError::NotFound)?;
        if let Some(payment_method) = requested.payment_method {
            let started = order.decide(Command::StartCheckout { payment_method })?;
            started.iter().for_each(|event| order.apply(event, request.now()));
            events.extend(started);
        }
        let prepared = PreparedOrder { order, previous_status: None, events, idempotency_key, rate_limit };
        Ok(Placement::Prepared(Box::new(prepared)))
    }

    /// Prepares to start the checkout of an order that was placed to be paid later, once per idempotency key. The
    /// request was charged to the rate limit before.
    ///
    /// # Errors
    /// If there is no such order for this caller, it is not pending, or the idempotency key was used with another
    /// request.
    pub async fn prepare_checkout(
        &self,
        caller: Caller,
        id: OrderId,
        payment_method: String,
        idempotency_key: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> Result<CheckoutStart, OrdersError> {
        let mut order = self.find(caller, id).await?;
        // The order is read first: if no response is stored yet, the same request had not changed the order when it
        // was read.
        if let Some(key) = &idempotency_key
            && let Some(response) = key.find(self.store.table(), now).await??
        {
            return Ok(CheckoutStart::Replayed(response));
        }
        let previous_status = Some(order.status);
        let events = order.decide(Command::StartCheckout { payment_method })?;
        events.iter().for_each(|event| order.apply(event, now));
        let rate_limit = RateLimit::Charged;
        let prepared = PreparedOrder { order, previous_status, events, idempotency_key, rate_limit };
        Ok(CheckoutStart::Prepared(Box::new(prepared)))
    }

    /// Writes a prepared order with its `response` in one transaction. Returns the response, or the stored one if
    /// another request with the same idempotency key was faster, or `None` if others changed the order or the rate
    /// limit at the same time.
    ///
    /// # Errors
    /// If the rate limit is exceeded, or the idempotency key was used with another request in the meantime.
    pub async fn commit(
        &self,
        request: &Request,
        prepared: PreparedOrder,
        response: StoredResponse,
        audit: &AuditContext,
    ) -> Result<Option<StoredResponse>, OrdersError> {
        let PreparedOrder { order, previous_status, events, idempotency_key, rate_limit } = prepared;
        let (limiter, mut bucket) = match rate_limit {
            RateLimit::Charged => (None, None),
            RateLimit::InTransaction(bucket) => (self.limiter.as_ref(), bucket),
        };
        for _ in 0..MAX_ATTEMPTS {
            let charge = limiter.map(|limiter| limiter.charge(bucket.as_ref(), request)).transpose();
            let extras = TransactionExtras {
                idempotency: idempotency_key.as_ref().map(|key| (key, &response)),
                rate_limit_charge: charge.map_err(OrdersError::RateLimited)?,
                expected_payment: None,
            };
            let change = Change { previous_status, order: &order, events: events.clone(), audit };
            match self.store.append(change, extras).await? {
                Appended::Done => return Ok(Some(response)),
                Appended::Replayed(found) => {
                    let key = idempotency_key.ok_or(OrdersError::Busy)?;
                    return Ok(key.replay(&found, audit.now)??);
                }
                Appended::RateLimitContended(found) => bucket = Some(found),
                Appended::Conflict => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Waits for the replicas of products that were created a few seconds ago. Other missing products are unknown.
    async fn wait_for_products(
        &self,
        requested: &[RequestedLine],
        products: &mut HashMap<ProductId, Product>,
    ) -> Result<(), OrdersError> {
        loop {
            let missing: Vec<RequestedLine> = Self::unreplicated_lines(requested, products).cloned().collect();
            if missing.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            products.extend(self.store.products(&missing).await?);
        }
    }

    /// Returns the lines whose products are not in `products` and were created a few seconds ago.
    fn unreplicated_lines<'a>(
        requested: &'a [RequestedLine],
        products: &HashMap<ProductId, Product>,
    ) -> impl Iterator<Item = &'a RequestedLine> {
        let now = Timestamp::now();
        let missing = requested.iter().filter(|line| !products.contains_key(&line.product_id));
        missing.filter(move |line| line.product_id.is_younger_than(MAX_REPLICATION_DELAY, now))
    }
}
