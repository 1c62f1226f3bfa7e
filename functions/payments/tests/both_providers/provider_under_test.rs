//! A payment provider with access to its own records of an order's money.

use std::{env, time::Duration};

use dynamo::{AttributeValue, Item};
use kernel::{Currency, Money, OrderId, RefundId, UserId};
use payments::{
    PaymentsError,
    domain::Due,
    provider::{Answer, Call, Provider, stripe::Stripe},
};
use serde_json::{Value, json};
use testkit::{HANG_LIMIT, Stack, TestTable, forget_secret, new_secret, text};

/// The provider's records of an order's money, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
}

/// One of the two providers.
pub enum ProviderUnderTest {
    Simulator(TestTable),
    Stripe(StripeAccount),
}

/// An account at Stripe, which localstripe imitates.
pub struct StripeAccount {
    pub url: String,
    pub secret_arn: String,
}

impl ProviderUnderTest {
    pub async fn simulator() -> Self {
        Self::Simulator(TestTable::create().await)
    }

    pub async fn stripe() -> Self {
        Self::Stripe(StripeAccount::new("sk_test_both_providers").await)
    }

    /// Returns the account at Stripe.
    pub fn account(&self) -> &StripeAccount {
        match self {
            Self::Simulator(_) => panic!("the simulator has no account"),
            Self::Stripe(account) => account,
        }
    }

    /// Connects as a new environment does, but with a timeout that is long enough for a slow machine.
    pub async fn connect(&self) -> Provider {
        self.connect_with_timeout(HANG_LIMIT).await
    }

    /// Connects with this time limit for calls.
    pub async fn connect_with_timeout(&self, timeout: Duration) -> Provider {
        match self {
            Self::Simulator(table) => Provider::simulator(table.table.clone(), Duration::ZERO, timeout),
            Self::Stripe(account) => account.connect_with_timeout(timeout).await,
        }
    }

    /// Makes a call from a new environment that does not know the provider's id of the payment.
    pub async fn ask(&self, due: &Due, call: Call) -> Result<Answer, PaymentsError> {
        self.connect().await.ask(due, None, &call).await
    }

    /// Authorizes the amount of an order, and returns the provider's id of the payment.
    pub async fn authorized(&self, due: &Due, method: &str) -> String {
        match self.ask(due, authorize(method)).await.unwrap() {
            Answer::Approved { reference } => reference,
            other => panic!("{other:?}"),
        }
    }

    /// Authorizes and captures the amount of an order.
    pub async fn captured(&self, due: &Due, method: &str) {
        self.authorized(due, method).await;
        assert_eq!(self.ask(due, Call::Capture).await.unwrap(), Answer::Captured);
    }

    pub async fn balance(&self, due: &Due) -> Balance {
        match self {
            Self::Simulator(table) => simulated(&table.items().await, due),
            Self::Stripe(account) => account.balance(due).await,
        }
    }

    pub async fn close(self) {
        match self {
            Self::Simulator(table) => table.delete().await,
            Self::Stripe(account) => forget_secret(&account.secret_arn).await,
        }
    }
}

/// Returns a new order of 25.00 USD.
pub fn due() -> Due {
    Due { order_id: OrderId::new(), user_id: UserId::new(), total: usd(2_500) }
}

pub fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::Usd)
}

pub fn authorize(method: &str) -> Call {
    Call::Authorize { method: method.to_owned() }
}

pub fn refund(id: RefundId, minor: i64) -> Call {
    Call::Refund { id, amount: usd(minor) }
}

/// Returns the balance of an order in the simulator's ledger.
fn simulated(items: &[Item], due: &Due) -> Balance {
    let pk = format!("SIMULATOR#{}", due.order_id);
    let mut balance = Balance { authorized: 0, captured: 0, refunded: 0 };
    for ledger in items.iter().filter(|item| text(item, "pk") == pk) {
        let of = |value: &AttributeValue| {
            let money = value.as_m().unwrap();
            Money::parse(text(money, "amount"), Currency::Usd).unwrap().minor()
        };
        match text(ledger, "state") {
            "authorized" => balance.authorized += of(&ledger["amount"]),
            "captured" => balance.captured += of(&ledger["amount"]),
            _ => {}
        }
        balance.refunded += ledger["refunds"].as_m().unwrap().values().map(of).sum::<i64>();
    }
    balance
}

impl StripeAccount {
    pub async fn new(api_key: &str) -> Self {
        let url = env::var("STRIPE_URL").expect("STRIPE_URL is the URL of localstripe");
        let secret_arn = new_secret(&json!({ "api_key": api_key, "webhook_secret": "whsec" })).await;
        Self { url, secret_arn }
    }

    pub async fn connect(&self) -> Provider {
        self.connect_with_timeout(HANG_LIMIT).await
    }

    async fn connect_with_timeout(&self, timeout: Duration) -> Provider {
        let aws = Stack::get().aws().await;
        Provider::stripe(Stripe::connect(&aws, self.url.clone(), self.secret_arn.clone()).unwrap(), timeout)
    }

    pub async fn get(&self, path: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{}{path}", self.url)).bearer_auth("sk_test_behind");
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Makes the next request with this idempotency key fail.
    pub async fn fail(&self, key: &str) {
        let request = reqwest::Client::new().post(format!("{}/_config/failures", self.url));
        let response = request.json(&json!({ "keys": [key] })).send().await.unwrap();
        assert!(response.status().is_success());
    }

    /// Returns the intents of an order, of which there should be no more than one.
    pub async fn intents(&self, due: &Due) -> Vec<Value> {
        let all = self.get("/v1/payment_intents?limit=100000").await;
        let is_of = |intent: &&Value| intent["metadata"]["order_id"] == due.order_id.to_string();
        all["data"].as_array().unwrap().iter().filter(is_of).cloned().collect()
    }

    /// Returns the requests that change the intent of an order, in sequence: the last part of the path, and the
    /// idempotency key.
    pub async fn requests(&self, due: &Due) -> Vec<(String, String)> {
        let ids: Vec<String> =
            self.intents(due).await.iter().map(|intent| intent["id"].as_str().unwrap().to_owned()).collect();
        let all = self.get("/_config/requests").await;
        let text = |request: &Value, name: &str| request[name].as_str().unwrap().to_owned();
        let is_of = |request: &&Value| {
            text(request, "body").contains(&due.order_id.to_string())
                || ids.iter().any(|id| text(request, "path").contains(id))
        };
        let verb = |request: &Value| text(request, "path").rsplit('/').next().unwrap().to_owned();
        let requests = all.as_array().unwrap().iter().filter(is_of);
        requests
            .map(|request| {
                assert_eq!(text(request, "version").len(), "2024-06-20".len(), "{request}");
                (verb(request), text(request, "key"))
            })
            .collect()
    }

    async fn balance(&self, due: &Due) -> Balance {
        let mut balance = Balance { authorized: 0, captured: 0, refunded: 0 };
        for intent in self.intents(due).await {
            match intent["status"].as_str().unwrap() {
                "requires_capture" => balance.authorized += intent["amount"].as_i64().unwrap(),
                "succeeded" => balance.captured += intent["amount"].as_i64().unwrap(),
                _ => {}
            }
            let id = intent["id"].as_str().unwrap();
            let refunds = self.get(&format!("/v1/refunds?payment_intent={id}&limit=100")).await;
            let amounts = refunds["data"].as_array().unwrap().iter().map(|refund| refund["amount"].as_i64().unwrap());
            balance.refunded += amounts.sum::<i64>();
        }
        balance
    }
}
