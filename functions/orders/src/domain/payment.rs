//! What orders has heard of an order's payment.

use std::collections::BTreeMap;

use contracts::PaymentEvent;
use kernel::{EventId, Money, PaymentId, Timestamp};
use serde::{Deserialize, Serialize};

/// The copy that orders keeps of a payment. What it says follows from which events were heard, not from their order or number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Payment {
    /// The payment.
    pub id: PaymentId,
    /// What it was to bring.
    pub amount: Money,
    /// Whether the money came.
    pub captured: bool,
    /// The provider's word for why no money will come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// What went back, by the event that told of it.
    #[serde(default)]
    pub refunds: BTreeMap<EventId, Money>,
    /// When the last thing that is known of it happened.
    pub updated_at: Timestamp,
    /// How often the copy was written.
    pub version: u64,
}

impl Payment {
    /// The copy after hearing `event`, `known` before it; nothing, if that is no news.
    pub fn heard(known: Option<&Self>, event: &PaymentEvent, id: EventId, at: Timestamp) -> Option<Self> {
        let (payment_id, amount) = match event {
            // That somebody wants to pay says nothing of money.
            PaymentEvent::PaymentRequested(_) => return None,
            PaymentEvent::PaymentProcessed(told) => (told.payment_id, told.amount),
            PaymentEvent::PaymentFailed(told) => (told.payment_id, told.amount),
            PaymentEvent::PaymentRefunded(told) => (told.payment_id, told.amount),
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
        let mut payment = known.cloned().unwrap_or_else(new);
        match event {
            PaymentEvent::PaymentRequested(_) => {}
            PaymentEvent::PaymentProcessed(_) => {
                // A refund that was heard before may have been of less.
                (payment.captured, payment.amount) = (true, amount);
            }
            PaymentEvent::PaymentFailed(told) => payment.failure_reason = Some(told.reason.clone()),
            PaymentEvent::PaymentRefunded(_) => drop(payment.refunds.insert(id, amount)),
        }
        payment.updated_at = payment.updated_at.max(at);
        if known == Some(&payment) {
            return None;
        }
        payment.version += 1;
        Some(payment)
    }

    /// What went back so far, in minor units.
    pub fn refunded(&self) -> Money {
        let minor = self.refunds.values().fold(0_i64, |sum, refund| sum.saturating_add(refund.minor()));
        Money::from_minor(minor, self.amount.currency())
    }

    /// Whether all of `total` went back.
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

    /// A payment of 25.00 that came, and went back in two parts.
    fn news() -> Vec<(PaymentEvent, EventId, Timestamp)> {
        let order_id = OrderId::derived("test", "order");
        let (payment_id, user_id) = (PaymentId::derived(order_id, "payment"), UserId::derived("test", "user"));
        let amount = usd(2_500);
        let refund = |amount| PaymentRefunded { payment_id, order_id, user_id, amount }.into();
        let told: [PaymentEvent; 3] =
            [PaymentProcessed { payment_id, order_id, user_id, amount }.into(), refund(usd(1_000)), refund(usd(1_500))];
        let times = (1_767_323_045_600..).map(Timestamp::from_millis);
        told.into_iter().zip(times).map(|(event, at)| (event, EventId::new(), at)).collect()
    }

    fn hear<'a>(news: impl IntoIterator<Item = &'a (PaymentEvent, EventId, Timestamp)>) -> Option<Payment> {
        let mut known = None;
        for (event, id, at) in news {
            known = Payment::heard(known.as_ref(), event, *id, *at).or(known);
        }
        known
    }

    #[test]
    fn money_is_back_when_all_of_it_is() {
        let news = news();
        let after = |count: usize| hear(&news[..count]).expect("a payment");
        assert!(after(1).captured && !after(1).is_refund_of(usd(2_500)));
        assert_eq!(after(2).refunded(), usd(1_000));
        assert!(!after(2).is_refund_of(usd(2_500)));
        assert!(after(3).is_refund_of(usd(2_500)));
    }

    #[test]
    fn a_failure_is_no_payment() {
        let order_id = OrderId::derived("test", "order");
        let failed = PaymentFailed {
            payment_id: PaymentId::derived(order_id, "payment"),
            order_id,
            user_id: UserId::derived("test", "user"),
            amount: usd(2_500),
            reason: "card_declined".to_owned(),
        };
        let payment = hear(&[(failed.into(), EventId::new(), Timestamp::now())]).expect("a payment");
        assert_eq!((payment.captured, payment.failure_reason.as_deref()), (false, Some("card_declined")));
    }

    proptest! {
        #[test]
        fn neither_order_nor_repetition_matters(heard in Just(vec![0, 0, 1, 1, 2, 2]).prop_shuffle()) {
            let news = news();
            let shuffled = hear(heard.into_iter().map(|index: usize| &news[index])).expect("a payment");
            prop_assert_eq!(Some(shuffled), hear(&news));
        }
    }
}
