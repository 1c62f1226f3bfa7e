//! The OpenAPI document. Each endpoint says beside its handler what is its own ([`Operation`]); what follows from the conventions of
//! the API and from the policy table is added when a context's part of the document is written ([`Part`]); [`document`] puts the parts
//! together.
//!
//! ```
//! # use lambda::{openapi::{Object, Operation}, problem::Problem};
//! # use serde_json::json;
//! # #[derive(schemars::JsonSchema)] struct Note { text: String }
//! pub fn operation() -> Operation {
//!     Operation::new("POST /api/v1/notes", "writeNote", "Write a note")
//!         .body(Object::new().required::<kernel::Text<1, 60>>("text").example("short", json!({ "text": "Milk" })))
//!         .created::<Note>("The note.", json!({ "text": "Milk" }))
//!         .refuses(Problem::new(409, "note_exists", "There is such a note."))
//! }
//! ```

mod body;
mod document;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

pub use body::Object;
pub use document::{Part, Tag, document, up_to_date};

use crate::problem::Problem;

/// What one endpoint does, at one route or at several.
#[derive(Debug)]
pub struct Operation {
    routes: Vec<Place>,
    summary: &'static str,
    description: Option<&'static str>,
    parameters: Vec<Parameter>,
    forms: Vec<Object>,
    answers: Vec<Answer>,
    problems: Vec<Problem>,
    is_list: bool,
    is_idempotent: bool,
    is_tagged: bool,
    is_kept: bool,
}

/// A route, and what the operation is called there.
#[derive(Debug, Clone, Copy)]
struct Place {
    key: &'static str,
    id: &'static str,
}

#[derive(Debug)]
struct Parameter {
    name: &'static str,
    place: &'static str,
    what: &'static str,
    required: bool,
    schema: SchemaOf,
    example: &'static str,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    what: &'static str,
    media_types: &'static [&'static str],
    schema: SchemaOf,
    example: Option<Value>,
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Operation {
    /// What happens at the route `key`, under an `id` that no other operation has.
    pub fn new(key: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self {
            routes: vec![Place { key, id }],
            summary,
            description: None,
            parameters: Vec::new(),
            forms: Vec::new(),
            answers: Vec::new(),
            problems: Vec::new(),
            is_list: false,
            is_idempotent: false,
            is_tagged: false,
            is_kept: false,
        }
    }

    /// The same at another route.
    #[must_use]
    pub fn also(mut self, key: &'static str, id: &'static str) -> Self {
        self.routes.push(Place { key, id });
        self
    }

    /// What the summary leaves open, in Markdown.
    #[must_use]
    pub fn describe(self, description: &'static str) -> Self {
        Self { description: Some(description), ..self }
    }

    /// A path parameter that is not an id; those are known by their names.
    #[must_use]
    pub fn path<T: JsonSchema>(self, name: &'static str, what: &'static str, example: &'static str) -> Self {
        self.parameter(Parameter { name, place: "path", what, required: true, schema: schema_of::<T>, example })
    }

    /// A query parameter that may be given.
    #[must_use]
    pub fn query<T: JsonSchema>(self, name: &'static str, what: &'static str, example: &'static str) -> Self {
        self.parameter(Parameter { name, place: "query", what, required: false, schema: schema_of::<T>, example })
    }

    /// A query parameter that has to be given.
    #[must_use]
    pub fn required_query<T: JsonSchema>(self, name: &'static str, what: &'static str, example: &'static str) -> Self {
        self.parameter(Parameter { name, place: "query", what, required: true, schema: schema_of::<T>, example })
    }

    fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// The answer is a page: `limit` and `cursor` are taken.
    #[must_use]
    pub fn list(self) -> Self {
        Self { is_list: true, ..self }
    }

    /// An `Idempotency-Key` is taken.
    #[must_use]
    pub fn idempotent(self) -> Self {
        Self { is_idempotent: true, ..self }
    }

    /// Answers carry an entity tag, and `If-None-Match` is taken.
    #[must_use]
    pub fn if_none_match(self) -> Self {
        Self { is_tagged: true, ..self }
            .header(
                "If-None-Match",
                "The `ETag` of what the caller has; if it still is that, the answer is 304.",
                r#""\"1\"""#,
            )
            .text(304, "It is what the caller has.", &[])
    }

    /// Answers are kept, and say for how long they have been.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { is_kept: true, ..self }
    }

    /// Answers carry an entity tag, and `If-Match` is taken.
    #[must_use]
    pub fn if_match(self) -> Self {
        Self { is_tagged: true, ..self }.header(
            "If-Match",
            "The `ETag` of what is changed; if it has changed since, the answer is 412.",
            r#""\"1\"""#,
        )
    }

    /// A header that may be sent.
    #[must_use]
    pub fn header(self, name: &'static str, what: &'static str, example: &'static str) -> Self {
        self.parameter(Parameter { name, place: "header", what, required: false, schema: schema_of::<String>, example })
    }

    /// The JSON body. More than one: the forms that a body may have.
    #[must_use]
    pub fn body(mut self, form: Object) -> Self {
        self.forms.push(form);
        self
    }

    /// 200 with a `T`.
    #[must_use]
    pub fn ok<T: JsonSchema>(self, what: &'static str, example: Value) -> Self {
        self.answer::<T>(200, what, example)
    }

    /// 201 with a `T`, and where it is.
    #[must_use]
    pub fn created<T: JsonSchema>(self, what: &'static str, example: Value) -> Self {
        self.answer::<T>(201, what, example)
    }

    /// A `T` with any status.
    #[must_use]
    pub fn answer<T: JsonSchema>(mut self, status: u16, what: &'static str, example: Value) -> Self {
        self.answers.push(Answer {
            status,
            what,
            media_types: &["application/json"],
            schema: schema_of::<T>,
            example: Some(example),
        });
        self
    }

    /// 204.
    #[must_use]
    pub fn no_content(self, what: &'static str) -> Self {
        self.text(204, what, &[])
    }

    /// Something else than JSON.
    #[must_use]
    pub fn text(mut self, status: u16, what: &'static str, media_types: &'static [&'static str]) -> Self {
        self.answers.push(Answer { status, what, media_types, schema: schema_of::<String>, example: None });
        self
    }

    /// A problem of its own; those that follow from access, limits, parameters and bodies are added by themselves.
    #[must_use]
    pub fn refuses(mut self, problem: impl Into<Problem>) -> Self {
        self.problems.push(problem.into());
        self
    }

    /// The routes it is at, as the policy table names them.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.routes.iter().map(|route| route.key)
    }
}
