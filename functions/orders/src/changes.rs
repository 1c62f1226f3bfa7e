//! What is done with orders that were placed.

use contracts::{CancelReason, PaymentEvent};
use dynamo::{Answer, Claim};
use kernel::{EventId, OrderId, PaymentId, Timestamp, UserId};
use lambda::{
    http::{Caller, Request},
    problem::Problem,
};

use crate::{
    Orders, OrdersError,
    domain::{Command, Order, Payment, Refusal, Status},
    store::{Act, Appended, Beside, Change, Parked},
};

/// A change that met another one on the same order is tried once more.
const TRIES: usize = 2;

/// How often a copy of a payment is written that is being written by others, too.
const COPY_TRIES: usize = 8;

impl Orders {
    /// Carries out `command` on an order, whosever it is; done before is done.
    ///
    /// # Errors
    /// When there is no such order or its state does not allow it.
    pub async fn carry_out(&self, id: OrderId, command: Command, act: &Act) -> Result<Order, OrdersError> {
        self.change(async || self.load(id).await, |_| Some(command.clone()), act).await
    }

    /// Lets the sale of a user's order stand; done before is done.
    ///
    /// # Errors
    /// As [`Orders::carry_out`].
    pub async fn confirm(
        &self,
        user_id: UserId,
        id: OrderId,
        payment_id: PaymentId,
        act: &Act,
    ) -> Result<Order, OrdersError> {
        // Who knows whose it is need not ask the log; a view that is gone is replayed from it.
        let find = async || match self.store.view(user_id, id).await? {
            Some(order) => Ok(order),
            None => self.load(id).await,
        };
        self.change(find, |_| Some(Command::Confirm { payment_id }), act).await
    }

    /// Ends an order that the caller may see.
    ///
    /// # Errors
    /// When there is no such order for this caller or its state does not allow it.
    pub async fn cancel(&self, caller: Caller, id: OrderId, act: &Act) -> Result<Order, OrdersError> {
        let command = Command::by_hand(Status::Cancelled).ok_or(OrdersError::NotFound)?;
        self.change(async || self.find(caller, id).await, |_| Some(command.clone()), act).await
    }

    /// Brings an order one step on, to `status`.
    ///
    /// # Errors
    /// When there is no such order, its state does not allow it, or `status` follows from its payment.
    pub async fn set_status(&self, id: OrderId, status: Status, act: &Act) -> Result<Order, OrdersError> {
        if let Some(command) = Command::by_hand(status) {
            return self.carry_out(id, command, act).await;
        }
        let order = self.load(id).await?;
        if order.status == status { Ok(order) } else { Err(Refusal::Step { from: order.status, to: status }.into()) }
    }

    /// Ends an order that nobody has paid for longer than `patience`, in seconds, unless its checkout is deferred; whether it has ended.
    ///
    /// # Errors
    /// When there is no such order or the store does not answer.
    pub async fn end_unpaid(&self, id: OrderId, patience: i64, act: &Act) -> Result<bool, OrdersError> {
        if self.store.deferred(id).await?.is_some() {
            return Ok(false);
        }
        // Looked at once more where it is decided: it may just have been paid, or its checkout have begun.
        let choose = |order: &Order| order.unpaid(act.now, patience).map(|reason| Command::Fail { reason });
        let order = self.change(async || self.load(id).await, choose, act).await?;
        Ok(order.cancel_reason.is_some())
    }

    /// Carries out what `choose` makes of the order that `find` finds.
    async fn change(
        &self,
        find: impl AsyncFn() -> Result<Order, OrdersError>,
        choose: impl Fn(&Order) -> Option<Command>,
        act: &Act,
    ) -> Result<Order, OrdersError> {
        for _ in 0..TRIES {
            let mut order = find().await?;
            let before = Some(order.status);
            let mut events = choose(&order).map_or(Ok(Vec::new()), |command| order.decide(command))?;
            if events.is_empty() {
                return Ok(order);
            }
            events.iter().for_each(|event| order.apply(event, act.now));
            // Its money may have gone back before the order was where that ends it.
            let payment = if order.may_be_refunded() { Some(self.store.payment(order.id).await?) } else { None };
            if payment.iter().flatten().any(|payment| payment.is_refund_of(order.total)) {
                let refunded = order.decide(Command::Refund)?;
                refunded.iter().for_each(|event| order.apply(event, act.now));
                events.extend(refunded);
            }
            let beside = Beside { payment: payment.as_ref().map(Option::as_ref), ..Beside::default() };
            let change = Change { before, order: &order, events, act };
            if let Appended::Done = self.store.append(change, beside).await? {
                return Ok(order);
            }
        }
        Err(OrdersError::Busy)
    }

