use std::collections::BTreeSet;

use strum::VariantArray;

use crate::{
    explore::explore,
    model::Bounds,
    mutation::Mutation,
    scopes::{self, one_order, two_orders},
};

#[test]
fn the_properties_hold_in_every_state() {
    let explored = scopes::small().into_iter().map(|scope| {
        let explored = explore(scope.bounds, None).expect("all states");
        assert!(explored.violations.is_empty(), "{}: {:#?}", scope.name, explored.violations);
        explored
    });
    // Every situation that should be reached is reached in at least one of the scopes.
    let mut unreached = explored.map(|explored| BTreeSet::from_iter(explored.unreached));
    let first = unreached.next().unwrap_or_default();
    let never_reached = unreached.fold(first, |all, unreached| &all & &unreached);
    assert_eq!(never_reached, BTreeSet::new());
}

/// Returns bounds in which the mutation causes a violation.
fn bounds_for(mutation: Mutation) -> Bounds {
    let bounds = Bounds {
        cards: one_order(),
        pieces: 1,
        faults: 0,
        repeats: 0,
        cancels: true,
        small_steps: false,
        early_schedules: false,
    };
    match mutation {
        // The violation needs another function to run between reading and writing,
        Mutation::AppendAnywhere | Mutation::IgnorePaymentVersion => Bounds { small_steps: true, ..bounds },
        // or two orders for the same piece.
        Mutation::ReserveUnavailable => Bounds { cards: two_orders(), cancels: false, ..bounds },
        _ => Bounds { faults: 1, ..bounds },
    }
}

#[test]
fn every_mutation_violates_a_property() {
    for mutation in Mutation::VARIANTS.iter().copied() {
        let explored = explore(bounds_for(mutation), Some(mutation)).expect("all states up to the violation");
        assert!(!explored.violations.is_empty(), "{mutation:?} violates nothing in {} states", explored.states);
    }
}
