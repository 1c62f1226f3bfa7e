//! The checkout workflow, as the state machine runs it.

use std::sync::Arc;

use saphyr::{LoadableYamlNode, Yaml};

/// The definition of the state machine, as it is deployed.
const DEFINITION: &str = include_str!("../../../functions/orders/checkout.asl.yaml");

/// What an error that no other name fits is called.
const ALL: &str = "States.ALL";

/// The graph that an execution walks.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Where it begins.
    pub start: Arc<str>,
    states: Vec<State>,
}

#[derive(Debug, Clone)]
struct State {
    name: Arc<str>,
    /// The function that does it; none of a state that only ends the execution.
    task: Option<Task>,
    next: Option<Arc<str>>,
    retries: Vec<Retry>,
    catches: Vec<Catch>,
}

#[derive(Debug, Clone)]
struct Retry {
    errors: Vec<String>,
    attempts: i64,
}

#[derive(Debug, Clone)]
struct Catch {
    errors: Vec<String>,
    /// Whether what failed is put into the input as `failure`.
    is_told: bool,
    next: Arc<str>,
}

/// What a state has done, by the name of its placeholder in the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// inventory: set the pieces aside.
    ReserveStock,
    /// inventory: put them back.
    ReleaseStock,
    /// payments: set the money aside.
    AuthorizePayment,
    /// payments: take it.
    CapturePayment,
    /// payments: give it back.
    VoidPayment,
    /// orders: let the sale stand.
    ConfirmOrder,
    /// orders: end the order.
    CancelOrder,
    /// orders: start over later.
    DeferCheckout,
    /// orders: for a person to look at.
    ParkOrder,
}

/// Where an error leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// The state that is next.
    pub next: Arc<str>,
    /// Whether the error is told to it, and to those behind it.
    pub is_told: bool,
}

impl Task {
    fn named(resource: &str) -> Result<Self, String> {
        Ok(match resource {
            "${ReserveStock}" => Self::ReserveStock,
            "${ReleaseStock}" => Self::ReleaseStock,
            "${AuthorizePayment}" => Self::AuthorizePayment,
            "${CapturePayment}" => Self::CapturePayment,
            "${VoidPayment}" => Self::VoidPayment,
            "${ConfirmOrder}" => Self::ConfirmOrder,
            "${CancelOrder}" => Self::CancelOrder,
            "${DeferCheckout}" => Self::DeferCheckout,
            "${ParkOrder}" => Self::ParkOrder,
            other => return Err(format!("the model does not know what {other} does")),
        })
    }
}

impl Workflow {
    /// The workflow that is deployed.
    ///
    /// # Errors
    /// When its definition is not YAML, or the model does not know how to walk it.
    pub fn read() -> Result<Self, String> {
        let documents = Yaml::load_from_str(DEFINITION).map_err(|error| format!("the definition: {error}"))?;
        let definition = documents.first().ok_or("the definition is empty")?;
        let states = field(definition, "States")?.as_mapping().ok_or("States is no mapping")?;
        let states = states.iter().map(|(name, state)| State::read(text(name)?, state)).collect::<Result<_, _>>()?;
        let workflow = Self { start: text(field(definition, "StartAt")?)?.into(), states };
        workflow.states.iter().flat_map(State::targets).chain([&workflow.start]).try_for_each(|name| {
            workflow.state(name).map(drop).ok_or(format!("something leads to {name}, which is no state"))
        })?;
        Ok(workflow)
    }

    /// What is done in a state; nothing, if the execution ends there.
    pub fn task(&self, name: &str) -> Option<Task> {
        self.state(name)?.task
    }

    /// What follows a state that was done.
    pub fn next(&self, name: &str) -> Option<Arc<str>> {
        self.state(name)?.next.clone()
    }

    /// Whether a state is tried again after `error`.
    pub fn is_retried(&self, name: &str, error: &str) -> bool {
        let retry = self.state(name).and_then(|state| state.retries.iter().find(|retry| fits(&retry.errors, error)));
        retry.is_some_and(|retry| retry.attempts > 0)
    }

