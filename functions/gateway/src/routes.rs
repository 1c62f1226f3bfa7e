//! The routes of all contexts. `make openapi` writes them to `routes.txt` with the OpenAPI document.

const ROUTES: &str = include_str!("../routes.txt");

/// Yields the route keys of all contexts, such as `POST /api/v1/orders`.
pub(crate) fn all_routes() -> impl Iterator<Item = &'static str> {
    ROUTES.lines()
}

/// Yields the names of the contexts that have a health endpoint.
pub(crate) fn contexts_with_health() -> impl Iterator<Item = &'static str> {
    all_routes().filter_map(|key| key.strip_prefix("GET /api/v1/health/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_context_has_a_health_endpoint_and_so_have_others() {
        let contexts: Vec<&str> = contexts_with_health().collect();
        assert!(contexts.contains(&"gateway") && contexts.len() > 1, "{contexts:?}");
    }
}
