//! How much of the checkout is looked at, each time.

use crate::model::{Bounds, CAPTURE_FAILS, DECLINED, GOOD_CARD};

/// A part of what can happen, small enough to be looked at whole.
#[derive(Debug, Clone)]
pub struct Scope {
    /// What is in it.
    pub name: &'static str,
    /// How much.
    pub bounds: Bounds,
}

/// One order, by each card.
pub fn one_order() -> Vec<Vec<&'static str>> {
    vec![vec![GOOD_CARD], vec![DECLINED], vec![CAPTURE_FAILS]]
}

/// Two orders for one piece.
pub fn two_orders() -> Vec<Vec<&'static str>> {
    vec![vec![GOOD_CARD, GOOD_CARD], vec![GOOD_CARD, DECLINED]]
}

/// Nothing goes wrong, and nobody cancels.
fn calm(cards: Vec<Vec<&'static str>>) -> Bounds {
    Bounds { cards, pieces: 1, faults: 0, repeats: 0, cancels: false, small_steps: false, impatient: false }
}

/// What every test run looks at: some seconds.
pub fn small() -> Vec<Scope> {
    vec![
        Scope {
            name: "1 order, 1 fault, cancelled, the schedules early",
            bounds: Bounds { faults: 1, cancels: true, impatient: true, ..calm(one_order()) },
        },
        Scope {
            name: "1 order by a good card, 1 fault, 1 repeat, cancelled",
            bounds: Bounds { faults: 1, repeats: 1, cancels: true, ..calm(vec![vec![GOOD_CARD]]) },
        },
        Scope {
            name: "1 order, in small steps, cancelled",
            bounds: Bounds { cancels: true, small_steps: true, ..calm(one_order()) },
        },
        Scope { name: "2 orders, cancelled", bounds: Bounds { cancels: true, ..calm(two_orders()) } },
    ]
}

/// What `make model` looks at besides: some minutes.
pub fn large() -> Vec<Scope> {
    vec![
        Scope {
            name: "1 order, 2 faults, 1 repeat, cancelled",
            bounds: Bounds { faults: 2, repeats: 1, cancels: true, ..calm(one_order()) },
        },
        Scope {
            name: "1 order, in small steps, 1 fault",
            bounds: Bounds { faults: 1, small_steps: true, ..calm(one_order()) },
        },
        Scope { name: "2 orders, 1 fault", bounds: Bounds { faults: 1, ..calm(two_orders()) } },
        Scope { name: "2 orders, 1 repeat", bounds: Bounds { repeats: 1, ..calm(two_orders()) } },
    ]
}