    /// Where `error` leads from a state, when it is not tried again.
    pub fn caught(&self, name: &str, error: &str) -> Option<Caught> {
        let catch = self.state(name)?.catches.iter().find(|catch| fits(&catch.errors, error))?;
        Some(Caught { next: catch.next.clone(), is_told: catch.is_told })
    }

    /// With other ways than the definition's: to show that the model finds what they break.
    #[must_use]
    pub fn rerouted(mut self, from: &str, error: Option<&str>, to: &str) -> Self {
        for state in self.states.iter_mut().filter(|state| *state.name == *from) {
            match error {
                None => state.next = Some(to.into()),
                Some(error) => {
                    let catches = state.catches.iter_mut().filter(|catch| fits(&catch.errors, error));
                    catches.for_each(|catch| catch.next = to.into());
                }
            }
        }
        self
    }

    fn state(&self, name: &str) -> Option<&State> {
        self.states.iter().find(|state| *state.name == *name)
    }
}

impl State {
    fn read(name: &str, state: &Yaml<'_>) -> Result<Self, String> {
        let (task, next) = match text(field(state, "Type")?)? {
            "Task" => (Some(Task::named(text(field(state, "Resource")?)?)?), state.as_mapping_get("Next")),
            "Succeed" | "Fail" => (None, None),
            other => return Err(format!("the model does not know a state that is a {other}")),
        };
        let list = |name| state.as_mapping_get(name).and_then(|list| list.as_sequence()).into_iter().flatten();
        let retry = |retry| {
            let attempts = field(retry, "MaxAttempts")?.as_integer().ok_or("MaxAttempts is no number")?;
            Ok::<_, String>(Retry { errors: errors(retry)?, attempts })
        };
        let catch = |catch| {
            let is_told = match field(catch, "ResultPath")?.as_str() {
                Some("$.failure") => true,
                Some(other) => return Err(format!("the model does not know what is at {other}")),
                None => false,
            };
            Ok::<_, String>(Catch { errors: errors(catch)?, is_told, next: text(field(catch, "Next")?)?.into() })
        };
        Ok(Self {
            name: name.into(),
            task,
            next: next.map(text).transpose()?.map(Into::into),
            retries: list("Retry").map(retry).collect::<Result<_, _>>()?,
            catches: list("Catch").map(catch).collect::<Result<_, _>>()?,
        })
    }

    fn targets(&self) -> impl Iterator<Item = &Arc<str>> {
        self.next.iter().chain(self.catches.iter().map(|catch| &catch.next))
    }
}

fn errors(of: &Yaml<'_>) -> Result<Vec<String>, String> {
    let names = field(of, "ErrorEquals")?.as_sequence().ok_or("ErrorEquals is no list")?;
    names.iter().map(|name| text(name).map(str::to_owned)).collect()
}

fn fits(names: &[String], error: &str) -> bool {
    names.iter().any(|name| name == error || name == ALL)
}

fn field<'a, 'input>(of: &'a Yaml<'input>, name: &str) -> Result<&'a Yaml<'input>, String> {
    of.as_mapping_get(name).ok_or_else(|| format!("there is no {name}"))
}

fn text<'a>(of: &'a Yaml<'_>) -> Result<&'a str, String> {
    of.as_str().ok_or_else(|| format!("{of:?} is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_a_workflow_that_the_model_can_walk() {
        let workflow = Workflow::read().expect("a workflow");
        assert_eq!(workflow.task(&workflow.start), Some(Task::ReserveStock));
        let declined = workflow.caught("AuthorizePayment", "PaymentDeclined").expect("a way");
        assert_eq!((&*declined.next, declined.is_told), ("ReleaseStock", true));
        assert!(!workflow.is_retried("AuthorizePayment", "PaymentDeclined"));
        assert!(workflow.is_retried("AuthorizePayment", "PaymentUnavailable"));
    }
}
