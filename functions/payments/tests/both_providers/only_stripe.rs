//! What only Stripe has: keys.

use std::collections::HashSet;

use kernel::RefundId;
use payments::{
    PaymentsError,
    provider::{Answer, Call},
};
use serde_json::json;
use testkit::{change_secret, forget_secret};

use crate::bank::{Balance, Bank, StripeAccount, authorize, due, refund};

fn verbs(requests: &[(String, String)]) -> Vec<&str> {
    requests.iter().map(|(verb, _)| verb.as_str()).collect()
}

#[tokio::test]
async fn every_change_has_its_idempotency_key() {
    let bank = Bank::stripe().await;
    let account = bank.account();
    let (sold, freed, id) = (due(), due(), RefundId::new());
    bank.captured(&sold, "pm_card_visa").await;
    bank.ask(&sold, refund(id, 100)).await.unwrap();
    let requests = account.requests(&sold).await;
    // Without a reference, each asks for the intent first.
    let expected = ["payment_intents", "confirm", "payment_intents", "capture", "payment_intents", "refunds"];
    assert_eq!(verbs(&requests), expected);
    let keys: HashSet<&str> = requests.iter().map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys.len(), 4, "{requests:?}");
    assert!(keys.contains(format!("{}-create", sold.order_id).as_str()), "{requests:?}");
    assert!(keys.contains(id.to_string().as_str()), "{requests:?}");

    bank.authorized(&freed, "pm_card_visa").await;
    bank.ask(&freed, Call::Void).await.unwrap();
    let requests = account.requests(&freed).await;
    assert_eq!(verbs(&requests), ["payment_intents", "confirm", "payment_intents", "cancel"]);
    assert!(requests.iter().all(|(_, key)| !key.is_empty()), "{requests:?}");
    bank.close().await;
}

/// Stripe says a failure again under the same key, for a day.
#[tokio::test]
async fn a_failure_that_is_kept_is_asked_under_another_key() {
    let bank = Bank::stripe().await;
    let account = bank.account();
    let due = due();
    bank.authorized(&due, "pm_card_failsOnce").await;
    let requests = account.requests(&due).await;
    assert_eq!(verbs(&requests), ["payment_intents", "confirm", "confirm"]);
    assert_ne!(requests[1].1, requests[2].1);
    bank.close().await;
}

/// The intent may have been made, but nobody is told its name: it can never be confirmed, and the order can be
/// cancelled.
#[tokio::test]
async fn a_payment_that_stripe_failed_to_make_is_void() {
    let bank = Bank::stripe().await;
    let account = bank.account();
    let due = due();
    account.fail(&format!("{}-create", due.order_id)).await;
    for _ in 0..2 {
        let answer = bank.ask(&due, authorize("pm_card_visa")).await;
        assert!(matches!(answer, Err(PaymentsError::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(bank.ask(&due, Call::Void).await.unwrap(), Answer::Voided);
    assert_eq!(bank.balance(&due).await, Balance { set_aside: 0, taken: 0, given_back: 0 });
    bank.close().await;
}

#[tokio::test]
async fn a_card_that_asks_for_more_is_declined() {
    let bank = Bank::stripe().await;
    let account = bank.account();
    let due = due();
    let answer = bank.ask(&due, authorize("pm_card_authenticationRequired")).await.unwrap();
    assert_eq!(answer, Answer::Declined { reason: "authentication_required".to_owned() });
    assert_eq!(account.intents(&due).await[0]["status"], "canceled");
    bank.close().await;
}

#[tokio::test]
async fn a_wrong_api_key_is_for_the_operator() {
    let account = StripeAccount::new("wrong").await;
    let due = due();
    for call in [authorize("pm_card_visa"), Call::Capture, Call::Void] {
        let answer = account.provider().await.ask(&due, Some("pi_1"), &call).await;
        assert!(matches!(answer, Err(PaymentsError::Unavailable(_))), "{answer:?}");
    }
    change_secret(&account.secret_arn, &json!({ "api_key": "sk_test_good", "webhook_secret": "whsec" })).await;
    let answer = account.provider().await.ask(&due, None, &authorize("pm_card_visa")).await;
    assert!(matches!(answer, Ok(Answer::Approved { .. })), "{answer:?}");
    forget_secret(&account.secret_arn).await;
}

/// The key of another account, perhaps: that says nothing of the money.
#[tokio::test]
async fn a_payment_that_is_not_there_is_not_void() {
    let bank = Bank::stripe().await;
    for call in [authorize("pm_card_visa"), Call::Capture, Call::Void] {
        let answer = bank.provider().await.ask(&due(), Some("pi_of_another_account"), &call).await;
        assert!(matches!(answer, Err(PaymentsError::Unavailable(_))), "{answer:?}");
    }
    bank.close().await;
}
