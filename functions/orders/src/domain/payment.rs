//! The replica of an order's payment.

use std::collections::BTreeMap;

use contracts::PaymentEvent;
use kernel::{EventId, Money, PaymentId, Timestamp};
use serde::{Deserialize, Serialize};

/// The replica of a payment. It depends on which events were received, but not on their order or number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Payment {
    /// The id of the payment.
    pub id: PaymentId,
    /// The amount of the payment.
    pub amount: Money,
    /// Whether the amount was captured.
    pub captured: bool,
    /// The provider's code for why the payment failed for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// The refunded amounts, by the id of the event.
    #[serde(default)]
    pub refunds: BTreeMap<EventId, Money>,
    /// The time of the last event.
    pub updated_at: Timestamp,
    /// How often the replica was written.
    pub version: u64,
}

impl Payment {
    /// Returns the replica after an event, or `None` if `current` does not change.
    pub fn after(current: Option<&Self>, event: &PaymentEvent, id: EventId, at: Timestamp) -> Option<Self> {
        let (payment_id, amount) = match event {
            // A request has not moved any money yet.
            PaymentEvent::PaymentRequested(_) => return None,
            PaymentEvent::PaymentProcessed(payment) => (payment.payment_id, payment.amount),
            PaymentEvent::PaymentFailed(payment) => (payment.payment_id, payment.amount),
            PaymentEvent::PaymentRefunded(payment) => (payment.payment_id, payment.amount),
        };
        let new = || Self {
            id: payment_id,
            amount,
            captured: false,
            failure_reason: None,
            refunds: BTreeMap::new(),
            updated_at: at,
            version: 0,
        };
        let mut payment = current.cloned().unwrap_or_else(new);
        match event {
            PaymentEvent::PaymentRequested(_) => {}
            PaymentEvent::PaymentProcessed(_) => {
                // An earlier refund event has only the refunded amount.
                (payment.captured, payment.amount) = (true, amount);
            }
            PaymentEvent::PaymentFailed(failed) => payment.failure_reason = Some(failed.reason.clone()),
            PaymentEvent::PaymentRefunded(_) => drop(payment.refunds.insert(id, amount)),
        }
        payment.updated_at = payment.updated_at.max(at);
        if current == Some(&payment) {
            return None;
        }
        payment.version += 1;
        Some(payment)
    }

    /// Returns the amount that was refunded so far.
    pub fn refunded(&self) -> Money {
        let minor = self.refunds.values().fold(0_i64, |sum, refund| sum.saturating_add(refund.minor()));
        Money::from_minor(minor, self.amount.currency())
    }

    /// Whether all of `total` was refunded.
    pub fn is_refund_of(&self, total: Money) -> bool {
        self.refunded().currency() == total.currency() && self.refunded().minor() >= total.minor()
    }
}

#[cfg(test)]
mod tests {
    use contracts::{PaymentFailed, PaymentProcessed, PaymentRefunded};
    use kernel::{Currency, OrderId, UserId};
    use proptest::prelude::*;

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::Usd)
    }

    /// The events of a payment of 25.00, which was captured and refunded in two parts.
    fn received() -> Vec<(PaymentEvent, EventId, Timestamp)> {
        let order_id = OrderId::derived("test", "order");
        let (payment_id, user_id) = (PaymentId::derived(order_id, "payment"), UserId::derived("test", "user"));
        let amount = usd(2_500);
        let refund = |amount| PaymentRefunded { payment_id, order_id, user_id, amount }.into();
        let events: [PaymentEvent; 3] =
            [PaymentProcessed { payment_id, order_id, user_id, amount }.into(), refund(usd(1_000)), refund(usd(1_500))];
        let times = (1_767_323_045_600..).map(Timestamp::from_millis);
        events.into_iter().zip(times).map(|(event, at)| (event, EventId::new(), at)).collect()
    }

    fn replicate<'a>(received: impl IntoIterator<Item = &'a (PaymentEvent, EventId, Timestamp)>) -> Option<Payment> {
        let mut replica = None;
        for (event, id, at) in received {
            replica = Payment::after(replica.as_ref(), event, *id, *at).or(replica);
        }
        replica
    }

    #[test]
    fn a_payment_is_refunded_when_all_of_it_is() {
        let received = received();
        let after = |count: usize| replicate(&received[..count]).expect("a payment");
        assert!(after(1).captured && !after(1).is_refund_of(usd(2_500)));
        assert_eq!(after(2).refunded(), usd(1_000));
        assert!(!after(2).is_refund_of(usd(2_500)));
        assert!(after(3).is_refund_of(usd(2_500)));
    }

    #[test]
    fn a_failed_payment_is_not_captured() {
        let order_id = OrderId::derived("test", "order");
        let failed = PaymentFailed {
            payment_id: PaymentId::derived(order_id, "payment"),
            order_id,
            user_id: UserId::derived("test", "user"),
            amount: usd(2_500),
            reason: "card_declined".to_owned(),
        };
        let payment = replicate(&[(failed.into(), EventId::new(), Timestamp::now())]).expect("a payment");
        assert_eq!((payment.captured, payment.failure_reason.as_deref()), (false, Some("card_declined")));
    }

    proptest! {
        #[test]
        fn neither_order_nor_repetition_matters(sequence in Just(vec![0, 0, 1, 1, 2, 2]).prop_shuffle()) {
            let received = received();
            let shuffled = replicate(sequence.into_iter().map(|index: usize| &received[index])).expect("a payment");
            prop_assert_eq!(Some(shuffled), replicate(&received));
        }
    }
}
