//! Checks that two schemas of one version of an event are compatible, in both directions.
//!
//! Older consumers receive events of newer producers, and newer consumers read older events from queues and logs. So
//! within a version, an event may only gain optional fields.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keywords that do not affect compatibility.
const IGNORED_KEYWORDS: [&str; 5] = ["$schema", "$defs", "title", "description", "examples"];

/// Returns the incompatibilities of the `new` schema with the `old` one, as sentences that begin with the field.
pub fn incompatibilities(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Comparison { old, new, found: &mut found }.compare(old, new, "");
    found
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    found: &'a mut Vec<String>,
}

impl<'a> Comparison<'a> {
    fn compare(&mut self, old: &'a Value, new: &'a Value, place: &str) {
        let (old, new) = (resolved(self.old, old), resolved(self.new, new));
        let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
            return self.expect_same(old, new, place);
        };
        for keyword in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let (before, after) = (old.get(keyword), new.get(keyword));
            match (keyword.as_str(), before, after) {
                ("properties", Some(Value::Object(before)), Some(Value::Object(after))) => {
                    self.compare_properties(before, after, place);
                }
                ("required", _, _) => self.compare_required(old, new, place),
                ("items", Some(before), Some(after)) => self.compare(before, after, &format!("{place}[]")),
                ("oneOf" | "anyOf" | "allOf", Some(Value::Array(before)), Some(Value::Array(after)))
                    if before.len() == after.len() =>
                {
                    before.iter().zip(after).for_each(|(before, after)| self.compare(before, after, place));
                }
                (keyword, _, _) if IGNORED_KEYWORDS.contains(&keyword) => {}
                (_, before, after) if before == after => {}
                (keyword, before, after) => {
                    let shown = |value: Option<&Value>| value.map_or("absent".to_owned(), Value::to_string);
                    let (before, after) = (shown(before), shown(after));
                    self.found.push(format!("{}: {keyword} was {before} and is now {after}", field_name(place)));
                }
            }
        }
    }

    fn compare_properties(&mut self, old: &'a Map<String, Value>, new: &'a Map<String, Value>, place: &str) {
        for (name, before) in old {
            let place = format!("{place}.{name}");
            match new.get(name) {
                Some(after) => self.compare(before, after, &place),
                None => self.found.push(format!("{}: was removed", field_name(&place))),
            }
        }
    }

    fn compare_required(&mut self, old: &'a Map<String, Value>, new: &'a Map<String, Value>, place: &str) {
        let (before, after) = (required(old), required(new));
        for name in before.symmetric_difference(&after) {
            let place = format!("{place}.{name}");
            // `compare_properties` reports removed fields.
            let is_in_new = new.get("properties").is_some_and(|all| all.get(name).is_some());
            if after.contains(name) {
                self.found.push(format!("{}: is required now, but older events may lack it", field_name(&place)));
            } else if is_in_new {
                self.found.push(format!("{}: is optional now, but older consumers require it", field_name(&place)));
            }
        }
    }

    fn expect_same(&mut self, old: &Value, new: &Value, place: &str) {
        if old != new {
            self.found.push(format!("{}: was {old} and is now {new}", field_name(place)));
        }
    }
}

/// Returns the schema that a `$ref` in `document` refers to.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

fn required(schema: &Map<String, Value>) -> BTreeSet<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn field_name(place: &str) -> &str {
    if place.is_empty() { "the event" } else { &place[1..] }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape() -> Value {
        json!({
            "title": "OrderPlaced",
            "type": "object",
            "properties": {
                "order_id": { "type": "string", "format": "uuid" },
                "note": { "type": "string" },
                "lines": { "type": "array", "items": { "$ref": "#/$defs/Line" } },
                "reason": { "oneOf": [{ "const": "a", "description": "A." }, { "const": "b" }] },
            },
            "required": ["order_id", "lines"],
            "$defs": {
                "Line": { "type": "object", "properties": { "quantity": { "type": "integer" } }, "required": ["quantity"] },
            },
        })
    }

    /// Returns the incompatibilities of a change.
    fn changed(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut new = shape();
        change(&mut new);
        incompatibilities(&shape(), &new)
    }

    #[test]
    fn optional_fields_and_other_descriptions_are_compatible() {
        assert_eq!(changed(|_| {}), [""; 0]);
        assert_eq!(changed(|new| new["properties"]["gift"] = json!({ "type": "boolean" })), [""; 0]);
        assert_eq!(changed(|new| new["description"] = json!("An order.")), [""; 0]);
        assert_eq!(changed(|new| new["properties"]["reason"]["oneOf"][0]["description"] = json!("So.")), [""; 0]);
        let moved = |new: &mut Value| new["properties"]["lines"]["items"] = new["$defs"]["Line"].take();
        assert_eq!(changed(moved), [""; 0]);
    }

    #[test]
    fn other_changes_are_incompatible() {
        let removed = |new: &mut Value| {
            new["properties"].as_object_mut().map(|all| all.remove("note"));
        };
        assert_eq!(changed(removed), ["note: was removed"]);
        let renamed = |new: &mut Value| {
            let id = new["properties"].as_object_mut().and_then(|all| all.remove("order_id"));
            new["properties"]["id"] = id.unwrap_or_default();
            new["required"] = json!(["id", "lines"]);
        };
        assert_eq!(changed(renamed), ["order_id: was removed", "id: is required now, but older events may lack it"]);
        assert_eq!(
            changed(|new| new["required"] = json!(["order_id"])),
            ["lines: is optional now, but older consumers require it"]
        );
        assert_eq!(
            changed(|new| new["required"] = json!(["order_id", "lines", "note"])),
            ["note: is required now, but older events may lack it"]
        );
        assert_eq!(
            changed(|new| new["$defs"]["Line"]["properties"]["quantity"]["type"] = json!("string")),
            ["lines[].quantity: type was \"integer\" and is now \"string\""]
        );
        assert_eq!(
            changed(|new| new["properties"]["order_id"]["pattern"] = json!("^a")),
            ["order_id: pattern was absent and is now \"^a\""]
        );
        let more = |new: &mut Value| {
            new["properties"]["reason"]["oneOf"] = json!([{ "const": "a" }, { "const": "b" }, { "const": "c" }])
        };
        assert_eq!(changed(more).len(), 1, "an older consumer does not know the third reason");
        let other = |new: &mut Value| new["properties"]["reason"]["oneOf"][1]["const"] = json!("c");
        assert_eq!(changed(other), ["reason: const was \"b\" and is now \"c\""]);
        assert_eq!(changed(|new| new["properties"]["note"] = json!(true)).len(), 1);
    }
}
