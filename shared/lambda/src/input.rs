//! Request bodies. They are read field by field, so that a response reports all invalid fields at once.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    str::FromStr,
};

use contracts::Role;
use kernel::{Currency, Email, Invalid, Money, OrderId, PaymentId, ProductId, Quantity, Redacted, Text, UserId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::problem::{FieldError, Problem};

/// A type that can be read from a JSON value.
pub trait Field: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// If the value has the wrong type or is out of range.
    fn read(value: &Value) -> Result<Self, Invalid>;

    /// Returns the JSON Schema of exactly the values that [`Field::read`] accepts.
    fn schema() -> Schema;
}

/// Returns the JSON Schema of `T`, for implementations of [`Field::schema`].
pub fn schema_of<T: JsonSchema>() -> Schema {
    T::json_schema(&mut SchemaGenerator::default())
}

/// A field that can be changed, removed, or left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given<T> {
    /// The field is absent: its value stays as it is.
    Absent,
    /// The field is null: its value is removed.
    Null,
    /// The field has this new value.
    Value(T),
}

/// The fields of one JSON object. Names are snake_case, and camelCase spellings are accepted, too.
#[derive(Debug)]
pub struct Fields<'a> {
    path: String,
    values: BTreeMap<String, &'a Value>,
    known: RefCell<BTreeSet<String>>,
    errors: &'a RefCell<Vec<FieldError>>,
}

