//! `make openapi`: writes `openapi.json`, the document of the whole API, from the documents of the contexts.
//!
//! A test of each context writes the context's document, `functions/<context>/openapi.json`, from the descriptions
//! beside its handlers.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use lambda::{
    openapi::{ContextDocument, document},
    policy::CONTEXTS,
};

fn main() -> Result<(), String> {
    let root = env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let path = root.join("openapi.json");
    fs::write(&path, generated(&root)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn generated(root: &Path) -> Result<String, String> {
    document("Waybill API", env!("CARGO_PKG_VERSION"), include_str!("description.md"), &context_documents(root)?)
}

/// Returns the documents of the existing contexts, in the order of the policy table.
fn context_documents(root: &Path) -> Result<Vec<ContextDocument>, String> {
    let folders = CONTEXTS.iter().map(|context| root.join("functions").join(context.name));
    let read = |folder: PathBuf| {
        let path = folder.join("openapi.json");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    };
    folders.filter(|folder| folder.is_dir()).map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lambda::policy::routes_of;
    use serde_json::Value;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn parsed() -> Value {
        serde_json::from_str(&generated(&root()).expect("a document")).expect("JSON")
    }

    #[test]
    fn the_document_is_up_to_date() {
        let checked_in = fs::read_to_string(root().join("openapi.json")).expect("a document");
        let generated = generated(&root()).expect("a document");
        assert!(generated == checked_in, "openapi.json is out of date: run make openapi");
    }

    #[test]
    fn every_route_has_one_operation() {
        let documents = context_documents(&root()).expect("documents");
        let mut keys: Vec<String> = documents.iter().flat_map(ContextDocument::keys).collect();
        keys.sort_unstable();
        let mut routes: Vec<&str> =
            documents.iter().flat_map(|document| routes_of(document.context())).map(|route| route.key).collect();
        routes.retain(|key| *key != "$default");
        routes.sort_unstable();
        assert_eq!(keys, routes);
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
