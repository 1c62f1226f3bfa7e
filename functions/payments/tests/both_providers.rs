//! What every provider has to do, asked of each side of the port: the simulator on a real table, and Stripe as
//! localstripe has it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "both_providers/bank.rs"]
mod bank;
#[path = "both_providers/only_stripe.rs"]
mod only_stripe;

use std::time::Duration;

use bank::{Balance, Bank, authorize, due, refund};
use kernel::RefundId;
use payments::{
    PaymentsError,
    domain::Due,
    provider::{Answer, Call},
};
use testkit::HANG_LIMIT;

/// How long somebody waits who does not wait long.
const SHORT: Duration = Duration::from_secs(3);

const NOTHING: Balance = Balance { set_aside: 0, taken: 0, given_back: 0 };
const SET_ASIDE: Balance = Balance { set_aside: 2_500, taken: 0, given_back: 0 };
const TAKEN: Balance = Balance { set_aside: 0, taken: 2_500, given_back: 0 };

/// Runs each of these on both sides.
macro_rules! on_both_sides {
    ($($test:ident,)*) => {
        mod simulator {
            $(#[tokio::test]
            async fn $test() {
                let bank = crate::Bank::simulator().await;
                crate::$test(&bank).await;
                bank.close().await;
            })*
        }

        mod stripe {
            $(#[tokio::test]
            async fn $test() {
                let bank = crate::Bank::stripe().await;
                crate::$test(&bank).await;
                bank.close().await;
            })*
        }
    };
}

on_both_sides! {
    money_is_set_aside_once,
    two_who_ask_at_once_get_the_same,
    a_declined_card_stays_declined,
    an_unknown_card_is_declined,
    money_is_taken_once,
    what_was_never_authorized_is_not_taken,
    a_capture_may_be_refused,
    what_was_freed_is_not_taken,
    what_was_freed_before_it_was_asked_for_is_never_set_aside,
    what_was_taken_cannot_be_freed,
    money_goes_back_in_parts,
    the_same_refund_goes_once,
    two_who_refund_at_once_give_back_once,
    a_refund_may_be_refused,
    what_fails_once_is_done_in_the_end,
    what_fails_five_times_is_done_in_the_end,
    what_never_answers_is_given_up_in_time,
    who_dies_before_the_answer_asks_again,
}

fn is_declined(answer: &Answer, expected: &str) -> bool {
    matches!(answer, Answer::Declined { reason } if reason == expected)
}

async fn money_is_set_aside_once(bank: &Bank) {
    let due = due();
    let reference = bank.authorized(&due, "pm_card_visa").await;
    assert_eq!(bank.balance(&due).await, SET_ASIDE);
    assert_eq!(bank.authorized(&due, "pm_card_visa").await, reference);
    let known = bank.provider().await.ask(&due, Some(&reference), &authorize("pm_card_visa")).await;
    assert_eq!(known.unwrap(), Answer::Approved { reference });
    assert_eq!(bank.balance(&due).await, SET_ASIDE);
}

async fn two_who_ask_at_once_get_the_same(bank: &Bank) {
    let due = due();
    let ask = || bank.ask(&due, authorize("pm_card_visa"));
    let (one, other) = tokio::join!(ask(), ask());
    let reference = bank.authorized(&due, "pm_card_visa").await;
    for answer in [one, other] {
        // Who meets the other may be told to come again.
        match answer {
            Ok(answer) => assert_eq!(answer, Answer::Approved { reference: reference.clone() }),
            Err(error) => assert!(matches!(error, PaymentsError::Unavailable(_)), "{error:?}"),
        }
    }
    assert_eq!(bank.balance(&due).await, SET_ASIDE);
}

