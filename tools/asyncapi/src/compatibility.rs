//! Whether what reads events by one schema reads those of another, and the other way round.
//!
//! A queue, a log or a listener of yesterday may hold or meet events of today, and today's code reads those of yesterday. So within a
//! version a shape may only grow, by what may be missing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What a reader passes over.
const WORDS: [&str; 5] = ["$schema", "$defs", "title", "description", "examples"];

/// What of the `new` schema breaks who knows the `old` one, or finds what the old one wrote broken: a sentence each, with the place.
pub fn breaks(old: &Value, new: &Value) -> Vec<String> {
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
                (word, _, _) if WORDS.contains(&word) => {}
                (_, before, after) if before == after => {}
                (keyword, before, after) => {
                    let said = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
                    self.found.push(format!("{}: {keyword} was {}, is {}", named(place), said(before), said(after)));
                }
            }
        }
    }

    fn compare_properties(&mut self, old: &'a Map<String, Value>, new: &'a Map<String, Value>, place: &str) {
        for (name, before) in old {
            let place = format!("{place}.{name}");
            match new.get(name) {
                Some(after) => self.compare(before, after, &place),
                None => self.found.push(format!("{}: is gone", named(&place))),
            }
        }
    }

    fn compare_required(&mut self, old: &'a Map<String, Value>, new: &'a Map<String, Value>, place: &str) {
        let (before, after) = (required(old), required(new));
        for name in before.symmetric_difference(&after) {
            let place = format!("{place}.{name}");
            let known =
                |schema: &Map<String, Value>| schema.get("properties").is_some_and(|all| all.get(name).is_some());
            // What is gone is told of with the properties.
            if after.contains(name) {
                self.found.push(format!("{}: older events may lack it", named(&place)));
            } else if known(new) {
                self.found.push(format!("{}: may be missing now", named(&place)));
            }
        }
    }

    fn expect_same(&mut self, old: &Value, new: &Value, place: &str) {
        if old != new {
            self.found.push(format!("{}: was {old}, is {new}", named(place)));
        }
    }
}

/// The schema that a `$ref` of `document` stands for.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

fn required(schema: &Map<String, Value>) -> BTreeSet<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn named(place: &str) -> &str {
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

    /// What `change` breaks.
    fn changed(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut new = shape();
        change(&mut new);
        breaks(&shape(), &new)
    }

    #[test]
    fn a_shape_may_grow_and_be_said_in_other_words() {
        assert_eq!(changed(|_| {}), [""; 0]);
        assert_eq!(changed(|new| new["properties"]["gift"] = json!({ "type": "boolean" })), [""; 0]);
        assert_eq!(changed(|new| new["description"] = json!("An order.")), [""; 0]);
        assert_eq!(changed(|new| new["properties"]["reason"]["oneOf"][0]["description"] = json!("So.")), [""; 0]);
        let moved = |new: &mut Value| new["properties"]["lines"]["items"] = new["$defs"]["Line"].take();
        assert_eq!(changed(moved), [""; 0]);
    }

    #[test]
    fn anything_else_breaks_somebody() {
        let gone = |new: &mut Value| {
            new["properties"].as_object_mut().map(|all| all.remove("note"));
        };
        assert_eq!(changed(gone), ["note: is gone"]);
        let renamed = |new: &mut Value| {
            let id = new["properties"].as_object_mut().and_then(|all| all.remove("order_id"));
            new["properties"]["id"] = id.unwrap_or_default();
            new["required"] = json!(["id", "lines"]);
        };
        assert_eq!(changed(renamed), ["order_id: is gone", "id: older events may lack it"]);
        assert_eq!(changed(|new| new["required"] = json!(["order_id"])), ["lines: may be missing now"]);
        assert_eq!(
            changed(|new| new["required"] = json!(["order_id", "lines", "note"])),
            ["note: older events may lack it"]
        );
        assert_eq!(
            changed(|new| new["$defs"]["Line"]["properties"]["quantity"]["type"] = json!("string")),
            ["lines[].quantity: type was \"integer\", is \"string\""]
        );
        assert_eq!(
            changed(|new| new["properties"]["order_id"]["pattern"] = json!("^a")),
            ["order_id: pattern was nothing, is \"^a\""]
        );
        let more = |new: &mut Value| {
            new["properties"]["reason"]["oneOf"] = json!([{ "const": "a" }, { "const": "b" }, { "const": "c" }])
        };
        assert_eq!(changed(more).len(), 1, "who knows two reasons does not read a third");
        let other = |new: &mut Value| new["properties"]["reason"]["oneOf"][1]["const"] = json!("c");
        assert_eq!(changed(other), ["reason: const was \"b\", is \"c\""]);
        assert_eq!(changed(|new| new["properties"]["note"] = json!(true)).len(), 1);
    }
}
