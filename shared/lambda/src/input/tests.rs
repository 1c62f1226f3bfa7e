use std::collections::BTreeSet;

use contracts::Role;
use kernel::{Currency, Email, Money, OrderId, Quantity, Text};
use proptest::prelude::*;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::*;
#[derive(Debug, PartialEq, Deserr)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct Body {
    order_lines: List<Line, 1, 2>,
}

#[derive(Debug, PartialEq, Deserr)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct Line {
    quantity: Quantity,
    #[deserr(default)]
    price: Option<Amount>,
}

/// Returns what is read, or path and code of each error.
fn read_as<T: Deserr<InvalidFields>>(body: &Value) -> Result<T, Vec<(String, &'static str)>> {
    read_text_as(&body.to_string())
}

fn read_text_as<T: Deserr<InvalidFields>>(body: &str) -> Result<T, Vec<(String, &'static str)>> {
    let errors = |problem: Problem| problem.errors.into_iter().map(|error| (error.field, error.code)).collect();
    super::read(body.as_bytes()).map_err(errors)
}

fn read(body: &Value) -> Result<Vec<Line>, Vec<(String, &'static str)>> {
    read_as::<Body>(body).map(|body| body.order_lines.0)
}

/// Reads `value` as the only field of a body.
fn read_field<T: Deserr<InvalidFields>>(value: &Value) -> Result<T, &'static str> {
    deserr::deserialize(value.clone()).map_err(|InvalidFields(errors)| errors[0].code)
}

#[test]
fn the_error_of_a_nested_field_has_its_full_path() {
    #[derive(Debug, PartialEq, Deserr)]
    #[deserr(error = InvalidFields, deny_unknown_fields)]
    struct Outer {
        #[deserr(default)]
        a: Option<Middle>,
    }
    #[derive(Debug, PartialEq, Deserr)]
    #[deserr(error = InvalidFields, deny_unknown_fields)]
    struct Middle {
        #[deserr(default)]
        b: Option<Inner>,
    }
    #[derive(Debug, PartialEq, Deserr)]
    #[deserr(error = InvalidFields, deny_unknown_fields)]
    struct Inner {
        #[deserr(default)]
        c: Option<bool>,
    }
    let read = |body: Value| read_as::<Outer>(&body);
    let whole = Outer { a: Some(Middle { b: Some(Inner { c: Some(true) }) }) };
    assert_eq!(read(json!({ "a": { "b": { "c": true } } })), Ok(whole));
    assert_eq!(read(json!({ "a": { "b": null } })), Ok(Outer { a: Some(Middle { b: None }) }));
    assert_eq!(read(json!({})), Ok(Outer { a: None }));
    assert_eq!(read(json!({ "a": { "b": { "c": 1 } } })), Err(vec![("a.b.c".to_owned(), "wrong_type")]));
    assert_eq!(read(json!({ "a": { "b": [], "d": 1 } })).expect_err("two errors").len(), 2);
}

#[test]
fn null_and_absence_are_distinguished() {
    #[derive(Deserr)]
    #[deserr(error = InvalidFields, deny_unknown_fields)]
    struct Changes {
        #[deserr(default)]
        a: Given<Quantity>,
    }
    let read = |body: Value| read_as::<Changes>(&body).map(|changes| changes.a).map_err(|_| "invalid");
    assert_eq!(read(json!({})), Ok(Given::Absent));
    assert_eq!(read(json!({ "a": null })), Ok(Given::Null));
    assert_eq!(read(json!({ "a": 1 })), Ok(Given::Value(Quantity::try_from(1).expect("a quantity"))));
    assert_eq!(read(json!({ "a": "1" })), Err("invalid"));
}

#[test]
fn a_required_field_that_is_null_is_missing() {
    assert_eq!(read(&json!({ "order_lines": null })), Err(vec![("order_lines".to_owned(), "required")]));
    let errors = read(&json!({ "order_lines": [{ "quantity": null }, null] })).expect_err("two errors");
    let of = |index: usize, field: &str, code| (format!("order_lines[{index}]{field}"), code);
    assert_eq!(errors, [of(0, ".quantity", "required"), of(1, "", "wrong_type")]);
    assert_eq!(read(&json!(null)), Err(vec![(String::new(), "wrong_type")]));
}

