//! The OpenAPI documents of the contexts, and the document of all contexts.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use kernel::Invalid;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Form, Operation, OperationRoute, Parameter, Response};
use crate::{
    cursor, generated, http, limit,
    policy::{Access, Limit, Route},
    problem::{FieldError, Problem},
};

/// The operations of one context.
#[derive(Debug)]
pub struct Tag {
    /// The name of the context.
    pub name: &'static str,
    /// The description of the context.
    pub description: &'static str,
    /// The routes of the context.
    pub routes: &'static [Route],
    /// The operations of the context.
    pub operations: Vec<Operation>,
}

/// The OpenAPI document of a context: its operations, and the components that they refer to. It is committed as
/// `functions/<context>/openapi.json`, so that the whole document is built from the contexts that exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContextDocument {
    tag: TagObject,
    paths: Paths,
    components: ContextComponents,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TagObject {
    description: String,
    name: String,
}

type Paths = BTreeMap<String, BTreeMap<String, OperationObject>>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OperationObject {
    tags: [String; 1],
    summary: String,
    description: String,
    operation_id: String,
    #[serde(rename = "x-access")]
    access: Access,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    security: Vec<Value>,
    parameters: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<Value>,
    responses: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct ContextComponents {
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

impl ContextDocument {
    /// Creates the document of a context from its operations.
    pub fn of(tag: &Tag) -> Self {
        let mut builder = DocumentBuilder {
            generator: SchemaSettings::draft2020_12()
                .with(|settings| settings.definitions_path = "/components/schemas".into())
                .for_serialize()
                .into_generator(),
            components: ContextComponents::default(),
        };
        let mut paths = Paths::new();
        for operation in &tag.operations {
            for OperationRoute { route, id } in &operation.routes {
                let (method, path) = route.key.split_once(' ').unwrap_or(("GET", route.key));
                let methods = paths.entry(path.to_owned()).or_default();
                methods.insert(method.to_lowercase(), builder.operation(tag.name, operation, *route, id));
            }
        }
        let DocumentBuilder { mut generator, mut components } = builder;
        components.schemas = generator.take_definitions(true);
        components.schemas.values_mut().for_each(tidy);
        let tag = TagObject { description: tag.description.to_owned(), name: tag.name.to_owned() };
        Self { tag, paths, components }
    }

    /// Returns the name of the context.
    pub fn context(&self) -> &str {
        &self.tag.name
    }

    /// Returns the keys of the routes, of API Gateway.
    pub fn keys(&self) -> impl Iterator<Item = String> + '_ {
        let keys = |(path, methods): (_, &BTreeMap<String, _>)| {
            methods.keys().map(|method| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
        };
        self.paths.iter().flat_map(keys)
    }
}

/// Checks that `openapi.json` in the folder of a context has its operations, and that each of its routes has an
/// operation. It is called in the test of that context, and writes the file if `WAYBILL_UPDATE` is set.
///
/// # Errors
/// If one of the two checks fails.
pub fn up_to_date(folder: &str, tag: &Tag) -> Result<(), String> {
    let mut keys: Vec<&str> = tag.operations.iter().flat_map(Operation::keys).collect();
    let mut routes: Vec<&str> = tag.routes.iter().map(|route| route.key).collect();
    routes.retain(|key| *key != "$default");
    keys.sort_unstable();
    routes.sort_unstable();
    if keys != routes || routes.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(format!(
            "the operations are {keys:?}, but the context has the routes {routes:?}, each of which must be unique"
        ));
    }
    let text = serde_json::to_string_pretty(&ContextDocument::of(tag)).map_err(|error| error.to_string())?;
    generated::up_to_date(&Path::new(folder).join("openapi.json"), &(text + "\n"))
}

/// Combines the documents of the contexts to one OpenAPI 3.1 document, as JSON text that depends only on its input.
///
/// # Errors
/// If two contexts define the same route, or different components with the same name, or the document cannot be
/// serialized.
pub fn document(title: &str, version: &str, description: &str, contexts: &[ContextDocument]) -> Result<String, String> {
    let mut paths = Paths::new();
    let mut components = Components {
        security_schemes: json!({
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The `access_token` of `POST /api/v1/auth/login`. It is valid for 15 minutes.",
            },
        }),
        parameters: BTreeMap::new(),
        headers: headers(),
        responses: BTreeMap::new(),
        schemas: Map::new(),
    };
    for context in contexts.iter().cloned() {
        let ContextComponents { parameters, responses, schemas } = context.components;
        for (path, methods) in context.paths {
            let known = paths.entry(path.clone()).or_default();
            for (method, operation) in methods {
                if known.insert(method.clone(), operation).is_some() {
                    return Err(format!("two contexts define {method} {path}"));
                }
            }
        }
        let kinds =
            [("parameter", &mut components.parameters, parameters), ("response", &mut components.responses, responses)];
        for (kind, known, others) in kinds {
            for (name, other) in others {
                let first = known.entry(name.clone()).or_insert_with(|| other.clone());
                if without_examples(first) != without_examples(&other) {
                    return Err(format!("two contexts define the {kind} {name} differently"));
                }
            }
        }
        for (name, other) in schemas {
            if *components.schemas.entry(name.as_str()).or_insert_with(|| other.clone()) != other {
                return Err(format!("two contexts define the schema {name} differently"));
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
        tags: contexts.iter().map(|context| &context.tag).collect(),
        paths,
        components,
    };
    let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

/// Returns a component without its examples, which differ between contexts.
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

/// Builds the document of a context.
struct DocumentBuilder {
    generator: SchemaGenerator,
    components: ContextComponents,
}

impl DocumentBuilder {
    fn operation(&mut self, tag: &str, operation: &Operation, route: Route, id: &str) -> OperationObject {
        let audience = match route.access {
            Access::Anyone => "For everyone.",
            Access::Customer => "For logged-in users.",
            Access::Owner => "For the owner and for administrators. Everyone else gets 404.",
            Access::Admin => "For administrators.",
        };
        let description = operation.description.map(|text| format!("{text}\n\n{audience}"));
        OperationObject {
            tags: [tag.to_owned()],
            summary: operation.summary.to_owned(),
            description: description.unwrap_or_else(|| audience.to_owned()),
            operation_id: id.to_owned(),
            access: route.access,
            security: if route.access == Access::Anyone { Vec::new() } else { vec![json!({ "bearer": [] })] },
            parameters: self.parameters(operation, route),
            request_body: request_body(&operation.bodies),
            responses: self.responses(operation, route),
        }
    }

    fn parameters(&mut self, operation: &Operation, route: Route) -> Vec<Value> {
        let mut parameters = Vec::new();
        for name in path_parameters(route.key).filter(|name| name.ends_with("_id")) {
            parameters.push(self.id_parameter(name, route.key.starts_with("DELETE ")));
        }
        for parameter in &operation.parameters {
            let Parameter { name, location, description, required, schema, example } = parameter;
            let mut schema = schema(&mut self.generator).to_value();
            tidy(&mut schema);
            let example = serde_json::from_str(example).unwrap_or_else(|_| json!(example));
            parameters.push(json!({
                "name": name, "in": location, "description": description, "required": required, "schema": schema,
                "example": example,
            }));
        }
        let shared =
            [(operation.is_list, "limit"), (operation.is_list, "cursor"), (operation.is_idempotent, "idempotency_key")];
        let always = [(true, "x_correlation_id"), (true, "traceparent")];
        for (_, name) in shared.into_iter().chain(always).filter(|(is_accepted, _)| *is_accepted) {
            parameters.push(self.shared_parameter(name));
        }
        parameters
    }

    fn id_parameter(&mut self, name: &str, is_deletion: bool) -> Value {
        let entity = name.trim_end_matches("_id");
        // The first one in the seed. A deletion gets an id that does not exist.
        let example = match entity {
            _ if is_deletion => "0193ffff-0000-7000-8000-000000000000",
            "user" => "01930000-0000-7001-8000-000000000001",
            "product" => "01930000-0000-7002-8000-000000000001",
            "order" => "01930000-0000-7003-8000-000000000001",
            _ => "01930000-0000-74e8-b825-4ecc199c9080", // the payment of that order
        };
        let component = if is_deletion { format!("{name}_to_delete") } else { name.to_owned() };
        let parameter = json!({
            "name": name,
            "in": "path",
            "description": format!("The id of the {entity}."),
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
                "description": "The maximum number of entries of the page.",
                "schema": { "type": "integer", "minimum": 1, "maximum": 100, "default": 20 },
            }),
            "cursor" => json!({
                "name": "cursor",
                "in": "query",
                "description": "The `next_cursor` of the previous page, which had the same filters. Opaque.",
                "schema": { "type": "string", "minLength": 1 },
            }),
            "idempotency_key" => json!({
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A request with the same key and content within 24 hours gets the first response again, \
                                and has no further effect.",
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            }),
            "traceparent" => json!({
                "name": "traceparent",
                "in": "header",
                "description": "A W3C trace context to continue. An invalid one is replaced.",
                "schema": { "type": "string" },
                "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            }),
            _ => json!({
                "name": "X-Correlation-Id",
                "in": "header",
                "description": "The correlation id of the request, for its logs and events: 1 to 64 letters, digits, \
                                dots, dashes or underscores. Any other value is replaced.",
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

    fn responses(&mut self, operation: &Operation, route: Route) -> BTreeMap<String, Value> {
        let mut responses = BTreeMap::new();
        for response in &operation.responses {
            responses.insert(response.status.to_string(), self.response(response, route.limit, operation));
        }
        let mut by_status: BTreeMap<u16, Vec<&Problem>> = BTreeMap::new();
        for status in [429, 500, 503] {
            by_status.insert(status, Vec::new()); // API Gateway itself may respond with these
        }
        let conventional = conventional(operation, route);
        for problem in operation.problems.iter().chain(&conventional) {
            let of_status = by_status.entry(problem.status).or_default();
            if of_status.iter().all(|other| other.code != problem.code) {
                of_status.push(problem);
            }
        }
        for (status, mut problems) in by_status {
            problems.sort_by_key(|problem| problem.code);
            match responses.get_mut(&status.to_string()) {
                Some(response) => add_alternative(response, problem_response(status, &problems)),
                None => {
                    responses.insert(status.to_string(), self.problems(status, &problems));
                }
            }
        }
        responses
    }

    fn response(&mut self, response: &Response, limit: Limit, operation: &Operation) -> Value {
        let mut names = vec!["Cache-Control", "X-Correlation-Id", "traceparent"];
        if response.status == 201 {
            names.push("Location");
        }
        if operation.is_tagged && response.status != 204 {
            names.push("ETag");
        }
        if operation.is_cached && response.status == 200 {
            names.extend(["Age", "X-Cache"]);
        }
        if limit != Limit::Unlimited {
            names.extend(RATE_LIMIT_HEADERS);
        }
        let mut object = json!({ "description": response.description, "headers": header_references(&names) });
        if !response.media_types.is_empty() {
            let mut schema = (response.schema)(&mut self.generator).to_value();
            tidy(&mut schema);
            let mut content = json!({ "schema": schema });
            if let Some(example) = &response.example {
                content["example"] = example.clone();
            }
            let media_types = response.media_types.iter();
            object["content"] = media_types.map(|media_type| ((*media_type).to_owned(), content.clone())).collect();
        }
        object
    }

    /// Returns a reference to the response with these problems, which it adds to the components.
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

/// Returns the problems that follow from the access, the limit, the parameters and the bodies of an operation.
fn conventional(operation: &Operation, route: Route) -> Vec<Problem> {
    let invalid = |field: &str, invalid| Problem::validation(vec![FieldError::new(field, invalid)]);
    let out_of_range = |message: &str| Invalid::new("out_of_range", message);
    let has_body = !operation.bodies.is_empty();
    let in_query = operation.parameters.iter().find(|parameter| parameter.location == "query");
    let id = path_parameters(route.key).find_map(|name| name.strip_suffix("_id"));
    let problems = [
        (route.access != Access::Anyone).then(http::unauthorized),
        (route.access == Access::Admin).then(http::forbidden),
        id.map(Problem::not_found),
        has_body.then(|| http::malformed(1, 12)),
        has_body.then(http::too_large),
        has_body.then(|| invalid("items[0].quantity", out_of_range("must be from 1 to 1000"))),
        in_query.map(|parameter| invalid(parameter.name, invalid_parameter(parameter))),
        operation.is_list.then(|| invalid("limit", out_of_range("must be a whole number from 1 to 100"))),
        operation.is_list.then(cursor::invalid),
        operation
            .is_idempotent
            .then(|| invalid("Idempotency-Key", out_of_range("must be 1 to 255 visible ASCII characters"))),
        operation.is_idempotent.then(|| dynamo::KeyReused.into()),
        (route.limit != Limit::Unlimited).then(|| limit::rate_limited(Duration::from_secs(30))),
        Some(Problem::internal()),
    ];
    problems.into_iter().flatten().collect()
}

/// Returns the error of an invalid query parameter, as an example.
fn invalid_parameter(parameter: &Parameter) -> Invalid {
    let schema = (parameter.schema)(&mut SchemaGenerator::default());
    match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => Invalid::new("not_a_time", "must be an RFC 3339 time, such as 2026-01-02T03:04:05Z"),
        Some("date") => Invalid::new("not_a_day", "must be a day, such as 2026-11-21"),
        Some("uuid") => Invalid::new("not_an_id", "must be a UUID"),
        _ => Invalid::new("out_of_range", "must have 1 to 60 characters"),
    }
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
        let constraints = json!({ "properties": { "status": { "const": status }, "code": { "enum": codes } } });
        let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Problem" }, constraints] });
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
    let description = match problems {
        [] => "API Gateway itself responds, because it has no capacity for this request.".to_owned(),
        _ => codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", "),
    };
    json!({ "description": description, "headers": header_references(&names), "content": content })
}

/// Adds the content of `other`, which has the same status, to `response`.
fn add_alternative(response: &mut Value, mut other: Value) {
    let Some(Value::Object(content)) = other.get_mut("content").map(Value::take) else { return };
    for (media_type, of) in content {
        let known = &mut response["content"][media_type];
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
        "description": "The response of API Gateway itself, when it does not invoke a function.",
        "properties": { "message": { "type": ["string", "null"] } },
        "required": ["message"],
    })
}

fn request_body(bodies: &[Form]) -> Option<Value> {
    let mut schema = match bodies {
        [] => return None,
        [body] => body.schema.clone(),
        several => json!({ "oneOf": several.iter().map(|body| &body.schema).collect::<Vec<_>>() }),
    };
    merge_enums(&mut schema);
    let examples: Map<String, Value> = bodies
        .iter()
        .flat_map(|body| &body.examples)
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
    let header = |text: &str, kind: &str, example: Value| json!({ "description": text, "schema": { "type": kind }, "example": example });
    json!({
        "Cache-Control": header("Whether the response may be cached.", "string", json!("no-store")),
        "X-Correlation-Id": header("The correlation id of the request, or a new one.", "string", json!("my-first-request")),
        "traceparent": header(
            "The W3C trace context in which the request was handled.",
            "string",
            json!("00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01"),
        ),
        "Location": header("The path of the created resource.", "string", json!("/api/v1/orders/01930000-0000-7003-8000-000000000001")),
        "ETag": header("The entity tag of this version of the resource.", "string", json!("\"1\"")),
        "Age": header("The seconds for which the response has been cached.", "integer", json!(0)),
        "X-Cache": header("Whether the response came from the cache (`hit`) or not (`miss`).", "string", json!("miss")),
        "WWW-Authenticate": header("How to authenticate.", "string", json!("Bearer")),
        "Retry-After": header("The seconds to wait before the next attempt.", "integer", json!(30)),
        "RateLimit": header("The quota: `r` requests are left, and it is full again in `t` seconds.", "string", json!("\"writes\";r=0;t=30")),
        "RateLimit-Policy": header("The limit: `q` requests in `w` seconds.", "string", json!("\"writes\";q=120;w=60")),
        "RateLimit-Limit": header("The number of requests that the limit allows.", "integer", json!(120)),
        "RateLimit-Remaining": header("The number of requests that are left.", "integer", json!(0)),
        "RateLimit-Reset": header("The seconds until the quota is full again.", "integer", json!(30)),
    })
}

/// `idempotency_key_reused` → `IdempotencyKeyReused`.
fn pascal_case(code: &str) -> String {
    let word = |word: &str| word.split_at_checked(1).map(|(first, rest)| first.to_uppercase() + rest);
    code.split('_').filter_map(word).collect()
}

/// Simplifies a generated schema: an optional property is never null, and an enum is one list with its descriptions
/// below.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            remove_null_of_optional(object);
            merge_enum(object);
            object.values_mut().for_each(tidy);
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn remove_null_of_optional(object: &mut Map<String, Value>) {
    let required: BTreeSet<String> = match object.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    };
    let Some(Value::Object(properties)) = object.get_mut("properties") else { return };
    for schema in properties.iter_mut().filter(|(name, _)| !required.contains(*name)).map(|(_, schema)| schema) {
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|one| one != "null");
            if let [one] = &types[..] {
                schema["type"] = one.clone();
            }
        }
        let alternatives = schema.get("anyOf").and_then(Value::as_array).cloned().unwrap_or_default();
        if let ([one, null], Some(object)) = (&alternatives[..], schema.as_object_mut())
            && null.get("type").is_some_and(|kind| kind == "null")
        {
            object.remove("anyOf");
            object.extend(one.as_object().cloned().unwrap_or_default());
        }
    }
}

fn merge_enums(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            merge_enum(object);
            object.values_mut().for_each(merge_enums);
        }
        Value::Array(values) => values.iter_mut().for_each(merge_enums),
        _ => {}
    }
}

fn merge_enum(object: &mut Map<String, Value>) {
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

    fn context(name: &'static str, schema: Value, example: &str) -> ContextDocument {
        let mut context = ContextDocument::of(&Tag { name, description: "", routes: &[], operations: Vec::new() });
        let response = json!({ "description": "`not_found`", "examples": { "not_found": example } });
        context.components.responses.insert("NotFound".to_owned(), response);
        context.components.schemas.insert("Status".to_owned(), schema);
        context
    }

    #[test]
    fn components_with_the_same_name_must_be_equal() {
        let document = |contexts: &[ContextDocument]| document("An API", "1", "", contexts);
        let same = document(&[
            context("orders", json!({ "type": "string" }), "a"),
            context("users", json!({ "type": "string" }), "b"),
        ]);
        let same: Value = serde_json::from_str(&same.expect("a document")).expect("JSON");
        assert_eq!(
            same["components"]["responses"]["NotFound"]["examples"]["not_found"], "a",
            "the example of the first context"
        );
        let other = document(&[
            context("orders", json!({ "type": "string" }), "a"),
            context("users", json!({ "type": "integer" }), "a"),
        ]);
        assert!(other.expect_err("an error").contains("schema Status"));
    }

    #[test]
    fn a_route_must_not_be_in_two_contexts() {
        let route = Route::new("GET /api/v1/notes", Access::Anyone);
        let with_route = |name| {
            let operation = Operation::new(route, "listNotes", "List notes").no_content("There are no notes.");
            ContextDocument::of(&Tag { name, description: "", routes: &[], operations: vec![operation] })
        };
        assert_eq!(with_route("orders").keys().collect::<Vec<_>>(), ["GET /api/v1/notes"]);
        let twice = document("An API", "1", "", &[with_route("orders"), with_route("users")]);
        assert!(twice.expect_err("an error").contains("/api/v1/notes"));
    }

    #[test]
    fn a_context_document_survives_a_round_trip() {
        let context = context("orders", json!({ "type": "string" }), "a");
        let text = serde_json::to_string(&context).expect("JSON");
        assert_eq!(serde_json::from_str::<ContextDocument>(&text).expect("a document"), context);
    }
}
