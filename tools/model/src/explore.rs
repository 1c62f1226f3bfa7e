//! Explores all states of a scope.

use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::{
    model::{Action, Bounds, CheckoutModel},
    mutation::Mutation,
};

/// The time limit. A scope that takes longer is too large.
const MAX_DURATION: Duration = Duration::from_secs(600);

const THREADS: usize = 2;

/// The result of an exploration.
#[derive(Debug)]
pub struct Explored {
    /// The number of states.
    pub states: usize,
    /// The largest number of actions on the shortest path to a state.
    pub depth: usize,
    /// The duration of the exploration.
    pub duration: Duration,
    /// The properties that do not hold, each with the actions that lead to the violation.
    pub violations: Vec<(&'static str, Vec<Action>)>,
    /// The properties that should hold in some state, but hold in none.
    pub unreached: Vec<&'static str>,
}

/// Explores all states within `bounds`, or until a property is violated.
///
/// # Errors
/// If the workflow cannot be read, or the exploration takes too long.
pub fn explore(bounds: Bounds, mutation: Option<Mutation>) -> Result<Explored, String> {
    let started = Instant::now();
    let checker = CheckoutModel::new(bounds, mutation)?.checker().threads(THREADS).timeout(MAX_DURATION);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let duration = started.elapsed();
    if duration >= MAX_DURATION {
        return Err(format!("only {} states were explored in {duration:.0?}", checker.unique_state_count()));
    }
    let mut discoveries = checker.discoveries();
    let (mut violations, mut unreached) = (Vec::new(), Vec::new());
    for property in checker.model().properties() {
        match (property.expectation, discoveries.remove(property.name)) {
            (Expectation::Sometimes, None) => unreached.push(property.name),
            (Expectation::Always | Expectation::Eventually, Some(path)) => {
                violations.push((property.name, path.into_actions()));
            }
            _ => {}
        }
    }
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    Ok(Explored { states, depth, duration, violations, unreached })
}
