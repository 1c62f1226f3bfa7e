//! Errors as a caller sees them: RFC 9457 problem details with a stable `code`.

use std::time::Duration;

use dynamo::{KeyReused, StoreError};
use kernel::Invalid;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// A refusal or a failure, on its way to the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) more: Map<String, Value>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldError {
    /// Which: `items[0].quantity`; empty for the body as a whole.
    pub field: String,
    /// Stable: `required`, `out_of_range`, ….
    pub code: &'static str,
    /// What would be accepted.
    pub message: String,
}

impl FieldError {
    /// `invalid`, said of `field`.
    pub fn new(field: impl Into<String>, invalid: Invalid) -> Self {
        Self { field: field.into(), code: invalid.code, message: invalid.message }
    }
}

impl Problem {
    /// A problem with its status, its stable code and a sentence for a person.
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), more: Map::new(), headers: Vec::new() }
    }

    /// 422: these fields are wrong, all of them at once.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}.", if one.field.is_empty() { "The body" } else { &one.field }, one.message),
            several => format!("{} fields are not valid.", several.len()),
        };
        Self { errors, ..Self::new(422, "validation_failed", detail) }
    }

    /// 404: no such thing, or not the caller's.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not_found", format!("There is no such {what}."))
    }

    /// 500: our fault. What happened is in the log, under the correlation id; the caller learns no more.
    pub fn internal() -> Self {
        Self::new(500, "internal_error", "Something went wrong on our side. The correlation id helps us to find it.")
    }

    /// 429: not before `wait` is over.
    pub fn too_many(code: &'static str, wait: Duration, detail: impl Into<String>) -> Self {
        let seconds = wait.as_millis().div_ceil(1_000).max(1);
        Self::new(429, code, detail).header("retry-after", seconds.to_string())
    }

    /// What a program looks at: stable.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// A sentence for a person.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The fields that are wrong.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a member of its own to the problem.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The body, as RFC 9457 has it.
    pub fn to_json(&self, correlation_id: &str) -> Value {
        let mut body = Map::new();
        body.insert("type".to_owned(), format!("urn:waybill:problem:{}", self.code).into());
        body.insert("title".to_owned(), title(self.status).into());
        body.insert("status".to_owned(), self.status.into());
        body.insert("code".to_owned(), self.code.into());
        body.insert("detail".to_owned(), self.detail.clone().into());
        body.insert("correlation_id".to_owned(), correlation_id.into());
        if !self.errors.is_empty() {
            let errors = self
                .errors
                .iter()
                .map(|error| serde_json::json!({ "field": error.field, "code": error.code, "message": error.message }));
            body.insert("errors".to_owned(), errors.collect());
        }
        body.extend(self.more.clone());
        Value::Object(body)
    }
}

impl Problem {
    /// What [`Problem::to_json`] writes, as a JSON Schema.
    pub(crate) fn schema() -> Value {
        let text = |what: &str| serde_json::json!({ "type": "string", "description": what });
        let error = serde_json::json!({
            "type": "object",
            "properties": {
                "field": text("Which: `items[0].quantity`; empty for the body as a whole."),
                "code": text("Stable: `required`, `out_of_range`, …."),
                "message": text("What would be accepted."),
            },
            "required": ["field", "code", "message"],
        });
        serde_json::json!({
            "type": "object",
            "description": "Why a request was refused, or that it failed (RFC 9457). Some problems have members of their own.",
            "properties": {
                "type": text("`urn:waybill:problem:` and the code."),
                "title": text("The status in words."),
                "status": { "type": "integer", "description": "The HTTP status." },
                "code": text("Stable; what a program looks at."),
                "detail": text("A sentence for a person."),
                "correlation_id": text("What to name when asking for help."),
                "errors": {
                    "type": "array",
                    "description": "Every field that is wrong, with `validation_failed`.",
                    "items": error,
                },
            },
            "required": ["type", "title", "status", "code", "detail", "correlation_id"],
        })
    }
}

/// The reason phrase of RFC 9110.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

impl From<StoreError> for Problem {
    /// Logged here, once; the caller may try again.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::internal()
    }
}

impl From<KeyReused> for Problem {
    fn from(_: KeyReused) -> Self {
        Self::new(422, "idempotency_key_reused", "This Idempotency-Key was used before, with another request.")
    }
}
