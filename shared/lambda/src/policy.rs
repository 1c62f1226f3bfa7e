//! The policy table: all routes, and who may call them. Every function uses it, and the tests check all of its routes.

use contracts::Role;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone, without a token.
    Anyone,
    /// Every user with a valid access token.
    Customer,
    /// The owner, and administrators. Everyone else gets 404. [`crate::http`] checks the owner if the path has the
    /// user, and else the use case does, which knows the owner of the item.
    Owner,
    /// Administrators.
    Admin,
}

/// The rate limit of a route. The rates are parameters of the template, see [`crate::limit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Only the throttling of API Gateway applies.
    Unlimited,
    /// Limits login attempts per client address. It fails closed: if the table does not respond, logins are rejected.
    Logins,
    /// Limits registrations per client address. It fails closed.
    Registrations,
    /// Limits writes per user and context. It fails open, because it protects the shop from load and not from
    /// attackers.
    Writes,
}

/// A route of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The route key of API Gateway, such as `POST /api/v1/orders`.
    pub key: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The rate limit.
    pub limit: Limit,
}

const fn route(key: &'static str, access: Access) -> Route {
    Route { key, access, limit: Limit::Unlimited }
}

impl Route {
    const fn limited(self, limit: Limit) -> Self {
        Self { limit, ..self }
    }
}

/// A context with its routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Its folder under `functions/`.
    pub name: &'static str,
    /// The routes of its functions.
    pub routes: &'static [Route],
}

/// All contexts, in the order of the documentation.
pub const CONTEXTS: &[Context] = &[
    Context { name: "users", routes: USERS },
    Context { name: "catalog", routes: CATALOG },
    Context { name: "inventory", routes: INVENTORY },
    Context { name: "orders", routes: ORDERS },
    Context { name: "payments", routes: PAYMENTS },
    Context { name: "notifications", routes: NOTIFICATIONS },
    Context { name: "analytics", routes: ANALYTICS },
    Context { name: "gateway", routes: GATEWAY },
];

const USERS: &[Route] = &[
    route("POST /api/v1/auth/register", Access::Anyone).limited(Limit::Registrations),
    route("POST /api/v1/auth/login", Access::Anyone).limited(Limit::Logins),
    route("POST /api/v1/auth/refresh", Access::Anyone),
    route("POST /api/v1/auth/logout", Access::Customer),
    route("GET /api/v1/auth/jwks", Access::Anyone),
    route("GET /.well-known/jwks.json", Access::Anyone),
    route("GET /api/v1/users/profile", Access::Customer),
    route("PUT /api/v1/users/profile", Access::Customer).limited(Limit::Writes),
    route("GET /api/v1/users", Access::Admin),
    route("POST /api/v1/users", Access::Admin).limited(Limit::Writes),
    route("GET /api/v1/users/stats", Access::Admin),
    route("GET /api/v1/users/{user_id}", Access::Owner),
    route("PUT /api/v1/users/{user_id}", Access::Owner).limited(Limit::Writes),
    route("DELETE /api/v1/users/{user_id}", Access::Owner).limited(Limit::Writes),
    route("PUT /api/v1/users/{user_id}/role", Access::Admin).limited(Limit::Writes),
    route("GET /api/v1/health/users", Access::Anyone),
];

const CATALOG: &[Route] = &[
    route("GET /api/v1/products", Access::Anyone),
    route("POST /api/v1/products", Access::Admin).limited(Limit::Writes),
    route("GET /api/v1/products/stats", Access::Admin),
    route("GET /api/v1/products/search", Access::Anyone),
    route("GET /api/v1/products/{product_id}", Access::Anyone),
    route("PUT /api/v1/products/{product_id}", Access::Admin).limited(Limit::Writes),
    route("DELETE /api/v1/products/{product_id}", Access::Admin).limited(Limit::Writes),
    route("GET /api/v1/health/catalog", Access::Anyone),
];

const INVENTORY: &[Route] = &[
    route("GET /api/v1/products/{product_id}/inventory", Access::Anyone),
    route("PUT /api/v1/products/{product_id}/inventory", Access::Admin).limited(Limit::Writes),
    route("PATCH /api/v1/products/{product_id}/stock", Access::Admin).limited(Limit::Writes),
    route("GET /api/v1/health/inventory", Access::Anyone),
];

const ORDERS: &[Route] = &[
    route("GET /api/v1/users/{user_id}/orders", Access::Owner),
    route("POST /api/v1/orders", Access::Customer).limited(Limit::Writes),
    route("POST /api/v1/checkout", Access::Customer).limited(Limit::Writes),
    route("GET /api/v1/orders", Access::Customer),
    route("GET /api/v1/orders/stats", Access::Admin),
    route("GET /api/v1/orders/parked", Access::Admin),
    route("GET /api/v1/orders/{order_id}", Access::Owner),
    route("DELETE /api/v1/orders/{order_id}", Access::Owner).limited(Limit::Writes),
    route("GET /api/v1/orders/{order_id}/events", Access::Owner),
    route("PUT /api/v1/orders/{order_id}/status", Access::Admin).limited(Limit::Writes),
    route("PATCH /api/v1/orders/{order_id}/status", Access::Admin).limited(Limit::Writes),
    route("POST /api/v1/orders/{order_id}/retry", Access::Admin).limited(Limit::Writes),
    route("POST /api/v1/orders/{order_id}/payment", Access::Owner).limited(Limit::Writes),
    route("GET /api/v1/health/orders", Access::Anyone),
];

