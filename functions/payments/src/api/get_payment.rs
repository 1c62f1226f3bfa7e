use kernel::PaymentId;
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};

use super::response::{PaymentResponse, example};
use crate::Payments;

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/payments/{payment_id}", Access::Owner);

/// `GET /payments/{payment_id}`: returns one payment.
pub async fn get_payment(payments: &Payments, request: Request) -> Reply {
    let id: PaymentId = request.id("payment_id", "payment")?;
    let payment = payments.find(request.caller()?, id).await?;
    http::ok(&PaymentResponse::from(&payment))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "getPayment", "Get a payment").ok::<PaymentResponse<'_>>("The payment.", example("captured"))
}
