//! Orders: placed at the catalog's prices, paid by the checkout workflow, never lost in between.
//!
//! An order is the sum of its events ([`domain::Order`]); the event log is also the outbox. `orders` keeps copies of what it
//! needs of users, products and payments, as their contexts told it.

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
use dynamo::{Answer, Claim, Table};
use kernel::{OrderId, ProductId, Timestamp, UserId};
use lambda::{
    env,
    http::{Caller, Request},
    limit::Limiter,
    policy::Limit,
};

use crate::{
    domain::{Command, Order, Product, WantedLine},
    store::{Act, Beside, Change, Store},
    workflow::Workflow,
};
pub use error::OrdersError;

/// The use cases of orders.
pub struct Orders {
    store: Store,
    /// What a checkout that names no means of payment is paid by; none where real money is at stake.
    default_payment_method: Option<String>,
    workflow: Option<Workflow>,
    limiter: Option<Limiter>,
}

/// What a customer asks for, whichever body form they chose.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PlaceOrder {
    /// Whose order it is to be; the caller's, if they do not say.
    pub user_id: Option<UserId>,
    /// What they want, 1 to 100 lines.
    pub lines: Vec<WantedLine>,
    /// The total they believe in.
    pub total_price: Option<lambda::input::Amount>,
    /// How it is paid; only for a checkout.
    pub payment_method: Option<String>,
}

/// How long a product that was made a moment ago may take to be heard of here.
const NEWS_TAKES: Duration = Duration::from_secs(5);

/// How often a placement that met another one of the same customer at their rate limit is tried.
const TRIES: usize = 4;

impl Orders {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        let default_payment_method = env("DEFAULT_PAYMENT_METHOD").ok().filter(|method| !method.is_empty());
        Ok(Self { default_payment_method, ..Self::over(Table::connect(config, env("TABLE_NAME")?)) })
    }

    /// Over a table, without a workflow, a limit or a default.
    pub fn over(table: Table) -> Self {
        Self { store: Store::new(table), default_payment_method: None, workflow: None, limiter: None }
    }

    /// With the checkout workflow, for the functions that may start it.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn with_workflow(self, config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { workflow: Some(Workflow::connect(config)?), ..self })
    }

    /// With the customers' rate limit, for the functions that place orders. It is read and charged together with what they read and
    /// write anyway.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn with_limiter(self) -> Result<Self, lambda::Error> {
        Ok(Self { limiter: Some(Limiter::over(self.store.table().clone(), Limit::Writes)?), ..self })
    }

    /// Places an order, to be paid later or, if `request` names a means of payment, at once: one read, one write.
    ///
    /// `respond` makes the answer, which is stored with the idempotency key in the same write.
    ///
    /// # Errors
    /// When a field is wrong, the caller may not order for that user, or the key was used with another request.
    pub async fn place(
        &self,
        caller: Caller,
        wanted: PlaceOrder,
        claim: Option<Claim>,
        request: &Request,
        respond: impl Fn(&Order) -> Result<Answer, lambda::problem::Problem>,
    ) -> Result<Answer, OrdersError> {
        let user_id = wanted.user_id.unwrap_or(caller.user_id);
        if user_id != caller.user_id && !caller.is_admin() {
            return Err(OrdersError::NotTheCaller);
        }
        let bucket = self.limiter.as_ref().map(|limiter| limiter.key(request));
        let mut known = self.store.known(user_id, &wanted.lines, claim.as_ref(), bucket.as_ref()).await?;
        if let Some(found) = known.answer.take()
            && let Some(claim) = &claim
            && let Some(answer) = claim.replay(&found, request.now)??
        {
            return Ok(answer);
        }
        // Callers who have just registered may not have been heard of; they have a token.
        if !known.user.unwrap_or(user_id == caller.user_id) {
            return Err(OrdersError::UnknownUser);
        }
        let mut limiter = self.limiter.as_ref();
        if Self::awaited(&wanted.lines, &known.products).next().is_some() {
            // Whoever makes a function wait pays before, not after.
            if let Some(limiter) = limiter.take() {
                limiter.take(request).await.map_err(OrdersError::Limited)?;
            }
            self.wait_for_news(&wanted.lines, &mut known.products).await?;
        }
        let quote = domain::price(&wanted.lines, wanted.total_price, &known.products).map_err(OrdersError::Invalid)?;

        let placed = Order::place(OrderId::new(), user_id, quote.lines, quote.total);
        let mut events = vec![placed];
        let mut order = Order::replay(events.iter().map(|event| (event, request.now))).ok_or(OrdersError::NotFound)?;
        if let Some(payment_method) = wanted.payment_method {
            let started = order.decide(Command::StartCheckout { payment_method })?;
            started.iter().for_each(|event| order.apply(event, request.now));
            events.extend(started);
        }
        let answer = respond(&order).map_err(OrdersError::Answer)?;
        let act = Act { by: caller.into(), reason: None, now: request.now, cause: request.cause() };
        for _ in 0..TRIES {
            let charge = limiter.map(|limiter| limiter.charge(known.bucket.as_ref(), request)).transpose();
            let beside = Beside {
                claimed: claim.as_ref().map(|claim| (claim, &answer)),
                charge: charge.map_err(OrdersError::Limited)?,
                payment: None,
            };
            let change = Change { before: None, order: &order, events: events.clone(), act: &act };
            match self.store.append(change, beside).await? {
                store::Appended::Done => return Ok(answer),
                // Another request with the same key was a moment faster: its answer is ours.
                store::Appended::Answered(found) => {
                    let claim = claim.ok_or(OrdersError::Busy)?;
                    return claim.replay(&found, request.now)??.ok_or(OrdersError::Busy);
                }
                store::Appended::Charged(bucket) => known.bucket = Some(bucket),
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

    /// Products made in the last few seconds may not have been heard of yet; those are waited for, the others are unknown.
    async fn wait_for_news(
        &self,
        wanted: &[WantedLine],
        products: &mut HashMap<ProductId, Product>,
    ) -> Result<(), OrdersError> {
        loop {
            let awaited: Vec<WantedLine> = Self::awaited(wanted, products).cloned().collect();
            if awaited.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            products.extend(self.store.products(&awaited).await?);
        }
    }

    /// What is not known and was made a moment ago.
    fn awaited<'a>(
        wanted: &'a [WantedLine],
        products: &HashMap<ProductId, Product>,
    ) -> impl Iterator<Item = &'a WantedLine> {
        let now = Timestamp::now();
        let missing = wanted.iter().filter(|line| !products.contains_key(&line.product_id));
        missing.filter(move |line| line.product_id.is_younger_than(NEWS_TAKES, now))
    }
}
