//! Writes a JSON Schema for every event and `asyncapi.json`, the one document of all of them: `make asyncapi`.
//!
//! A shape that would break who reads these events is not written: it wants a version of its own.

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
    let broken = broken(root)?;
    if !broken.is_empty() {
        return Err(format!("{}\na new shape is a new version: see shared/contracts/src/lift.rs", broken.join("\n")));
    }
    for event in described() {
        store(&path_of(root, &event), &schema_of(&event))?;
    }
    store(&root.join("asyncapi.json"), &document(root)?)
}

/// The document of all events, and of what contexts have besides: each describes that in an `asyncapi.json` of its own.
fn document(root: &Path) -> Result<Value, String> {
    let unreadable = |error: io::Error| format!("functions: {error}");
    let entries = fs::read_dir(root.join("functions")).map_err(unreadable)?;
    let folders =
        entries.map(|entry| Ok(entry.map_err(unreadable)?.path())).collect::<Result<BTreeSet<_>, String>>()?;
    let parts = folders.into_iter().map(|folder| folder.join("asyncapi.json")).filter(|path| path.is_file());
    document::document(&samples(root)?, parts.map(|path| load(&path)).collect::<Result<_, _>>()?)
}

/// What of today's events breaks who reads by the schemas that are there, a line each.
fn broken(root: &Path) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for event in described() {
        let path = path_of(root, &event);
        if path.exists() {
            let breaks = compatibility::breaks(&load(&path)?, &schema_of(&event));
            lines.extend(breaks.iter().map(|place| format!("{} {}: {place}", event.event_type, event.version)));
        }
    }
    Ok(lines)
}

fn path_of(root: &Path, event: &Described) -> PathBuf {
    root.join(format!("events/schemas/{}.v{}.json", event.event_type, event.version))
}

/// The schema of an event, by itself.
fn schema_of(event: &Described) -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = event.schema(&mut generator);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["$defs"] = json!(generator.take_definitions(true));
    schema
}

/// The golden sample of each event, in the order of their types.
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
    fs::write(path, written(value)).map_err(|error| format!("{}: {error}", path.display()))
}

/// JSON as it lies in the repository.
fn written(value: &Value) -> String {
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
        assert_eq!(broken(&root()).expect("schemas"), [""; 0]);
    }

    #[test]
    fn what_is_written_is_up_to_date() {
        let read = |path: PathBuf| fs::read_to_string(&path).unwrap_or_default();
        for event in described() {
            assert!(
                read(path_of(&root(), &event)) == written(&schema_of(&event)),
                "{}: make asyncapi",
                event.event_type
            );
        }
        let document = document(&root()).expect("a document");
        assert!(read(root().join("asyncapi.json")) == written(&document), "asyncapi.json: make asyncapi");
    }

    #[test]
    fn a_schema_of_every_version_stays_beside_its_golden_sample() {
        let names = |folder: &str| -> BTreeSet<String> {
            let entries = fs::read_dir(root().join("events").join(folder)).expect("a folder");
            entries.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names("schemas"), names("contracts"));
    }
}
