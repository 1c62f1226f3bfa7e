//! The documentation of a context's operations, and the document of all contexts.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use kernel::Invalid;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Answer, Object, Operation, Parameter, Place};
use crate::{
    cursor, generated, http, limit,
    policy::{self, Access, Limit},
    problem::{FieldError, Problem},
};

/// The operations of one context.
#[derive(Debug)]
pub struct Tag {
    /// The context.
    pub name: &'static str,
    /// What it is about.
    pub description: &'static str,
    /// What can be done there.
    pub operations: Vec<Operation>,
}

/// A context's part of the document: its operations, and the components that they refer to. It is checked in as
/// `functions/<context>/openapi.json`, so that the document is put together of the contexts that there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    tag: TagObject,
    paths: Paths,
    components: PartComponents,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TagObject {
    name: String,
    description: String,
}

type Paths = BTreeMap<String, BTreeMap<String, OperationObject>>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OperationObject {
    tags: [String; 1],
    summary: String,
    description: String,
    operation_id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    security: Vec<Value>,
    parameters: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<Value>,
    responses: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct PartComponents {
    parameters: BTreeMap<String, Value>,
    responses: BTreeMap<String, Value>,
    schemas: Map<String, Value>,
}

#[derive(Serialize)]
struct Document<'a> {
    openapi: &'static str,
    info: Value,
    servers: Value,
    tags: Vec<&'a TagObject>,
    paths: Paths,
    components: Components,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Components {
    security_schemes: Value,
    parameters: BTreeMap<String, Value>,
    headers: Value,
    responses: BTreeMap<String, Value>,
    schemas: Map<String, Value>,
}

impl Part {
    /// What the operations of a context say.
    pub fn of(tag: &Tag) -> Self {
        let mut writer = Writer {
            generator: SchemaSettings::draft2020_12()
                .with(|settings| settings.definitions_path = "/components/schemas".into())
                .for_serialize()
                .into_generator(),
            components: PartComponents::default(),
        };
        let mut paths = Paths::new();
        for operation in &tag.operations {
            for place in &operation.routes {
                let (method, path) = place.key.split_once(' ').unwrap_or(("GET", place.key));
                let methods = paths.entry(path.to_owned()).or_default();
                methods.insert(method.to_lowercase(), writer.operation(tag.name, operation, *place));
            }
        }
        let Writer { mut generator, mut components } = writer;
        components.schemas = generator.take_definitions(true);
        components.schemas.values_mut().for_each(tidy);
        let tag = TagObject { name: tag.name.to_owned(), description: tag.description.to_owned() };
        Self { tag, paths, components }
    }

    /// The context.
    pub fn context(&self) -> &str {
        &self.tag.name
    }

    /// The routes of its operations, as the policy table names them.
    pub fn keys(&self) -> impl Iterator<Item = String> + '_ {
        let keys = |(path, methods): (_, &BTreeMap<String, _>)| {
            methods.keys().map(|method| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
        };
        self.paths.iter().flat_map(keys)
    }
}

/// Makes sure that `openapi.json` in the folder of a context is what its operations say, and that there is one for each of its routes.
/// For the test of that context, which writes the file when `WAYBILL_UPDATE` is set.
///
/// # Errors
/// When one of the two is not so.
pub fn up_to_date(folder: &str, tag: &Tag) -> Result<(), String> {
    let mut keys: Vec<&str> = tag.operations.iter().flat_map(Operation::keys).collect();
    let mut routes: Vec<&str> = policy::routes_of(tag.name).iter().map(|route| route.key).collect();
    routes.retain(|key| *key != "$default");
    keys.sort_unstable();
    routes.sort_unstable();
    if keys != routes {
        return Err(format!("the operations are {keys:?}, and the routes of the policy table {routes:?}"));
    }
    let text = serde_json::to_string_pretty(&Part::of(tag)).map_err(|error| error.to_string())?;
    generated::up_to_date(&Path::new(folder).join("openapi.json"), &(text + "\n"))
}

/// OpenAPI 3.1 of all `parts`, in JSON that is the same each time.
///
/// # Errors
/// When two contexts mean different things by one name, or it does not serialize.
pub fn document(title: &str, version: &str, description: &str, parts: &[Part]) -> Result<String, String> {
    let mut paths = Paths::new();
    let mut components = Components {
        security_schemes: json!({
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The `access_token` of `POST /api/v1/auth/login`; it is good for 15 minutes.",
            },
        }),
        parameters: BTreeMap::new(),
        headers: headers(),
        responses: BTreeMap::new(),
        schemas: Map::new(),
    };
    for Part { paths: of_part, components: PartComponents { parameters, responses, schemas }, .. } in
        parts.iter().cloned()
    {
        for (path, methods) in of_part {
            let known = paths.entry(path.clone()).or_default();
            for (method, operation) in methods {
                if known.insert(method.clone(), operation).is_some() {
                    return Err(format!("two contexts have {method} {path}"));
                }
            }
        }
        let kinds =
            [("parameter", &mut components.parameters, parameters), ("response", &mut components.responses, responses)];
        for (kind, known, others) in kinds {
            for (name, other) in others {
                let first = known.entry(name.clone()).or_insert_with(|| other.clone());
                if without_examples(first) != without_examples(&other) {
                    return Err(format!("two contexts mean different things by the {kind} {name}"));
                }
            }
        }
        for (name, other) in schemas {
            if *components.schemas.entry(name.as_str()).or_insert_with(|| other.clone()) != other {
                return Err(format!("two contexts mean different things by the schema {name}"));
            }
        }
    }
    components.schemas.insert("Problem".to_owned(), Problem::schema());
    components.schemas.insert("GatewayMessage".to_owned(), gateway_message());
    let document = Document {
        openapi: "3.1.0",
        info: json!({
            "title": title,
            "version": version,
            "description": description,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        }),
        servers: json!([{ "url": "/" }]),
        tags: parts.iter().map(|part| &part.tag).collect(),
        paths,
        components,
    };
    let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

/// A component without the examples in it: each context gives its own.
fn without_examples(component: &Value) -> Value {
    match component {
        Value::Object(object) => {
            let rest = object.iter().filter(|(name, _)| *name != "examples");
            rest.map(|(name, value)| (name.clone(), without_examples(value))).collect()
        }
        Value::Array(values) => values.iter().map(without_examples).collect(),
        other => other.clone(),
    }
}

struct Writer {
    generator: SchemaGenerator,
    components: PartComponents,
}

impl Writer {
    fn operation(&mut self, tag: &str, operation: &Operation, place: Place) -> OperationObject {
        let route = policy::find(place.key);
        let access = route.map_or(Access::Anyone, |route| route.access);
        let limit = route.map_or(Limit::Unlimited, |route| route.limit);
        let for_whom = match access {
            Access::Anyone => "For everybody.",
            Access::Customer => "For whoever is logged in.",
            Access::Owner => "For whose it is, and for administrators; for anybody else it does not exist.",
            Access::Admin => "For administrators.",
        };
        let description = operation.description.map(|text| format!("{text}\n\n{for_whom}"));
        OperationObject {
            tags: [tag.to_owned()],
            summary: operation.summary.to_owned(),
            description: description.unwrap_or_else(|| for_whom.to_owned()),
            operation_id: place.id.to_owned(),
            security: if access == Access::Anyone { Vec::new() } else { vec![json!({ "bearer": [] })] },
            parameters: self.parameters(operation, place),
            request_body: body(&operation.forms),
            responses: self.responses(operation, place, access, limit),
        }
    }

    fn parameters(&mut self, operation: &Operation, place: Place) -> Vec<Value> {
        let mut parameters = Vec::new();
        for name in path_parameters(place.key).filter(|name| name.ends_with("_id")) {
            parameters.push(self.id_parameter(name, place.key.starts_with("DELETE ")));
        }
        for parameter in &operation.parameters {
            let Parameter { name, place, what, required, schema, example } = parameter;
            let mut schema = schema(&mut self.generator).to_value();
            tidy(&mut schema);
            let example = serde_json::from_str(example).unwrap_or_else(|_| json!(example));
            parameters.push(json!({
                "name": name, "in": place, "description": what, "required": required, "schema": schema, "example": example,
            }));
        }
        let shared =
            [(operation.is_list, "limit"), (operation.is_list, "cursor"), (operation.is_idempotent, "idempotency_key")];
        let always = [(true, "x_correlation_id"), (true, "traceparent")];
        for (_, name) in shared.into_iter().chain(always).filter(|(taken, _)| *taken) {
            parameters.push(self.shared_parameter(name));
        }
        parameters
    }

    fn id_parameter(&mut self, name: &str, spare: bool) -> Value {
        let what = name.trim_end_matches("_id");
        // The seed's first of each; for what is deleted, one that is not there.
        let example = match what {
            _ if spare => "0193ffff-0000-7000-8000-000000000000",
            "user" => "01930000-0000-7001-8000-000000000001",
            "product" => "01930000-0000-7002-8000-000000000001",
            "order" => "01930000-0000-7003-8000-000000000001",
            _ => "01930000-0000-74e8-b825-4ecc199c9080", // the payment of that order
        };
        let component = if spare { format!("{name}_to_delete") } else { name.to_owned() };
        let parameter = json!({
            "name": name,
            "in": "path",
            "description": format!("Which {what}."),
            "required": true,
            "schema": { "type": "string", "format": "uuid" },
            "example": example,
        });
        self.refer_parameter(component, parameter)
    }

    fn shared_parameter(&mut self, name: &str) -> Value {
        let parameter = match name {
            "limit" => json!({
                "name": "limit",
                "in": "query",
                "description": "How many entries the page may have.",
                "schema": { "type": "integer", "minimum": 1, "maximum": 100, "default": 20 },
            }),
            "cursor" => json!({
                "name": "cursor",
                "in": "query",
                "description": "The `next_cursor` of the page before, with the same filters. Opaque.",
                "schema": { "type": "string", "minLength": 1 },
            }),
            "idempotency_key" => json!({
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key and the same request within a day: the first answer again, and nothing done twice.",
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            }),
            "traceparent" => json!({
                "name": "traceparent",
                "in": "header",
                "description": "A W3C trace context that goes on; one that is not valid is replaced.",
                "schema": { "type": "string" },
                "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            }),
            _ => json!({
                "name": "X-Correlation-Id",
                "in": "header",
                "description": "Ties together what happens because of this request: 1 to 64 letters, digits, dots, dashes or \
                                underscores; anything else is replaced.",
                "schema": { "type": "string" },
                "example": "my-first-request",
            }),
        };
        self.refer_parameter(name.to_owned(), parameter)
    }

    fn refer_parameter(&mut self, name: String, parameter: Value) -> Value {
        let reference = json!({ "$ref": format!("#/components/parameters/{name}") });
        self.components.parameters.insert(name, parameter);
        reference
    }

    fn responses(
        &mut self,
        operation: &Operation,
        place: Place,
        access: Access,
        limit: Limit,
    ) -> BTreeMap<String, Value> {
        let mut responses = BTreeMap::new();
        for answer in &operation.answers {
            responses.insert(answer.status.to_string(), self.answer(answer, limit, operation));
        }
        let mut by_status: BTreeMap<u16, Vec<&Problem>> = BTreeMap::new();
        for status in [429, 500, 503] {
            by_status.insert(status, Vec::new()); // API Gateway itself may answer these
        }
        let conventional = conventional(operation, place, access, limit);
        for problem in operation.problems.iter().chain(&conventional) {
            let of_status = by_status.entry(problem.status).or_default();
            if of_status.iter().all(|other| other.code != problem.code) {
                of_status.push(problem);
            }
        }
        for (status, mut problems) in by_status {
            problems.sort_by_key(|problem| problem.code);
            match responses.get_mut(&status.to_string()) {
                Some(answer) => or_also(answer, problem_response(status, &problems)),
                None => {
                    responses.insert(status.to_string(), self.problems(status, &problems));
                }
            }
        }
        responses
    }

    fn answer(&mut self, answer: &Answer, limit: Limit, operation: &Operation) -> Value {
        let mut names = vec!["Cache-Control", "X-Correlation-Id", "traceparent"];
        if answer.status == 201 {
            names.push("Location");
        }
        if operation.is_tagged && answer.status != 204 {
            names.push("ETag");
        }
        if operation.is_kept && answer.status == 200 {
            names.extend(["Age", "X-Cache"]);
        }
        if limit != Limit::Unlimited {
            names.extend(RATE_LIMIT_HEADERS);
        }
        let mut response = json!({ "description": answer.what, "headers": header_references(&names) });
        if !answer.media_types.is_empty() {
            let mut schema = (answer.schema)(&mut self.generator).to_value();
            tidy(&mut schema);
            let mut content = json!({ "schema": schema });
            if let Some(example) = &answer.example {
                content["example"] = example.clone();
            }
            response["content"] = answer.media_types.iter().map(|of| ((*of).to_owned(), content.clone())).collect();
        }
        response
    }

    /// The response in the components that has these problems.
    fn problems(&mut self, status: u16, problems: &[&Problem]) -> Value {
        let name = match (status, problems) {
            (429, []) => "Throttled".to_owned(),
            (_, []) => "Unavailable".to_owned(),
            _ => problems.iter().map(|problem| pascal_case(problem.code)).collect::<Vec<_>>().join("Or"),
        };
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        self.components.responses.entry(name).or_insert_with(|| problem_response(status, problems));
        reference
    }
}

/// The problems that follow from what an operation is.
fn conventional(operation: &Operation, place: Place, access: Access, limit: Limit) -> Vec<Problem> {
    let invalid = |field: &str| {
        Problem::validation(vec![FieldError::new(field, Invalid::new("out_of_range", "must be from 1 to 1000"))])
    };
    let has_body = !operation.forms.is_empty();
    let in_query = operation.parameters.iter().find(|parameter| parameter.place == "query").map(|query| query.name);
    let id = path_parameters(place.key).find_map(|name| name.strip_suffix("_id"));
    let problems = [
        (access != Access::Anyone).then(http::unauthorized),
        (access == Access::Admin).then(http::forbidden),
        id.map(Problem::not_found),
        has_body.then(|| http::malformed(1, 12)),
        has_body.then(http::too_large),
        has_body.then(|| invalid("items[0].quantity")),
        in_query.map(invalid),
        operation.is_list.then(|| invalid("limit")),
        operation.is_list.then(cursor::invalid),
        operation.is_idempotent.then(|| invalid("Idempotency-Key")),
        operation.is_idempotent.then(|| dynamo::KeyReused.into()),
        (limit != Limit::Unlimited).then(|| limit::rate_limited(Duration::from_secs(30))),
        Some(Problem::internal()),
    ];
    problems.into_iter().flatten().collect()
}

const RATE_LIMIT_HEADERS: [&str; 5] =
    ["RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];

fn problem_response(status: u16, problems: &[&Problem]) -> Value {
    let mut content = Map::new();
    let codes: BTreeSet<&str> = problems.iter().map(|problem| problem.code).collect();
    if !problems.is_empty() {
        let examples: Map<String, Value> = problems
            .iter()
            .map(|problem| (problem.code.to_owned(), json!({ "value": problem.to_json("my-first-request") })))
            .collect();
        let these = json!({ "properties": { "status": { "const": status }, "code": { "enum": codes } } });
        let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Problem" }, these] });
        content.insert("application/problem+json".to_owned(), json!({ "schema": schema, "examples": examples }));
    }
    let by_gateway = match status {
        401 if codes.contains("unauthorized") => Some("Unauthorized"),
        413 => Some("Request Entity Too Large"),
        429 => Some("Too Many Requests"),
        500 => Some("Internal Server Error"),
        503 => Some("Service Unavailable"),
        _ => None,
    };
    if let Some(message) = by_gateway {
        let example = json!({ "message": message });
        let schema = json!({ "$ref": "#/components/schemas/GatewayMessage" });
        content.insert("application/json".to_owned(), json!({ "schema": schema, "example": example }));
    }
    let mut names = vec!["Cache-Control", "X-Correlation-Id", "traceparent"];
    match status {
        401 => names.push("WWW-Authenticate"),
        429 => {
            names.push("Retry-After");
            names.extend(RATE_LIMIT_HEADERS);
        }
        _ => {}
    }
    let what = match problems {
        [] => "API Gateway itself answers: it has no capacity for this request.".to_owned(),
        _ => codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", "),
    };
    json!({ "description": what, "headers": header_references(&names), "content": content })
}

/// Adds to `answer` what else may come with its status.
fn or_also(answer: &mut Value, mut other: Value) {
    let Some(Value::Object(content)) = other.get_mut("content").map(Value::take) else { return };
    for (media_type, of) in content {
        let known = &mut answer["content"][media_type];
        *known = match known.take() {
            Value::Null => of,
            mut known => {
                known["schema"] = json!({ "anyOf": [known["schema"], of["schema"]] });
                known
            }
        };
    }
}

fn gateway_message() -> Value {
    json!({
        "type": "object",
        "description": "What API Gateway answers by itself, before any function is asked.",
        "properties": { "message": { "type": ["string", "null"] } },
        "required": ["message"],
    })
}

fn body(forms: &[Object]) -> Option<Value> {
    let schema = match forms {
        [] => return None,
        [form] => form.schema(),
        several => json!({ "oneOf": several.iter().map(Object::schema).collect::<Vec<_>>() }),
    };
    let examples: Map<String, Value> = forms
        .iter()
        .flat_map(|form| &form.examples)
        .map(|(name, value)| ((*name).to_owned(), json!({ "value": value })))
        .collect();
    Some(json!({ "required": true, "content": { "application/json": { "schema": schema, "examples": examples } } }))
}

fn path_parameters(key: &str) -> impl Iterator<Item = &str> {
    key.split(['{', '}']).skip(1).step_by(2)
}

fn header_references(names: &[&str]) -> Map<String, Value> {
    let reference = |name: &&str| json!({ "$ref": format!("#/components/headers/{name}") });
    names.iter().map(|name| ((*name).to_owned(), reference(name))).collect()
}

fn headers() -> Value {
    let header = |what: &str, of: &str, example: Value| json!({ "description": what, "schema": { "type": of }, "example": example });
    json!({
        "Cache-Control": header("Whether the answer may be kept.", "string", json!("no-store")),
        "X-Correlation-Id": header("The request's own, or a new one.", "string", json!("my-first-request")),
        "traceparent": header(
            "The W3C trace context in which the request was handled.",
            "string",
            json!("00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01"),
        ),
        "Location": header("Where the new thing is.", "string", json!("/api/v1/orders/01930000-0000-7003-8000-000000000001")),
        "ETag": header("Tells this state of it from all others.", "string", json!("\"1\"")),
        "Age": header("For how many seconds the answer has been kept.", "integer", json!(0)),
        "X-Cache": header("Whether it was kept (`hit`) or made anew (`miss`).", "string", json!("miss")),
        "WWW-Authenticate": header("How to authenticate.", "string", json!("Bearer")),
        "Retry-After": header("Seconds to wait.", "integer", json!(30)),
        "RateLimit": header("What is left: `r` requests, `t` seconds until all are back.", "string", json!("\"writes\";r=0;t=30")),
        "RateLimit-Policy": header("The limit: `q` requests in `w` seconds.", "string", json!("\"writes\";q=120;w=60")),
        "RateLimit-Limit": header("How many requests the limit allows.", "integer", json!(120)),
        "RateLimit-Remaining": header("How many are left.", "integer", json!(0)),
        "RateLimit-Reset": header("Seconds until all are back.", "integer", json!(30)),
    })
}

/// `idempotency_key_reused` → `IdempotencyKeyReused`.
fn pascal_case(code: &str) -> String {
    let word = |word: &str| word.split_at_checked(1).map(|(first, rest)| first.to_uppercase() + rest);
    code.split('_').filter_map(word).collect()
}

/// Schemas as they are served: what is left out when it is absent is never null, and an enum is one list with its descriptions below.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            not_null_if_optional(object);
            one_enum(object);
            object.values_mut().for_each(tidy);
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn not_null_if_optional(object: &mut Map<String, Value>) {
    let required: BTreeSet<String> = match object.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    };
    let Some(Value::Object(properties)) = object.get_mut("properties") else { return };
    for schema in properties.iter_mut().filter(|(name, _)| !required.contains(*name)).map(|(_, schema)| schema) {
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|of| of != "null");
            if let [one] = &types[..] {
                schema["type"] = one.clone();
            }
        }
        let of = schema.get("anyOf").and_then(Value::as_array).cloned().unwrap_or_default();
        if let ([one, null], Some(object)) = (&of[..], schema.as_object_mut())
            && null.get("type").is_some_and(|of| of == "null")
        {
            object.remove("anyOf");
            object.extend(one.as_object().cloned().unwrap_or_default());
        }
    }
}

