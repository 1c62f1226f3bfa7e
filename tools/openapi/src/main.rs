//! Writes `openapi.json`, the one document of all functions, from what each endpoint says beside its handler: `make openapi`.

use std::{env, fs, path::PathBuf};

use lambda::openapi::{Tag, document};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    fs::write(root.join("openapi.json"), generated()?)?;
    Ok(())
}

fn generated() -> serde_json::Result<String> {
    document("Waybill API", env!("CARGO_PKG_VERSION"), include_str!("description.md"), &contexts())
}

/// Every context that has endpoints.
fn contexts() -> [Tag; 8] {
    let tag = |name, description, operations| Tag { name, description, operations };
    [
        tag("users", "Accounts, logins, roles.", users::api::operations()),
        tag("catalog", "What the shop sells.", catalog::api::operations()),
        tag("inventory", "How much there is of it.", inventory::api::operations()),
        tag("orders", "What was ordered, and how far it is.", orders::api::operations()),
        tag("payments", "What was paid.", payments::api::operations()),
        tag("notifications", "What customers are told, and how they want to be.", notifications::api::operations()),
        tag("analytics", "How the shop is doing.", analytics::api::operations()),
        tag("gateway", "The shop as a whole: how it is, and this reference.", gateway::api::operations()),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lambda::policy::ROUTES;
    use serde_json::Value;

    use super::*;

    fn parsed() -> Value {
        serde_json::from_str(&generated().expect("a document")).expect("JSON")
    }

    #[test]
    fn the_document_is_up_to_date() {
        let checked_in = include_str!("../../../openapi.json");
        assert!(generated().expect("a document") == checked_in, "openapi.json is not what the code says: make openapi");
    }

    #[test]
    fn every_route_has_one_operation() {
        let contexts = contexts();
        let mut keys: Vec<&str> =
            contexts.iter().flat_map(|tag| &tag.operations).flat_map(|operation| operation.keys()).collect();
        keys.sort_unstable();
        let mut routes: Vec<&str> = ROUTES.iter().map(|route| route.key).filter(|key| *key != "$default").collect();
        routes.sort_unstable();
        assert_eq!(keys, routes);
    }

    #[test]
    fn names_are_given_once() {
        let document = parsed();
        let operations = document["paths"]
            .as_object()
            .expect("an object")
            .values()
            .flat_map(|path| path.as_object().expect("an object").values());
        let ids: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().expect("a text")).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        // The generator tells two types of one name apart by a digit.
        for name in document["components"]["schemas"].as_object().expect("an object").keys() {
            assert!(!name.ends_with(|c: char| c.is_ascii_digit()), "two schemas are called {name}");
        }
    }

    #[test]
    fn example_ids_are_those_of_the_seed() {
        let document = parsed();
        let example =
            |name: &str| document["components"]["parameters"][name]["example"].as_str().expect("an id").to_owned();
        let seed: Value = serde_json::from_str(include_str!("../../../localstack/seed.json")).expect("JSON");
        assert_eq!(example("product_id"), seed["products"][0]["id"].as_str().expect("an id"));
        assert_eq!(example("order_id"), seed["orders"][0]["id"].as_str().expect("an id"));
        assert_eq!(example("user_id"), seed["orders"][0]["user_id"].as_str().expect("an id"));
        let payment = payments::domain::payment_id(example("order_id").parse().expect("an id"));
        assert_eq!(example("payment_id"), payment.to_string());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = parsed();
        let mut found = Vec::new();
        references(&document, &mut found);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}
