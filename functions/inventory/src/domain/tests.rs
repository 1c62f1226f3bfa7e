use contracts::StockLine;
use kernel::{ProductId, Quantity, Timestamp};
use proptest::prelude::*;

use super::{reservation::take, *};

const SPLITS: u8 = 4;

/// One product and its orders, in the way that the store writes them: a step is planned on what was read, which may be
/// out of date, and is written only if no counter falls below zero.
#[derive(Debug)]
struct Shop {
    stock: Stock,
    /// The stock that a slow reader has read.
    seen: Stock,
    orders: Vec<(i64, Option<Reservation>)>,
    start: i64,
    adjusted: i64,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Read,
    Reserve { order: usize, random: u64, stale: bool },
    Commit(usize),
    Release(usize),
    Change(Change),
}

impl Shop {
    fn new(start: i64, orders: &[i64]) -> Self {
        let product_id = ProductId::derived("test", "mug");
        let empty = Counter { split: 0, available: 0, on_hand: 0, version: 1, changes: 0 };
        let stock = Stock { product_id, counters: vec![empty] };
        let filled = stock.change(Change::Set(start), SPLITS).expect("room");
        let stock = stock.after(&filled);
        let orders = orders.iter().map(|pieces| (*pieces, None)).collect();
        Self { seen: stock.clone(), stock, orders, start, adjusted: 0 }
    }

    /// Writes the movements unless one of them takes more than there is. Returns whether they were written.
    fn write(&mut self, movements: &[Movement]) -> bool {
        let after = self.stock.clone().after(movements);
        let holds = after.counters.iter().all(|counter| counter.available >= 0 && counter.on_hand >= 0);
        if holds {
            self.stock = after;
        }
        holds
    }

    fn line(&self, order: usize) -> StockLine {
        let quantity = Quantity::try_from(u32::try_from(self.orders[order].0).expect("small")).expect("a quantity");
        StockLine { product_id: self.stock.product_id, quantity }
    }

    fn reserve(&mut self, order: usize, random: u64, stale: bool) {
        if self.orders[order].1.is_some() {
            return;
        }
        let line = self.line(order);
        let read = if stale { self.seen.clone() } else { self.stock.clone() };
        let reserved_until = Timestamp::from_millis(0);
        let taken = take(&[line], &[read], random);
        let (status, taken, short) = match taken {
            Ok(taken) => (Status::Reserved, taken, Vec::new()),
            Err(short) => (Status::Rejected, Vec::new(), short),
        };
        let movements: Vec<Movement> = taken.iter().map(|taken| Effect::RESERVE.on(*taken)).collect();
        if self.write(&movements) {
            self.orders[order].1 =
                Some(Reservation { status, lines: vec![line], taken, reserved_until, asked: 0, short });
        }
    }

    fn step(&mut self, order: usize, effect: Option<Effect>) {
        let Some(reservation) = self.orders[order].1.clone() else { return };
        let Some(effect) = effect else { return };
        let movements: Vec<Movement> = reservation.taken.iter().map(|taken| effect.on(*taken)).collect();
        if self.write(&movements) {
            self.orders[order].1 = Some(Reservation { status: effect.to, ..reservation });
        }
    }

    fn status(&self, order: usize) -> Option<Status> {
        self.orders[order].1.as_ref().map(|reservation| reservation.status)
    }

    fn take_step(&mut self, step: Step) {
        match step {
            Step::Read => self.seen = self.stock.clone(),
            Step::Reserve { order, random, stale } => self.reserve(order, random, stale),
            Step::Commit(order) => self.step(order, self.status(order).and_then(Status::commit)),
            Step::Release(order) => self.step(order, self.status(order).and_then(Status::release)),
            Step::Change(change) => {
                let before = self.stock.on_hand();
                if let Ok(movements) = self.stock.change(change, SPLITS)
                    && self.write(&movements)
                {
                    self.adjusted += self.stock.on_hand() - before;
                }
            }
        }
    }

