//! Rules of the product, broken one at a time: the model has to find what each is for.

use crate::workflow::Workflow;

/// A rule that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// The workflow takes the money without having the order confirmed.
    CaptureUnconfirmed,
    /// The workflow, where something fails, gives back before the log has ended the order.
    UndoBeforeTheEnd,
    /// The log is written without asking whether the place is free.
    WriteAnyPlace,
    /// What was released is put back again.
    ReleaseTwice,
    /// Pieces are taken without asking whether they are there.
    TakeUnchecked,
    /// Undoing leaves no bar behind where no payment is recorded.
    NoBar,
    /// A payment is written without asking whether it has changed.
    WriteAnyVersion,
    /// Nobody hears of a confirmed order that its money is to be taken.
    NoCaptureConfirmed,
    /// Nobody hears of a cancelled order that its money is to go back.
    NoUndoCancelled,
    /// Nobody hears of a cancelled order that its pieces are to go back.
    NoPutBack,
    /// Nobody ends what nobody has paid, or what is set aside for too long.
    NobodyEnds,
    /// That a capture was refused for good is not told.
    NobodyGivesUp,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::CaptureUnconfirmed,
        Self::UndoBeforeTheEnd,
        Self::WriteAnyPlace,
        Self::ReleaseTwice,
        Self::TakeUnchecked,
        Self::NoBar,
        Self::WriteAnyVersion,
        Self::NoCaptureConfirmed,
        Self::NoUndoCancelled,
        Self::NoPutBack,
        Self::NobodyEnds,
        Self::NobodyGivesUp,
    ];

    /// The workflow, with the ways that this makes of it.
    pub fn reroute(self, workflow: Workflow) -> Workflow {
        match self {
            Self::CaptureUnconfirmed => workflow.rerouted("AuthorizePayment", None, "CapturePayment"),
            Self::UndoBeforeTheEnd => workflow.rerouted("ConfirmOrder", Some("Lambda.Unknown"), "VoidPayment"),
            _ => workflow,
        }
    }
}