const PAYMENTS: &[Route] = &[
    route("GET /api/v1/payments", Access::Customer),
    route("POST /api/v1/payments", Access::Customer).limited(Limit::Writes),
    route("GET /api/v1/payments/stats", Access::Admin),
    route("POST /api/v1/payments/refund", Access::Admin).limited(Limit::Writes),
    // Called by the provider, which is authenticated by its signature, and without a limit.
    route("POST /api/v1/payments/webhook", Access::Anyone),
    route("GET /api/v1/payments/{payment_id}", Access::Owner),
    route("GET /api/v1/health/payments", Access::Anyone),
];

const NOTIFICATIONS: &[Route] = &[
    route("GET /api/v1/notifications", Access::Customer),
    route("GET /api/v1/notifications/preferences", Access::Customer),
    route("PUT /api/v1/notifications/preferences", Access::Customer).limited(Limit::Writes),
    route("POST /api/v1/notifications/devices", Access::Customer).limited(Limit::Writes),
    route("DELETE /api/v1/notifications/devices/{device_id}", Access::Owner).limited(Limit::Writes),
    route("GET /api/v1/health/notifications", Access::Anyone),
];

const ANALYTICS: &[Route] = &[
    route("GET /api/v1/analytics/orders/daily", Access::Admin),
    route("GET /api/v1/analytics/revenue/monthly", Access::Admin),
    route("GET /api/v1/analytics/users/growth", Access::Admin),
    route("GET /api/v1/analytics/products/top", Access::Admin),
    route("GET /api/v1/health/analytics", Access::Anyone),
];

const GATEWAY: &[Route] = &[
    route("$default", Access::Anyone),
    route("GET /health", Access::Anyone),
    route("GET /api/v1/health", Access::Anyone),
    route("GET /api/v1/health/gateway", Access::Anyone),
    route("GET /openapi.json", Access::Anyone),
    route("GET /api/v1/openapi.json", Access::Anyone),
    route("GET /docs", Access::Anyone),
    route("GET /api/v1/docs", Access::Anyone),
    route("GET /api/v1/docs/{asset}", Access::Anyone),
];

/// All routes of the API. A route that is not listed here is rejected, even if the template has it.
pub const ROUTES: &[Route] = &ALL;

const ALL: [Route; COUNT] = {
    let mut all = [GATEWAY[0]; COUNT];
    let (mut filled, mut context) = (0, 0);
    while context < CONTEXTS.len() {
        let routes = CONTEXTS[context].routes;
        let mut index = 0;
        while index < routes.len() {
            all[filled] = routes[index];
            (filled, index) = (filled + 1, index + 1);
        }
        context += 1;
    }
    all
};

const COUNT: usize = {
    let (mut count, mut context) = (0, 0);
    while context < CONTEXTS.len() {
        count += CONTEXTS[context].routes.len();
        context += 1;
    }
    count
};

/// Returns the routes of a context, or none if there is no context with this name.
pub fn routes_of(context: &str) -> &'static [Route] {
    CONTEXTS.iter().find(|known| known.name == context).map_or(&[], |known| known.routes)
}

/// Returns the contexts that have a health endpoint, `GET /api/v1/health/<context>`.
pub fn with_health() -> impl Iterator<Item = &'static str> {
    let has_endpoint = |context: &&Context| find(&format!("GET /api/v1/health/{}", context.name)).is_some();
    CONTEXTS.iter().filter(has_endpoint).map(|context| context.name)
}

/// Returns the route with this key, if it is in the table.
pub fn find(key: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.key == key)
}

/// Returns whether a caller with `role` may call a route. An anonymous caller has no role.
pub fn allows(access: Access, role: Option<Role>) -> bool {
    match access {
        Access::Anyone => true,
        Access::Customer | Access::Owner => role.is_some(),
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
    fn the_routes_of_all_contexts_are_all_routes() {
        let grouped: Vec<Route> = CONTEXTS.iter().flat_map(|context| routes_of(context.name)).copied().collect();
        assert_eq!(grouped, ROUTES);
        assert!(routes_of("nowhere").is_empty());
        for (index, context) in CONTEXTS.iter().enumerate() {
            assert!(CONTEXTS[index + 1..].iter().all(|other| other.name != context.name), "{}", context.name);
        }
    }

    #[test]
    fn every_context_has_a_health_endpoint() {
        assert_eq!(with_health().count(), CONTEXTS.len());
        for context in CONTEXTS {
            let key = format!("GET /api/v1/health/{}", context.name);
            assert!(context.routes.iter().any(|route| route.key == key), "{key}");
        }
    }

    #[test]
    fn roles_allow_the_right_routes() {
        let roles = [None, Some(Role::Customer), Some(Role::Admin)];
        assert_eq!(roles.map(|role| allows(Access::Anyone, role)), [true, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Customer, role)), [false, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Owner, role)), [false, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Admin, role)), [false, false, true]);
    }
}