async fn a_declined_card_stays_declined(bank: &Bank) {
    let due = due();
    for _ in 0..2 {
        let answer = bank.ask(&due, authorize("pm_card_chargeDeclined")).await.unwrap();
        assert!(is_declined(&answer, "card_declined"), "{answer:?}");
    }
    // A payment has one end: another card does not change it.
    let answer = bank.ask(&due, authorize("pm_card_visa")).await;
    assert!(!matches!(answer, Ok(Answer::Approved { .. })), "{answer:?}");
    assert_eq!(bank.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    assert_eq!(bank.balance(&due).await, NOTHING);
}

async fn an_unknown_card_is_declined(bank: &Bank) {
    let due = due();
    let answer = bank.ask(&due, authorize("pm_no_such_card")).await.unwrap();
    assert!(is_declined(&answer, "unknown_payment_method"), "{answer:?}");
    assert!(matches!(bank.ask(&due, authorize("pm_no_such_card")).await.unwrap(), Answer::Declined { .. }));
    assert_eq!(bank.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
}

async fn money_is_taken_once(bank: &Bank) {
    let due = due();
    let reference = bank.authorized(&due, "pm_card_visa").await;
    for known in [Some(&*reference), None, Some(&*reference)] {
        let answer = bank.provider().await.ask(&due, known, &Call::Capture).await;
        assert_eq!(answer.unwrap(), Answer::Captured);
        assert_eq!(bank.balance(&due).await, TAKEN);
    }
    assert_eq!(bank.authorized(&due, "pm_card_visa").await, reference, "that it was taken, it was authorized");
}

async fn what_was_never_authorized_is_not_taken(bank: &Bank) {
    let due = due();
    assert!(matches!(bank.ask(&due, Call::Capture).await.unwrap(), Answer::CaptureRefused { .. }));
    let answer = bank.ask(&due, refund(RefundId::new(), 100)).await.unwrap();
    assert!(matches!(answer, Answer::RefundRefused { .. }), "{answer:?}");
    bank.authorized(&due, "pm_card_visa").await;
    let answer = bank.ask(&due, refund(RefundId::new(), 100)).await.unwrap();
    assert!(matches!(answer, Answer::RefundRefused { .. }), "{answer:?}");
    assert_eq!(bank.balance(&due).await, SET_ASIDE);
}

async fn a_capture_may_be_refused(bank: &Bank) {
    let due = due();
    bank.authorized(&due, "pm_card_captureFail").await;
    for _ in 0..2 {
        assert!(matches!(bank.ask(&due, Call::Capture).await.unwrap(), Answer::CaptureRefused { .. }));
    }
    assert_eq!(bank.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    assert_eq!(bank.balance(&due).await, NOTHING);
}

async fn what_was_freed_is_not_taken(bank: &Bank) {
    let due = due();
    bank.authorized(&due, "pm_card_visa").await;
    for _ in 0..2 {
        assert_eq!(bank.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    }
    assert!(matches!(bank.ask(&due, Call::Capture).await.unwrap(), Answer::CaptureRefused { .. }));
    // Nor is it said to be set aside because it once was.
    let answer = bank.ask(&due, authorize("pm_card_visa")).await.unwrap();
    assert!(is_declined(&answer, "payment_canceled"), "{answer:?}");
    assert_eq!(bank.balance(&due).await, NOTHING);
}

async fn what_was_freed_before_it_was_asked_for_is_never_set_aside(bank: &Bank) {
    let due = due();
    assert_eq!(bank.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    let answer = bank.ask(&due, authorize("pm_card_visa")).await.unwrap();
    assert!(is_declined(&answer, "payment_canceled"), "{answer:?}");
    assert_eq!(bank.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    assert_eq!(bank.balance(&due).await, NOTHING);
}

async fn what_was_taken_cannot_be_freed(bank: &Bank) {
    let due = due();
    bank.captured(&due, "pm_card_visa").await;
    for _ in 0..2 {
        assert_eq!(bank.ask(&due, Call::Void).await.unwrap(), Answer::WasCaptured);
    }
    assert_eq!(bank.balance(&due).await, TAKEN);
}

async fn money_goes_back_in_parts(bank: &Bank) {
    let due = due();
    bank.captured(&due, "pm_card_visa").await;
    for (part, back) in [(1_000, 1_000), (1, 1_001), (1_499, 2_500)] {
        assert_eq!(bank.ask(&due, refund(RefundId::new(), part)).await.unwrap(), Answer::Refunded);
        assert_eq!(bank.balance(&due).await, Balance { given_back: back, ..TAKEN });
    }
    let answer = bank.ask(&due, refund(RefundId::new(), 1)).await.unwrap();
    assert!(matches!(answer, Answer::RefundRefused { .. }), "{answer:?}");
    assert_eq!(bank.ask(&due, Call::Void).await.unwrap(), Answer::WasCaptured);
    assert_eq!(bank.balance(&due).await, Balance { given_back: 2_500, ..TAKEN });
}

async fn the_same_refund_goes_once(bank: &Bank) {
    let due = due();
    bank.captured(&due, "pm_card_visa").await;
    let id = RefundId::new();
    for _ in 0..3 {
        assert_eq!(bank.ask(&due, refund(id, 600)).await.unwrap(), Answer::Refunded);
        assert_eq!(bank.balance(&due).await, Balance { given_back: 600, ..TAKEN });
    }
}

async fn two_who_refund_at_once_give_back_once(bank: &Bank) {
    let due = due();
    bank.captured(&due, "pm_card_visa").await;
    let id = RefundId::new();
    let ask = || bank.ask(&due, refund(id, 600));
    let (one, other) = tokio::join!(ask(), ask());
    for answer in [one, other, ask().await] {
        assert!(matches!(answer, Ok(Answer::Refunded) | Err(PaymentsError::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(bank.balance(&due).await, Balance { given_back: 600, ..TAKEN });
}

async fn a_refund_may_be_refused(bank: &Bank) {
    let due = due();
    bank.captured(&due, "pm_card_refundFail").await;
    let id = RefundId::new();
    for _ in 0..2 {
        assert!(matches!(bank.ask(&due, refund(id, 600)).await.unwrap(), Answer::RefundRefused { .. }));
    }
    assert_eq!(bank.balance(&due).await, TAKEN);
}

/// Asks until the money is set aside; how often that was.
async fn persistently(bank: &Bank, method: &str) -> usize {
    let due = due();
    for asked in 1..=6 {
        match bank.ask(&due, authorize(method)).await {
            Ok(answer) => {
                assert!(matches!(answer, Answer::Approved { .. }), "{answer:?}");
                assert_eq!(bank.balance(&due).await, SET_ASIDE);
                return asked;
            }
            Err(error) => assert!(matches!(error, PaymentsError::Unavailable(_)), "{error:?}"),
        }
    }
    panic!("it was asked six times");
}

async fn what_fails_once_is_done_in_the_end(bank: &Bank) {
    assert!(persistently(bank, "pm_card_failsOnce").await <= 2);
}

async fn what_fails_five_times_is_done_in_the_end(bank: &Bank) {
    assert!(persistently(bank, "pm_card_failsFive").await > 1);
}

/// A client with a short timeout gives up before one that asked earlier and has a far longer timeout.
async fn what_never_answers_is_given_up_in_time(bank: &Bank) {
    let (due, another) = (due(), self::due());
    let (patient, hurried) = (bank.provider_that_waits(HANG_LIMIT).await, bank.provider_that_waits(SHORT).await);
    let call = authorize("pm_card_timeout");
    let give_up = || async {
        tokio::select! {
            biased;
            answer = patient.ask(&another, None, &call) => panic!("{answer:?} came first"),
            answer = hurried.ask(&due, None, &call) => {
                assert!(matches!(answer, Err(PaymentsError::Unavailable(_))), "{answer:?}");
            }
        }
    };
    give_up().await;
    testkit::eventually("the money to be set aside without an answer", || async {
        give_up().await;
        has(bank, &due, SET_ASIDE).await
    })
    .await;
    assert_eq!(bank.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    assert_eq!(bank.balance(&due).await, NOTHING);
}

/// Whether the provider knows this of an order's money.
async fn has(bank: &Bank, due: &Due, expected: Balance) -> Result<(), String> {
    let found = bank.balance(due).await;
    if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
}

/// The provider has done it, and whoever asked died before the answer: at each step, another environment asks again.
async fn who_dies_before_the_answer_asks_again(bank: &Bank) {
    let due = due();
    let id = RefundId::new();
    let steps = [
        (authorize("pm_card_visa"), SET_ASIDE),
        (Call::Capture, TAKEN),
        (refund(id, 600), Balance { given_back: 600, ..TAKEN }),
    ];
    for (call, expected) in steps {
        let first = {
            let (bank, due, call) = (bank.provider().await, due.clone(), call.clone());
            tokio::spawn(async move { drop(bank.ask(&due, None, &call).await) })
        };
        testkit::eventually("the provider to do it", || has(bank, &due, expected)).await;
        first.abort();
        let again = bank.ask(&due, call).await.unwrap();
        let is_done = matches!(again, Answer::Approved { .. } | Answer::Captured | Answer::Refunded);
        assert!(is_done, "{again:?}");
        assert_eq!(bank.balance(&due).await, expected);
    }
}
