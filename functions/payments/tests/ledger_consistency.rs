//! Payments on a table of their own, with concurrent calls and crashes: in the end the record, the events, the counters
//! and the provider's ledger agree. `make test` puts a proxy in front of the table that refuses transactions as AWS
//! does.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{collections::BTreeMap, time::Duration};

use contracts::{Cause, Envelope, PaymentEvent};
use futures::future::join_all;
use kernel::{Currency, Money, OrderId, Timestamp, UserId};
use lambda::input::Amount;
use payments::{
    Payments, PaymentsError, RefundRequest,
    domain::{Due, Payment, Status, payment_id},
    provider::Provider,
    schedules::{ScheduledEvent, settle_refunds},
};
use rand::random_range;
use testkit::{HANG_LIMIT, Stack, TestTable, text};

const PAYMENTS: usize = 12;
const TOTAL: i64 = 2_500;

/// Repeats a call until it is done or refused. The first attempts crash after a random time.
async fn retry_until_done<T>(work: impl AsyncFn() -> Result<T, PaymentsError>) -> Result<T, PaymentsError> {
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
    let amount = amount.map(|amount| amount.parse::<Amount>().unwrap());
    let wanted = RefundRequest { payment_id: payment_id(due.order_id), amount, reason: None };
    let respond = |payment: &Payment, _| lambda::http::stored_ok(&payment.refunded().to_decimal());
    // A request that crashes may have recorded its refund, so it is not repeated.
    let (time, cause) = (Duration::from_millis(random_range(5..400)), Cause::own());
    let work = payments.refund(&wanted, None, Timestamp::now(), &cause, respond);
    if let Ok(Err(error)) = tokio::time::timeout(time, work).await {
        let expected = matches!(error, PaymentsError::Refused(..) | PaymentsError::Busy | PaymentsError::Store(_));
        assert!(expected, "{error}");
    }
}

/// Authorizes, captures, refunds and undoes a payment, each several times at once. Returns whether its order was
/// cancelled.
async fn process_payment(payments: &Payments, due: &Due, index: usize) -> bool {
    let cause = Cause::own();
    retry_until_done(async || payments.replicate_order(due).await).await.unwrap();
    let card = if index % 4 == 3 { "pm_card_chargeDeclined" } else { "pm_card_visa" };
    join_all((0..3).map(|_| retry_until_done(async || payments.authorize(due, card, &cause).await))).await;
    join_all((0..3).map(|_| retry_until_done(async || payments.capture(due, &cause).await))).await;
    let is_cancelled = index % 2 == 1;
    let refunds = join_all((0..4).map(|_| refund(payments, due, Some("7.00"))));
    let undo = async {
        if is_cancelled {
            let _ = retry_until_done(async || payments.undo(due, &cause).await).await;
        }
    };
    futures::join!(refunds, undo);
    is_cancelled
}

#[tokio::test]
async fn record_events_counters_and_ledger_agree_after_concurrent_calls_and_crashes() {
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
    let cancelled = join_all(dues.iter().enumerate().map(|(index, due)| process_payment(&payments, due, index))).await;
    loop {
        let report = settle_refunds(&payments, ScheduledEvent {}).await.expect("no refund is overdue or refused");
        if report.waiting == 0 {
            break;
        }
    }

    let items = table.items().await;
    let events: Vec<Envelope<PaymentEvent>> = items
        .iter()
        .filter(|item| text(item, "kind") == "event")
        .map(|item| Envelope::read(text(item, "envelope")).unwrap().expect("an event"))
        .collect();
    let mut published: BTreeMap<&str, i64> = BTreeMap::new();
    for (due, is_cancelled) in dues.iter().zip(cancelled) {
        let payment = payments.of_order(due.user_id, due.order_id).await.unwrap().expect("a payment");
        let own: Vec<_> = events.iter().filter(|event| event.subject == payment.id.to_string()).collect();
        let mut sequences: Vec<u64> = own.iter().map(|event| event.sequence).collect();
        sequences.sort_unstable();
        assert_eq!(sequences, (1..=payment.sequence).collect::<Vec<_>>(), "each event is published once");
        let (mut captured, mut refunded) = (0, 0);
        for event in own {
            let (name, minor) = match &event.event {
                PaymentEvent::PaymentProcessed(event) => ("captured_USD", event.amount.minor()),
                PaymentEvent::PaymentRefunded(event) => ("refunded_USD", event.amount.minor()),
                PaymentEvent::PaymentFailed(event) => ("declined_USD", event.amount.minor()),
                PaymentEvent::PaymentRequested(_) => continue,
            };
            *published.entry(name).or_default() += minor;
            captured += if name == "captured_USD" { minor } else { 0 };
            refunded += if name == "refunded_USD" { minor } else { 0 };
        }
        assert!(captured == 0 || captured == TOTAL, "{payment:?}");
        assert_eq!(payment.refunded().minor(), refunded);
        assert!(refunded <= captured, "{payment:?}");
        assert!(payment.pending_refund().is_none());
        if is_cancelled {
            assert_eq!(captured, refunded, "{payment:?}");
            assert!(payment.status.has_ended(), "{payment:?}");
        } else {
            assert!(payment.status == Status::Declined || captured == TOTAL, "{payment:?}");
        }
        let pk = format!("SIMULATOR#{}", due.order_id);
        let item = items.iter().find(|item| text(item, "pk") == pk).expect("the provider's ledger");
        let at_provider: BTreeMap<String, Money> =
            serde_dynamo::from_item(item.clone()).map(|ledger: Ledger| ledger.refunds).expect("a ledger");
        assert_eq!(at_provider.values().map(|refund| refund.minor()).sum::<i64>(), refunded, "{payment:?}");
        assert_eq!(text(item, "state") == "captured", captured == TOTAL, "{payment:?}");
    }
    assert!(!items.iter().any(|item| text(item, "pk") == "UNSETTLED"));
    let counters = table.table.counters().await.unwrap();
    for name in ["captured_USD", "refunded_USD", "declined_USD"] {
        assert_eq!(counters.get(name), published.get(name), "{name}");
        assert!(published.contains_key(name), "{name}: no event was published");
    }
    table.delete().await;
}

#[derive(serde::Deserialize)]
struct Ledger {
    refunds: BTreeMap<String, Money>,
}
