//! What can go wrong with an order, and how a caller is told.

use dynamo::{KeyReused, StoreError};
use kernel::Invalid;
use lambda::{
    problem::{FieldError, Problem},
    task::TaskError,
};

use crate::domain::Refusal;

/// Why a use case of orders did not happen.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// Fields of the request are wrong.
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    /// A customer tried to order for somebody else.
    #[error("only an administrator orders for somebody else")]
    NotTheCaller,
    /// Nobody to order for.
    #[error("there is no such user")]
    UnknownUser,
    /// No such order, or not the caller's.
    #[error("there is no such order")]
    NotFound,
    /// The order's state does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The order's checkout does not wait for a person.
    #[error("the order is not parked")]
    NotParked,
    /// The idempotency key answered another request.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// Others changed the same order again and again.
    #[error("the order is being changed by others")]
    Busy,
    /// The customer places too many orders.
    #[error("too many orders at once")]
    Limited(Problem),
    /// The answer could not be made.
    #[error("the answer could not be made")]
    Answer(Problem),
    /// The workflow did not start.
    #[error("the checkout workflow did not start: {0}")]
    Workflow(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<OrdersError> for Problem {
    fn from(error: OrdersError) -> Self {
        let detail = error.to_string();
        match error {
            OrdersError::Invalid(errors) => Self::validation(errors),
            OrdersError::NotTheCaller => Self::new(403, "forbidden", "Only an administrator orders for somebody else."),
            OrdersError::UnknownUser => {
                let unknown = Invalid::new("unknown_user", "is not a user of this shop");
                Self::validation(vec![FieldError::new("user_id", unknown)])
            }
            OrdersError::NotFound => Self::not_found("order"),
            OrdersError::Refused(Refusal::Step { from, .. }) => {
                let allowed: Vec<String> = from.next_by_hand().map(|status| status.to_string()).collect();
                Self::new(409, "step_not_allowed", format!("{detail}.")).with("allowed", allowed)
            }
            OrdersError::Refused(Refusal::InCheckout { payment_id }) => {
                Self::new(409, "in_checkout", "The checkout of the order has started before.")
                    .with("payment_id", payment_id.to_string())
            }
            OrdersError::NotParked => Self::new(409, "not_parked", format!("{detail}.")),
            OrdersError::KeyReused(reused) => reused.into(),
            OrdersError::Busy => Self::new(409, "busy", "The order is being changed by another request; try again."),
            OrdersError::Answer(problem) | OrdersError::Limited(problem) => problem,
            OrdersError::Workflow(_) => {
                tracing::error!(detail, "the checkout workflow did not start");
                Self::internal()
            }
            OrdersError::Store(error) => error.into(),
        }
    }
}

impl From<OrdersError> for TaskError {
    /// A refusal is for the workflow to catch; the rest may pass.
    fn from(error: OrdersError) -> Self {
        match error {
            OrdersError::Refused(refusal) => Self::refused("StepNotAllowed", refusal),
            OrdersError::NotFound => Self::refused("OrderNotFound", error),
            other => Self::fault("OrdersUnavailable", other),
        }
    }
}