#[test]
fn camel_case_names_are_accepted() {
    assert!(read(&json!({ "orderLines": [{ "quantity": 1 }] })).is_ok());
    let twice = json!({ "orderLines": [{ "quantity": 1 }], "order_lines": [{ "quantity": 1 }] });
    assert_eq!(read(&twice), Err(vec![("order_lines".to_owned(), "duplicate")]));
}

#[test]
fn a_field_is_given_only_once() {
    let twice = r#"{ "order_lines": [{ "quantity": 1, "quantity": 2 }] }"#;
    assert_eq!(read_text_as::<Body>(twice), Err(vec![("order_lines[0].quantity".to_owned(), "duplicate")]));
}

#[test]
fn a_body_cannot_make_its_errors_large() {
    let name = "\u{1f600}".repeat(64);
    let mut body = format!("{{{}}}", vec![r#""":0"#; 6_000].join(","));
    for _ in 0..120 {
        body = format!(r#"{{"{name}":{body}}}"#);
    }
    let Err(problem) = super::read::<Body>(body.as_bytes()) else { panic!("it is valid") };
    assert!(problem.errors().len() <= MAX_ERRORS);
    assert!(problem.to_json("").to_string().len() < 256 * 1_024);
}

#[test]
fn rules_see_which_fields_are_given() {
    #[derive(Debug, PartialEq, Deserr)]
    #[deserr(error = InvalidFields, deny_unknown_fields)]
    struct OneOf {
        #[deserr(default)]
        a: Option<bool>,
        #[deserr(default)]
        b: Option<bool>,
    }
    let read = |body: Value| {
        let one_of = |body: &mut Rules| match (body.has("a"), body.is_given("b")) {
            (false, false) => body.refuse("a", required()),
            (true, true) => body.refuse("b", unknown_field()),
            _ => {}
        };
        read_with::<OneOf>(body.to_string().as_bytes(), one_of)
            .map_err(|problem| problem.errors.into_iter().map(|error| (error.field, error.code)).collect::<Vec<_>>())
    };
    let error = |field: &str, code| (field.to_owned(), code);
    assert_eq!(read(json!({ "a": true })), Ok(OneOf { a: Some(true), b: None }));
    assert_eq!(read(json!({ "a": null, "c": 1 })), Err(vec![error("c", "unknown_field"), error("a", "required")]));
    assert_eq!(read(json!({ "a": 1, "b": 2 })), Err(vec![error("a", "wrong_type"), error("b", "unknown_field")]));
    assert_eq!(read(json!([])), Err(vec![error("", "wrong_type")]));
}

#[test]
fn errors_have_the_order_of_the_fields() {
    let body = r#"{ "order_lines": [{ "quantity": 0, "price": "x", "note": "", "colour": "" }], "a": 1 }"#;
    let fields = read_text_as::<Body>(body).expect_err("errors").into_iter().map(|(field, _)| field);
    let expected =
        ["order_lines[0].quantity", "order_lines[0].price", "order_lines[0].note", "order_lines[0].colour", "a"];
    assert_eq!(fields.collect::<Vec<_>>(), expected);
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
    let found: BTreeSet<_> = read(&body).expect_err("errors").into_iter().collect();
    assert_eq!(found, errors.map(|(field, code)| (field.to_owned(), code)).into());
}

#[test]
fn wrong_types_are_rejected() {
    for quantity in [json!("1"), json!(1.5), json!(true), json!([1]), json!({})] {
        let errors = read(&json!({ "order_lines": [{ "quantity": quantity }] })).expect_err("not a number");
        assert_eq!(errors, [("order_lines[0].quantity".to_owned(), "wrong_type")], "{quantity}");
    }
    assert_eq!(read(&json!([])), Err(vec![(String::new(), "wrong_type")]));
}

fn amount(value: &Value) -> Result<i64, &'static str> {
    read_field::<Amount>(value).map(Amount::minor)
}

#[test]
fn amounts_are_strings_or_numbers_with_up_to_two_decimals() {
    for (value, minor) in [(json!("12.5"), 1_250), (json!(12.5), 1_250), (json!(1299.99), 129_999), (json!(7), 700)] {
        assert_eq!(amount(&value), Ok(minor), "{value}");
    }
    for value in [json!(1.999), json!(-1), json!("-0"), json!(null), json!("1,5"), json!("01"), json!(1e300)] {
        assert!(amount(&value).is_err(), "{value}");
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
    if let Some(variants) = schema.get("oneOf").and_then(Value::as_array) {
        return variants.iter().any(|variant| &variant["const"] == value);
    }
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

fn schema_of<T: JsonSchema>() -> Schema {
    T::json_schema(&mut SchemaGenerator::default())
}

/// Returns the values that either the reader or its schema accepts, but not both.
fn disagreements<T: JsonSchema + Deserr<InvalidFields>>(values: &[Value]) -> Vec<&Value> {
    let schema = schema_of::<T>();
    values.iter().filter(|value| accepts(&schema, value) != read_field::<T>(value).is_ok()).collect()
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
    let numbers =
        [json!(0), json!(1), json!(5.0), json!(1.5), json!(-1), json!(1000), json!(1001), json!(1e3), json!(u64::MAX)];
    let others = [json!(null), json!(true), json!([]), json!({})];
    let values: Vec<Value> = texts.iter().map(|text| json!(text)).chain(numbers).chain(others).collect();
    assert_eq!(disagreements::<Text<0, 60>>(&values), Vec::<&Value>::new());
    assert_eq!(disagreements::<Text<1, 60>>(&values), Vec::<&Value>::new());
    assert_eq!(disagreements::<Email>(&values), Vec::<&Value>::new());
    assert_eq!(disagreements::<Currency>(&values), Vec::<&Value>::new());
    assert_eq!(disagreements::<Role>(&values), Vec::<&Value>::new());
    assert_eq!(disagreements::<Quantity>(&values), Vec::<&Value>::new());
    assert_eq!(disagreements::<Whole<-2, 1_000>>(&values), Vec::<&Value>::new());
    assert_eq!(disagreements::<Amount>(&values), Vec::<&Value>::new());
    assert_eq!(disagreements::<Secret>(&values), Vec::<&Value>::new());
}

#[test]
fn an_id_is_a_uuid_with_hyphens() {
    let id = "01930000-0000-7002-8000-000000000001";
    assert!(read_field::<OrderId>(&json!(id)).is_ok());
    assert!(read_field::<OrderId>(&json!(id.replace('-', ""))).is_err());
    assert_eq!(schema_of::<OrderId>().get("format"), Some(&json!("uuid")));
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
                    prop_assert!((0..=Amount::MAX_MINOR).contains(&price));
                }
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for (field, code) in errors {
                    prop_assert!(!code.is_empty() && (!field.is_empty() || !body.is_object()), "{code} has no field");
                    prop_assert!(field.chars().count() <= MAX_PATH_CHARS, "long names are truncated");
                }
            }
        }
    }

    #[test]
    fn any_text_is_read_as_any_type_or_rejected(text in ".{0,80}", number in any::<f64>()) {
        for value in [json!(text), json!(number), json!([text]), json!({ "a": text })] {
            let _ = (amount(&value), read_field::<Quantity>(&value), read_field::<Whole<0, 9>>(&value));
            let _ = (read_field::<bool>(&value), read_field::<Email>(&value), read_field::<OrderId>(&value));
            let _ = (read_field::<Role>(&value), read_field::<Currency>(&value));
            let text = read_field::<Text<1, 8>>(&value);
            prop_assert!(text.is_err() || value.as_str().is_some_and(|text| text.chars().count() <= 8));
        }
    }

    #[test]
    fn an_amount_is_the_same_as_string_and_as_number(minor in 0..=Amount::MAX_MINOR) {
        let text = Money::from_minor(minor, Currency::Usd).to_decimal();
        let number: Value = serde_json::from_str(&text).expect("a number");
        prop_assert_eq!(amount(&json!(text)), Ok(minor));
        prop_assert_eq!(amount(&number), Ok(minor));
    }
}