/// Reads the object `body`: `read` reads its fields one by one, and all errors are returned together.
///
/// # Errors
/// 422 with every field that is missing, invalid or unknown.
pub fn read_object<T>(body: &Value, read: impl FnOnce(&Fields<'_>) -> Option<T>) -> Result<T, Problem> {
    let errors = RefCell::default();
    let read = Fields::of(body, String::new(), &errors).and_then(|fields| {
        let value = read(&fields);
        fields.refuse_unknown();
        value
    });
    match read {
        Some(value) if errors.borrow().is_empty() => Ok(value),
        _ => Err(Problem::validation(errors.into_inner())),
    }
}

impl<'a> Fields<'a> {
    fn of(value: &'a Value, path: String, errors: &'a RefCell<Vec<FieldError>>) -> Option<Self> {
        let Some(object) = value.as_object() else {
            errors.borrow_mut().push(FieldError::new(path, wrong_type("an object")));
            return None;
        };
        let fields = Self { path, values: BTreeMap::new(), known: RefCell::default(), errors };
        Some(fields.with_names_of(object))
    }

    fn with_names_of(mut self, object: &'a Map<String, Value>) -> Self {
        for (name, value) in object {
            let snake = snake_case(name);
            if self.values.insert(snake.clone(), value).is_some() {
                let message = "must not be given in both snake_case and camelCase";
                self.refuse::<()>(&snake, Invalid::new("duplicate", message));
            }
        }
        self
    }

    /// Reads the required field `name`.
    pub fn required<T: Field>(&self, name: &str) -> Option<T> {
        match self.value(name) {
            Some(value) => self.value_or_error(name, T::read(value)),
            None => self.refuse(name, Invalid::new("required", "is required")),
        }
    }

    /// Reads the field `name`, if it is present and not null. The outer option is `None` if the field is invalid.
    pub fn optional<T: Field>(&self, name: &str) -> Option<Option<T>> {
        match self.value(name) {
            Some(value) => self.value_or_error(name, T::read(value)).map(Some),
            None => Some(None),
        }
    }

    /// Returns whether the field `name` is present and not null.
    pub fn has(&self, name: &str) -> bool {
        self.known.borrow_mut().insert(name.to_owned());
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// Reads the required list `name`. `read` reads each of its objects.
    pub fn list<T>(
        &self,
        name: &str,
        length: RangeInclusive<usize>,
        read: impl Fn(&Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(value) = self.value(name) else {
            return self.refuse(name, Invalid::new("required", "is required"));
        };
        let Some(entries) = value.as_array() else {
            return self.refuse(name, wrong_type("a list"));
        };
        if !length.contains(&entries.len()) {
            let message = format!("must have {} to {} entries", length.start(), length.end());
            return self.refuse(name, Invalid::new("out_of_range", message));
        }
        let read_one = |(index, entry)| {
            let fields = Fields::of(entry, format!("{}[{index}]", self.path_of(name)), self.errors)?;
            let value = read(&fields);
            fields.refuse_unknown();
            value
        };
        // All entries are read before an error is returned, so that all invalid ones are reported.
        let values: Vec<Option<T>> = entries.iter().enumerate().map(read_one).collect();
        values.into_iter().collect()
    }

    /// Reads the object `name` with `read`, if it is present and not null. The outer option is `None` if the object is
    /// invalid.
    pub fn object<T>(&self, name: &str, read: impl FnOnce(&Fields<'_>) -> Option<T>) -> Option<Option<T>> {
        let Some(value) = self.value(name) else {
            return Some(None);
        };
        let fields = Fields::of(value, self.path_of(name), self.errors)?;
        let read = read(&fields);
        fields.refuse_unknown();
        read.map(Some)
    }

    /// Reads the field `name`, for which null and absence differ. Returns `None` if the field is invalid.
    pub fn given<T: Field>(&self, name: &str) -> Option<Given<T>> {
        self.known.borrow_mut().insert(name.to_owned());
        match self.values.get(name) {
            None => Some(Given::Absent),
            Some(Value::Null) => Some(Given::Null),
            Some(value) => self.value_or_error(name, T::read(value)).map(Given::Value),
        }
    }

    /// Reports an error of the field `name`.
    pub fn refuse<T>(&self, name: &str, invalid: Invalid) -> Option<T> {
        self.known.borrow_mut().insert(name.to_owned());
        self.errors.borrow_mut().push(FieldError::new(self.path_of(name), invalid));
        None
    }

    fn value_or_error<T>(&self, name: &str, read: Result<T, Invalid>) -> Option<T> {
        read.map_or_else(|invalid| self.refuse(name, invalid), Some)
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.known.borrow_mut().insert(name.to_owned());
        self.values.get(name).copied().filter(|value| !value.is_null())
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn refuse_unknown(&self) {
        let known = self.known.borrow().clone();
        for name in self.values.keys().filter(|name| !known.contains(*name)) {
            // The name comes from the caller, so a long one is truncated.
            let name: String = name.chars().take(64).collect();
            self.refuse::<()>(&name, Invalid::new("unknown_field", "is not a field of this request"));
        }
    }
}

/// `productId` → `product_id`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            if !snake.is_empty() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        } else {
            snake.push(c);
        }
    }
    snake
}

fn wrong_type(expected: &str) -> Invalid {
    Invalid::new("wrong_type", format!("must be {expected}"))
}

fn parse<T: FromStr<Err = Invalid>>(value: &Value) -> Result<T, Invalid> {
    value.as_str().ok_or_else(|| wrong_type("a string"))?.parse()
}

macro_rules! read_from_text {
    ($($type:ty),+) => {
        $(impl Field for $type {
            fn read(value: &Value) -> Result<Self, Invalid> {
                parse(value)
            }

            fn schema() -> Schema {
                schema_of::<Self>()
            }
        })+
    };
}
read_from_text!(Currency, Email, OrderId, PaymentId, ProductId, UserId);

impl<const MIN: usize, const MAX: usize> Field for Text<MIN, MAX> {
    fn read(value: &Value) -> Result<Self, Invalid> {
        parse(value)
    }

    fn schema() -> Schema {
        schema_of::<Self>()
    }
}

impl Field for Quantity {
    fn read(value: &Value) -> Result<Self, Invalid> {
        // A number that does not fit into 32 bits is out of range, as 0 is.
        Self::try_from(u32::try_from(i64::read(value)?).unwrap_or(0))
    }

    fn schema() -> Schema {
        schema_of::<Self>()
    }
}

impl Field for Role {
    fn read(value: &Value) -> Result<Self, Invalid> {
        serde_json::from_value(value.clone())
            .map_err(|_| Invalid::new("not_a_role", "must be one of \"customer\", \"admin\""))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "enum": [Self::Customer, Self::Admin] })
    }
}

impl Field for bool {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value.as_bool().ok_or_else(|| wrong_type("true or false"))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

/// A whole number. `5.0` is one, too.
impl Field for i64 {
    fn read(value: &Value) -> Result<Self, Invalid> {
        let number = value.as_number().ok_or_else(|| wrong_type("a whole number"))?;
        number.to_string().trim_end_matches(".0").parse().map_err(|_| wrong_type("a whole number"))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": Self::MIN, "maximum": Self::MAX })
    }
}

/// A secret text. It is not trimmed and not shown in logs.
impl Field for Redacted<String> {
    fn read(value: &Value) -> Result<Self, Invalid> {
        let text = value.as_str().ok_or_else(|| wrong_type("a string"))?;
        if text.chars().count() > MAX_SECRET_CHARS {
            return Err(Invalid::new("out_of_range", format!("must have at most {MAX_SECRET_CHARS} characters")));
        }
        Ok(Self::new(text.to_owned()))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "format": "password", "maxLength": MAX_SECRET_CHARS })
    }
}