fn one_enum(object: &mut Map<String, Value>) {
    let Some(variants) = object.get("oneOf").and_then(Value::as_array).cloned() else { return };
    let values: Vec<Value> = variants.iter().filter_map(|variant| variant.get("const")).cloned().collect();
    if values.len() != variants.len() {
        return;
    }
    let lines = variants.iter().filter_map(|variant| {
        Some(format!("- `{}`: {}", variant.get("const")?.as_str()?, variant.get("description")?.as_str()?))
    });
    let own = object.get("description").and_then(Value::as_str).map(str::to_owned);
    let description: Vec<String> = own.map(|own| own + "\n").into_iter().chain(lines).collect();
    object.remove("oneOf");
    object.insert("type".to_owned(), "string".into());
    object.insert("enum".to_owned(), values.into());
    object.insert("description".to_owned(), description.join("\n").into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(context: &'static str, schema: Value, example: &str) -> Part {
        let mut part = Part::of(&Tag { name: context, description: "", operations: Vec::new() });
        let response = json!({ "description": "`not_found`", "examples": { "not_found": example } });
        part.components.responses.insert("NotFound".to_owned(), response);
        part.components.schemas.insert("Status".to_owned(), schema);
        part
    }

    #[test]
    fn a_name_means_the_same_in_all_contexts() {
        let document = |parts: &[Part]| document("An API", "1", "", parts);
        let same = document(&[
            part("orders", json!({ "type": "string" }), "a"),
            part("users", json!({ "type": "string" }), "b"),
        ]);
        let same: Value = serde_json::from_str(&same.expect("a document")).expect("JSON");
        assert_eq!(same["components"]["responses"]["NotFound"]["examples"]["not_found"], "a", "the first one's");
        let other = document(&[
            part("orders", json!({ "type": "string" }), "a"),
            part("users", json!({ "type": "integer" }), "a"),
        ]);
        assert!(other.expect_err("an error").contains("schema Status"));
    }

    #[test]
    fn a_route_belongs_to_one_context() {
        let with_route = |name| {
            let operation = Operation::new("GET /api/v1/notes", "listNotes", "List notes").no_content("None.");
            Part::of(&Tag { name, description: "", operations: vec![operation] })
        };
        assert_eq!(with_route("orders").keys().collect::<Vec<_>>(), ["GET /api/v1/notes"]);
        let twice = document("An API", "1", "", &[with_route("orders"), with_route("users")]);
        assert!(twice.expect_err("an error").contains("/api/v1/notes"));
    }

    #[test]
    fn a_part_is_read_as_it_is_written() {
        let part = part("orders", json!({ "type": "string" }), "a");
        let text = serde_json::to_string(&part).expect("JSON");
        assert_eq!(serde_json::from_str::<Part>(&text).expect("a part"), part);
    }
}