    fn pieces(&self, wanted: Status) -> i64 {
        let of = |(pieces, reservation): &(i64, Option<Reservation>)| {
            reservation.as_ref().filter(|reservation| reservation.status == wanted).map_or(0, |_| *pieces)
        };
        self.orders.iter().map(of).sum()
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let order = 0..6_usize;
    prop_oneof![
        Just(Step::Read),
        (order.clone(), any::<u64>(), any::<bool>()).prop_map(|(order, random, stale)| Step::Reserve {
            order,
            random,
            stale
        }),
        order.clone().prop_map(Step::Commit),
        order.prop_map(Step::Release),
        (-9_i64..12).prop_map(|by| Step::Change(Change::Adjust(by))),
        (0_i64..30).prop_map(|on_hand| Step::Change(Change::Set(on_hand))),
    ]
}

proptest! {
    /// Steps may come twice, late, out of order, or decided on out-of-date stock: no counter falls below zero, no piece
    /// is sold twice, and none is lost.
    #[test]
    fn stock_adds_up(
        start in 0_i64..40,
        orders in proptest::collection::vec(1_i64..6, 6),
        steps in proptest::collection::vec(any_step(), 0..80),
    ) {
        let mut shop = Shop::new(start, &orders);
        for step in steps {
            shop.take_step(step);
            let counters = &shop.stock.counters;
            prop_assert!(counters.iter().all(|counter| 0 <= counter.available && counter.available <= counter.on_hand));
            prop_assert_eq!(shop.stock.reserved(), shop.pieces(Status::Reserved));
            prop_assert_eq!(shop.stock.on_hand(), shop.start + shop.adjusted - shop.pieces(Status::Committed));
        }
    }

    /// A line is refused only if all counters together have too little.
    #[test]
    fn a_line_is_refused_only_if_stock_is_short(
        counters in proptest::collection::vec(0_i64..5, 1..8),
        pieces in 1_i64..20,
        random in any::<u64>(),
    ) {
        let stock = stock(&counters);
        match stock.take(pieces, random) {
            None => prop_assert!(stock.available() < pieces),
            Some(taken) => {
                prop_assert_eq!(taken.iter().map(|(_, pieces)| pieces).sum::<i64>(), pieces);
                for (split, pieces) in taken {
                    prop_assert!(0 < pieces && pieces <= counters[usize::from(split)]);
                }
            }
        }
    }

    /// A change moves exactly as many pieces as requested, and leaves no counter below zero.
    #[test]
    fn a_change_is_exact(counters in proptest::collection::vec(0_i64..50, 1..8), by in -200_i64..400) {
        let stock = stock(&counters);
        let before = stock.on_hand();
        match stock.change(Change::Adjust(by), SPLITS) {
            Err(refused) => prop_assert!(refused == Refused::TooLittle && before + by < 0),
            Ok(movements) => {
                let after = stock.after(&movements);
                prop_assert_eq!(after.on_hand(), before + by);
                prop_assert!(after.counters.iter().all(|counter| counter.available >= 0));
            }
        }
    }
}

fn stock(available: &[i64]) -> Stock {
    let counter = |(split, available): (usize, &i64)| Counter {
        split: u8::try_from(split).expect("few"),
        available: *available,
        on_hand: *available,
        version: 1,
        changes: 0,
    };
    Stock {
        product_id: ProductId::derived("test", "mug"),
        counters: available.iter().enumerate().map(counter).collect(),
    }
}

#[test]
fn small_stock_stays_in_one_counter_and_large_stock_is_spread() {
    let spread = |pieces| {
        let movements = stock(&[0]).change(Change::Set(pieces), 8).expect("room");
        let mut pieces: Vec<i64> = movements.iter().map(|movement| movement.available).collect();
        pieces.sort_unstable();
        pieces
    };
    assert_eq!(spread(3), [3]);
    assert_eq!(spread(9), [4, 5]);
    assert_eq!(spread(1_000), [125; 8]);
}

#[test]
fn the_counter_is_chosen_at_random() {
    let full = stock(&[9, 9, 1, 9]);
    let chosen: Vec<u8> =
        (0..6).flat_map(|random| full.take(5, random).expect("enough")).map(|(split, _)| split).collect();
    assert_eq!(chosen, [0, 1, 3, 0, 1, 3]);
}

#[test]
fn stock_has_a_maximum() {
    let full = stock(&[MAX_ON_HAND]);
    assert_eq!(full.change(Change::Adjust(1), 8), Err(Refused::TooMuch));
    assert_eq!(full.change(Change::Set(MAX_ON_HAND + 1), 8), Err(Refused::TooMuch));
    assert_eq!(full.change(Change::Set(MAX_ON_HAND), 8), Ok(Vec::new()));
}

#[test]
fn an_ended_reservation_stays_ended() {
    for ended in [Status::Released, Status::Rejected] {
        assert_eq!([ended.commit(), ended.release()], [None; 2]);
    }
}
