use kernel::{@{ids}Timestamp};
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, @{limit_use}Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// A placeholder for the response: the parameters of the path, and the time of the request.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "@{Name}Response")]
struct Response {
@{fields}    requested_at: Timestamp,
}

pub(crate) const ROUTE: Route = Route::new("@{key}", Access::@{Access})@{limited};

/// `@{key}`
pub async fn @{function}(_: &(), request: Request) -> Reply {
@{parse}    http::ok(&Response { @{names}requested_at: request.now() })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "@{camel}", "@{sentence}")
@{paths}        .ok::<Response>("The parameters and the time of the request.", example())
}

fn example() -> Value {
    json!({ @{examples}"requested_at": "2026-11-21T06:30:31.000Z" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_response() {
        let response = Response { @{sample}requested_at: Timestamp::from_millis(1_795_242_631_000) };
        assert_eq!(serde_json::to_value(response).expect("JSON"), example());
    }
}
