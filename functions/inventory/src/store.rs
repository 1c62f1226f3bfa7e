//! The inventory table.
//!
//! | item | pk | sk | gsi1pk | gsi1sk |
//! | --- | --- | --- | --- | --- |
//! | counter of a product's stock | `PRODUCT#<product>` | `STOCK#<split>` | | |
//! | last published stock level | `PRODUCT#<product>` | `PUBLISHED` | | |
//! | reservation of an order, by part | `ORDER#<order>` | `PART#<n>` | `OPEN#<shard>` | `<reserved until>#<order>` |
//! | response to an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` | | |
//! | outbox entry | `EVENT#<event>` | `EVENT` | | |
//!
//! | access pattern | how |
//! | --- | --- |
//! | the stock of a product | Query `PRODUCT#`, prefix `STOCK#` |
//! | reserve pieces | that Query per line, one TransactWriteItems |
//! | commit or release a reservation | Query `ORDER#`, one TransactWriteItems per part |
//! | expired reservations | Query of gsi1 per shard, up to now (keys only; only parts that are reserved are in it) |
//!
//! A reservation and the counters that it takes pieces from are written in one transaction. A DynamoDB transaction has
//! at most 100 writes, and a line may take from every counter of its product; so an order with many lines has several
//! parts. A later part is only reserved while the first part is reserved. An order that is released before anything was
//! reserved gets a released first part, which marks it as ended. `StockReserved` is derived from the part that
//! completes a reservation, when the stream is published: this part has the cause of the event, and a `kind` for the
//! filter of the stream.
//!
//! All counters of a product are in one partition, to which AWS allows 1,000 write units per second: 500 steps of
//! reservations of one product, until DynamoDB splits the partition between the counters.

use std::time::Duration;

use contracts::{
    Cause, Envelope, InventoryEvent, ReservationExpired, StockLevel, StockLine, StockRejected, StockReleased,
    StockReserved,
};
use dynamo::{
    IdempotencyKey, Item, Key, Query, StoreError, StoredResponse, Table, TransactError, Write, item, number,
    outbox_item, text,
};
use futures::future::{join_all, try_join_all};
use kernel::{EventId, OrderId, ProductId, Timestamp};
use lambda::{outbox::ChangedItem, problem::Problem};
use serde::{Deserialize, Serialize};

use crate::{
    InventoryError,
    domain::{Change, Counter, Effect, Found, Movement, Reservation, Status, Stock, Taken, take},
};

/// How often a step is attempted when it conflicts with another one.
const MAX_ATTEMPTS: usize = 8;

/// The number of index partitions that the open reservations are spread over.
const OPEN_SHARDS: u8 = 8;

/// The `kind` of a counter, for the stream filter of the publisher.
pub const STOCK_KIND: &str = "stock";

/// The `kind` of the part that completes a reservation. It is removed when the part changes.
const RESERVED_KIND: &str = "reserved";

pub struct Store {
    table: Table,
    splits: u8,
}

/// The result of a change of stock.
pub enum Changed {
    /// The stock after the change.
    Done(Stock),
    /// The item that is stored under the idempotency key; nothing was written.
    Replayed(Item),
}

/// Additional attributes of the part that completes a reservation, for its `StockReserved` event.
#[derive(Serialize, Deserialize)]
struct Completion {
    kind: String,
    reserved_at: Timestamp,
    #[serde(flatten)]
    cause: Cause,
}

/// The last published stock level of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedLevel {
    /// The last level that was certainly published.
    pub level: StockLevel,
    /// A level that may have been published later: the publisher recorded it before it published it, and did not
    /// confirm it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<StockLevel>,
    /// The sequence of the stock at that time.
    pub sequence: u64,
}

fn product_pk(id: ProductId) -> String {
    format!("PRODUCT#{id}")
}

fn counter_key(id: ProductId, split: u8) -> Key {
    Key::new(product_pk(id), format!("STOCK#{split:02}"))
}

fn published_level_key(id: ProductId) -> Key {
    Key::new(product_pk(id), "PUBLISHED")
}

fn part_key(id: OrderId, part: usize) -> Key {
    Key::new(format!("ORDER#{id}"), format!("PART#{part:02}"))
}

/// Returns the order that a part belongs to.
fn order_of(key: &Key) -> Option<OrderId> {
    key.pk.strip_prefix("ORDER#")?.parse().ok()
}

/// Returns the product that an item in the stream belongs to.
pub fn product_of(key: &Key) -> Option<ProductId> {
    key.pk.strip_prefix("PRODUCT#")?.parse().ok()
}

