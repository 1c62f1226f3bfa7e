//! Places orders at the prices of the catalog, and records what becomes of them.
//!
//! An order is the sum of its events ([`domain::Order`]); its event log is also the outbox. The context has replicas of
//! what it needs of users, products and payments, which the events of their contexts update.

pub mod api;
mod changes;
pub mod consumers;
pub mod domain;
mod error;
mod reads;
pub mod rebuild;
pub mod saga;
pub mod schedules;
pub mod seed;
pub mod store;
mod unfinished;
mod workflow;

use std::{collections::HashMap, time::Duration};

use aws_config::SdkConfig;
use dynamo::{IdempotencyKey, StoredResponse, Table};
use kernel::{OrderId, ProductId, Timestamp, UserId};
use lambda::{
    env,
    http::{Caller, Request},
    limit::Limiter,
    policy::Limit,
};

use crate::{
    domain::{Command, Order, Product, RequestedLine},
    store::{AuditContext, Change, Store, TransactionExtras},
    workflow::Workflow,
};
pub use error::OrdersError;

/// The use cases of the orders context.
pub struct Orders {
    store: Store,
    /// The payment method of a checkout that names none. Not set where payments are real.
    default_payment_method: Option<String>,
    workflow: Option<Workflow>,
    limiter: Option<Limiter>,
}

/// A customer's request for an order, in whichever body form it was sent.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PlaceOrder {
    /// The customer of the order; the caller, if absent.
    pub user_id: Option<UserId>,
    /// The requested products, 1 to 100 lines.
    pub lines: Vec<RequestedLine>,
    /// The total that the caller expects.
    pub total_price: Option<lambda::input::Amount>,
    /// The payment method. Only a checkout has one.
    pub payment_method: Option<String>,
}

/// How long the replica of a new product may take to arrive.
const MAX_REPLICATION_DELAY: Duration = Duration::from_secs(5);

/// How often placing an order is tried while other requests of the customer change the same rate limit.
const MAX_ATTEMPTS: usize = 4;

impl Orders {
    /// Connects to the table of the context with the SDK configuration of the environment.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        let default_payment_method = env("DEFAULT_PAYMENT_METHOD").ok().filter(|method| !method.is_empty());
        Ok(Self { default_payment_method, ..Self::over(Table::connect(config, env("TABLE_NAME")?)) })
    }

    /// Uses `table`, without a workflow, a rate limit or a default payment method.
    pub fn over(table: Table) -> Self {
        Self { store: Store::new(table), default_payment_method: None, workflow: None, limiter: None }
    }

    /// Adds the checkout workflow, for the functions that start it.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn with_workflow(self, config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { workflow: Some(Workflow::connect(config)?), ..self })
    }

    /// Adds the customers' rate limit, for the functions that place orders. It is read and charged in the same read and
    /// the same transaction as the order.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn with_limiter(self) -> Result<Self, lambda::Error> {
        Ok(Self { limiter: Some(Limiter::over(self.store.table().clone(), Limit::Writes)?), ..self })
    }

    /// Places an order with one read and one transaction. With a payment method, its checkout starts at once; otherwise
    /// it is paid later.
    ///
    /// `respond` creates the response, which is stored with the idempotency key in the same transaction.
    ///
    /// # Errors
    /// If a field is invalid, the caller may not order for that user, or the idempotency key was used with another
    /// request.
    pub async fn place(
        &self,
        caller: Caller,
        requested: PlaceOrder,
        idempotency_key: Option<IdempotencyKey>,
        request: &Request,
        respond: impl Fn(&Order) -> Result<StoredResponse, lambda::problem::Problem>,
    ) -> Result<StoredResponse, OrdersError> {
        let user_id = requested.user_id.unwrap_or(caller.user_id);
        if user_id != caller.user_id && !caller.is_admin() {
            return Err(OrdersError::NotTheCaller);
        }
        let bucket = self.limiter.as_ref().map(|limiter| limiter.key(request));
        let mut context =
            self.store.placement_context(user_id, &requested.lines, idempotency_key.as_ref(), bucket.as_ref()).await?;
        if let Some(found) = context.stored_response.take()
            && let Some(key) = &idempotency_key
            && let Some(response) = key.replay(&found, request.now)??
        {
            return Ok(response);
        }
        // The replica of a user who has just registered may not have arrived; the caller's token proves that they
        // exist.
        if !context.user.unwrap_or(user_id == caller.user_id) {
            return Err(OrdersError::UnknownUser);
        }
        let mut limiter = self.limiter.as_ref();
        if Self::unreplicated_lines(&requested.lines, &context.products).next().is_some() {
            // A request that makes the function wait is charged before it waits.
            if let Some(limiter) = limiter.take() {
                limiter.take(request).await.map_err(OrdersError::RateLimited)?;
            }
            self.wait_for_products(&requested.lines, &mut context.products).await?;
        }
        let quote =
            domain::price(&requested.lines, requested.total_price, &context.products).map_err(OrdersError::Invalid)?;

        let placed = Order::place(OrderId::new(), user_id, quote.lines, quote.total);
        let mut events = vec![placed];
        let mut order = Order::replay(events.iter().map(|event| (event, request.now))).ok_or(OrdersError::NotFound)?;
        if let Some(payment_method) = requested.payment_method {
            let started = order.decide(Command::StartCheckout { payment_method })?;
            started.iter().for_each(|event| order.apply(event, request.now));
            events.extend(started);
        }
        let response = respond(&order).map_err(OrdersError::Response)?;
        let audit = AuditContext { actor: caller.into(), reason: None, now: request.now, cause: request.cause() };
        for _ in 0..MAX_ATTEMPTS {
            let charge = limiter.map(|limiter| limiter.charge(context.bucket.as_ref(), request)).transpose();
            let extras = TransactionExtras {
                idempotency: idempotency_key.as_ref().map(|key| (key, &response)),
                rate_limit_charge: charge.map_err(OrdersError::RateLimited)?,
                expected_payment: None,
            };
            let change = Change { previous_status: None, order: &order, events: events.clone(), audit: &audit };
            match self.store.append(change, extras).await? {
                store::Appended::Done => return Ok(response),
                // Another request with the same key was faster; its response is returned.
                store::Appended::Replayed(found) => {
                    let key = idempotency_key.ok_or(OrdersError::Busy)?;
                    return key.replay(&found, request.now)??.ok_or(OrdersError::Busy);
                }
                store::Appended::RateLimitContended(bucket) => context.bucket = Some(bucket),
                store::Appended::Conflict => return Err(OrdersError::Busy),
            }
        }
        Err(OrdersError::Busy)
    }

    fn workflow(&self) -> Result<&Workflow, OrdersError> {
        self.workflow.as_ref().ok_or_else(|| OrdersError::Workflow("it is not configured".to_owned()))
    }

    fn default_payment_method(&self) -> Option<&str> {
        self.default_payment_method.as_deref()
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
