use crate::{
    explore::explore,
    model::Bounds,
    mutation::Mutation,
    scopes::{self, one_order, two_orders},
};

#[test]
fn whatever_happens_the_properties_hold() {
    for scope in scopes::small() {
        let explored = explore(scope.bounds, None).expect("all moments");
        assert!(explored.broken.is_empty(), "{}: {:#?}", scope.name, explored.broken);
    }
}

#[test]
fn what_can_happen_is_seen() {
    let explored = explore(scopes::small().remove(0).bounds, None).expect("all moments");
    assert_eq!(explored.unseen, [""; 0]);
    assert!(explored.states > 10_000 && explored.depth > 10, "{explored:?}");
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
