//! Journeys through the API of a deployed stack, only over HTTP and WebSocket, in one folder for each context.
//!
//! Each test creates its own products and customers, so that all tests can run at the same time, and repeatedly on the
//! same stack. A journey is in the folder of the context that it needs: those that read notifications are in
//! `notifications`, and those that read reports or live updates in `analytics`. All others also pass on a stack without
//! these two contexts (`--skip notifications:: --skip analytics::`).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod gateway {
    mod api_reference;
    mod authorization;
    mod routing;
    mod validation;
}

mod users {
    mod account;
    mod login;
}

mod catalog {
    mod browsing;
    mod function_faults;
    mod product_management;
    mod read_your_writes;
    mod search;
}

mod inventory {
    mod stock_contention;
    pub mod stock_levels;
}

mod orders {
    pub mod cancellations;
    pub mod checkout;
    pub mod declined_payments;
    pub mod function_faults;
    mod idempotency;
    pub mod order_lifecycle;
    mod parked_orders;
    mod provider_outage;
    pub mod repeated_checkouts;
    pub mod unpaid_orders;
}

mod payments {
    mod payments_and_refunds;
    mod provider_webhooks;
    mod stripe;
}

mod notifications {
    mod first_order;
    mod function_faults;
    mod mail_outage;
    #[expect(clippy::module_inception, reason = "the journey of the context's one feature")]
    mod notifications;
    mod order_mails;
    mod preferences;
}

mod analytics {
    mod function_faults;
    mod live_updates;
    pub mod reports;
}

/// Locked by a test that makes the payment provider unavailable, and by tests that need it meanwhile.
static PAYMENT_PROVIDER: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
