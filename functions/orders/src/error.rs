//! The errors of the orders context, and what they mean to callers and to the workflow.

use dynamo::{KeyReused, StoreError};
use kernel::Invalid;
use lambda::{
    problem::{FieldError, Problem},
    task::TaskError,
};

use crate::domain::Refusal;

/// Why a use case of orders failed.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// A customer tried to order for another user.
    #[error("only an administrator can place orders for another user")]
    NotTheCaller,
    /// The user to order for does not exist.
    #[error("there is no such user")]
    UnknownUser,
    /// There is no such order, or it is not the caller's.
    #[error("there is no such order")]
    NotFound,
    /// The state of the order does not allow the command.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The order is not parked.
    #[error("the order is not parked")]
    NotParked,
    /// The idempotency key was used with another request.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// Others changed the order at the same time, repeatedly.
    #[error("the order is being changed by other requests")]
    Busy,
    /// The customer exceeded the rate limit.
    #[error("too many requests")]
    RateLimited(Problem),
    /// The workflow did not start.
    #[error("the checkout workflow did not start: {0}")]
    Workflow(String),
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<OrdersError> for Problem {
    fn from(error: OrdersError) -> Self {
        let detail = error.to_string();
        match error {
            OrdersError::NotTheCaller => {
                Self::new(403, "forbidden", "Only an administrator can place orders for another user.")
            }
            OrdersError::UnknownUser => {
                let unknown = Invalid::new("unknown_user", "is not a user of this shop");
                Self::validation(vec![FieldError::new("user_id", unknown)])
            }
            OrdersError::NotFound => Self::not_found("order"),
            OrdersError::Refused(Refusal::Step { from, to }) => {
                let allowed: Vec<String> = from.next_by_hand().map(|status| status.to_string()).collect();
                let detail = format!("An order that is {from} cannot become {to}.");
                Self::new(409, "step_not_allowed", detail).with("allowed", allowed)
            }
            OrdersError::Refused(Refusal::InCheckout { payment_id }) => {
                Self::new(409, "in_checkout", "The checkout of this order has already started.")
                    .with("payment_id", payment_id.to_string())
            }
            OrdersError::NotParked => Self::new(409, "not_parked", "The order is not parked."),
            OrdersError::KeyReused(reused) => reused.into(),
            OrdersError::Busy => Self::new(409, "busy", "The order is being changed by another request. Try again."),
            OrdersError::RateLimited(problem) => problem,
            OrdersError::Workflow(_) => {
                tracing::error!(detail, "the checkout workflow did not start");
                Self::internal()
            }
            OrdersError::Store(error) => error.into(),
        }
    }
}

impl From<OrdersError> for TaskError {
    /// A refusal is caught by the workflow. Everything else may be transient and is retried.
    fn from(error: OrdersError) -> Self {
        match error {
            OrdersError::Refused(refusal) => Self::refused("StepNotAllowed", refusal),
            OrdersError::NotFound => Self::refused("OrderNotFound", error),
            other => Self::fault("OrdersUnavailable", other),
        }
    }
}
