//! Changes of placed orders.

use contracts::{CancelReason, PaymentEvent};
use kernel::{EventId, OrderId, PaymentId, Timestamp, UserId};
use lambda::http::Caller;

use crate::{
    Orders, OrdersError,
    domain::{Command, Order, Payment, Refusal, Status},
    store::{Appended, AuditContext, Change, Parked, TransactionExtras},
};

/// How often a change is tried that conflicts with another one of the same order.
const MAX_ATTEMPTS: usize = 2;

/// How often the replica of a payment is written that others write at the same time.
const MAX_REPLICA_ATTEMPTS: usize = 8;

impl Orders {
    /// Executes `command` on an order, whoever its customer is. A command that was executed before has no effect.
    ///
    /// # Errors
    /// If there is no such order, or its state does not allow the command.
    pub async fn execute(&self, id: OrderId, command: Command, audit: &AuditContext) -> Result<Order, OrdersError> {
        let order = self.load(id).await?;
        self.change(order, command, audit).await
    }

    /// Confirms a user's order: it is sold. An order that was confirmed before stays as it is.
    ///
    /// # Errors
    /// If there is no such order, or it was cancelled.
    pub async fn confirm(
        &self,
        user_id: UserId,
        id: OrderId,
        payment_id: PaymentId,
        audit: &AuditContext,
    ) -> Result<Order, OrdersError> {
        // With the customer's id the read model is one read. If it is missing, the order is loaded from its log.
        let order = match self.store.read_model(user_id, id).await? {
            Some(order) => order,
            None => self.load(id).await?,
        };
        self.change(order, Command::Confirm { payment_id }, audit).await
    }

    /// Cancels an order that the caller may see.
    ///
    /// # Errors
    /// If there is no such order for this caller, or its state does not allow it.
    pub async fn cancel(&self, caller: Caller, id: OrderId, audit: &AuditContext) -> Result<Order, OrdersError> {
        let command = Command::by_hand(Status::Cancelled).ok_or(OrdersError::NotFound)?;
        let order = self.find(caller, id).await?;
        self.change(order, command, audit).await
    }

    /// Moves an order one step forward, to `status`.
    ///
    /// # Errors
    /// If there is no such order, its state does not allow the step, or `status` follows from its payment.
    pub async fn set_status(&self, id: OrderId, status: Status, audit: &AuditContext) -> Result<Order, OrdersError> {
        if let Some(command) = Command::by_hand(status) {
            return self.execute(id, command, audit).await;
        }
        let order = self.load(id).await?;
        if order.status == status { Ok(order) } else { Err(Refusal::Step { from: order.status, to: status }.into()) }
    }

    /// Cancels an order that has been unpaid for longer than `unpaid_timeout` seconds, unless its checkout is deferred.
    /// Returns whether the order is cancelled.
    ///
    /// # Errors
    /// If there is no such order or the table does not respond.
    pub async fn end_unpaid(
        &self,
        id: OrderId,
        unpaid_timeout: i64,
        audit: &AuditContext,
    ) -> Result<bool, OrdersError> {
        if self.store.deferred(id).await?.is_some() {
            return Ok(false);
        }
        // Decided again in each attempt: the order may have been paid, or its checkout may have started.
        for _ in 0..MAX_ATTEMPTS {
            let order = self.load(id).await?;
            let Some(reason) = order.unpaid(audit.now, unpaid_timeout) else {
                return Ok(order.cancel_reason.is_some());
            };
            if let Some(changed) = self.try_change(order, Command::Fail { reason }, audit).await? {
                return Ok(changed.cancel_reason.is_some());
            }
        }
        Err(OrdersError::Busy)
    }

    /// Executes `command` on `order`. If others change the order at the same time, it is read and decided again.
    async fn change(&self, mut order: Order, command: Command, audit: &AuditContext) -> Result<Order, OrdersError> {
        let id = order.id;
        for _ in 1..MAX_ATTEMPTS {
            if let Some(changed) = self.try_change(order, command.clone(), audit).await? {
                return Ok(changed);
            }
            order = self.load(id).await?;
        }
        self.try_change(order, command, audit).await?.ok_or(OrdersError::Busy)
    }