/// The maximum number of characters of a secret.
const MAX_SECRET_CHARS: usize = 1_024;

/// An amount whose currency is another field. It is a decimal string, or a number with at most two decimals. It has at
/// most 13 digits before the decimal point, because a JSON number represents those and two decimals exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Amount(i64);

impl Amount {
    /// Returns the amount in hundredths, such as cents.
    pub fn minor(self) -> i64 {
        self.0
    }

    /// Returns the amount in `currency`.
    pub fn of(self, currency: Currency) -> Money {
        Money::from_minor(self.0, currency)
    }
}

impl Field for Amount {
    fn read(value: &Value) -> Result<Self, Invalid> {
        let decimal = match value {
            Value::String(text) => text.clone(),
            // The shortest text of this number. If it was sent with two decimals, this is what was sent.
            Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
            _ => return Err(wrong_type("an amount such as \"1299.99\"")),
        };
        let money = Money::parse(&decimal, Currency::Usd)?;
        if !(0..=MAX_MINOR).contains(&money.minor()) || value.as_str().is_some_and(|text| text.starts_with('-')) {
            return Err(Invalid::new("out_of_range", "must be from 0 to 9999999999999.99"));
        }
        Ok(Self(money.minor()))
    }

    fn schema() -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "pattern": r"^(?:0|[1-9][0-9]{0,12})(?:\.[0-9]{1,2})?$",
            "minimum": 0,
            "maximum": 9_999_999_999_999.99,
            "multipleOf": 0.01,
        })
    }
}

