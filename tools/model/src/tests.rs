use std::collections::BTreeSet;

use crate::{
    explore::explore,
    model::Bounds,
    mutation::Mutation,
    scopes::{self, one_order, two_orders},
};

#[test]
fn whatever_happens_the_properties_hold() {
    let explored = scopes::small().into_iter().map(|scope| {
        let explored = explore(scope.bounds, None).expect("all moments");
        assert!(explored.broken.is_empty(), "{}: {:#?}", scope.name, explored.broken);
        explored
    });
    // Each thing that was to be seen is seen in one of them at least.
    let mut unseen = explored.map(|explored| BTreeSet::from_iter(explored.unseen));
    let first = unseen.next().unwrap_or_default();
    let nowhere = unseen.fold(first, |nowhere, unseen| &nowhere & &unseen);
    assert_eq!(nowhere, BTreeSet::new());
}

/// Where each mutation shows.
fn bounds_for(mutation: Mutation) -> Bounds {
    let calm = Bounds {
        cards: one_order(),
        pieces: 1,
        faults: 0,
        repeats: 0,
        cancels: true,
        small_steps: false,
        impatient: false,
    };
    match mutation {
        // They show only where others come between reading and writing,
        Mutation::WriteAnyPlace | Mutation::WriteAnyVersion => Bounds { small_steps: true, ..calm },
        // or where two want the same piece.
        Mutation::TakeUnchecked => Bounds { cards: two_orders(), cancels: false, ..calm },
        _ => Bounds { faults: 1, ..calm },
    }
}

#[test]
fn every_rule_that_is_broken_breaks_something() {
    for mutation in Mutation::ALL {
        let whole = explore(bounds_for(mutation), Some(mutation)).expect("all moments until then");
        assert!(!whole.broken.is_empty(), "{mutation:?} breaks nothing in {} moments", whole.states);
    }
}
