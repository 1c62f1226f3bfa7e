//! `$default`: requests that no route matches. A path that only lacks `/api/v1` is redirected, a known path with
//! another method gets a 405 with its methods, and everything else a 404.

use std::collections::BTreeSet;

use lambda::{
    http::{self, ApiRequest, Reply, Request},
    policy::{Access, Route},
    problem::Problem,
};

use crate::routes::all_routes;

/// The beginning of every versioned route.
const BASE: &str = "/api/v1/";

pub(crate) const ROUTE: Route = Route::new("$default", Access::Anyone);

/// `$default`: returns a redirect or a problem.
pub async fn fallback(_: &(), request: Request) -> Reply {
    match decide(request.method().as_str(), request.raw_path(), request.raw_query()) {
        Decision::Redirect(location) => http::redirect(location),
        Decision::NotAllowed(methods) => {
            let detail = format!("This path only supports {methods}.");
            Err(Problem::new(405, "method_not_allowed", detail).header("allow", methods))
        }
        Decision::Unknown => Err(Problem::not_found("route")),
    }
}

/// The response to a request that no route matches.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    /// A redirect to this path of the same host.
    Redirect(String),
    /// The path supports these methods, such as `GET, POST`.
    NotAllowed(String),
    /// Nothing like this exists.
    Unknown,
}

/// Looks up the path in the routes of all contexts. The first segment of a redirect is always one of theirs, so that the
/// redirect stays on this host.
fn decide(method: &str, raw_path: &str, raw_query: &str) -> Decision {
    let path = raw_path.strip_prefix('/').unwrap_or_default();
    let bare = path.strip_suffix('/');
    let segments: Vec<&str> = bare.unwrap_or(path).split('/').collect();
    // No route has an empty or a dotted segment, and a browser would interpret it differently.
    if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Decision::Unknown;
    }
    let methods = methods_of(&segments);
    if !methods.is_empty() {
        return match bare {
            Some(_) => Decision::Redirect(location("/", &segments, raw_query)),
            None if methods.contains(method) => Decision::Unknown, // the template has no such route
            None => Decision::NotAllowed(Vec::from_iter(methods).join(", ")),
        };
    }
    let unversioned = segments.strip_prefix(&["api"]).unwrap_or(&segments);
    match unversioned.first() {
        Some(resource) if is_resource(resource) => Decision::Redirect(location(BASE, unversioned, raw_query)),
        _ => Decision::Unknown,
    }
}

/// Returns the methods of the routes that match a path. If several templates match, the most specific one counts: from
/// the left, a literal segment is more specific than a parameter.
fn methods_of(path: &[&str]) -> BTreeSet<&'static str> {
    let mut best = Vec::new();
    let mut methods = BTreeSet::new();
    for (method, template) in all_routes().filter_map(|key| key.split_once(' ')) {
        let Some(literals) = literal_segments(template, path) else { continue };
        if literals > best {
            best.clone_from(&literals);
            methods.clear();
        }
        if literals == best {
            methods.insert(method);
        }
    }
    methods
}

/// Returns which segments of `path` are literals in the template; the others are parameters. Returns `None` if the
/// template does not match.
fn literal_segments(template: &str, path: &[&str]) -> Option<Vec<bool>> {
    let template: Vec<&str> = template.split('/').skip(1).collect();
    if template.len() != path.len() {
        return None;
    }
    let matched = template.iter().zip(path).map(|(expected, found)| match expected.starts_with('{') {
        true => Some(false),
        false => (expected == found).then_some(true),
    });
    matched.collect()
}

/// Returns whether versioned routes begin with this segment.
fn is_resource(segment: &str) -> bool {
    let versioned = all_routes().filter_map(|key| key.split_once(BASE));
    versioned.into_iter().any(|(_, path)| path.split('/').next() == Some(segment))
}

