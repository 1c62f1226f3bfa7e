//! Payments over a table of their own, while all that may happen to them happens at once, and whoever does it dies on
//! the way: record, events, counters and the provider's books agree in the end. `make test` puts a proxy before the
//! table that refuses as AWS does.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{collections::BTreeMap, time::Duration};

use contracts::{Cause, Envelope, PaymentEvent};
use futures::future::join_all;
use kernel::{Currency, Money, OrderId, Timestamp, UserId};
use lambda::input::{Amount, Field};
use payments::{
    Payments, PaymentsError, RefundRequest,
    domain::{Due, Payment, Status, payment_id},
    provider::Provider,
    settling::{Tick, settle_refunds},
};
use rand::random_range;
use serde_json::json;
use testkit::{HANG_LIMIT, Stack, TestTable, text};

const PAYMENTS: usize = 12;
const TOTAL: i64 = 2_500;

/// Does something until it is done or refused; at first somebody dies over it, again and again.
async fn insist<T>(work: impl AsyncFn() -> Result<T, PaymentsError>) -> Result<T, PaymentsError> {
    for _ in 0..3 {
        let time = Duration::from_millis(random_range(1..40));
        if let Ok(done @ (Ok(_) | Err(PaymentsError::Refused(..)))) = tokio::time::timeout(time, work()).await {
            return done;
        }
    }
    loop {
        match work().await {
            Err(PaymentsError::Busy | PaymentsError::Unavailable(_) | PaymentsError::Store(_)) => {}
            done => return done,
        }
    }
}

async fn refund(payments: &Payments, due: &Due, amount: Option<&str>) {
    let amount = amount.map(|amount| Amount::read(&json!(amount)).unwrap());
    let wanted = RefundRequest { payment_id: payment_id(due.order_id), amount, reason: None };
    let respond = |payment: &Payment, _| lambda::http::answered(&payment.refunded().to_decimal());
    // Who dies over a refund has asked for one all the same: it is not asked for again.
    let (time, cause) = (Duration::from_millis(random_range(5..400)), Cause::own());
    let work = payments.refund(&wanted, None, Timestamp::now(), &cause, respond);
    if let Ok(Err(error)) = tokio::time::timeout(time, work).await {
        let expected = matches!(error, PaymentsError::Refused(..) | PaymentsError::Busy | PaymentsError::Store(_));
        assert!(expected, "{error}");
    }
}

/// All of a payment's life at once; whether its order was cancelled.
async fn live(payments: &Payments, due: &Due, index: usize) -> bool {
    let cause = Cause::own();
    insist(async || payments.remember(due).await).await.unwrap();
    let card = if index % 4 == 3 { "pm_card_chargeDeclined" } else { "pm_card_visa" };
    join_all((0..3).map(|_| insist(async || payments.authorize(due, card, &cause).await))).await;
    join_all((0..3).map(|_| insist(async || payments.capture(due, &cause).await))).await;
    let is_cancelled = index % 2 == 1;
    let parts = join_all((0..4).map(|_| refund(payments, due, Some("7.00"))));
    let undo = async {
        if is_cancelled {
            let _ = insist(async || payments.undo(due, &cause).await).await;
        }
    };
    futures::join!(parts, undo);
    is_cancelled
}

#[tokio::test]
async fn in_any_order_with_deaths_on_the_way() {
    let config = match std::env::var("STORM_ENDPOINT") {
        Ok(endpoint) => Stack::get().aws().await.into_builder().endpoint_url(endpoint).build(),
        Err(_) => Stack::get().aws().await,
    };
    let table = TestTable::create_at(&config).await;
    let provider = Provider::simulator(table.table.clone(), Duration::ZERO, HANG_LIMIT);
    let payments = Payments::over(table.table.clone(), provider);
    let due =
        |_| Due { order_id: OrderId::new(), user_id: UserId::new(), total: Money::from_minor(TOTAL, Currency::Usd) };
    let dues: Vec<Due> = (0..PAYMENTS).map(due).collect();
    let cancelled = join_all(dues.iter().enumerate().map(|(index, due)| live(&payments, due, index))).await;
    loop {
        let done = settle_refunds(&payments, Tick {}).await.expect("nothing waits for an hour");
        if done.waiting == 0 {
            break;
        }
    }

    let items = table.items().await;
    let events: Vec<Envelope<PaymentEvent>> = items
        .iter()
        .filter(|item| text(item, "kind") == "event")
        .map(|item| Envelope::read(text(item, "envelope")).unwrap().expect("an event"))
        .collect();
    let mut told: BTreeMap<&str, i64> = BTreeMap::new();
    for (due, is_cancelled) in dues.iter().zip(cancelled) {
        let payment = payments.of_order(due.user_id, due.order_id).await.unwrap().expect("a payment");
        let of_it: Vec<_> = events.iter().filter(|event| event.subject == payment.id.to_string()).collect();
        let mut sequences: Vec<u64> = of_it.iter().map(|event| event.sequence).collect();
        sequences.sort_unstable();
        assert_eq!(sequences, (1..=payment.sequence).collect::<Vec<_>>(), "told once each");
        let (mut taken, mut back) = (0, 0);
        for event in of_it {
            let (name, minor) = match &event.event {
                PaymentEvent::PaymentProcessed(event) => ("captured_USD", event.amount.minor()),
                PaymentEvent::PaymentRefunded(event) => ("refunded_USD", event.amount.minor()),
                PaymentEvent::PaymentFailed(event) => ("declined_USD", event.amount.minor()),
                PaymentEvent::PaymentRequested(_) => continue,
            };
            *told.entry(name).or_default() += minor;
            taken += if name == "captured_USD" { minor } else { 0 };
            back += if name == "refunded_USD" { minor } else { 0 };
        }
        assert!(taken == 0 || taken == TOTAL, "{payment:?}");
        assert_eq!(payment.refunded().minor(), back);
        assert!(back <= taken, "{payment:?}");
        assert!(payment.pending_refund().is_none());
        if is_cancelled {
            assert_eq!(taken, back, "{payment:?}");
            assert!(payment.status.has_ended(), "{payment:?}");
        } else {
            assert!(payment.status == Status::Declined || taken == TOTAL, "{payment:?}");
        }
        let pk = format!("SIMULATOR#{}", due.order_id);
        let books = items.iter().find(|item| text(item, "pk") == pk).expect("the provider's books");
        let at_provider: BTreeMap<String, Money> =
            serde_dynamo::from_item(books.clone()).map(|books: Books| books.refunds).expect("the books");
        assert_eq!(at_provider.values().map(|refund| refund.minor()).sum::<i64>(), back, "{payment:?}");
        assert_eq!(text(books, "state") == "captured", taken == TOTAL, "{payment:?}");
    }
    assert!(!items.iter().any(|item| text(item, "pk") == "UNSETTLED"));
    let counters = table.table.counters().await.unwrap();
    for name in ["captured_USD", "refunded_USD", "declined_USD"] {
        assert_eq!(counters.get(name), told.get(name), "{name}");
        assert!(told.contains_key(name), "{name}: nothing to count");
    }
    table.delete().await;
}

#[derive(serde::Deserialize)]
struct Books {
    refunds: BTreeMap<String, Money>,
}
