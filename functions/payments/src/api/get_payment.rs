use kernel::PaymentId;
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use super::answer::{PaymentAnswer, example};
use crate::{Payments, PaymentsError};

/// `GET /payments/{payment_id}`
pub async fn get_payment(payments: &Payments, request: &Request) -> Reply {
    let id: PaymentId = request.id("payment_id", "payment")?;
    let caller = request.caller()?;
    let of_user = (!caller.is_admin()).then_some(caller.user_id);
    let payment = payments.find(of_user, id).await?.ok_or(PaymentsError::NotFound)?;
    http::ok(&PaymentAnswer::from(&payment))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/payments/{payment_id}", "getPayment", "One payment")
        .ok::<PaymentAnswer<'_>>("The payment.", example())
}
