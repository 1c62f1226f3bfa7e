//! Mutations: each breaks one rule of the product, and the model has to find the violation that the rule prevents.

use crate::workflow::Workflow;

/// A rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub enum Mutation {
    /// The workflow captures the payment before the order is confirmed.
    CaptureUnconfirmed,
    /// After a failure, the workflow compensates before the order is ended in the log.
    CompensateBeforeEnd,
    /// An event is written to the log even if its place is not free.
    AppendAnywhere,
    /// Released stock is released again.
    ReleaseTwice,
    /// Stock is reserved even if it is not available.
    ReserveUnavailable,
    /// Undoing an order without a recorded payment does not bar a later authorization.
    NoBar,
    /// A payment is written even if it was changed since it was read.
    IgnorePaymentVersion,
    /// No consumer captures the payment of a confirmed order.
    NoCaptureConfirmed,
    /// No consumer undoes the payment of a cancelled order.
    NoUndoCancelled,
    /// No consumer releases the stock of a cancelled order.
    NoReleaseStock,
    /// No schedule ends unpaid orders and expired reservations.
    NoExpiry,
    /// No event is published for a capture that was rejected permanently.
    NoGiveUp,
}

impl Mutation {
    /// Returns the workflow with the transitions that this mutation changes.
    pub fn reroute(self, workflow: Workflow) -> Workflow {
        match self {
            Self::CaptureUnconfirmed => workflow.rerouted("AuthorizePayment", None, "CapturePayment"),
            Self::CompensateBeforeEnd => workflow.rerouted("ConfirmOrder", Some("Lambda.Unknown"), "VoidPayment"),
            _ => workflow,
        }
    }
}