/// Returns `base` with the path and the query.
fn location(base: &str, segments: &[&str], raw_query: &str) -> String {
    let mut location = base.to_owned();
    // API Gateway decodes the path, so characters that are not allowed in a URL are encoded again.
    location.push_str(&http::percent_encoded(&segments.join("/")).replace('?', "%3F"));
    if !raw_query.is_empty() {
        location.push('?');
        location.push_str(&http::percent_encoded(raw_query));
    }
    location
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redirect(path: &str) -> Decision {
        Decision::Redirect(path.to_owned())
    }

    fn not_allowed(methods: &str) -> Decision {
        Decision::NotAllowed(methods.to_owned())
    }

    #[test]
    fn a_known_path_without_its_version_is_redirected() {
        for (path, query, location) in [
            ("/orders", "", "/api/v1/orders"),
            ("/api/orders", "", "/api/v1/orders"),
            ("/orders/", "", "/api/v1/orders"),
            ("/api/orders/", "a=1", "/api/v1/orders?a=1"),
            ("/auth/login", "x=1", "/api/v1/auth/login?x=1"),
            ("/health/orders", "", "/api/v1/health/orders"),
            ("/products/0193/inventory", "", "/api/v1/products/0193/inventory"),
            ("/users/7", "a=b%20c&a=%26&&=", "/api/v1/users/7?a=b%20c&a=%26&&="),
            ("/orders/no/such/thing", "", "/api/v1/orders/no/such/thing"),
        ] {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] {
                assert_eq!(decide(method, path, query), redirect(location), "{method} {path}");
            }
        }
    }

    #[test]
    fn a_trailing_slash_is_removed() {
        assert_eq!(decide("GET", "/api/v1/orders/", ""), redirect("/api/v1/orders"));
        assert_eq!(decide("POST", "/api/v1/auth/login/", "x=1"), redirect("/api/v1/auth/login?x=1"));
        assert_eq!(decide("PUT", "/api/v1/products/0193/inventory/", ""), redirect("/api/v1/products/0193/inventory"));
        assert_eq!(decide("GET", "/health/", ""), redirect("/health"));
        assert_eq!(decide("GET", "/.well-known/jwks.json/", ""), redirect("/.well-known/jwks.json"));
        assert_eq!(decide("GET", "/api/v1/nonsense/", ""), Decision::Unknown);
    }

    #[test]
    fn a_redirect_never_leaves_this_host() {
        for path in [
            "//evil.example/orders",
            "///evil.example",
            "/\\evil.example/orders",
            "\\\\evil.example\\orders",
            "/orders//evil.example",
            "//orders",
            "/orders//",
            "/orders/../..//evil.example",
            "/api/v1/../orders",
            "/./orders",
            "https://evil.example/orders",
            "/https://evil.example/orders",
            "/@evil.example/orders",
            "/api//evil.example",
            "/api/api/orders",
        ] {
            assert_eq!(decide("GET", path, ""), Decision::Unknown, "{path}");
        }
        let odd = "/orders/\\evil.example/\r\nset-cookie: a=b/a b?c#d/ü/%2541";
        let safe = "/api/v1/orders/%5Cevil.example/%0D%0Aset-cookie:%20a=b/a%20b%3Fc%23d/%C3%BC/%2541";
        assert_eq!(decide("GET", odd, ""), redirect(safe));
        assert_eq!(
            decide("GET", "/orders", "to=//evil.example\r\n#"),
            redirect("/api/v1/orders?to=//evil.example%0D%0A%23")
        );
    }

    #[test]
    fn a_known_path_with_another_method_names_its_methods() {
        assert_eq!(decide("DELETE", "/api/v1/orders", ""), not_allowed("GET, POST"));
        assert_eq!(decide("HEAD", "/api/v1/products", "limit=1"), not_allowed("GET, POST"));
        assert_eq!(decide("GET", "/api/v1/auth/login", ""), not_allowed("POST"));
        assert_eq!(decide("POST", "/api/v1/products/0193/inventory", ""), not_allowed("GET, PUT"));
        assert_eq!(decide("GET", "/api/v1/products/0193/stock", ""), not_allowed("PATCH"));
        assert_eq!(decide("POST", "/health", ""), not_allowed("GET"));
        assert_eq!(decide("POST", "/.well-known/jwks.json", ""), not_allowed("GET"));
    }

    #[test]
    fn a_literal_segment_wins_over_a_parameter() {
        assert_eq!(decide("POST", "/api/v1/users/profile", ""), not_allowed("GET, PUT"));
        assert_eq!(decide("PATCH", "/api/v1/users/0193", ""), not_allowed("DELETE, GET, PUT"));
    }

    #[test]
    fn a_route_of_the_policy_that_is_not_deployed_is_unknown() {
        assert_eq!(decide("GET", "/api/v1/orders", ""), Decision::Unknown);
        assert_eq!(decide("GET", "/api/v1/health/analytics", ""), Decision::Unknown);
        assert_eq!(decide("GET", "/api/v1/health/nowhere", ""), Decision::Unknown);
    }

    #[test]
    fn everything_else_is_unknown() {
        for path in
            ["", "/", "/nowhere", "/api", "/api/", "/api/v1", "/api/v1/", "/v1/orders", "/api/v2/orders", "/Orders"]
        {
            assert_eq!(decide("GET", path, ""), Decision::Unknown, "{path}");
        }
        for path in
            ["/ordersx", "/api/v1/orders/7/nothing", "/api/v1/{order_id}", "/favicon.ico", "/default", "/$default"]
        {
            assert_eq!(decide("POST", path, "a=1"), Decision::Unknown, "{path}");
        }
    }

    #[test]
    fn a_redirect_does_not_lead_to_another_one() {
        for path in
            ["/orders", "/orders/", "/api/orders", "/api/v1/orders/", "/docs/", "/health/", "/users/x/y/z/", "/auth/"]
        {
            let Decision::Redirect(location) = decide("TRACE", path, "") else { panic!("{path} is not redirected") };
            assert!(
                !matches!(decide("TRACE", &location, ""), Decision::Redirect(_)),
                "{path} is redirected again from {location}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_redirect_leaves_this_host_or_loops(
            path in prop_oneof![".{0,60}", "/(api/|v1/|orders|users/|products|[./\\\\@:%?#]|[a-z]{1,3}/|\\PC){0,8}"],
            query in prop_oneof![".{0,40}", "[a-z&=%#]{0,20}"],
        ) {
            if let Decision::Redirect(location) = decide("GET", &path, &query) {
                prop_assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
                prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'), "{location}");
                let path = location.split('?').next().unwrap_or_default();
                prop_assert!(!path.contains("//") && !path.contains('\\'), "{location}");
                prop_assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")), "{location}");
                prop_assert!(!matches!(decide("GET", path, ""), Decision::Redirect(_)), "redirected again from {location}");
            }
        }
    }
}