    /// Executes `command` on `order` once. Returns the order after it, or `None` if the order or its payment has
    /// changed since it was read.
    async fn try_change(
        &self,
        mut order: Order,
        command: Command,
        audit: &AuditContext,
    ) -> Result<Option<Order>, OrdersError> {
        let previous_status = Some(order.status);
        let mut events = order.decide(command)?;
        if events.is_empty() {
            return Ok(Some(order));
        }
        events.iter().for_each(|event| order.apply(event, audit.now));
        // All its money may have been refunded before the order reached a state in which it can become `refunded`.
        let payment = if order.may_be_refunded() { Some(self.store.payment(order.id).await?) } else { None };
        if payment.iter().flatten().any(|payment| payment.is_refund_of(order.total)) {
            let refunded = order.decide(Command::Refund)?;
            refunded.iter().for_each(|event| order.apply(event, audit.now));
            events.extend(refunded);
        }
        let extras = TransactionExtras {
            expected_payment: payment.as_ref().map(Option::as_ref),
            ..TransactionExtras::default()
        };
        let change = Change { previous_status, order: &order, events, audit };
        let appended = self.store.append(change, extras).await?;
        Ok(matches!(appended, Appended::Done).then_some(order))
    }

    /// Applies an event of an order's payment. An order whose money is refunded completely becomes `refunded` as soon
    /// as it is also cancelled or delivered.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn apply_payment_event(
        &self,
        id: OrderId,
        event: &PaymentEvent,
        event_id: EventId,
        at: Timestamp,
        audit: &AuditContext,
    ) -> Result<(), OrdersError> {
        if let PaymentEvent::PaymentRequested(payment) = event {
            return self.start_requested_checkout(id, payment.method.clone(), audit).await;
        }
        self.replicate_payment(id, event, event_id, at).await?;
        match event {
            PaymentEvent::PaymentRefunded(_) => {}
            PaymentEvent::PaymentFailed(failed) => {
                return self.cancel_for_failed_payment(id, &failed.reason, audit).await;
            }
            PaymentEvent::PaymentRequested(_) | PaymentEvent::PaymentProcessed(_) => return Ok(()),
        }
        // Read after the replica was written, so that either this function or a concurrent cancellation sees the other
        // one's write.
        let (order, payment) = (self.load(id).await?, self.store.payment(id).await?);
        if !payment.is_some_and(|payment| payment.is_refund_of(order.total)) {
            return Ok(());
        }
        match self.execute(id, Command::Refund, audit).await {
            Ok(_) | Err(OrdersError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Cancels a sold order whose payment failed for good, or parks it if it was shipped before. An order that was not
    /// sold is cancelled by its checkout, which releases the stock first.
    async fn cancel_for_failed_payment(
        &self,
        id: OrderId,
        reason: &str,
        audit: &AuditContext,
    ) -> Result<(), OrdersError> {
        let (order, payment) = (self.load(id).await?, self.store.payment(id).await?);
        if !order.is_sold() || payment.is_some_and(|payment| payment.captured) {
            return Ok(());
        }
        match self.execute(id, Command::Cancel { reason: CancelReason::PaymentDeclined }, audit).await {
            Ok(_) => Ok(()),
            Err(OrdersError::Refused(_)) => {
                tracing::error!(order_id = %id, reason, "the payment of a shipped order failed; the order is parked");
                let failure = format!("PaymentFailed: {reason}");
                Ok(self.store.park(&Parked { order_id: id, failure, parked_at: audit.now, attempt: 0 }).await?)
            }
            Err(error) => Err(error),
        }
    }

    /// Starts the checkout of an order whose payment was requested in payments, unless it has started before or the
    /// order has ended.
    async fn start_requested_checkout(
        &self,
        id: OrderId,
        payment_method: String,
        audit: &AuditContext,
    ) -> Result<(), OrdersError> {
        match self.execute(id, Command::StartCheckout { payment_method }, audit).await {
            Ok(_) | Err(OrdersError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn replicate_payment(
        &self,
        id: OrderId,
        event: &PaymentEvent,
        event_id: EventId,
        at: Timestamp,
    ) -> Result<(), OrdersError> {
        // Most payments have a single event, so the first write assumes that there is no replica yet.
        let mut current = None;
        for _ in 0..MAX_REPLICA_ATTEMPTS {
            let Some(payment) = Payment::after(current.as_ref(), event, event_id, at) else {
                return Ok(());
            };
            if self.store.put_payment(id, &payment).await? {
                return Ok(());
            }
            current = self.store.payment(id).await?;
        }
        Err(OrdersError::Busy)
    }
}
