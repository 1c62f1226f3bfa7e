use kernel::PaymentId;
use lambda::http::{self, Reply, Request};

use super::answer::PaymentAnswer;
use crate::{Payments, PaymentsError};

/// `GET /payments/{payment_id}`
pub async fn get_payment(payments: &Payments, request: &Request) -> Reply {
    let id: PaymentId = request.id("payment_id", "payment")?;
    let caller = request.caller()?;
    let of_user = (!caller.is_admin()).then_some(caller.user_id);
    let payment = payments.find(of_user, id).await?.ok_or(PaymentsError::NotFound)?;
    http::ok(&PaymentAnswer::from(&payment))
}
