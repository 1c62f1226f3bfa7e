use kernel::PaymentId;
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use super::answer::{PaymentAnswer, example};
use crate::Payments;

/// `GET /payments/{payment_id}`
pub async fn get_payment(payments: &Payments, request: &Request) -> Reply {
    let id: PaymentId = request.id("payment_id", "payment")?;
    let payment = payments.find(request.caller()?, id).await?;
    http::ok(&PaymentAnswer::from(&payment))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/payments/{payment_id}", "getPayment", "One payment")
        .ok::<PaymentAnswer<'_>>("The payment.", example("captured"))
}
