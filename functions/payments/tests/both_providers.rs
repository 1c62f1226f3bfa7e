//! The behaviour that all payment providers have in common, tested with the simulator on a real table and with Stripe,
//! which localstripe imitates.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "both_providers/provider_under_test.rs"]
mod provider_under_test;
#[path = "both_providers/stripe_only.rs"]
mod stripe_only;

use std::time::Duration;

use kernel::RefundId;
use payments::{
    PaymentsError,
    domain::Due,
    provider::{Answer, Call},
};
use provider_under_test::{Balance, ProviderUnderTest, authorize, due, refund};
use testkit::HANG_LIMIT;

/// The timeout of a client that does not wait long.
const SHORT: Duration = Duration::from_secs(3);

const NOTHING: Balance = Balance { authorized: 0, captured: 0, refunded: 0 };
const AUTHORIZED: Balance = Balance { authorized: 2_500, captured: 0, refunded: 0 };
const CAPTURED: Balance = Balance { authorized: 0, captured: 2_500, refunded: 0 };

/// Runs each of these tests with both providers.
macro_rules! with_both_providers {
    ($($test:ident,)*) => {
        mod simulator {
            $(#[tokio::test]
            async fn $test() {
                let provider = crate::ProviderUnderTest::simulator().await;
                crate::$test(&provider).await;
                provider.close().await;
            })*
        }

        mod stripe {
            $(#[tokio::test]
            async fn $test() {
                let provider = crate::ProviderUnderTest::stripe().await;
                crate::$test(&provider).await;
                provider.close().await;
            })*
        }
    };
}

with_both_providers! {
    an_amount_is_authorized_once,
    concurrent_authorizations_return_the_same_payment,
    a_declined_payment_stays_declined,
    an_unknown_card_is_declined,
    an_amount_is_captured_once,
    a_payment_that_was_not_authorized_cannot_be_captured,
    a_capture_can_be_refused,
    a_voided_payment_cannot_be_captured,
    a_payment_voided_in_advance_is_never_authorized,
    a_captured_payment_cannot_be_voided,
    a_payment_is_refunded_in_parts,
    a_repeated_refund_is_made_once,
    concurrent_calls_for_one_refund_make_it_once,
    a_refund_can_be_refused,
    a_call_that_fails_once_succeeds_on_retry,
    a_call_that_fails_five_times_succeeds_on_retry,
    a_call_without_a_response_times_out,
    a_call_whose_sender_died_can_be_repeated,
}

fn is_declined(answer: &Answer, expected: &str) -> bool {
    matches!(answer, Answer::Declined { reason } if reason == expected)
}

async fn an_amount_is_authorized_once(provider: &ProviderUnderTest) {
    let due = due();
    let reference = provider.authorized(&due, "pm_card_visa").await;
    assert_eq!(provider.balance(&due).await, AUTHORIZED);
    assert_eq!(provider.authorized(&due, "pm_card_visa").await, reference);
    let known = provider.connect().await.ask(&due, Some(&reference), &authorize("pm_card_visa")).await;
    assert_eq!(known.unwrap(), Answer::Approved { reference });
    assert_eq!(provider.balance(&due).await, AUTHORIZED);
}

async fn concurrent_authorizations_return_the_same_payment(provider: &ProviderUnderTest) {
    let due = due();
    let ask = || provider.ask(&due, authorize("pm_card_visa"));
    let (one, other) = tokio::join!(ask(), ask());
    let reference = provider.authorized(&due, "pm_card_visa").await;
    for answer in [one, other] {
        // One call may be refused temporarily because of the other.
        match answer {
            Ok(answer) => assert_eq!(answer, Answer::Approved { reference: reference.clone() }),
            Err(error) => assert!(matches!(error, PaymentsError::Unavailable(_)), "{error:?}"),
        }
    }
    assert_eq!(provider.balance(&due).await, AUTHORIZED);
}

