use dynamo::StoredResponse;
use kernel::Invalid;
use lambda::{
    http::{self, ApiRequest, Reply, Request, Response},
    input::required,
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
    problem::{FieldError, Problem},
};
use serde_json::json;

use super::{
    audit::audit_context,
    order_body::{LinesIn, OrderBody},
    response::{OrderResponse, placed_example},
};
use crate::{
    Orders, OrdersError,
    domain::{Difference, Order, PricingError},
    placement::{PlaceOrder, Placement},
};

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/orders", Access::Customer).limited(Limit::Writes);

/// `POST /orders`: places an order at the current prices. It is paid later.
pub async fn place_order(orders: &Orders, request: Request) -> Reply {
    let body: OrderBody = request.json_with(OrderBody::rules_if_paid_later)?;
    let (order, lines_in) = body.order(None)?;
    place(orders, &request, order, lines_in).await
}

/// Places the order and responds with it.
pub(super) async fn place(orders: &Orders, request: &Request, order: PlaceOrder, lines_in: LinesIn) -> Reply {
    let caller = request.caller()?;
    let idempotency_key = request.idempotency_key(&order)?;
    let prepared = match orders.prepare_order(request, caller, order, idempotency_key).await? {
        Placement::Prepared(prepared) => prepared,
        Placement::Replayed(response) => return Ok(Response::from(response)),
        Placement::Unpriced(errors) => return Err(unpriced(errors, lines_in)),
    };
    let response = render(request, &prepared.order)?;
    let audit = audit_context(request, caller, None);
    let committed = orders.commit(request, *prepared, response, &audit).await?;
    Ok(Response::from(committed.ok_or(OrdersError::Busy)?))
}

/// Renders the response of a request that places `order`.
fn render(request: &Request, order: &Order) -> Result<StoredResponse, Problem> {
    let mut response = OrderResponse::from(order);
    response.processing_duration_ms = Some(request.elapsed_ms());
    http::created(format!("/api/v1/orders/{}", order.id), &response)
}

/// Returns the problem of lines that cannot be priced, with the path of each invalid field.
fn unpriced(errors: Vec<PricingError>, lines_in: LinesIn) -> Problem {
    Problem::validation(errors.into_iter().map(|error| field_error(error, lines_in)).collect())
}

fn field_error(error: PricingError, lines_in: LinesIn) -> FieldError {
    let field_of = |line: usize, name: &str| match lines_in {
        LinesIn::Items => format!("items[{line}].{name}"),
        LinesIn::Body => name.to_owned(),
    };
    match error {
        PricingError::UnknownProduct(line) => {
            let unknown = Invalid::new("unknown_product", "is not a product of this shop");
            FieldError::new(field_of(line, "product_id"), unknown)
        }
        PricingError::PriceDiffers(line, difference) => FieldError::new(field_of(line, "price"), differs(difference)),
        PricingError::TooManyPieces(line, invalid) => FieldError::new(field_of(line, "quantity"), invalid),
        PricingError::NoLines => FieldError::new("items", required()),
        PricingError::NotOneAmount(error) => {
            FieldError::new("items", Invalid::new("not_one_amount", error.to_string()))
        }
        PricingError::TotalDiffers(difference) => FieldError::new("total_price", differs(difference)),
    }
}

fn differs(Difference { stated, actual }: Difference) -> Invalid {
    let message = format!("is {} at the catalog's prices, not {}", actual.to_decimal(), stated.to_decimal());
    Invalid::new("price_differs", message)
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let operation = Operation::new(ROUTE, "placeOrder", "Place an order, to be paid later").describe(
        "Prices come from the catalog; a stated price that differs is refused. An order that is not paid within \
         the time that the deployment allows is cancelled with the reason `unpaid`.",
    );
    place_operation(operation, &["payment_method"])
}

/// Describes the body, without some fields, and the responses that both ways to order have in common.
pub(super) fn place_operation(operation: Operation, without: &[&str]) -> Operation {
    let form = || Form::of::<OrderBody>().without(without);
    let (keyboard, coffee) = ("01930000-0000-7002-8000-000000000003", "01930000-0000-7002-8000-000000000006");
    let items =
        json!([{ "product_id": keyboard, "quantity": 1 }, { "product_id": coffee, "quantity": 2, "price": "74.95" }]);
    operation
        .body(
            form()
                .without(&["product_id", "quantity", "price"])
                .requiring(&["items"])
                .example("a list of items", json!({ "items": items }))
                .example(
                    "with the total",
                    json!({ "items": [{ "product_id": keyboard, "quantity": 1 }], "total_price": 129.9 }),
                ),
        )
        .body(
            form()
                .without(&["items"])
                .requiring(&["product_id", "quantity"])
                .example("one product", json!({ "product_id": coffee, "quantity": 1, "total_price": "74.95" })),
        )
        .idempotent()
        .created::<OrderResponse<'_>>("The placed order.", placed_example())
        .refuses(OrdersError::NotTheCaller)
        .refuses(OrdersError::Busy)
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, MoneyError, Quantity};

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::Usd)
    }

    /// Returns field and code of each error.
    fn codes(errors: Vec<PricingError>, lines_in: LinesIn) -> Vec<(String, &'static str)> {
        errors.into_iter().map(|error| field_error(error, lines_in)).map(|error| (error.field, error.code)).collect()
    }

    #[test]
    fn the_error_of_a_stated_price_has_both_prices() {
        let difference = Difference { stated: usd(1_200), actual: usd(1_250) };
        let error = field_error(PricingError::PriceDiffers(0, difference), LinesIn::Items);
        assert_eq!(error.message, "is 12.50 at the catalog's prices, not 12.00");
        let errors = codes(vec![PricingError::TotalDiffers(difference)], LinesIn::Items);
        assert_eq!(errors, [("total_price".to_owned(), "price_differs")]);
    }

    #[test]
    fn all_invalid_fields_are_reported() {
        let many = Quantity::try_from(600).expect("a quantity");
        let errors = vec![
            PricingError::UnknownProduct(0),
            PricingError::PriceDiffers(1, Difference { stated: usd(100), actual: usd(99) }),
            PricingError::TooManyPieces(3, many.plus(many).expect_err("too many pieces")),
        ];
        let named = [
            ("items[0].product_id", "unknown_product"),
            ("items[1].price", "price_differs"),
            ("items[3].quantity", "too_many_together"),
        ];
        assert_eq!(codes(errors, LinesIn::Items), named.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn the_fields_of_a_single_product_are_those_of_the_body() {
        let errors = codes(vec![PricingError::UnknownProduct(0)], LinesIn::Body);
        assert_eq!(errors, [("product_id".to_owned(), "unknown_product")]);
    }

    #[test]
    fn an_order_has_one_currency() {
        let errors = codes(vec![PricingError::NotOneAmount(MoneyError::CurrencyMismatch)], LinesIn::Items);
        assert_eq!(errors, [("items".to_owned(), "not_one_amount")]);
    }
}
