//! The inventory table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | stock of a product | `PRODUCT#<product>` | `STOCK` |
//! | reservation of an order, by part | `ORDER#<order>` | `PART#<n>` |
//! | outbox entry | `EVENT#<event>` | `EVENT` |
//!
//! A reservation, the stock it takes from and the event that tells of it are one transaction. DynamoDB takes 100 writes in one, so
//! an order of more than 90 products has two parts; a later part is only set aside while the first one stands, and an order that
//! was released before anything was set aside leaves a first part that says so.

use contracts::{Cause, Envelope, InventoryEvent, StockLine, StockRejected, StockReleased, StockReserved};
use dynamo::{Item, Key, Refusal, StoreError, Table, TransactError, Write, item, number, outbox_item, text};
use kernel::{OrderId, ProductId, Timestamp};

use crate::{
    InventoryError,
    domain::{Change, Effect, MOST_ON_HAND, RESERVE, Reservation, Status, Stock},
};

/// How many lines are set aside in one transaction; beside them it takes the part, a check of the first part, and an event.
const LINES_PER_PART: usize = 90;

/// How often a step that met another one on the same reservation is tried.
const TRIES: usize = 8;

pub struct Store {
    table: Table,
}

fn stock_key(id: ProductId) -> Key {
    Key::new(format!("PRODUCT#{id}"), "STOCK")
}

fn part_key(id: OrderId, part: usize) -> Key {
    Key::new(format!("ORDER#{id}"), format!("PART#{part}"))
}

impl Store {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    pub async fn stock(&self, id: ProductId) -> Result<Option<Stock>, StoreError> {
        self.table.get(&stock_key(id)).await
    }

    pub async fn keep(&self, id: ProductId) -> Result<(), StoreError> {
        let nothing = Stock { product_id: id, available: 0, reserved: 0 };
        self.table.write_if_allowed(Write::put(item(&stock_key(id), &nothing)?).if_absent()).await.map(drop)
    }

    /// Whether the change could be made: never below what is set aside.
    pub async fn change(&self, id: ProductId, change: Change) -> Result<bool, StoreError> {
        let write = match change {
            Change::Set(on_hand) => Write::update(stock_key(id), "SET available = :n - reserved")
                .only_if("attribute_exists(pk) AND reserved <= :n")
                .with([number(":n", on_hand)]),
            Change::Adjust(by) => Write::update(stock_key(id), "SET available = available + :by")
                .only_if("available BETWEEN :least AND :most")
                .with([number(":by", by), number(":least", (-by).max(0)), number(":most", MOST_ON_HAND - by)]),
        };
        self.table.transact_if_allowed(vec![write]).await
    }

    pub async fn reserve(
        &self,
        id: OrderId,
        lines: &[StockLine],
        now: Timestamp,
        cause: &Cause,
    ) -> Result<(), InventoryError> {
        let parts: Vec<&[StockLine]> = lines.chunks(LINES_PER_PART).collect();
        let mut part = 0;
        for _ in 0..parts.len() + TRIES {
            let Some(part_lines) = parts.get(part) else {
                return Ok(());
            };
            let reservation = Reservation { status: Status::Reserved, lines: part_lines.to_vec(), short: Vec::new() };
            let mut writes = vec![Write::put(item(&part_key(id, part), &reservation)?).if_absent()];
            writes.extend(part_lines.iter().map(|line| stock_write(line, RESERVE)));
            if part > 0 {
                let stands = Write::check(part_key(id, 0)).only_if("#status = :reserved");
                writes.push(stands.with([text(":reserved", "reserved")]));
            }
            if part + 1 == parts.len() {
                let reserved = StockReserved { order_id: id, lines: lines.to_vec() };
                writes.push(event(reserved, id, 1, now, cause)?);
            }
            match self.table.transact(writes).await {
                Ok(()) => part += 1,
                Err(TransactError::Store(error)) => return Err(error.into()),
                Err(TransactError::Refused(refusal)) => match refusal.found(0) {
                    Some(there) => match self.table.read::<Reservation>(there.clone())? {
                        Reservation { status: Status::Reserved | Status::Committed, .. } => part += 1,
                        Reservation { status: Status::Released, .. } => return Err(InventoryError::Ended),
                        Reservation { status: Status::Rejected, short, .. } => {
                            return Err(InventoryError::OutOfStock(short));
                        }
                    },
                    None => {
                        let short = short_of(part_lines, &refusal);
                        if short.is_empty() {
                            // The first part is not reserved any more.
                            part = 0;
                        } else if self.reject(id, part, &short, now, cause).await? {
                            return Err(InventoryError::OutOfStock(short));
                        }
                    }
                },
            }
        }
        Err(InventoryError::Busy)
    }