async fn a_declined_payment_stays_declined(provider: &ProviderUnderTest) {
    let due = due();
    for _ in 0..2 {
        let answer = provider.ask(&due, authorize("pm_card_chargeDeclined")).await.unwrap();
        assert!(is_declined(&answer, "card_declined"), "{answer:?}");
    }
    // A declined payment is final: another card does not change it.
    let answer = provider.ask(&due, authorize("pm_card_visa")).await;
    assert!(!matches!(answer, Ok(Answer::Approved { .. })), "{answer:?}");
    assert_eq!(provider.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    assert_eq!(provider.balance(&due).await, NOTHING);
}

async fn an_unknown_card_is_declined(provider: &ProviderUnderTest) {
    let due = due();
    let answer = provider.ask(&due, authorize("pm_no_such_card")).await.unwrap();
    assert!(is_declined(&answer, "unknown_payment_method"), "{answer:?}");
    assert!(matches!(provider.ask(&due, authorize("pm_no_such_card")).await.unwrap(), Answer::Declined { .. }));
    assert_eq!(provider.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
}

async fn an_amount_is_captured_once(provider: &ProviderUnderTest) {
    let due = due();
    let reference = provider.authorized(&due, "pm_card_visa").await;
    for known in [Some(&*reference), None, Some(&*reference)] {
        let answer = provider.connect().await.ask(&due, known, &Call::Capture).await;
        assert_eq!(answer.unwrap(), Answer::Captured);
        assert_eq!(provider.balance(&due).await, CAPTURED);
    }
    assert_eq!(provider.authorized(&due, "pm_card_visa").await, reference, "a captured payment is authorized");
}

async fn a_payment_that_was_not_authorized_cannot_be_captured(provider: &ProviderUnderTest) {
    let due = due();
    assert!(matches!(provider.ask(&due, Call::Capture).await.unwrap(), Answer::CaptureRefused { .. }));
    let answer = provider.ask(&due, refund(RefundId::new(), 100)).await.unwrap();
    assert!(matches!(answer, Answer::RefundRefused { .. }), "{answer:?}");
    provider.authorized(&due, "pm_card_visa").await;
    let answer = provider.ask(&due, refund(RefundId::new(), 100)).await.unwrap();
    assert!(matches!(answer, Answer::RefundRefused { .. }), "{answer:?}");
    assert_eq!(provider.balance(&due).await, AUTHORIZED);
}

async fn a_capture_can_be_refused(provider: &ProviderUnderTest) {
    let due = due();
    provider.authorized(&due, "pm_card_captureFail").await;
    for _ in 0..2 {
        assert!(matches!(provider.ask(&due, Call::Capture).await.unwrap(), Answer::CaptureRefused { .. }));
    }
    assert_eq!(provider.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    assert_eq!(provider.balance(&due).await, NOTHING);
}

async fn a_voided_payment_cannot_be_captured(provider: &ProviderUnderTest) {
    let due = due();
    provider.authorized(&due, "pm_card_visa").await;
    for _ in 0..2 {
        assert_eq!(provider.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    }
    assert!(matches!(provider.ask(&due, Call::Capture).await.unwrap(), Answer::CaptureRefused { .. }));
    // An authorization is refused too, although an earlier one succeeded.
    let answer = provider.ask(&due, authorize("pm_card_visa")).await.unwrap();
    assert!(is_declined(&answer, "payment_canceled"), "{answer:?}");
    assert_eq!(provider.balance(&due).await, NOTHING);
}

async fn a_payment_voided_in_advance_is_never_authorized(provider: &ProviderUnderTest) {
    let due = due();
    assert_eq!(provider.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    let answer = provider.ask(&due, authorize("pm_card_visa")).await.unwrap();
    assert!(is_declined(&answer, "payment_canceled"), "{answer:?}");
    assert_eq!(provider.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    assert_eq!(provider.balance(&due).await, NOTHING);
}

async fn a_captured_payment_cannot_be_voided(provider: &ProviderUnderTest) {
    let due = due();
    provider.captured(&due, "pm_card_visa").await;
    for _ in 0..2 {
        assert_eq!(provider.ask(&due, Call::Void).await.unwrap(), Answer::WasCaptured);
    }
    assert_eq!(provider.balance(&due).await, CAPTURED);
}

async fn a_payment_is_refunded_in_parts(provider: &ProviderUnderTest) {
    let due = due();
    provider.captured(&due, "pm_card_visa").await;
    for (part, refunded) in [(1_000, 1_000), (1, 1_001), (1_499, 2_500)] {
        assert_eq!(provider.ask(&due, refund(RefundId::new(), part)).await.unwrap(), Answer::Refunded);
        assert_eq!(provider.balance(&due).await, Balance { refunded, ..CAPTURED });
    }
    let answer = provider.ask(&due, refund(RefundId::new(), 1)).await.unwrap();
    assert!(matches!(answer, Answer::RefundRefused { .. }), "{answer:?}");
    assert_eq!(provider.ask(&due, Call::Void).await.unwrap(), Answer::WasCaptured);
    assert_eq!(provider.balance(&due).await, Balance { refunded: 2_500, ..CAPTURED });
}

async fn a_repeated_refund_is_made_once(provider: &ProviderUnderTest) {
    let due = due();
    provider.captured(&due, "pm_card_visa").await;
    let id = RefundId::new();
    for _ in 0..3 {
        assert_eq!(provider.ask(&due, refund(id, 600)).await.unwrap(), Answer::Refunded);
        assert_eq!(provider.balance(&due).await, Balance { refunded: 600, ..CAPTURED });
    }
}

async fn concurrent_calls_for_one_refund_make_it_once(provider: &ProviderUnderTest) {
    let due = due();
    provider.captured(&due, "pm_card_visa").await;
    let id = RefundId::new();
    let ask = || provider.ask(&due, refund(id, 600));
    let (one, other) = tokio::join!(ask(), ask());
    for answer in [one, other, ask().await] {
        assert!(matches!(answer, Ok(Answer::Refunded) | Err(PaymentsError::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(provider.balance(&due).await, Balance { refunded: 600, ..CAPTURED });
}

async fn a_refund_can_be_refused(provider: &ProviderUnderTest) {
    let due = due();
    provider.captured(&due, "pm_card_refundFail").await;
    let id = RefundId::new();
    for _ in 0..2 {
        assert!(matches!(provider.ask(&due, refund(id, 600)).await.unwrap(), Answer::RefundRefused { .. }));
    }
    assert_eq!(provider.balance(&due).await, CAPTURED);
}

/// Asks until the amount is authorized, and returns the number of attempts.
async fn attempts_until_authorized(provider: &ProviderUnderTest, method: &str) -> usize {
    let due = due();
    for attempts in 1..=6 {
        match provider.ask(&due, authorize(method)).await {
            Ok(answer) => {
                assert!(matches!(answer, Answer::Approved { .. }), "{answer:?}");
                assert_eq!(provider.balance(&due).await, AUTHORIZED);
                return attempts;
            }
            Err(error) => assert!(matches!(error, PaymentsError::Unavailable(_)), "{error:?}"),
        }
    }
    panic!("not authorized after six attempts");
}

async fn a_call_that_fails_once_succeeds_on_retry(provider: &ProviderUnderTest) {
    assert!(attempts_until_authorized(provider, "pm_card_failsOnce").await <= 2);
}

async fn a_call_that_fails_five_times_succeeds_on_retry(provider: &ProviderUnderTest) {
    assert!(attempts_until_authorized(provider, "pm_card_failsFive").await > 1);
}

/// A client with a short timeout gives up before one that asked earlier and has a far longer timeout.
async fn a_call_without_a_response_times_out(provider: &ProviderUnderTest) {
    let (due, another) = (due(), self::due());
    let (slow, fast) = (provider.connect_with_timeout(HANG_LIMIT).await, provider.connect_with_timeout(SHORT).await);
    let call = authorize("pm_card_timeout");
    let time_out = || async {
        tokio::select! {
            biased;
            answer = slow.ask(&another, None, &call) => panic!("{answer:?} before the timeout of the other client"),
            answer = fast.ask(&due, None, &call) => {
                assert!(matches!(answer, Err(PaymentsError::Unavailable(_))), "{answer:?}");
            }
        }
    };
    time_out().await;
    testkit::eventually("an authorization without a response", || async {
        time_out().await;
        has(provider, &due, AUTHORIZED).await
    })
    .await;
    assert_eq!(provider.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    assert_eq!(provider.balance(&due).await, NOTHING);
}

/// Returns an error unless the provider has this balance of an order.
async fn has(provider: &ProviderUnderTest, due: &Due, expected: Balance) -> Result<(), String> {
    let found = provider.balance(due).await;
    if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
}

/// At each step, the provider processes the call, the caller dies before the response, and another environment repeats
/// it.
async fn a_call_whose_sender_died_can_be_repeated(provider: &ProviderUnderTest) {
    let due = due();
    let id = RefundId::new();
    let steps = [
        (authorize("pm_card_visa"), AUTHORIZED),
        (Call::Capture, CAPTURED),
        (refund(id, 600), Balance { refunded: 600, ..CAPTURED }),
    ];
    for (call, expected) in steps {
        let first = {
            let (provider, due, call) = (provider.connect().await, due.clone(), call.clone());
            tokio::spawn(async move { drop(provider.ask(&due, None, &call).await) })
        };
        testkit::eventually("the provider to process the call", || has(provider, &due, expected)).await;
        first.abort();
        let again = provider.ask(&due, call).await.unwrap();
        let is_done = matches!(again, Answer::Approved { .. } | Answer::Captured | Answer::Refunded);
        assert!(is_done, "{again:?}");
        assert_eq!(provider.balance(&due).await, expected);
    }
}
