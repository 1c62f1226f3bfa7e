//! The scopes that are explored.

use crate::model::{Bounds, CAPTURE_FAILS, DECLINED, GOOD_CARD};

/// A part of the model that is small enough to be explored completely.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The name.
    pub name: &'static str,
    /// The bounds.
    pub bounds: Bounds,
}

/// Returns the cases of one order, one with each card.
pub fn one_order() -> Vec<Vec<&'static str>> {
    vec![vec![GOOD_CARD], vec![DECLINED], vec![CAPTURE_FAILS]]
}

/// Returns the cases of two orders that compete for one piece.
pub fn two_orders() -> Vec<Vec<&'static str>> {
    vec![vec![GOOD_CARD, GOOD_CARD], vec![GOOD_CARD, DECLINED]]
}

/// Returns bounds without faults, repeats and cancellations.
fn no_faults(cards: Vec<Vec<&'static str>>) -> Bounds {
    Bounds { cards, pieces: 1, faults: 0, repeats: 0, cancels: false, small_steps: false, early_schedules: false }
}

/// Returns the scopes of every test run, which take some seconds.
pub fn small() -> Vec<Scope> {
    vec![
        Scope {
            name: "1 order, 1 fault, cancelled, early schedules",
            bounds: Bounds { faults: 1, cancels: true, early_schedules: true, ..no_faults(one_order()) },
        },
        Scope {
            name: "1 order, good card, 1 fault, 1 repeat, cancelled",
            bounds: Bounds { faults: 1, repeats: 1, cancels: true, ..no_faults(vec![vec![GOOD_CARD]]) },
        },
        Scope {
            name: "1 order, in small steps, cancelled",
            bounds: Bounds { cancels: true, small_steps: true, ..no_faults(one_order()) },
        },
        Scope { name: "2 orders, cancelled", bounds: Bounds { cancels: true, ..no_faults(two_orders()) } },
    ]
}

/// Returns the scopes that `make model` explores in addition, which take some minutes.
pub fn large() -> Vec<Scope> {
    vec![
        Scope {
            name: "1 order, 2 faults, 1 repeat, cancelled",
            bounds: Bounds { faults: 2, repeats: 1, cancels: true, ..no_faults(one_order()) },
        },
        Scope {
            name: "1 order, in small steps, 1 fault",
            bounds: Bounds { faults: 1, small_steps: true, ..no_faults(one_order()) },
        },
        Scope { name: "2 orders, 1 fault", bounds: Bounds { faults: 1, ..no_faults(two_orders()) } },
        Scope { name: "2 orders, 1 repeat", bounds: Bounds { repeats: 1, ..no_faults(two_orders()) } },
    ]
}
