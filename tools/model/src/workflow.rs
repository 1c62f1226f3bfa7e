//! The checkout workflow, read from its definition.

use std::sync::Arc;

use saphyr::{LoadableYamlNode, Yaml};

/// The definition of the state machine that is deployed.
const DEFINITION: &str = include_str!("../../../functions/orders/checkout.asl.yaml");

/// The name that matches every error.
const ALL: &str = "States.ALL";

/// The states and transitions of the workflow.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// The first state.
    pub start: Arc<str>,
    states: Vec<State>,
}

#[derive(Debug, Clone)]
struct State {
    name: Arc<str>,
    /// The function of the state, or `None` if the state only ends the execution.
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
    /// Whether the error is written to `$.failure`.
    sets_failure: bool,
    next: Arc<str>,
}

/// The function of a state, by the name of its placeholder in the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// inventory: reserves the stock.
    ReserveStock,
    /// inventory: releases the stock.
    ReleaseStock,
    /// payments: authorizes the payment.
    AuthorizePayment,
    /// payments: captures the payment.
    CapturePayment,
    /// payments: voids or refunds the payment.
    VoidPayment,
    /// orders: confirms the order.
    ConfirmOrder,
    /// orders: cancels the order.
    CancelOrder,
    /// orders: defers the checkout.
    DeferCheckout,
    /// orders: parks the order.
    ParkOrder,
}

/// The transition after an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// The next state.
    pub next: Arc<str>,
    /// Whether the error is written to `$.failure`, which this state and later ones read.
    pub sets_failure: bool,
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
            other => return Err(format!("the model does not know the resource {other}")),
        })
    }
}

impl Workflow {
    /// Reads the workflow that is deployed.
    ///
    /// # Errors
    /// If its definition is not YAML, or has something that the model does not know.
    pub fn read() -> Result<Self, String> {
        let documents = Yaml::load_from_str(DEFINITION).map_err(|error| format!("the definition: {error}"))?;
        let definition = documents.first().ok_or("the definition is empty")?;
        let states = field(definition, "States")?.as_mapping().ok_or("States is not a mapping")?;
        let states = states.iter().map(|(name, state)| State::read(text(name)?, state)).collect::<Result<_, _>>()?;
        let workflow = Self { start: text(field(definition, "StartAt")?)?.into(), states };
        workflow.states.iter().flat_map(State::targets).chain([&workflow.start]).try_for_each(|name| {
            workflow.state(name).map(drop).ok_or(format!("a transition leads to {name}, which is not a state"))
        })?;
        Ok(workflow)
    }

    /// Returns the function of a state, or `None` if the execution ends there.
    pub fn task(&self, name: &str) -> Option<Task> {
        self.state(name)?.task
    }

    /// Returns the state that follows a success.
    pub fn next(&self, name: &str) -> Option<Arc<str>> {
        self.state(name)?.next.clone()
    }

    /// Returns whether a state is retried after `error`.
    pub fn is_retried(&self, name: &str, error: &str) -> bool {
        let retry = self.state(name).and_then(|state| state.retries.iter().find(|retry| matches(&retry.errors, error)));
        retry.is_some_and(|retry| retry.attempts > 0)
    }

    /// Returns the transition after `error`, if the state is not retried.
    pub fn caught(&self, name: &str, error: &str) -> Option<Caught> {
        let catch = self.state(name)?.catches.iter().find(|catch| matches(&catch.errors, error))?;
        Some(Caught { next: catch.next.clone(), sets_failure: catch.sets_failure })
    }

    /// Returns the workflow with another transition, to show that the model finds the violation that it causes.
    #[must_use]
    pub fn rerouted(mut self, from: &str, error: Option<&str>, to: &str) -> Self {
        for state in self.states.iter_mut().filter(|state| *state.name == *from) {
            match error {
                None => state.next = Some(to.into()),
                Some(error) => {
                    let catches = state.catches.iter_mut().filter(|catch| matches(&catch.errors, error));
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
            other => return Err(format!("the model does not know the state type {other}")),
        };
        let list = |name| state.as_mapping_get(name).and_then(|list| list.as_sequence()).into_iter().flatten();
        let retry = |retry| {
            let attempts = field(retry, "MaxAttempts")?.as_integer().ok_or("MaxAttempts is not a number")?;
            Ok::<_, String>(Retry { errors: errors(retry)?, attempts })
        };
        let catch = |catch| {
            let sets_failure = match field(catch, "ResultPath")?.as_str() {
                Some("$.failure") => true,
                Some("$.last_failure") => false,
                other => return Err(format!("the model does not know the result path {other:?}")),
            };
            Ok::<_, String>(Catch { errors: errors(catch)?, sets_failure, next: text(field(catch, "Next")?)?.into() })
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
    let names = field(of, "ErrorEquals")?.as_sequence().ok_or("ErrorEquals is not a list")?;
    names.iter().map(|name| text(name).map(str::to_owned)).collect()
}

fn matches(names: &[String], error: &str) -> bool {
    names.iter().any(|name| name == error || name == ALL)
}

fn field<'a, 'input>(of: &'a Yaml<'input>, name: &str) -> Result<&'a Yaml<'input>, String> {
    of.as_mapping_get(name).ok_or_else(|| format!("{name} is missing"))
}

fn text<'a>(of: &'a Yaml<'_>) -> Result<&'a str, String> {
    of.as_str().ok_or_else(|| format!("{of:?} is not a string"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_can_read_the_definition() {
        let workflow = Workflow::read().expect("a workflow");
        assert_eq!(workflow.task(&workflow.start), Some(Task::ReserveStock));
        let declined = workflow.caught("AuthorizePayment", "PaymentDeclined").expect("a transition");
        assert_eq!((&*declined.next, declined.sets_failure), ("ReleaseStock", true));
        assert!(!workflow.is_retried("AuthorizePayment", "PaymentDeclined"));
        assert!(workflow.is_retried("AuthorizePayment", "PaymentUnavailable"));
    }
}
