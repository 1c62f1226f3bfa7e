//! The behaviour that only Stripe has: idempotency keys, API keys and refusals of its own.

use std::collections::HashSet;

use kernel::RefundId;
use payments::{
    PaymentsError,
    provider::{Answer, Call},
};
use serde_json::json;
use testkit::{change_secret, forget_secret};

use crate::provider_under_test::{Balance, ProviderUnderTest, StripeAccount, authorize, due, refund};

fn verbs(requests: &[(String, String)]) -> Vec<&str> {
    requests.iter().map(|(verb, _)| verb.as_str()).collect()
}

#[tokio::test]
async fn every_change_has_an_idempotency_key() {
    let provider = ProviderUnderTest::stripe().await;
    let account = provider.account();
    let (captured, voided, id) = (due(), due(), RefundId::new());
    provider.captured(&captured, "pm_card_visa").await;
    provider.ask(&captured, refund(id, 100)).await.unwrap();
    let requests = account.requests(&captured).await;
    // Without a reference, each call creates or finds the intent first.
    let expected = ["payment_intents", "confirm", "payment_intents", "capture", "payment_intents", "refunds"];
    assert_eq!(verbs(&requests), expected);
    let keys: HashSet<&str> = requests.iter().map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys.len(), 4, "{requests:?}");
    assert!(keys.contains(format!("{}-create", captured.order_id).as_str()), "{requests:?}");
    assert!(keys.contains(id.to_string().as_str()), "{requests:?}");

    provider.authorized(&voided, "pm_card_visa").await;
    provider.ask(&voided, Call::Void).await.unwrap();
    let requests = account.requests(&voided).await;
    assert_eq!(verbs(&requests), ["payment_intents", "confirm", "payment_intents", "cancel"]);
    assert!(requests.iter().all(|(_, key)| !key.is_empty()), "{requests:?}");
    provider.close().await;
}

/// Stripe replays a failure for the same key for 24 hours.
#[tokio::test]
async fn a_failed_request_is_retried_with_another_key() {
    let provider = ProviderUnderTest::stripe().await;
    let account = provider.account();
    let due = due();
    provider.authorized(&due, "pm_card_failsOnce").await;
    let requests = account.requests(&due).await;
    assert_eq!(verbs(&requests), ["payment_intents", "confirm", "confirm"]);
    assert_ne!(requests[1].1, requests[2].1);
    provider.close().await;
}

/// The intent may have been created, but nobody knows its id: it can never be confirmed, and the order can be
/// cancelled.
#[tokio::test]
async fn a_payment_that_stripe_failed_to_create_is_void() {
    let provider = ProviderUnderTest::stripe().await;
    let account = provider.account();
    let due = due();
    account.fail(&format!("{}-create", due.order_id)).await;
    for _ in 0..2 {
        let answer = provider.ask(&due, authorize("pm_card_visa")).await;
        assert!(matches!(answer, Err(PaymentsError::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(provider.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    assert_eq!(provider.balance(&due).await, Balance { authorized: 0, captured: 0, refunded: 0 });
    provider.close().await;
}

#[tokio::test]
async fn a_card_that_requires_authentication_is_declined() {
    let provider = ProviderUnderTest::stripe().await;
    let account = provider.account();
    let due = due();
    let answer = provider.ask(&due, authorize("pm_card_authenticationRequired")).await.unwrap();
    assert_eq!(answer, Answer::Declined { reason: "authentication_required".to_owned() });
    assert_eq!(account.intents(&due).await[0]["status"], "canceled");
    provider.close().await;
}

#[tokio::test]
async fn a_wrong_api_key_says_nothing_about_the_payment() {
    let account = StripeAccount::new("wrong").await;
    let due = due();
    for call in [authorize("pm_card_visa"), Call::Capture, Call::Void] {
        let answer = account.connect().await.ask(&due, Some("pi_1"), &call).await;
        assert!(matches!(answer, Err(PaymentsError::Unavailable(_))), "{answer:?}");
    }
    change_secret(&account.secret_arn, &json!({ "api_key": "sk_test_good", "webhook_secret": "whsec" })).await;
    let answer = account.connect().await.ask(&due, None, &authorize("pm_card_visa")).await;
    assert!(matches!(answer, Ok(Answer::Approved { .. })), "{answer:?}");
    forget_secret(&account.secret_arn).await;
}

/// The API key may be of another account, so a missing intent says nothing about the money.
#[tokio::test]
async fn a_missing_payment_is_not_void() {
    let provider = ProviderUnderTest::stripe().await;
    for call in [authorize("pm_card_visa"), Call::Capture, Call::Void] {
        let answer = provider.connect().await.ask(&due(), Some("pi_of_another_account"), &call).await;
        assert!(matches!(answer, Err(PaymentsError::Unavailable(_))), "{answer:?}");
    }
    provider.close().await;
}