    /// Ends the reservation for want of stock in its part `at`, putting back what is set aside of it already. Not if another
    /// execution of the same step was luckier: what it set aside stands.
    async fn reject(
        &self,
        id: OrderId,
        at: usize,
        short: &[ProductId],
        now: Timestamp,
        cause: &Cause,
    ) -> Result<bool, StoreError> {
        let rejected = event(StockRejected { order_id: id, short: short.to_vec() }, id, 1, now, cause)?;
        let end = |lines| Reservation { status: Status::Rejected, lines, short: short.to_vec() };
        if at == 0 {
            let write = Write::put(item(&part_key(id, 0), &end(Vec::new()))?).if_absent();
            return self.table.transact_if_allowed(vec![write, rejected]).await;
        }
        let Some(first) = self.table.get::<Reservation>(&part_key(id, 0)).await? else { return Ok(false) };
        let Some(effect) = first.status.release().filter(|_| first.status == Status::Reserved) else {
            return Ok(false);
        };
        let still = Write::put(item(&part_key(id, 0), &end(first.lines.clone()))?).only_if("#status = :reserved");
        let mut writes = vec![
            still.with([text(":reserved", "reserved")]),
            Write::check(part_key(id, at)).only_if("attribute_not_exists(pk)"),
            rejected,
        ];
        writes.extend(first.lines.iter().map(|line| stock_write(line, effect)));
        self.table.transact_if_allowed(writes).await
    }

    pub async fn commit(&self, id: OrderId) -> Result<(), InventoryError> {
        for _ in 0..TRIES {
            let parts = self.parts(id).await?;
            if parts.is_empty() || parts.iter().any(|part| part.status == Status::Rejected) {
                return Err(InventoryError::NotReserved);
            }
            let mut all_done = true;
            for (part, reservation) in parts.iter().enumerate() {
                if let Some(effect) = reservation.status.commit() {
                    all_done &= self.take_step(id, part, reservation, effect, None).await?;
                }
            }
            if all_done {
                return Ok(());
            }
        }
        Err(InventoryError::Busy)
    }

    pub async fn release(&self, id: OrderId, now: Timestamp, cause: &Cause) -> Result<(), InventoryError> {
        for _ in 0..TRIES {
            let parts = self.parts(id).await?;
            if parts.is_empty() {
                let never = Reservation { status: Status::Released, lines: Vec::new(), short: Vec::new() };
                let write = Write::put(item(&part_key(id, 0), &never)?).if_absent();
                self.table.transact_if_allowed(vec![write]).await?;
                continue;
            }
            let open = parts.iter().enumerate().filter_map(|(part, reservation)| {
                reservation.status.release().map(|effect| (part, reservation, effect))
            });
            let open: Vec<_> = open.collect();
            // Only a fresh look says that all is done: a part may have been added or changed since this one.
            if open.is_empty() {
                return Ok(());
            }
            for (part, reservation, effect) in open {
                let last = part + 1 == parts.len();
                let released = last.then(|| {
                    let lines = parts.iter().flat_map(|part| part.lines.clone()).collect();
                    event(StockReleased { order_id: id, lines }, id, 2, now, cause)
                });
                let released = released.transpose()?;
                self.take_step(id, part, reservation, effect, released).await?;
            }
        }
        Err(InventoryError::Busy)
    }

    async fn parts(&self, id: OrderId) -> Result<Vec<Reservation>, StoreError> {
        self.table.all(&format!("ORDER#{id}"), "PART#").await
    }

    /// Whether the step was taken; not if the part has changed since it was read.
    async fn take_step(
        &self,
        id: OrderId,
        part: usize,
        reservation: &Reservation,
        effect: Effect,
        event: Option<Write>,
    ) -> Result<bool, StoreError> {
        let then = Reservation { status: effect.to, ..reservation.clone() };
        let seen = item(&part_key(id, part), reservation)?.remove("status");
        let unchanged = Write::put(item(&part_key(id, part), &then)?).only_if("#status = :seen");
        let mut writes = vec![unchanged.with(seen.map(|status| (":seen".to_owned(), status)))];
        writes.extend(reservation.lines.iter().map(|line| stock_write(line, effect)));
        writes.extend(event);
        self.table.transact_if_allowed(writes).await
    }
}

/// What `effect` does to the stock of one line: only if that much is there.
fn stock_write(line: &StockLine, effect: Effect) -> Write {
    let pieces = i64::from(line.quantity.get());
    Write::update(stock_key(line.product_id), "SET available = available + :available, reserved = reserved + :reserved")
        .only_if("available >= :least_available AND reserved >= :least_reserved")
        .with([
            number(":available", pieces * effect.available),
            number(":reserved", pieces * effect.reserved),
            number(":least_available", (-pieces * effect.available).max(0)),
            number(":least_reserved", (-pieces * effect.reserved).max(0)),
        ])
}

/// The products whose stock did not suffice; the writes of the lines follow that of the part.
fn short_of(lines: &[StockLine], refusal: &Refusal) -> Vec<ProductId> {
    let failed = |(index, line): (usize, &StockLine)| refusal.failed(index + 1).then_some(line.product_id);
    lines.iter().enumerate().filter_map(failed).collect()
}

fn event(
    event: impl Into<InventoryEvent>,
    id: OrderId,
    sequence: u64,
    now: Timestamp,
    cause: &Cause,
) -> Result<Write, StoreError> {
    let item: Item = outbox_item(&Envelope::new(event.into(), id, sequence, now, cause))?;
    Ok(Write::put(item))
}
