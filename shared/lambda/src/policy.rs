//! Who may call what: the one table, used by every function and walked over by the tests.

use contracts::Role;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without a token.
    Anyone,
    /// Whoever has a valid access token.
    Customer,
    /// Whose it is, and administrators. For anybody else it does not exist: 404, which [`crate::http`] answers where the path
    /// names the user, and the use case where only the item says whose it is.
    Owner,
    /// Administrators.
    Admin,
}

/// How often a client may call a route. How much that is are parameters of the template; see [`crate::limit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// As often as API Gateway's throttling lets it.
    Unlimited,
    /// So many attempts to log in from one address. Fails closed: without its count nobody logs in.
    Logins,
    /// So many registrations from one address. Fails closed.
    Registrations,
    /// So many writes by one user in one context. Fails open: it protects the shop from haste, not from thieves.
    Writes,
}

/// One route of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// As API Gateway names it: `POST /api/v1/orders`.
    pub key: &'static str,
    /// Who may call it.
    pub access: Access,
    /// How often.
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

/// The routes of one context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Its folder under `functions/`.
    pub name: &'static str,
    /// What its functions serve.
    pub routes: &'static [Route],
}

/// Every context, in the order in which the documentation lists them.
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
    // The provider, known by its signature; as often as it likes.
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

/// Every route of the API: those of all contexts. A route that is not listed here is refused, whatever the template says.
pub const ROUTES: &[Route] = &ALL;

const ALL: [Route; NUMBER] = {
    let mut all = [GATEWAY[0]; NUMBER];
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

const NUMBER: usize = {
    let (mut number, mut context) = (0, 0);
    while context < CONTEXTS.len() {
        number += CONTEXTS[context].routes.len();
        context += 1;
    }
    number
};

/// The routes of a context; none if there is no context of that name.
pub fn routes_of(context: &str) -> &'static [Route] {
    CONTEXTS.iter().find(|known| known.name == context).map_or(&[], |known| known.routes)
}

/// The contexts whose health can be asked for, each at `GET /api/v1/health/<context>`.
pub fn with_health() -> impl Iterator<Item = &'static str> {
    let asked = |context: &&Context| find(&format!("GET /api/v1/health/{}", context.name)).is_some();
    CONTEXTS.iter().filter(asked).map(|context| context.name)
}

/// The route API Gateway took, if it is one of ours.
pub fn find(key: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.key == key)
}

/// Whether a caller of `role` (none: no valid token) may go on.
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
    fn every_route_is_in_the_group_of_its_context() {
        let grouped: Vec<Route> = CONTEXTS.iter().flat_map(|context| routes_of(context.name)).copied().collect();
        assert_eq!(grouped, ROUTES);
        assert!(routes_of("nowhere").is_empty());
        for (index, context) in CONTEXTS.iter().enumerate() {
            assert!(CONTEXTS[index + 1..].iter().all(|other| other.name != context.name), "{}", context.name);
        }
    }

    #[test]
    fn the_health_of_every_context_can_be_asked_for_within_its_own_routes() {
        assert_eq!(with_health().count(), CONTEXTS.len());
        for context in CONTEXTS {
            let key = format!("GET /api/v1/health/{}", context.name);
            assert!(context.routes.iter().any(|route| route.key == key), "{key}");
        }
    }

    #[test]
    fn roles_open_what_they_should() {
        let roles = [None, Some(Role::Customer), Some(Role::Admin)];
        assert_eq!(roles.map(|role| allows(Access::Anyone, role)), [true, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Customer, role)), [false, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Owner, role)), [false, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Admin, role)), [false, false, true]);
    }
}
