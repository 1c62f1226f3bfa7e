//! Who may call a route, and how often. Each endpoint has its [`Route`] beside its handler; the `ROUTES` of a context are
//! its policy table. A route that is not in the table is rejected, whatever the template says.

use contracts::Role;
use serde::{Deserialize, Serialize};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

impl Route {
    /// Creates a route without a rate limit.
    pub const fn new(key: &'static str, access: Access) -> Self {
        Self { key, access, limit: Limit::Unlimited }
    }

    /// Sets the rate limit.
    #[must_use]
    pub const fn limited(self, limit: Limit) -> Self {
        Self { limit, ..self }
    }
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
    fn roles_allow_the_right_routes() {
        let roles = [None, Some(Role::Customer), Some(Role::Admin)];
        assert_eq!(roles.map(|role| allows(Access::Anyone, role)), [true, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Customer, role)), [false, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Owner, role)), [false, true, true]);
        assert_eq!(roles.map(|role| allows(Access::Admin, role)), [false, false, true]);
    }
}
