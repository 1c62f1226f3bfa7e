//! The body of a request that places an order.

use std::str::FromStr;

use deserr::Deserr;
use kernel::{Email, Invalid, ProductId, Quantity, UserId};
use lambda::{
    field_schema,
    input::{Amount, InvalidFields, List, Rules, required, unknown_field},
    problem::Problem,
    text_fields,
};
use schemars::JsonSchema;

use crate::{
    domain::{RequestedLine, StatedAmount},
    placement::PlaceOrder,
};

// It has `items`, or is itself the only item.
#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
pub(super) struct OrderBody {
    #[deserr(default)]
    items: Option<List<OrderItem, 1, 100>>,
    #[deserr(default)]
    product_id: Option<ProductId>,
    #[deserr(default)]
    quantity: Option<Quantity>,
    /// The price of one piece that the caller expects.
    #[deserr(default)]
    price: Option<Amount>,
    /// The customer. The caller, if absent; only an administrator may name another user.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// Only checked to be an address, for older clients. Mails go to the address of the account.
    #[deserr(default)]
    #[allow(dead_code)]
    user_email: Option<Email>,
    /// The total that the caller expects.
    #[deserr(default)]
    total_price: Option<Amount>,
    /// The payment provider's token. The simulator accepts test cards such as `pm_card_visa` (the default) and
    /// `pm_card_chargeDeclined`; docs/api.md lists all of them.
    #[deserr(default)]
    payment_method: Option<PaymentToken>,
}

#[derive(Clone, Copy, Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct OrderItem {
    product_id: ProductId,
    quantity: Quantity,
    /// The price of one piece that the caller expects.
    #[deserr(default)]
    price: Option<Amount>,
}

/// Where a body has its lines.
#[derive(Clone, Copy)]
pub(super) enum LinesIn {
    /// In the list `items`.
    Items,
    /// The body itself is the only line.
    Body,
}

impl OrderBody {
    /// Refuses fields of one form beside those of the other, and the payment method of an order that is paid later.
    pub(super) fn rules_if_paid_later(body: &mut Rules) {
        Self::rules(body);
        if body.is_given("payment_method") {
            body.refuse("payment_method", unknown_field());
        }
    }

    /// Refuses fields of one form beside those of the other.
    pub(super) fn rules(body: &mut Rules) {
        if body.has("product_id") && !body.has("items") {
            if !body.has("quantity") {
                body.refuse("quantity", required());
            }
            return;
        }
        if !body.has("items") {
            body.refuse("items", required());
        }
        for name in ["product_id", "quantity", "price"] {
            if body.is_given(name) {
                body.refuse(name, unknown_field());
            }
        }
    }

    /// Returns the order, and where its lines are.
    pub(super) fn order(self, payment_method: Option<String>) -> Result<(PlaceOrder, LinesIn), Problem> {
        let (lines, lines_in) = match (self.items, self.product_id, self.quantity) {
            (Some(List(items)), ..) => (items, LinesIn::Items),
            (None, Some(product_id), Some(quantity)) => {
                (vec![OrderItem { product_id, quantity, price: self.price }], LinesIn::Body)
            }
            _ => return Err(Problem::invalid("items", required())),
        };
        let lines = lines.into_iter().map(RequestedLine::from).collect();
        let total_price = self.total_price.map(StatedAmount::from);
        Ok((PlaceOrder { user_id: self.user_id, lines, total_price, payment_method }, lines_in))
    }

    /// Returns the order of a checkout, and where its lines are.
    pub(super) fn order_paid_now(mut self, default: Option<&str>) -> Result<(PlaceOrder, LinesIn), Problem> {
        let method = payment_method(self.payment_method.take(), default)?;
        self.order(Some(method))
    }
}

impl From<OrderItem> for RequestedLine {
    fn from(OrderItem { product_id, quantity, price }: OrderItem) -> Self {
        Self { product_id, quantity, price: price.map(StatedAmount::from) }
    }
}

/// No currency is needed, because all have two decimals.
impl From<Amount> for StatedAmount {
    fn from(amount: Amount) -> Self {
        Self::from_minor(amount.minor())
    }
}

/// The payment provider's token of a payment method, never a card number.
pub(super) struct PaymentToken(String);

impl FromStr for PaymentToken {
    type Err = Invalid;

    fn from_str(token: &str) -> Result<Self, Invalid> {
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
}
text_fields!(PaymentToken);
field_schema!(PaymentToken, { "type": "string", "maxLength": 64, "pattern": "^[0-9]*[A-Za-z_][A-Za-z0-9_]*$" });

/// Returns the payment method of a checkout.
pub(super) fn payment_method(given: Option<PaymentToken>, default: Option<&str>) -> Result<String, Problem> {
    match (given, default) {
        (Some(PaymentToken(token)), _) => Ok(token),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Problem::invalid("payment_method", required())),
    }
}

#[cfg(test)]
mod tests {
    use lambda::input;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const IDS: [&str; 2] = ["0193f0a0-0000-7000-8000-000000000001", "not an id"];

    fn read_checkout(body: &Value) -> Result<PlaceOrder, Problem> {
        let body: OrderBody = input::read_with(body.to_string().as_bytes(), OrderBody::rules)?;
        Ok(body.order_paid_now(Some("pm_card_visa"))?.0)
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
