//! The OpenAPI document. Each endpoint is documented beside its handler with an [`Operation`]. What follows from the
//! conventions of the API and from the route is added in the document of the context ([`ContextDocument`]).
//! [`document()`] combines the documents of all contexts.
//!
//! ```
//! # use lambda::{openapi::{Form, Operation}, policy::{Access, Limit, Route}, problem::Problem};
//! # use serde_json::json;
//! # #[derive(schemars::JsonSchema)] struct WriteNote { text: kernel::Text<1, 60> }
//! # #[derive(schemars::JsonSchema)] struct Note { text: String }
//! const ROUTE: Route = Route::new("POST /api/v1/notes", Access::Customer).limited(Limit::Writes);
//!
//! pub fn operation() -> Operation {
//!     Operation::new(ROUTE, "writeNote", "Write a note")
//!         .body(Form::of::<WriteNote>().example("short", json!({ "text": "Milk" })))
//!         .created::<Note>("The note.", json!({ "text": "Milk" }))
//!         .refuses(Problem::new(409, "note_exists", "This note already exists."))
//! }
//! ```

mod body;
mod document;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

pub use body::Form;
pub use document::{ContextDocument, Tag, document, up_to_date};

use crate::{policy::Route, problem::Problem};

/// The documentation of an endpoint, at one or several routes.
#[derive(Debug)]
pub struct Operation {
    routes: Vec<OperationRoute>,
    summary: &'static str,
    description: Option<&'static str>,
    parameters: Vec<Parameter>,
    bodies: Vec<Form>,
    responses: Vec<Response>,
    problems: Vec<Problem>,
    is_list: bool,
    is_idempotent: bool,
    is_tagged: bool,
    is_cached: bool,
}

/// A route of an operation, with the id of the operation at this route.
#[derive(Debug, Clone, Copy)]
struct OperationRoute {
    route: Route,
    id: &'static str,
}

#[derive(Debug)]
struct Parameter {
    name: &'static str,
    location: &'static str,
    description: &'static str,
    required: bool,
    schema: SchemaOf,
    example: &'static str,
}

#[derive(Debug)]
struct Response {
    status: u16,
    description: &'static str,
    media_types: &'static [&'static str],
    schema: SchemaOf,
    example: Option<Value>,
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Operation {
    /// Creates the documentation of `route`, with an `id` that no other operation has.
    pub fn new(route: Route, id: &'static str, summary: &'static str) -> Self {
        Self {
            routes: vec![OperationRoute { route, id }],
            summary,
            description: None,
            parameters: Vec::new(),
            bodies: Vec::new(),
            responses: Vec::new(),
            problems: Vec::new(),
            is_list: false,
            is_idempotent: false,
            is_tagged: false,
            is_cached: false,
        }
    }

    /// Adds another route of the same endpoint.
    #[must_use]
    pub fn also(mut self, route: Route, id: &'static str) -> Self {
        self.routes.push(OperationRoute { route, id });
        self
    }

    /// Sets the description, in Markdown.
    #[must_use]
    pub fn describe(self, description: &'static str) -> Self {
        Self { description: Some(description), ..self }
    }

    /// Adds a path parameter that is not an id. Ids are documented automatically.
    #[must_use]
    pub fn path<T: JsonSchema>(self, name: &'static str, description: &'static str, example: &'static str) -> Self {
        let schema = schema_of::<T>;
        self.parameter(Parameter { name, location: "path", description, required: true, schema, example })
    }

    /// Adds an optional query parameter.
    #[must_use]
    pub fn query<T: JsonSchema>(self, name: &'static str, description: &'static str, example: &'static str) -> Self {
        let schema = schema_of::<T>;
        self.parameter(Parameter { name, location: "query", description, required: false, schema, example })
    }

    /// Adds a required query parameter.
    #[must_use]
    pub fn required_query<T: JsonSchema>(
        self,
        name: &'static str,
        description: &'static str,
        example: &'static str,
    ) -> Self {
        let schema = schema_of::<T>;
        self.parameter(Parameter { name, location: "query", description, required: true, schema, example })
    }

    fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Documents that the endpoint returns a page and accepts `limit` and `cursor`.
    #[must_use]
    pub fn list(self) -> Self {
        Self { is_list: true, ..self }
    }

    /// Documents that the endpoint accepts an `Idempotency-Key`.
    #[must_use]
    pub fn idempotent(self) -> Self {
        Self { is_idempotent: true, ..self }
    }

    /// Documents that responses have an `ETag`, and that the endpoint accepts `If-None-Match`.
    #[must_use]
    pub fn if_none_match(self) -> Self {
        Self { is_tagged: true, ..self }
            .header(
                "If-None-Match",
                "The `ETag` of the version that the caller has. If it is still current, the response is 304.",
                r#""\"1\"""#,
            )
            .text(304, "The caller has the current version.", &[])
    }

    /// Documents that responses are cached, and that their headers have their age.
    #[must_use]
    pub fn cached(self) -> Self {
        Self { is_cached: true, ..self }
    }

    /// Documents that responses have an `ETag`, and that the endpoint accepts `If-Match`.
    #[must_use]
    pub fn if_match(self) -> Self {
        Self { is_tagged: true, ..self }.header(
            "If-Match",
            "The `ETag` of the version to change. If it is no longer current, the response is 412.",
            r#""\"1\"""#,
        )
    }

    /// Adds an optional request header.
    #[must_use]
    pub fn header(self, name: &'static str, description: &'static str, example: &'static str) -> Self {
        let schema = schema_of::<String>;
        self.parameter(Parameter { name, location: "header", description, required: false, schema, example })
    }

    /// Adds a JSON body. Several bodies are alternatives.
    #[must_use]
    pub fn body(mut self, body: Form) -> Self {
        self.bodies.push(body);
        self
    }

    /// Adds the response 200 with a `T`.
    #[must_use]
    pub fn ok<T: JsonSchema>(self, description: &'static str, example: Value) -> Self {
        self.response::<T>(200, description, example)
    }

    /// Adds the response 201 with a `T` and its `Location`.
    #[must_use]
    pub fn created<T: JsonSchema>(self, description: &'static str, example: Value) -> Self {
        self.response::<T>(201, description, example)
    }

    /// Adds a response with a `T` and any status.
    #[must_use]
    pub fn response<T: JsonSchema>(mut self, status: u16, description: &'static str, example: Value) -> Self {
        self.responses.push(Response {
            status,
            description,
            media_types: &["application/json"],
            schema: schema_of::<T>,
            example: Some(example),
        });
        self
    }

    /// Adds the response 204.
    #[must_use]
    pub fn no_content(self, description: &'static str) -> Self {
        self.text(204, description, &[])
    }

    /// Adds a response that is not JSON, or has no body if there are no media types.
    #[must_use]
    pub fn text(mut self, status: u16, description: &'static str, media_types: &'static [&'static str]) -> Self {
        self.responses.push(Response { status, description, media_types, schema: schema_of::<String>, example: None });
        self
    }

    /// Adds a problem. Problems that follow from access, rate limits, parameters and bodies are added automatically.
    #[must_use]
    pub fn refuses(mut self, problem: impl Into<Problem>) -> Self {
        self.problems.push(problem.into());
        self
    }

    /// Returns the keys of the routes, as in the policy table.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.routes.iter().map(|route| route.route.key)
    }
}
