use dynamo::StoredResponse;
use kernel::{Email, Invalid, ProductId, Quantity, UserId};
use lambda::{
    http::{self, Reply, Request, Response},
    input::{Amount, Field, Fields},
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
    problem::{FieldError, Problem},
};
use schemars::{Schema, json_schema};
use serde_json::{Value, json};

use super::{
    audit::audit_context,
    response::{OrderResponse, placed_example},
};
use crate::{
    Orders, OrdersError,
    domain::{Difference, Order, PricingError, RequestedLine, StatedAmount},
    placement::{PlaceOrder, Placement},
};

/// The body of a request that places an order.
pub(super) struct Body {
    order: PlaceOrder,
    form: Form,
}

/// Where a body has its lines.
#[derive(Clone, Copy)]
enum Form {
    /// In the list `items`.
    Items,
    /// The body itself is the only line.
    SingleProduct,
}

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/orders", Access::Customer).limited(Limit::Writes);

/// `POST /orders`: places an order at the current prices. It is paid later.
pub async fn place_order(orders: &Orders, request: &Request) -> Reply {
    let body = request.body(|body| read(body, None))?;
    place(orders, request, body).await
}

/// Places the order and responds with it.
pub(super) async fn place(orders: &Orders, request: &Request, Body { order, form }: Body) -> Reply {
    let caller = request.caller()?;
    let idempotency_key = request.idempotency_key(&order)?;
    let prepared = match orders.prepare_order(request, caller, order, idempotency_key).await? {
        Placement::Prepared(prepared) => prepared,
        Placement::Replayed(response) => return Ok(Response::from(response)),
        Placement::Unpriced(errors) => return Err(unpriced(errors, form)),
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
fn unpriced(errors: Vec<PricingError>, form: Form) -> Problem {
    Problem::validation(errors.into_iter().map(|error| field_error(error, form)).collect())
}

fn field_error(error: PricingError, form: Form) -> FieldError {
    let field_of = |line: usize, name: &str| match form {
        Form::Items => format!("items[{line}].{name}"),
        Form::SingleProduct => name.to_owned(),
    };
    match error {
        PricingError::UnknownProduct(line) => {
            let unknown = Invalid::new("unknown_product", "is not a product of this shop");
            FieldError::new(field_of(line, "product_id"), unknown)
        }
        PricingError::PriceDiffers(line, difference) => FieldError::new(field_of(line, "price"), differs(difference)),
        PricingError::TooManyPieces(line, invalid) => FieldError::new(field_of(line, "quantity"), invalid),
        PricingError::NoLines => FieldError::new("items", Invalid::new("required", "is required")),
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

/// Reads an order in each of its forms: a list of items, or a single product.
///
/// `user_email` is accepted for older clients and only checked to be an address. Mails go to the address of the
/// account.
pub(super) fn read(body: &Fields<'_>, payment_method: Option<String>) -> Option<Body> {
    let user_id = body.optional("user_id");
    let _ = body.optional::<Email>("user_email");
    let total_price = body.optional::<Amount>("total_price");
    let form = if body.has("product_id") && !body.has("items") { Form::SingleProduct } else { Form::Items };
    let lines = match form {
        Form::Items => body.list("items", 1..=100, line),
        Form::SingleProduct => line(body).map(|line| vec![line]),
    };
    let total_price = total_price?.map(stated);
    Some(Body { order: PlaceOrder { user_id: user_id?, lines: lines?, total_price, payment_method }, form })
}

fn line(fields: &Fields<'_>) -> Option<RequestedLine> {
    let product_id = fields.required::<ProductId>("product_id");
    let quantity = fields.required::<Quantity>("quantity");
    let price = fields.optional::<Amount>("price");
    Some(RequestedLine { product_id: product_id?, quantity: quantity?, price: price?.map(stated) })
}

/// Returns the amount as the domain compares it. All currencies have two decimals, so each of them gives the same minor
/// units.
fn stated(amount: Amount) -> StatedAmount {
    StatedAmount::from_minor(amount.minor())
}

/// The payment provider's token of a payment method, never a card number.
pub(super) struct PaymentToken(String);

impl Field for PaymentToken {
    fn read(value: &Value) -> Result<Self, Invalid> {
        let token = value.as_str().ok_or_else(|| Invalid::new("wrong_type", "must be a string"))?;
        let is_token = token.len() <= 64
            && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && token.bytes().any(|b| !b.is_ascii_digit());
        if is_token {
            Ok(Self(token.to_owned()))
        } else {
            let message =
                "must be a payment provider's token of up to 64 letters, digits and underscores, such as pm_card_visa";
            Err(Invalid::new("not_a_token", message))
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "maxLength": 64, "pattern": "^[0-9]*[A-Za-z_][A-Za-z0-9_]*$" })
    }
}

/// Reads the payment method of a checkout.
pub(super) fn read_payment_method(body: &Fields<'_>, default: Option<&str>) -> Option<String> {
    match (body.optional::<PaymentToken>("payment_method")?, default) {
        (Some(PaymentToken(token)), _) => Some(token),
        (None, Some(default)) => Some(default.to_owned()),
        (None, None) => body.refuse("payment_method", Invalid::new("required", "is required")),
    }
}

/// Adds the description of the field `payment_method`.
pub(super) fn describe_payment_method(form: Object) -> Object {
    form.description(
        "The payment provider's token. The simulator accepts test cards such as `pm_card_visa` (the default) and \
         `pm_card_chargeDeclined`; docs/api.md lists all of them.",
    )
}

/// Describes the operation for the OpenAPI document.
pub(super) fn operation() -> Operation {
    let operation = Operation::new(ROUTE, "placeOrder", "Place an order, to be paid later").describe(
        "Prices come from the catalog; a stated price that differs is refused. An order that is not paid within \
         the time that the deployment allows is cancelled with the reason `unpaid`.",
    );
    place_operation(operation, |form| form)
}

/// Describes the body and the responses that both ways to order have in common; `with` adds fields to each form of the
/// body.
pub(super) fn place_operation(operation: Operation, with: fn(Object) -> Object) -> Operation {
    let line = || {
        let line = Object::new().required::<ProductId>("product_id").required::<Quantity>("quantity");
        line.optional::<Amount>("price").description("The price of one piece that the caller expects.")
    };
    let who = |form: Object| {
        let form = form
            .optional::<UserId>("user_id")
            .description("The customer. The caller, if absent; only an administrator may name another user.");
        let form = form
            .optional::<Email>("user_email")
            .description("Only checked to be an address. Mails go to the address of the account.");
        with(form.optional::<Amount>("total_price").description("The total that the caller expects."))
    };
    let (keyboard, coffee) = ("01930000-0000-7002-8000-000000000003", "01930000-0000-7002-8000-000000000006");
    let items =
        json!([{ "product_id": keyboard, "quantity": 1 }, { "product_id": coffee, "quantity": 2, "price": "74.95" }]);
    operation
        .body(
            who(Object::new().list("items", 1..=100, line()))
                .example("a list of items", json!({ "items": items }))
                .example(
                    "with the total",
                    json!({ "items": [{ "product_id": keyboard, "quantity": 1 }], "total_price": 129.9 }),
                ),
        )
        .body(
            who(line()).example("one product", json!({ "product_id": coffee, "quantity": 1, "total_price": "74.95" })),
        )
        .idempotent()
        .created::<OrderResponse<'_>>("The placed order.", placed_example())
        .refuses(OrdersError::NotTheCaller)
        .refuses(OrdersError::Busy)
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, MoneyError};
    use lambda::input::read_object;
    use proptest::prelude::*;

    use super::*;

    const IDS: [&str; 2] = ["0193f0a0-0000-7000-8000-000000000001", "not an id"];

    fn read_checkout(body: &Value) -> Result<PlaceOrder, Problem> {
        let body = read_object(body, |body| {
            let method = read_payment_method(body, Some("pm_card_visa"));
            read(body, method)
        })?;
        Ok(body.order)
    }

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::Usd)
    }

    /// Returns field and code of each error.
    fn codes(errors: Vec<PricingError>, form: Form) -> Vec<(String, &'static str)> {
        errors.into_iter().map(|error| field_error(error, form)).map(|error| (error.field, error.code)).collect()
    }

    #[test]
    fn the_error_of_a_stated_price_has_both_prices() {
        let difference = Difference { stated: usd(1_200), actual: usd(1_250) };
        let error = field_error(PricingError::PriceDiffers(0, difference), Form::Items);
        assert_eq!(error.message, "is 12.50 at the catalog's prices, not 12.00");
        let errors = codes(vec![PricingError::TotalDiffers(difference)], Form::Items);
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
        assert_eq!(codes(errors, Form::Items), named.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn the_fields_of_a_single_product_are_those_of_the_body() {
        let errors = codes(vec![PricingError::UnknownProduct(0)], Form::SingleProduct);
        assert_eq!(errors, [("product_id".to_owned(), "unknown_product")]);
    }

    #[test]
    fn an_order_has_one_currency() {
        let errors = codes(vec![PricingError::NotOneAmount(MoneyError::CurrencyMismatch)], Form::Items);
        assert_eq!(errors, [("items".to_owned(), "not_one_amount")]);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-2_i64..1_200).prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,70}".prop_map(Value::from),
            "[0-9]{1,15}(\\.[0-9]{0,3})?".prop_map(Value::from),
            "pm_[A-Za-z0-9_]{0,70}".prop_map(Value::from),
            "[a-z]{1,8}@[a-z]{1,8}\\.[a-z]{2}".prop_map(Value::from),
            prop::sample::select(&IDS[..]).prop_map(Value::from),
            Just(json!([])),
            Just(json!({})),
        ]
    }

    fn fields(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
        let name = prop_oneof![9 => prop::sample::select(of).prop_map(str::to_owned), 1 => ".{1,20}"];
        prop::collection::btree_map(name, any_value(), 0..6).prop_map(|of| Value::Object(of.into_iter().collect()))
    }

    /// A body whose fields are valid, or almost valid.
    fn any_body() -> impl Strategy<Value = Value> {
        let good = || json!({ "product_id": IDS[0], "quantity": 1 });
        let item = prop_oneof![3 => Just(good()), 1 => fields(&["product_id", "productId", "quantity", "price"])];
        let items = prop::collection::vec(item, 0..4).prop_map(Value::from);
        let outer =
            fields(&["user_id", "userId", "user_email", "total_price", "payment_method", "product_id", "quantity"]);
        (outer, prop::option::of(items)).prop_map(|(mut body, items)| {
            if let (Some(body), Some(items)) = (body.as_object_mut(), items) {
                body.insert("items".to_owned(), items);
            }
            body
        })
    }

    proptest! {
        #[test]
        fn any_body_is_an_order_within_its_limits_or_an_error_for_each_invalid_field(body in any_body()) {
            match read_checkout(&body) {
                Ok(order) => {
                    prop_assert!((1..=100).contains(&order.lines.len()));
                    prop_assert!(order.lines.iter().all(|line| (1..=Quantity::MAX).contains(&line.quantity.get())));
                    prop_assert!(order.payment_method.is_some_and(|method| method.len() <= 64));
                }
                Err(problem) => {
                    prop_assert!(!problem.errors().is_empty());
                    prop_assert!(problem.errors().iter().all(|error| !error.field.is_empty() && !error.code.is_empty()));
                }
            }
        }

        #[test]
        fn all_forms_of_an_order_are_the_same_order(quantity in 1..=Quantity::MAX, cents in 0..1_000_000_i64) {
            let (id, price) = (IDS[0], format!("{}.{:02}", cents / 100, cents % 100));
            let forms = [
                json!({ "items": [{ "product_id": id, "quantity": quantity }], "total_price": price }),
                json!({ "items": [{ "productId": id, "quantity": quantity }], "totalPrice": price, "paymentMethod": null }),
                json!({ "product_id": id, "quantity": quantity, "total_price": price }),
            ];
            let read = |body: &Value| {
                let order = read_checkout(body).expect("an order");
                let lines: Vec<_> = order.lines.iter().map(|line| (line.product_id, line.quantity)).collect();
                (lines, order.total_price, order.payment_method)
            };
            let [first, second, third] = forms.each_ref().map(read);
            prop_assert_eq!(&first, &second);
            prop_assert_eq!(&first, &third);
        }
    }
}
