//! Who may call what: the one table, used by every function and walked over by the tests.

use contracts::Role;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without a token.
    Anyone,
    /// Whoever has a valid access token. What is not theirs does not exist for them: the use case answers 404.
    Customer,
    /// Administrators.
    Admin,
}

/// One route of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// As API Gateway names it: `POST /api/v1/orders`.
    pub key: &'static str,
    /// Who may call it.
    pub access: Access,
}

const fn route(key: &'static str, access: Access) -> Route {
    Route { key, access }
}

/// Every route of the API. A route that is not listed here is refused, whatever the template says.
pub const ROUTES: &[Route] = &[
    route("$default", Access::Anyone),
    route("POST /api/v1/auth/register", Access::Anyone),
    route("POST /api/v1/auth/login", Access::Anyone),
    route("GET /api/v1/auth/jwks", Access::Anyone),
    route("GET /.well-known/jwks.json", Access::Anyone),
    route("GET /api/v1/products", Access::Anyone),
    route("POST /api/v1/products", Access::Admin),
    route("GET /api/v1/products/{product_id}", Access::Anyone),
    route("GET /api/v1/products/{product_id}/inventory", Access::Anyone),
    route("PUT /api/v1/products/{product_id}/inventory", Access::Admin),
    route("PATCH /api/v1/products/{product_id}/stock", Access::Admin),
    route("POST /api/v1/orders", Access::Customer),
    route("POST /api/v1/checkout", Access::Customer),
    route("GET /api/v1/orders", Access::Customer),
    route("GET /api/v1/orders/{order_id}", Access::Customer),
    route("GET /api/v1/payments", Access::Customer),
    route("GET /api/v1/payments/{payment_id}", Access::Customer),
];

/// The route API Gateway took, if it is one of ours.
pub fn find(key: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.key == key)
}

/// Whether a caller of `role` (none: no valid token) may go on.
pub fn allows(access: Access, role: Option<Role>) -> bool {
    match access {
        Access::Anyone => true,
        Access::Customer => role.is_some(),
        Access::Admin => role == Some(Role::Admin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_listed_once() {
        for (index, route) in ROUTES.iter().enumerate() {
            assert!(ROUTES[index + 1..].iter().all(|other| other.key != route.key), "{}", route.key);
        }
    }

    #[test]
    fn roles_open_what_they_should() {
        let roles = [None, Some(Role::Customer), Some(Role::Admin)];
        assert_eq!(roles.map(|role| allows(Access::Anyone, role)), [true, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Customer, role)), [false, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Admin, role)), [false, false, true]);
    }
}