    /// Starts the checkout of an order that was placed to be paid later; once per idempotency key, for which what `respond` makes of
    /// it is kept.
    ///
    /// # Errors
    /// When there is no such order for this caller, it is not waiting to be paid, or the key was used with another request.
    pub async fn pay(
        &self,
        request: &Request,
        id: OrderId,
        payment_method: String,
        claim: Option<Claim>,
        respond: impl Fn(&Order) -> Result<Answer, Problem>,
    ) -> Result<Answer, OrdersError> {
        let caller = request.caller().map_err(OrdersError::Answer)?;
        let act = Act { by: caller.into(), reason: None, now: request.now, cause: request.cause() };
        for _ in 0..TRIES {
            let mut order = self.find(caller, id).await?;
            // In this order: who finds no answer now has seen the order as it was before the same request changed it.
            if let Some(claim) = &claim
                && let Some(answer) = claim.answered(self.store.table(), request.now).await??
            {
                return Ok(answer);
            }
            let before = Some(order.status);
            let events = order.decide(Command::StartCheckout { payment_method: payment_method.clone() })?;
            events.iter().for_each(|event| order.apply(event, act.now));
            let answer = respond(&order).map_err(OrdersError::Answer)?;
            let claimed = claim.as_ref().map(|claim| (claim, &answer));
            let change = Change { before, order: &order, events, act: &act };
            match self.store.append(change, Beside { claimed, ..Beside::default() }).await? {
                Appended::Done => return Ok(answer),
                // Whoever was faster is looked at once more, be it the same request or another.
                Appended::Answered(_) | Appended::Charged(_) | Appended::Conflict => {}
            }
        }
        Err(OrdersError::Busy)
    }

    /// Keeps what is heard of an order's payment. An order whose money is all back becomes `refunded`, or will as soon as it is
    /// cancelled or delivered.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn hear_of_payment(
        &self,
        id: OrderId,
        event: &PaymentEvent,
        event_id: EventId,
        at: Timestamp,
        act: &Act,
    ) -> Result<(), OrdersError> {
        if let PaymentEvent::PaymentRequested(payment) = event {
            return self.start_requested(id, payment.method.clone(), act).await;
        }
        self.remember_payment(id, event, event_id, at).await?;
        match event {
            PaymentEvent::PaymentRefunded(_) => {}
            PaymentEvent::PaymentFailed(failed) => return self.lose_money(id, &failed.reason, act).await,
            PaymentEvent::PaymentRequested(_) | PaymentEvent::PaymentProcessed(_) => return Ok(()),
        }
        // Read again, after the copy was written: who cancels meanwhile has seen either it or this.
        let (order, payment) = (self.load(id).await?, self.store.payment(id).await?);
        if !payment.is_some_and(|payment| payment.is_refund_of(order.total)) {
            return Ok(());
        }
        match self.carry_out(id, Command::Refund, act).await {
            Ok(_) | Err(OrdersError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends a sale whose money will never come; what has left the house is a case for a person. An order that was never sold is ended by
    /// its checkout, which puts its stock back first.
    async fn lose_money(&self, id: OrderId, reason: &str, act: &Act) -> Result<(), OrdersError> {
        let (order, payment) = (self.load(id).await?, self.store.payment(id).await?);
        if !order.is_sold() || payment.is_some_and(|payment| payment.captured) {
            return Ok(());
        }
        match self.carry_out(id, Command::Cancel { reason: CancelReason::PaymentDeclined }, act).await {
            Ok(_) => Ok(()),
            Err(OrdersError::Refused(_)) => {
                tracing::error!(order_id = %id, reason, "the money of an order that was sent will never come; it is parked");
                let failure = format!("PaymentFailed: {reason}");
                Ok(self.store.park(&Parked { order_id: id, failure, parked_at: act.now, attempt: 0 }).await?)
            }
            Err(error) => Err(error),
        }
    }

    /// Starts the checkout that payments was asked for; one that has started before, or an order that has ended, stays as it is.
    async fn start_requested(&self, id: OrderId, payment_method: String, act: &Act) -> Result<(), OrdersError> {
        match self.carry_out(id, Command::StartCheckout { payment_method }, act).await {
            Ok(_) | Err(OrdersError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn remember_payment(
        &self,
        id: OrderId,
        event: &PaymentEvent,
        event_id: EventId,
        at: Timestamp,
    ) -> Result<(), OrdersError> {
        // Of almost every payment only this is heard, that it came: what was known before is looked at if there was something.
        let mut known = None;
        for _ in 0..COPY_TRIES {
            let Some(payment) = Payment::heard(known.as_ref(), event, event_id, at) else {
                return Ok(());
            };
            if self.store.remember_payment(id, &payment).await? {
                return Ok(());
            }
            known = self.store.payment(id).await?;
        }
        Err(OrdersError::Busy)
    }
}
