//! `make openapi`: writes `openapi.json`, the document of the whole API, and the routes that the gateway knows, from the
//! documents of the contexts.
//!
//! A test of each context writes the context's document, `functions/<context>/openapi.json`, from the descriptions
//! beside its handlers.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use lambda::openapi::{ContextDocument, document};

/// The file with the routes of all contexts.
const ROUTES: &str = "functions/gateway/routes.txt";

/// The order of the contexts in the document. New ones follow, in alphabetical order, and the gateway is last.
const ORDER: [&str; 7] = ["users", "catalog", "inventory", "orders", "payments", "notifications", "analytics"];

fn main() -> Result<(), String> {
    let root = env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let documents = context_documents(&root)?;
    for (name, text) in [("openapi.json", generated(&documents)?), (ROUTES, routes(&documents))] {
        fs::write(root.join(name), text).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// Returns the route keys of all contexts, one in a line, for the gateway.
fn routes(documents: &[ContextDocument]) -> String {
    documents.iter().flat_map(ContextDocument::keys).map(|key| key + "\n").collect()
}

fn generated(documents: &[ContextDocument]) -> Result<String, String> {
    document("Waybill API", env!("CARGO_PKG_VERSION"), include_str!("description.md"), documents)
}

/// Returns the documents of the existing contexts, in their order.
fn context_documents(root: &Path) -> Result<Vec<ContextDocument>, String> {
    let entries = fs::read_dir(root.join("functions")).map_err(|error| format!("functions: {error}"))?;
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_by_cached_key(|name| {
        let position = ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len());
        (name == "gateway", position, name.clone())
    });
    let folders = names.iter().map(|name| root.join("functions").join(name));
    let crates = folders.filter(|folder| folder.join("Cargo.toml").is_file());
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    };
    crates.map(|folder| read(folder.join("openapi.json"))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn documents() -> Vec<ContextDocument> {
        context_documents(&root()).expect("documents")
    }

    fn parsed() -> Value {
        serde_json::from_str(&generated(&documents()).expect("a document")).expect("JSON")
    }

    #[test]
    fn the_document_is_up_to_date() {
        let checked_in = fs::read_to_string(root().join("openapi.json")).expect("a document");
        let generated = generated(&documents()).expect("a document");
        assert!(generated == checked_in, "openapi.json is out of date: run make openapi");
    }

    #[test]
    fn the_routes_of_the_gateway_are_up_to_date() {
        let checked_in = fs::read_to_string(root().join(ROUTES)).expect("routes");
        assert_eq!(checked_in, routes(&documents()), "{ROUTES} is out of date: run make openapi");
    }

    #[test]
    fn operation_ids_and_schema_names_are_unique() {
        let document = parsed();
        let operations = document["paths"]
            .as_object()
            .expect("an object")
            .values()
            .flat_map(|path| path.as_object().expect("an object").values());
        let ids: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().expect("a text")).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        // The generator appends a digit to the second type of one name.
        for name in document["components"]["schemas"].as_object().expect("an object").keys() {
            assert!(!name.ends_with(|c: char| c.is_ascii_digit()), "two schemas have one name: {name}");
        }
    }

    #[test]
    fn example_ids_are_in_the_seed() {
        let document = parsed();
        let example =
            |name: &str| document["components"]["parameters"][name]["example"].as_str().expect("an id").to_owned();
        let seed: Value = serde_json::from_str(include_str!("../../../localstack/seed.json")).expect("JSON");
        assert_eq!(example("product_id"), seed["products"][0]["id"].as_str().expect("an id"));
        assert_eq!(example("order_id"), seed["orders"][0]["id"].as_str().expect("an id"));
        assert_eq!(example("user_id"), seed["orders"][0]["user_id"].as_str().expect("an id"));
    }

    #[test]
    fn every_reference_has_a_target() {
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
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} has no target");
        }
    }
}
