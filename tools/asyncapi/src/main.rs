//! `make asyncapi`: writes a JSON Schema for every event, and `asyncapi.json`, the document of all events.
//!
//! It rejects changes that are not compatible with the existing schemas. They need a new version of the event.

mod compatibility;
mod document;

use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use contracts::{Described, described};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

fn main() -> ExitCode {
    let root = env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    match write(&root) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn write(root: &Path) -> Result<(), String> {
    let incompatible = incompatible_changes(root)?;
    if !incompatible.is_empty() {
        let changes = incompatible.join("\n");
        return Err(format!(
            "{changes}\nan incompatible change needs a new version: see shared/contracts/src/upcaster.rs"
        ));
    }
    for event in described() {
        store(&path_of(root, &event), &schema_of(&event))?;
    }
    store(&root.join("asyncapi.json"), &document(root)?)
}

/// Returns the document of all events, and of what contexts describe in addition, each in an `asyncapi.json` of its
/// own.
fn document(root: &Path) -> Result<Value, String> {
    let unreadable = |error: io::Error| format!("functions: {error}");
    let entries = fs::read_dir(root.join("functions")).map_err(unreadable)?;
    let folders =
        entries.map(|entry| Ok(entry.map_err(unreadable)?.path())).collect::<Result<BTreeSet<_>, String>>()?;
    let contexts = folders.into_iter().map(|folder| folder.join("asyncapi.json")).filter(|path| path.is_file());
    document::document(&samples(root)?, contexts.map(|path| load(&path)).collect::<Result<_, _>>()?)
}

/// Returns the changes of events that are not compatible with the existing schemas, one in each line.
fn incompatible_changes(root: &Path) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for event in described() {
        let path = path_of(root, &event);
        if path.exists() {
            let changes = compatibility::incompatibilities(&load(&path)?, &schema_of(&event));
            lines.extend(changes.iter().map(|change| format!("{} {}: {change}", event.event_type, event.version)));
        }
    }
    Ok(lines)
}

fn path_of(root: &Path, event: &Described) -> PathBuf {
    root.join(format!("events/schemas/{}.v{}.json", event.event_type, event.version))
}

/// Returns the schema of one event.
fn schema_of(event: &Described) -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = event.schema(&mut generator);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["$defs"] = json!(generator.take_definitions(true));
    schema
}

/// Returns all events with their golden samples.
fn samples(root: &Path) -> Result<Vec<(Described, Value)>, String> {
    let sample = |event: Described| {
        let name = format!("{}.v{}.json", event.event_type, event.version);
        Ok((event, load(&root.join("events/contracts").join(name))?))
    };
    described().into_iter().map(sample).collect()
}

fn load(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn store(path: &Path, value: &Value) -> Result<(), String> {
    fs::write(path, to_text(value)).map_err(|error| format!("{}: {error}", path.display()))
}

/// Formats JSON as in the repository.
fn to_text(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn no_event_has_broken_its_shape() {
        assert_eq!(incompatible_changes(&root()).expect("schemas"), [""; 0]);
    }

    #[test]
    fn schemas_and_document_are_up_to_date() {
        let read = |path: PathBuf| fs::read_to_string(&path).unwrap_or_default();
        for event in described() {
            assert!(
                read(path_of(&root(), &event)) == to_text(&schema_of(&event)),
                "the schema of {} is out of date: run make asyncapi",
                event.event_type
            );
        }
        let document = document(&root()).expect("a document");
        assert!(
            read(root().join("asyncapi.json")) == to_text(&document),
            "asyncapi.json is out of date: run make asyncapi"
        );
    }

    #[test]
    fn every_version_has_a_schema_and_a_golden_sample() {
        let names = |folder: &str| -> BTreeSet<String> {
            let entries = fs::read_dir(root().join("events").join(folder)).expect("a folder");
            entries.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names("schemas"), names("contracts"));
    }
}