impl Store {
    /// `splits` is the number of counters that the stock of a product is divided into.
    pub fn new(table: Table, splits: u8) -> Self {
        Self { table, splits }
    }

    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Returns how many lines are reserved in one transaction. Each line may take from every counter; the other writes
    /// are the part itself, a check of the first part, and the event of a release.
    fn lines_per_part(&self) -> usize {
        (97 / usize::from(self.splits)).min(90)
    }

    pub async fn stock(&self, product_id: ProductId) -> Result<Option<Stock>, StoreError> {
        let counters: Vec<Counter> = self.table.all(&product_pk(product_id), "STOCK#").await?;
        Ok((!counters.is_empty()).then_some(Stock { product_id, counters }))
    }

    /// Returns the stock of the product of each line. An unknown product has no stock.
    async fn stocks(&self, lines: &[StockLine]) -> Result<Vec<Stock>, StoreError> {
        try_join_all(lines.iter().map(|line| async {
            let product_id = line.product_id;
            Ok(self.stock(product_id).await?.unwrap_or(Stock { product_id, counters: Vec::new() }))
        }))
        .await
    }

    /// Creates the stock of a product, with no pieces.
    pub async fn create_stock(&self, id: ProductId) -> Result<(), StoreError> {
        let empty = Counter { split: 0, available: 0, on_hand: 0, version: 1, changes: 0 };
        let mut counter = item(&counter_key(id, 0), &empty)?;
        counter.extend([text("kind", STOCK_KIND)]);
        self.table.write_if_allowed(Write::put(counter).if_absent()).await.map(drop)
    }

    /// Sets or adjusts `stock`, which was just read, and stores what `respond` makes of the result under the
    /// idempotency key. Returns nothing if the stock was changed in the meantime.
    ///
    /// A change expects the number of changes that was read, so that changes happen one after the other. Reservations
    /// may happen in between: they only move pieces, and the write fails if the pieces that a change takes away are no
    /// longer there.
    pub async fn change(
        &self,
        stock: &Stock,
        change: Change,
        idempotency: Option<(&IdempotencyKey, impl FnOnce(&Stock) -> Result<StoredResponse, Problem>)>,
        now: Timestamp,
    ) -> Result<Option<Changed>, InventoryError> {
        let refused = |refused| InventoryError::refused(refused, stock);
        let mut movements = stock.change(change, self.splits).map_err(refused)?;
        if movements.iter().all(|movement| movement.split != 0) {
            movements.push(Movement { split: 0, available: 0, on_hand: 0 });
        }
        let after = stock.clone().after(&movements);
        let mut writes: Vec<Write> = movements.iter().map(|movement| change_write(stock, *movement)).collect();
        let key_index = writes.len();
        if let Some((key, respond)) = idempotency {
            writes.push(key.store(&respond(&after).map_err(InventoryError::Response)?, now)?);
        }
        match self.table.transact(writes).await {
            Ok(()) => Ok(Some(Changed::Done(after))),
            Err(TransactError::Refused(refusal)) => Ok(refusal.found(key_index).cloned().map(Changed::Replayed)),
            Err(TransactError::Store(error)) => Err(error.into()),
        }
    }

    pub async fn reserve(
        &self,
        id: OrderId,
        lines: &[StockLine],
        lifetime: Duration,
        cause: &Cause,
    ) -> Result<(), InventoryError> {
        let parts: Vec<&[StockLine]> = lines.chunks(self.lines_per_part()).collect();
        let (mut part, mut was_short) = (0, false);
        for _ in 0..parts.len() + MAX_ATTEMPTS {
            let Some(part_lines) = parts.get(part) else {
                return Ok(());
            };
            // Executions that failed together read again together: the random number keeps them from choosing the same
            // counters again.
            let taken = match take(part_lines, &self.stocks(part_lines).await?, rand::random()) {
                Ok(taken) => taken,
                Err(short) => {
                    if let Some(existing) = self.table.get(&part_key(id, part)).await? {
                        part = self.resume(id, part, part_lines, existing).await?;
                    } else if !was_short {
                        // The counters are not read at one point in time: pieces may have come back to one after it was
                        // read.
                        was_short = true;
                    } else if self.reject(id, part, &short, cause).await? {
                        return Err(InventoryError::OutOfStock(short));
                    } else {
                        // Another execution was faster and has reserved or rejected it: the first part shows which.
                        part = 0;
                    }
                    continue;
                }
            };
            let now = Timestamp::now();
            let seconds = seconds(lifetime);
            let reservation = Reservation {
                status: Status::Reserved,
                lines: part_lines.to_vec(),
                taken,
                reserved_until: now.plus_seconds(seconds),
                asked: 0,
                short: Vec::new(),
            };
            let mut new_part = part_item(id, part, &reservation)?;
            if part + 1 == parts.len() {
                let kind = RESERVED_KIND.to_owned();
                let completion = Completion { kind, reserved_at: now, cause: cause.clone() };
                new_part.extend(item(&part_key(id, part), &completion)?);
            }
            let mut writes = vec![Write::put(new_part).if_absent()];
            writes.extend(reservation.taken.iter().map(|taken| step_write(*taken, Effect::RESERVE)));
            if part > 0 {
                writes.push(if_reserved(Write::check(part_key(id, 0))));
            }
            let first_part_check_index = reservation.taken.len() + 1;
            match self.table.transact(writes).await {
                Ok(()) => part += 1,
                Err(TransactError::Store(error)) => return Err(error.into()),
                Err(TransactError::Refused(refusal)) => match refusal.found(0) {
                    Some(existing) => {
                        let existing = self.table.read(existing.clone())?;
                        part = self.resume(id, part, part_lines, existing).await?;
                    }
                    None if part > 0 && refusal.failed(first_part_check_index) => part = 0,
                    // Others took the pieces in the meantime; other counters may have more.
                    None => {}
                },
            }
        }
        Err(InventoryError::Busy)
    }

