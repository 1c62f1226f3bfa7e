//! Who changes an order by a request, when and why.

use lambda::http::{ApiRequest, Caller, Request};

use crate::{domain::Actor, store::AuditContext};

/// Returns the audit context of a change that `caller` requests, with the reason in the caller's own words.
pub(super) fn audit_context(request: &Request, caller: Caller, reason: Option<String>) -> AuditContext {
    let actor = Actor::User { user_id: caller.user_id, role: caller.role };
    AuditContext { actor, reason, now: request.now(), cause: request.cause() }
}
