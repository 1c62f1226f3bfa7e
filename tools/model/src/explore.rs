//! Looking at all moments of a scope.

use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::{
    model::{Action, Bounds, Shop},
    mutation::Mutation,
    properties,
};

/// A scope that is not looked at whole by then is too large.
const LONGEST: Duration = Duration::from_secs(600);

/// How many look at the same time.
const AT_ONCE: usize = 2;

/// What was found.
#[derive(Debug)]
pub struct Explored {
    /// How many moments there are.
    pub states: usize,
    /// How many things happen until the last of them at most, the shortest way.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// What does not hold, and what has to happen for that.
    pub broken: Vec<(&'static str, Vec<Action>)>,
    /// What was to be seen somewhere, and is nowhere.
    pub unseen: Vec<&'static str>,
}

/// Looks at all moments within `bounds`, or until something does not hold.
///
/// # Errors
/// When the workflow cannot be read, or there are too many.
pub fn explore(bounds: Bounds, mutation: Option<Mutation>) -> Result<Explored, String> {
    let begun = Instant::now();
    let checker = Shop::new(bounds, mutation)?.checker().threads(AT_ONCE).timeout(LONGEST);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let took = begun.elapsed();
    if took >= LONGEST {
        return Err(format!("only {} moments were looked at in {took:.0?}", checker.unique_state_count()));
    }
    let mut found = checker.discoveries();
    let (mut broken, mut unseen) = (Vec::new(), Vec::new());
    for property in properties::all() {
        match (property.expectation, found.remove(property.name)) {
            (Expectation::Sometimes, None) => unseen.push(property.name),
            (Expectation::Always | Expectation::Eventually, Some(way)) => {
                broken.push((property.name, way.into_actions()));
            }
            _ => {}
        }
    }
    Ok(Explored { states: checker.unique_state_count(), depth: checker.max_depth(), took, broken, unseen })
}