    /// Returns the part to continue with, given that an earlier execution of the same step has written part `at` as
    /// `existing`.
    async fn resume(
        &self,
        id: OrderId,
        at: usize,
        lines: &[StockLine],
        existing: Reservation,
    ) -> Result<usize, InventoryError> {
        match existing.found_for(lines) {
            Found::Done => Ok(at + 1),
            Found::Ended => Err(InventoryError::Ended),
            Found::Short(short) => {
                self.release_rest(id).await?;
                Err(InventoryError::OutOfStock(short))
            }
        }
    }

    /// Rejects the reservation because part `at` is short of stock, and releases what is already reserved. Returns
    /// false if another execution of the same step was faster.
    async fn reject(&self, id: OrderId, at: usize, short: &[ProductId], cause: &Cause) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let rejected = event(StockRejected { order_id: id, short: short.to_vec() }, id, 1, now, cause)?;
        let (status, short) = (Status::Rejected, short.to_vec());
        if at == 0 {
            let (lines, taken) = (Vec::new(), Vec::new());
            let part = Reservation { status, lines, taken, reserved_until: now, asked: 0, short };
            let write = Write::put(part_item(id, 0, &part)?).if_absent();
            return self.table.transact_if_allowed(vec![write, rejected]).await;
        }
        let Some(first) = self.table.get::<Reservation>(&part_key(id, 0)).await? else { return Ok(false) };
        let Some(effect) = first.status.release().filter(|_| first.status == Status::Reserved) else {
            return Ok(false);
        };
        let ended = Reservation { status, short, ..first.clone() };
        let mut writes = vec![
            if_reserved(Write::put(part_item(id, 0, &ended)?)),
            Write::check(part_key(id, at)).only_if("attribute_not_exists(pk)"),
            rejected,
        ];
        writes.extend(first.taken.iter().map(|taken| step_write(*taken, effect)));
        let is_rejected = self.table.transact_if_allowed(writes).await?;
        if is_rejected {
            self.release_rest(id).await?;
        }
        Ok(is_rejected)
    }

    /// Releases the parts of a rejected reservation that are still reserved. If that is interrupted, the next execution
    /// of the step or the sweep continues it.
    async fn release_rest(&self, id: OrderId) -> Result<(), StoreError> {
        for (part, reservation) in self.parts(id).await?.iter().enumerate() {
            if let Some(effect) = reservation.status.release() {
                self.take_step(id, part, reservation, effect, None).await?;
            }
        }
        Ok(())
    }

    pub async fn commit(&self, id: OrderId) -> Result<(), InventoryError> {
        for _ in 0..MAX_ATTEMPTS {
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

    pub async fn release(&self, id: OrderId, cause: &Cause) -> Result<(), InventoryError> {
        for _ in 0..MAX_ATTEMPTS {
            let parts = self.parts(id).await?;
            if parts.is_empty() {
                let reserved_until = Timestamp::now();
                let (lines, taken, short) = (Vec::new(), Vec::new(), Vec::new());
                let tombstone = Reservation { status: Status::Released, lines, taken, reserved_until, asked: 0, short };
                let write = Write::put(part_item(id, 0, &tombstone)?).if_absent();
                self.table.transact_if_allowed(vec![write]).await?;
                continue;
            }
            // Only another read shows that everything is released: a part may have been added or changed since this
            // one.
            let open = parts.iter().enumerate().filter_map(|(part, reservation)| {
                reservation.status.release().map(|effect| (part, reservation, effect))
            });
            let open: Vec<_> = open.collect();
            if open.is_empty() {
                return Ok(());
            }
            for (part, reservation, effect) in open {
                let sequence = FIRST_FOLLOW_UP_SEQUENCE + u64::from(reservation.asked) + part as u64;
                let released = StockReleased { order_id: id, lines: reservation.lines.clone() };
                let released = event(released, id, sequence, Timestamp::now(), cause)?;
                self.take_step(id, part, reservation, effect, Some(released)).await?;
            }
        }
        Err(InventoryError::Busy)
    }

    /// Publishes `ReservationExpired` if the reservation of an order has expired at `now`, and again after another
    /// `lifetime`. Returns how often that was done so far, or nothing if the reservation has not expired.
    pub async fn expire(
        &self,
        id: OrderId,
        now: Timestamp,
        lifetime: Duration,
        cause: &Cause,
    ) -> Result<Option<u32>, StoreError> {
        let parts = self.parts(id).await?;
        if parts.first().is_some_and(|first| first.status == Status::Rejected) {
            self.release_rest(id).await?;
            return Ok(None);
        }
        let open: Vec<(usize, &Reservation)> =
            parts.iter().enumerate().filter(|(_, part)| part.status == Status::Reserved).collect();
        // The parts of an order are reserved one after the other, and reported together once the last of them has
        // expired.
        if open.is_empty() || open.iter().any(|(_, part)| part.reserved_until > now) {
            return Ok(None);
        }
        let asked = open.iter().map(|(_, part)| part.asked).max().unwrap_or_default() + 1;
        let lines = open.iter().flat_map(|(_, part)| part.lines.clone()).collect();
        let expired = ReservationExpired { order_id: id, lines };
        let mut writes = vec![event(expired, id, FIRST_FOLLOW_UP_SEQUENCE - 1 + u64::from(asked), now, cause)?];
        for (part, reservation) in open {
            let reserved_until = now.plus_seconds(seconds(lifetime));
            let later = part_item(id, part, &Reservation { reserved_until, asked, ..reservation.clone() })?;
            let unchanged = Write::put(later).only_if("#status = :reserved AND reserved_until = :seen");
            writes.push(unchanged.with([text(":reserved", "reserved"), text(":seen", reservation.reserved_until)]));
        }
        Ok(self.table.transact_if_allowed(writes).await?.then_some(asked))
    }

    /// Returns orders whose reservations have expired at `now`, at most `limit` from each shard.
    pub async fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, StoreError> {
        #[derive(Deserialize)]
        struct Open {
            gsi1sk: String,
        }
        let shards = join_all((0..OPEN_SHARDS).map(|shard| async move {
            let query = Query {
                index: Some("gsi1"),
                pk: open_pk(shard),
                sk_prefix: "",
                after: Some(now.to_string()),
                descending: true,
                limit,
            };
            self.table.page::<Open>(&query).await
        }));
        let mut orders = Vec::new();
        for page in shards.await {
            let order_of = |open: &Open| open.gsi1sk.split_once('#')?.1.parse::<OrderId>().ok();
            orders.extend(page?.items.iter().filter_map(order_of));
        }
        orders.sort_unstable();
        orders.dedup();
        Ok(orders)
    }

    /// Returns `StockReserved` if `changed` is the part that completed a reservation. The id of the event is always the
    /// same.
    pub async fn stock_reserved(&self, changed: &ChangedItem) -> Result<Option<Envelope<InventoryEvent>>, StoreError> {
        let Some(order_id) = order_of(&changed.key) else { return Ok(None) };
        let Completion { reserved_at, cause, .. } = self.table.read(changed.item.clone())?;
        let mut lines = self.table.read::<Reservation>(changed.item.clone())?.lines;
        if changed.key != part_key(order_id, 0) {
            // It is the last of several parts, and the lines of a part never change.
            lines = self.parts(order_id).await?.into_iter().flat_map(|part| part.lines).collect();
        }
        let event_id = EventId::derived(order_id, "StockReserved");
        let reserved = InventoryEvent::from(StockReserved { order_id, lines });
        Ok(Some(Envelope { event_id, ..Envelope::new(reserved, order_id, 1, reserved_at, &cause) }))
    }

    /// Returns the stock of a product and its last published level.
    pub async fn stock_and_published_level(
        &self,
        product_id: ProductId,
    ) -> Result<Option<(Stock, Option<PublishedLevel>)>, StoreError> {
        let published_level_key = published_level_key(product_id);
        let (stock, published) = futures::try_join!(self.stock(product_id), self.table.get(&published_level_key))?;
        Ok(stock.map(|stock| (stock, published)))
    }

    /// Records the level of a product that was published or is about to be, unless a later one is recorded.
    pub async fn record_published_level(
        &self,
        product_id: ProductId,
        published: &PublishedLevel,
    ) -> Result<(), StoreError> {
        let write = Write::put(item(&published_level_key(product_id), published)?)
            .only_if("attribute_not_exists(pk) OR #sequence <= :sequence")
            .with([number(":sequence", published.sequence)]);
        self.table.write_if_allowed(write).await.map(drop)
    }

    async fn parts(&self, id: OrderId) -> Result<Vec<Reservation>, StoreError> {
        self.table.all(&format!("ORDER#{id}"), "PART#").await
    }

    /// Takes a step of a reservation. Returns false if the part has changed since it was read.
    async fn take_step(
        &self,
        id: OrderId,
        part: usize,
        reservation: &Reservation,
        effect: Effect,
        event: Option<Write>,
    ) -> Result<bool, StoreError> {
        let changed = Reservation { status: effect.to, ..reservation.clone() };
        let seen = item(&part_key(id, part), reservation)?.remove("status");
        let unchanged = Write::put(part_item(id, part, &changed)?).only_if("#status = :seen");
        let mut writes = vec![unchanged.with(seen.map(|status| (":seen".to_owned(), status)))];
        writes.extend(reservation.taken.iter().map(|taken| step_write(*taken, effect)));
        writes.extend(event);
        self.table.transact_if_allowed(writes).await
    }
}

/// The sequence of the first event of an order after `StockReserved` or `StockRejected`, whose sequence is 1. The
/// events `ReservationExpired` come first, then `StockReleased`.
const FIRST_FOLLOW_UP_SEQUENCE: u64 = 2;

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn open_pk(shard: u8) -> String {
    format!("OPEN#{shard}")
}

/// Returns a part as an item, which is in the index of open reservations while it is reserved.
fn part_item(id: OrderId, part: usize, reservation: &Reservation) -> Result<Item, StoreError> {
    let mut item = item(&part_key(id, part), reservation)?;
    if reservation.status == Status::Reserved {
        let shard = id.as_ref().last().map_or(0, |byte| byte % OPEN_SHARDS);
        item.extend([text("gsi1pk", open_pk(shard)), text("gsi1sk", format!("{}#{id}", reservation.reserved_until))]);
    }
    Ok(item)
}

fn if_reserved(write: Write) -> Write {
    write.only_if("#status = :reserved").with([text(":reserved", "reserved")])
}

/// Returns the write of `effect` to the counter that pieces were taken from. It fails if the counter has too few.
fn step_write(taken: Taken, effect: Effect) -> Write {
    let Movement { split, available, on_hand } = effect.on(taken);
    let moved = "SET available = available + :available, on_hand = on_hand + :on_hand ADD #version :one";
    Write::update(counter_key(taken.product_id, split), moved)
        .only_if("available >= :least_available AND on_hand >= :least_on_hand")
        .with([
            number(":available", available),
            number(":on_hand", on_hand),
            number(":least_available", (-available).max(0)),
            number(":least_on_hand", (-on_hand).max(0)),
            number(":one", 1),
        ])
}

/// Returns the write of a change of stock to a counter, which is created if it does not exist.
fn change_write(stock: &Stock, movement: Movement) -> Write {
    let Movement { split, available, on_hand } = movement;
    let moved = "SET #split = :split, #kind = :kind, available = if_not_exists(available, :zero) + :available, \
                 on_hand = if_not_exists(on_hand, :zero) + :on_hand ADD #version :one";
    let mut condition = match available {
        ..0 => "available >= :least",
        _ => "attribute_not_exists(pk) OR available >= :least",
    }
    .to_owned();
    let mut values = vec![
        number(":split", split),
        text(":kind", STOCK_KIND),
        number(":zero", 0),
        number(":available", available),
        number(":on_hand", on_hand),
        number(":one", 1),
        number(":least", (-available).max(0)),
    ];
    let mut expression = moved.to_owned();
    if split == 0 {
        expression += ", #changes :one";
        condition = format!("({condition}) AND #changes = :seen");
        values.push(number(":seen", stock.changes()));
    }
    Write::update(counter_key(stock.product_id, split), expression).only_if(condition).with(values)
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
