use kernel::{Email, Invalid, ProductId, Quantity};
use lambda::{
    http::{self, Reply, Request, Response},
    input::{Amount, Fields},
};

use super::answer::OrderAnswer;
use crate::{Orders, PlaceOrder, domain::WantedLine};

/// `POST /orders`: records an order at today's prices; it is paid later.
pub async fn place_order(orders: &Orders, request: &Request) -> Reply {
    let wanted = request.body(|body| read(body, None))?;
    place(orders, request, wanted).await
}

/// Places `wanted` and answers with the order.
pub(super) async fn place(orders: &Orders, request: &Request, wanted: PlaceOrder) -> Reply {
    let caller = request.caller()?;
    let claim = request.idempotency(&wanted)?;
    let answer = orders.place(caller, wanted, claim, request, |order| {
        let mut answer = OrderAnswer::from(order);
        answer.processing_duration_ms = Some(request.elapsed_ms());
        http::created(format!("/api/v1/orders/{}", order.id), &answer)
    });
    Ok(Response::from(answer.await?))
}

/// Reads the forms an order comes in: a list of items, or one product by itself.
///
/// `user_email` is taken for the sake of older clients, and checked to be an address; mail goes to the account's own.
pub(super) fn read(body: &Fields<'_>, payment_method: Option<String>) -> Option<PlaceOrder> {
    let user_id = body.optional("user_id");
    let _ = body.optional::<Email>("user_email");
    let total_price = body.optional("total_price");
    let lines = if body.has("product_id") && !body.has("items") {
        line(body).map(|line| vec![line])
    } else {
        body.list("items", 1..=100, line)
    };
    Some(PlaceOrder { user_id: user_id?, lines: lines?, total_price: total_price?, payment_method })
}

fn line(fields: &Fields<'_>) -> Option<WantedLine> {
    let product_id = fields.required::<ProductId>("product_id");
    let quantity = fields.required::<Quantity>("quantity");
    let price = fields.optional::<Amount>("price");
    Some(WantedLine { field: fields.path().to_owned(), product_id: product_id?, quantity: quantity?, price: price? })
}

/// A means of payment, as the provider names it: never a card number.
pub(super) fn read_payment_method(body: &Fields<'_>, default: Option<&str>) -> Option<String> {
    let token = match body.optional::<kernel::Text<1, 64>>("payment_method")? {
        Some(token) => token.to_string(),
        None => match default {
            Some(default) => default.to_owned(),
            None => return body.refuse("payment_method", Invalid::new("required", "is required")),
        },
    };
    if token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && token.bytes().any(|b| !b.is_ascii_digit()) {
        Some(token)
    } else {
        let message = "must be a payment provider's token of letters, digits and underscores, such as pm_card_visa";
        body.refuse("payment_method", Invalid::new("not_a_token", message))
    }
}