/// The largest amount, in minor units.
const MAX_MINOR: i64 = 999_999_999_999_999;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Line {
        quantity: Quantity,
        price: Option<Amount>,
    }

    fn read(body: &Value) -> Result<Vec<Line>, Vec<(String, &'static str)>> {
        read_object(body, |body| {
            body.list("order_lines", 1..=2, |line| {
                let quantity = line.required("quantity");
                let price = line.optional("price");
                Some(Line { quantity: quantity?, price: price? })
            })
        })
        .map_err(|problem| problem.errors.into_iter().map(|error| (error.field, error.code)).collect())
    }

    #[test]
    fn the_error_of_a_nested_field_has_its_full_path() {
        let read = |body: Value| {
            read_object(&body, |body| body.object("a", |a| a.object("b", |b| b.optional::<bool>("c")))).map_err(
                |problem| problem.errors.into_iter().map(|error| (error.field, error.code)).collect::<Vec<_>>(),
            )
        };
        assert_eq!(read(json!({ "a": { "b": { "c": true } } })), Ok(Some(Some(Some(true)))));
        assert_eq!(read(json!({ "a": { "b": null } })), Ok(Some(None)));
        assert_eq!(read(json!({})), Ok(None));
        assert_eq!(read(json!({ "a": { "b": { "c": 1 } } })), Err(vec![("a.b.c".to_owned(), "wrong_type")]));
        assert_eq!(read(json!({ "a": { "b": [], "d": 1 } })).expect_err("two errors").len(), 2);
    }

    #[test]
    fn null_and_absence_are_distinguished() {
        let read = |body: Value| read_object(&body, |body| body.given::<i64>("a")).map_err(|_| "invalid");
        assert_eq!(read(json!({})), Ok(Given::Absent));
        assert_eq!(read(json!({ "a": null })), Ok(Given::Null));
        assert_eq!(read(json!({ "a": 1 })), Ok(Given::Value(1)));
        assert_eq!(read(json!({ "a": "1" })), Err("invalid"));
    }

    #[test]
    fn camel_case_names_are_accepted() {
        assert!(read(&json!({ "orderLines": [{ "quantity": 1 }] })).is_ok());
        let twice = json!({ "orderLines": [{ "quantity": 1 }], "order_lines": [{ "quantity": 1 }] });
        assert_eq!(read(&twice), Err(vec![("order_lines".to_owned(), "duplicate")]));
    }

    #[test]
    fn all_invalid_fields_are_reported_at_once() {
        let body = json!({ "order_lines": [{ "quantity": 0, "colour": "red" }, { "price": "1.999" }], "note": 1 });
        let errors = [
            ("order_lines[0].quantity", "out_of_range"),
            ("order_lines[0].colour", "unknown_field"),
            ("order_lines[1].quantity", "required"),
            ("order_lines[1].price", "not_an_amount"),
            ("note", "unknown_field"),
        ];
        assert_eq!(read(&body), Err(errors.map(|(field, code)| (field.to_owned(), code)).to_vec()));
    }

    #[test]
    fn wrong_types_are_rejected() {
        for quantity in [json!("1"), json!(1.5), json!(true), json!([1]), json!({})] {
            let errors = read(&json!({ "order_lines": [{ "quantity": quantity }] })).expect_err("not a number");
            assert_eq!(errors, [("order_lines[0].quantity".to_owned(), "wrong_type")], "{quantity}");
        }
        assert_eq!(read(&json!([])), Err(vec![(String::new(), "wrong_type")]));
    }

    #[test]
    fn amounts_are_strings_or_numbers_with_up_to_two_decimals() {
        for (value, minor) in [(json!("12.5"), 1_250), (json!(12.5), 1_250), (json!(1299.99), 129_999), (json!(7), 700)]
        {
            assert_eq!(Amount::read(&value), Ok(Amount(minor)), "{value}");
        }
        for value in [json!(1.999), json!(-1), json!("-0"), json!(null), json!("1,5"), json!("01"), json!(1e300)] {
            assert!(Amount::read(&value).is_err(), "{value}");
        }
    }

    /// Returns whether `schema` accepts `value`. It supports the part of JSON Schema that fields use.
    fn accepts(schema: &Schema, value: &Value) -> bool {
        let is = |name: &str| schema.get("type").is_some_and(|of| of == name || json_has(of, name));
        let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
        let pattern = |text: &str| {
            let more = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
            let patterns = schema.get("pattern").into_iter().chain(more.filter_map(|one| one.get("pattern")));
            let pattern = |of: &Value| regex_lite::Regex::new(of.as_str().expect("a text")).expect("a pattern");
            patterns.map(pattern).all(|pattern| pattern.is_match(text))
        };
        let one_of = schema.get("enum").is_none_or(|all| all.as_array().expect("a list").contains(value));
        one_of
            && match value {
                Value::String(text) => {
                    let length = f64::from(u32::try_from(text.chars().count()).expect("short"));
                    is("string")
                        && pattern(text)
                        && limit("minLength").is_none_or(|min| length >= min)
                        && limit("maxLength").is_none_or(|max| length <= max)
                }
                Value::Number(number) => {
                    let number = number.as_f64().expect("a number");
                    (is("number") || is("integer") && number.fract() == 0.0)
                        && limit("minimum").is_none_or(|min| number >= min)
                        && limit("maximum").is_none_or(|max| number <= max)
                }
                _ => false,
            }
    }

    fn json_has(list: &Value, name: &str) -> bool {
        list.as_array().is_some_and(|all| all.iter().any(|one| one == name))
    }

    /// Returns the values that either the reader or its schema accepts, but not both.
    fn disagreements<T: Field>(values: &[Value]) -> Vec<&Value> {
        values.iter().filter(|value| accepts(&T::schema(), value) != T::read(value).is_ok()).collect()
    }

    #[test]
    fn readers_accept_what_their_schemas_accept() {
        let long = "x".repeat(61);
        let texts = [
            "",
            " ",
            "a",
            "ab",
            "\n",
            "a\n",
            "\ta",
            "a\u{7}",
            "\u{a0}",
            "\u{3000}x",
            "\u{2028}",
            "\u{85}",
            "\u{feff}",
            "ü",
            "\u{fffe}",
            "USD",
            "usd",
            "EUR",
            "customer",
            "admin",
            "Admin",
            "0",
            "7",
            "00",
            "01",
            "-0",
            "-1",
            "1.5",
            "1.55",
            "1.555",
            ".5",
            "5.",
            "1e3",
            "+1",
            "1299.99",
            "9999999999999.99",
            "10000000000000",
            "a@b.cd",
            "A.b-c@De-f.g",
            "a@b",
            "a@-b.cd",
            "a@b-.cd",
            "a@b..cd",
            "a b@c.de",
            "a@b.cd\n",
            "ü@b.cd",
            "@b.cd",
            "a@b@c.de",
            "a,b@c.de",
            "(a)@b.cd",
            "a..b@c.de",
            ".a@b.cd",
            "a.@b.cd",
            &format!("a@{long}xx.cd"),
            &format!("a@{long}xxx.cd"),
            &long[..60],
            &long,
            &format!(" {}", &long[..60]),
            &format!("{}@b.cd", &long),
            &format!("{long}xxxx@b.cd"),
        ];
        let numbers = [
            json!(0),
            json!(1),
            json!(5.0),
            json!(1.5),
            json!(-1),
            json!(1000),
            json!(1001),
            json!(1e3),
            json!(u64::MAX),
        ];
        let others = [json!(null), json!(true), json!([]), json!({})];
        let values: Vec<Value> = texts.iter().map(|text| json!(text)).chain(numbers).chain(others).collect();
        assert_eq!(disagreements::<Text<0, 60>>(&values), Vec::<&Value>::new());
        assert_eq!(disagreements::<Text<1, 60>>(&values), Vec::<&Value>::new());
        assert_eq!(disagreements::<Email>(&values), Vec::<&Value>::new());
        assert_eq!(disagreements::<Currency>(&values), Vec::<&Value>::new());
        assert_eq!(disagreements::<Role>(&values), Vec::<&Value>::new());
        assert_eq!(disagreements::<Quantity>(&values), Vec::<&Value>::new());
        assert_eq!(disagreements::<i64>(&values), Vec::<&Value>::new());
        assert_eq!(disagreements::<Amount>(&values), Vec::<&Value>::new());
        assert_eq!(disagreements::<Redacted<String>>(&values), Vec::<&Value>::new());
    }

    #[test]
    fn an_id_is_a_uuid_with_hyphens() {
        let id = "01930000-0000-7002-8000-000000000001";
        assert!(OrderId::read(&json!(id)).is_ok());
        assert!(OrderId::read(&json!(id.replace('-', ""))).is_err());
        assert_eq!(OrderId::schema().get("format"), Some(&json!("uuid")));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            Just(json!(1)),
            Just(json!("1.50")),
        ];
        let name = prop_oneof![
            4 => prop::sample::select(vec!["order_lines", "orderLines", "quantity", "price", "Quantity"]).prop_map(str::to_owned),
            1 => ".{1,100}",
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name.clone(), inner, 0..5)
                    .prop_map(|of| Value::Object(of.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_read_or_every_error_has_a_field(body in any_json()) {
            match read(&body) {
                Ok(lines) => {
                    prop_assert!((1..=2).contains(&lines.len()));
                    for line in lines {
                        prop_assert!((1..=Quantity::MAX).contains(&line.quantity.get()));
                        let price = line.price.map_or(0, |price| price.of(Currency::Usd).minor());
                        prop_assert!((0..=MAX_MINOR).contains(&price));
                    }
                }
                Err(errors) => {
                    prop_assert!(!errors.is_empty());
                    for (field, code) in errors {
                        prop_assert!(!code.is_empty() && (!field.is_empty() || !body.is_object()), "{code} has no field");
                        prop_assert!(field.chars().count() <= 64 + "order_lines[0].".len(), "long names are truncated");
                    }
                }
            }
        }

        #[test]
        fn any_text_is_read_as_any_type_or_rejected(text in ".{0,80}", number in any::<f64>()) {
            for value in [json!(text), json!(number), json!([text]), json!({ "a": text })] {
                let _ = (Amount::read(&value), Quantity::read(&value), i64::read(&value), bool::read(&value));
                let _ = (Email::read(&value), OrderId::read(&value), Role::read(&value), Currency::read(&value));
                let text = Text::<1, 8>::read(&value);
                prop_assert!(text.is_err() || value.as_str().is_some_and(|text| text.chars().count() <= 8));
            }
        }

        #[test]
        fn an_amount_is_the_same_as_string_and_as_number(minor in 0..=MAX_MINOR) {
            let text = Money::from_minor(minor, Currency::Usd).to_decimal();
            let number: Value = serde_json::from_str(&text).expect("a number");
            prop_assert_eq!(Amount::read(&json!(text)), Ok(Amount(minor)));
            prop_assert_eq!(Amount::read(&number), Ok(Amount(minor)));
        }
    }
}
