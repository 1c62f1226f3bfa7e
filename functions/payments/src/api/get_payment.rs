use kernel::PaymentId;
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use super::response::{PaymentResponse, example};
use crate::Payments;

/// `GET /payments/{payment_id}`: returns one payment.
pub async fn get_payment(payments: &Payments, request: &Request) -> Reply {
    let id: PaymentId = request.id("payment_id", "payment")?;
    let payment = payments.find(request.caller()?, id).await?;
    http::ok(&PaymentResponse::from(&payment))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/payments/{payment_id}", "getPayment", "Get a payment")
        .ok::<PaymentResponse<'_>>("The payment.", example("captured"))
}
