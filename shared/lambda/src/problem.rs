//! Errors for callers: RFC 9457 problem details with a stable `code`.

use std::time::Duration;

use dynamo::{KeyReused, StoreError};
use kernel::Invalid;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// A rejection or a failure of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) more: Map<String, Value>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// An invalid field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldError {
    /// The path, such as `items[0].quantity`. It is empty for the body as a whole.
    pub field: String,
    /// A stable code, such as `required` or `out_of_range`.
    pub code: &'static str,
    /// A phrase that says which values are valid.
    pub message: String,
}

impl FieldError {
    /// Creates the error of `field`.
    pub fn new(field: impl Into<String>, invalid: Invalid) -> Self {
        Self { field: field.into(), code: invalid.code, message: invalid.message }
    }
}

impl Problem {
    /// Creates a problem with a status, a stable code and a sentence for a person.
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), more: Map::new(), headers: Vec::new() }
    }

    /// Creates the problem 422 with all invalid fields.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}.", if one.field.is_empty() { "The body" } else { &one.field }, one.message),
            several => format!("{} fields are not valid.", several.len()),
        };
        Self { errors, ..Self::new(422, "validation_failed", detail) }
    }

    /// Creates the problem 422 with one invalid field.
    pub fn invalid(field: &str, invalid: Invalid) -> Self {
        Self::validation(vec![FieldError::new(field, invalid)])
    }

    /// Creates the problem 404 for something that does not exist or belongs to another user.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not_found", format!("There is no such {what}."))
    }

    /// Creates the problem 500. The log has the cause under the correlation id, and the caller does not get it.
    pub fn internal() -> Self {
        Self::new(
            500,
            "internal_error",
            "Something went wrong on our side. If you contact support, include the correlation id.",
        )
    }

    /// Creates the problem 429. The caller may try again after `wait`.
    pub fn too_many(code: &'static str, wait: Duration, detail: impl Into<String>) -> Self {
        let seconds = wait.as_millis().div_ceil(1_000).max(1);
        Self::new(429, code, detail).header("retry-after", seconds.to_string())
    }

    /// Returns the stable code for programs.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the sentence for a person.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the invalid fields.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a member to the problem.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the body as of RFC 9457.
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
    /// Returns the JSON Schema of the body.
    pub(crate) fn schema() -> Value {
        let text = |description: &str| serde_json::json!({ "type": "string", "description": description });
        let error = serde_json::json!({
            "type": "object",
            "properties": {
                "field": text("The path, such as `items[0].quantity`. It is empty for the body as a whole."),
                "code": text("A stable code, such as `required` or `out_of_range`."),
                "message": text("A phrase that says which values are valid."),
            },
            "required": ["field", "code", "message"],
        });
        serde_json::json!({
            "type": "object",
            "description": "Why a request was rejected or failed (RFC 9457). Some problems have additional members.",
            "properties": {
                "type": text("`urn:waybill:problem:` and the code."),
                "title": text("The reason phrase of the status."),
                "status": { "type": "integer", "description": "The HTTP status." },
                "code": text("A stable code for programs."),
                "detail": text("A sentence for people."),
                "correlation_id": text("The correlation id of the request, to include when you contact support."),
                "errors": {
                    "type": "array",
                    "description": "All invalid fields. Only problems with the code `validation_failed` have it.",
                    "items": error,
                },
            },
            "required": ["type", "title", "status", "code", "detail", "correlation_id"],
        })
    }
}

/// Returns the reason phrase of RFC 9110.
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
    /// Logs the error, which is done nowhere else. The caller may try again.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::internal()
    }
}

impl From<KeyReused> for Problem {
    fn from(_: KeyReused) -> Self {
        Self::new(422, "idempotency_key_reused", "This Idempotency-Key was already used with a different request.")
    }
}
