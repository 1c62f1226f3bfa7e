//! The inventory table.
//!
//! | item | pk | sk | gsi1pk | gsi1sk |
//! | --- | --- | --- | --- | --- |
//! | counter of a product's stock | `PRODUCT#<product>` | `STOCK#<split>` | | |
//! | what was last told of it | `PRODUCT#<product>` | `TOLD` | | |
//! | reservation of an order, by part | `ORDER#<order>` | `PART#<n>` | `OPEN#<shard>` | `<reserved until>#<order>` |
//! | answer to an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` | | |
//! | outbox entry | `EVENT#<event>` | `EVENT` | | |
//!
//! | access pattern | how |
//! | --- | --- |
//! | the stock of a product | Query `PRODUCT#`, prefix `STOCK#` |
//! | setting pieces aside | that Query per line, one TransactWriteItems |
//! | selling or putting back an order's pieces | Query `ORDER#`, one TransactWriteItems per part |
//! | reservations that have expired | Query of gsi1 per shard, up to now (keys only; only parts that are set aside are in it) |
//!
//! A reservation and the counters it takes from are one transaction. DynamoDB takes 100 writes in one, and a line may take from every
//! counter of its product; so an order with many lines has several parts. A later part is only set aside while the first one stands, and
//! an order that was released before anything was set aside leaves a first part that says so. The part that completes a reservation is
//! itself what `StockReserved` is made of, where the stream is published: it bears the event's cause, and a `kind` for the stream's filter.
//!
//! A counter is written with its product's others in the same partition, which AWS lets have 1,000 write units a second: 500 steps of
//! reservations of one product, until DynamoDB splits the partition between its counters by itself.

use std::time::Duration;

use contracts::{
    Cause, Envelope, InventoryEvent, ReservationExpired, StockLevel, StockLine, StockRejected, StockReleased,
    StockReserved,
};
use dynamo::{
    Answer, Claim, Item, Key, Query, StoreError, Table, TransactError, Write, item, number, outbox_item, text,
};
use futures::future::{join_all, try_join_all};
use kernel::{EventId, OrderId, ProductId, Timestamp};
use lambda::{outbox::Streamed, problem::Problem};
use serde::{Deserialize, Serialize};

use crate::{
    InventoryError,
    domain::{Change, Counter, Effect, Found, Movement, Reservation, Status, Stock, Taken, take},
};

/// How often a step that met another one is tried.
const TRIES: usize = 8;

/// Over how many partitions of the index the open reservations are spread.
const OPEN_SHARDS: u8 = 8;

/// The `kind` of a counter: the publisher's stream filter looks at it.
pub const STOCK_KIND: &str = "stock";

/// The `kind` of a part that has just completed a reservation; what becomes of it later bears none.
const RESERVED_KIND: &str = "reserved";

pub struct Store {
    table: Table,
    splits: u8,
}

/// What became of a change of stock.
pub enum Changed {
    /// The stock is this now.
    Done(Stock),
    /// The idempotency key has this answer; nothing was written.
    Answered(Item),
}

/// What the part that completes a reservation says beside it: what its event needs.
#[derive(Serialize, Deserialize)]
struct Completion {
    kind: String,
    reserved_at: Timestamp,
    #[serde(flatten)]
    cause: Cause,
}

/// What was last told of a product's stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The level that everybody has heard of.
    pub level: StockLevel,
    /// Another one that may have been told since, or not: whoever told it has died meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telling: Option<StockLevel>,
    /// Of the stock.
    pub sequence: u64,
}

fn product_pk(id: ProductId) -> String {
    format!("PRODUCT#{id}")
}

fn counter_key(id: ProductId, split: u8) -> Key {
    Key::new(product_pk(id), format!("STOCK#{split:02}"))
}

fn told_key(id: ProductId) -> Key {
    Key::new(product_pk(id), "TOLD")
}

fn part_key(id: OrderId, part: usize) -> Key {
    Key::new(format!("ORDER#{id}"), format!("PART#{part:02}"))
}

/// The order that a part is of.
fn order_of(key: &Key) -> Option<OrderId> {
    key.pk.strip_prefix("ORDER#")?.parse().ok()
}

/// The product whose stock a stream record is of.
pub fn product_of(key: &Key) -> Option<ProductId> {
    key.pk.strip_prefix("PRODUCT#")?.parse().ok()
}

impl Store {
    /// `splits` says over how many counters the stock of a product is spread.
    pub fn new(table: Table, splits: u8) -> Self {
        Self { table, splits }
    }

    pub fn table(&self) -> &Table {
        &self.table
    }

    /// How many lines are set aside in one transaction: each may take from every counter; beside them it takes the part, a check of the
    /// first part, and, where it is ended, an event.
    fn lines_per_part(&self) -> usize {
        (97 / usize::from(self.splits)).min(90)
    }

    pub async fn stock(&self, product_id: ProductId) -> Result<Option<Stock>, StoreError> {
        let counters: Vec<Counter> = self.table.all(&product_pk(product_id), "STOCK#").await?;
        Ok((!counters.is_empty()).then_some(Stock { product_id, counters }))
    }

    /// The stock of each line's product; of an unknown one there is nothing.
    async fn stocks(&self, lines: &[StockLine]) -> Result<Vec<Stock>, StoreError> {
        try_join_all(lines.iter().map(|line| async {
            let product_id = line.product_id;
            Ok(self.stock(product_id).await?.unwrap_or(Stock { product_id, counters: Vec::new() }))
        }))
        .await
    }

    /// Starts to keep stock of a product, at zero.
    pub async fn keep(&self, id: ProductId) -> Result<(), StoreError> {
        let nothing = Counter { split: 0, available: 0, on_hand: 0, version: 1, changes: 0 };
        let mut counter = item(&counter_key(id, 0), &nothing)?;
        counter.extend([text("kind", STOCK_KIND)]);
        self.table.write_if_allowed(Write::put(counter).if_absent()).await.map(drop)
    }

    /// Sets or adjusts `stock`, which was read just now, and stores what `answer` makes of the result under the caller's key. Nothing
    /// if somebody else changed it meanwhile.
    ///
    /// Changes follow each other: each expects the count of changes that it has seen. Reservations may come in between; they only
    /// move pieces, and what is taken away here has to be there still.
    pub async fn change(
        &self,
        stock: &Stock,
        change: Change,
        claimed: Option<(&Claim, impl FnOnce(&Stock) -> Result<Answer, Problem>)>,
        now: Timestamp,
    ) -> Result<Option<Changed>, InventoryError> {
        let refused = |refused| InventoryError::refused(refused, stock);
        let mut movements = stock.change(change, self.splits).map_err(refused)?;
        if movements.iter().all(|movement| movement.split != 0) {
            movements.push(Movement { split: 0, available: 0, on_hand: 0 });
        }
        let after = stock.clone().after(&movements);
        let mut writes: Vec<Write> = movements.iter().map(|movement| change_write(stock, *movement)).collect();
        let claim_at = writes.len();
        if let Some((claim, answer)) = claimed {
            writes.push(claim.store(&answer(&after).map_err(InventoryError::Answer)?, now)?);
        }
        match self.table.transact(writes).await {
            Ok(()) => Ok(Some(Changed::Done(after))),
            Err(TransactError::Refused(refusal)) => Ok(refusal.found(claim_at).cloned().map(Changed::Answered)),
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
        for _ in 0..parts.len() + TRIES {
            let Some(part_lines) = parts.get(part) else {
                return Ok(());
            };
            // Those who were set aside together look again together, and must not choose the same counters again.
            let taken = match take(part_lines, &self.stocks(part_lines).await?, rand::random()) {
                Ok(taken) => taken,
                Err(short) => {
                    if let Some(there) = self.table.get(&part_key(id, part)).await? {
                        part = self.resume(id, part, part_lines, there).await?;
                    } else if !was_short {
                        // The counters were not read at one moment: pieces may have come back to one that had been read.
                        was_short = true;
                    } else if self.reject(id, part, &short, cause).await? {
                        return Err(InventoryError::OutOfStock(short));
                    } else {
                        // Another execution was faster, with that or with the contrary: the first part knows.
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
            let first_stands_at = reservation.taken.len() + 1;
            match self.table.transact(writes).await {
                Ok(()) => part += 1,
                Err(TransactError::Store(error)) => return Err(error.into()),
                Err(TransactError::Refused(refusal)) => match refusal.found(0) {
                    Some(there) => part = self.resume(id, part, part_lines, self.table.read(there.clone())?).await?,
                    None if part > 0 && refusal.failed(first_stands_at) => part = 0,
                    // Others took the pieces meanwhile: there may be more in other counters.
                    None => {}
                },
            }
        }
        Err(InventoryError::Busy)
    }

    /// The part to go on with where `there` is what was found of part `at`: an earlier execution of the same step came so far.
    async fn resume(
        &self,
        id: OrderId,
        at: usize,
        lines: &[StockLine],
        there: Reservation,
    ) -> Result<usize, InventoryError> {
        match there.found_for(lines) {
            Found::Done => Ok(at + 1),
            Found::Ended => Err(InventoryError::Ended),
            Found::Short(short) => {
                self.give_back_rest(id).await?;
                Err(InventoryError::OutOfStock(short))
            }
        }
    }

    /// Ends the reservation for want of stock in its part `at`, putting back what is set aside of it already. Not if another
    /// execution of the same step was luckier: what it set aside stands.
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
            self.give_back_rest(id).await?;
        }
        Ok(is_rejected)
    }

    /// Puts back the parts of a rejected reservation that are still set aside. (Where this is cut short, whoever comes again does it.)
    async fn give_back_rest(&self, id: OrderId) -> Result<(), StoreError> {
        for (part, reservation) in self.parts(id).await?.iter().enumerate() {
            if let Some(effect) = reservation.status.release() {
                self.take_step(id, part, reservation, effect, None).await?;
            }
        }
        Ok(())
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

    pub async fn release(&self, id: OrderId, cause: &Cause) -> Result<(), InventoryError> {
        for _ in 0..TRIES {
            let parts = self.parts(id).await?;
            if parts.is_empty() {
                let reserved_until = Timestamp::now();
                let (lines, taken, short) = (Vec::new(), Vec::new(), Vec::new());
                let never = Reservation { status: Status::Released, lines, taken, reserved_until, asked: 0, short };
                let write = Write::put(part_item(id, 0, &never)?).if_absent();
                self.table.transact_if_allowed(vec![write]).await?;
                continue;
            }
            // Only a fresh look says that all is done: a part may have been added or changed since this one.
            let open = parts.iter().enumerate().filter_map(|(part, reservation)| {
                reservation.status.release().map(|effect| (part, reservation, effect))
            });
            let open: Vec<_> = open.collect();
            if open.is_empty() {
                return Ok(());
            }
            for (part, reservation, effect) in open {
                let sequence = AFTER_ASKING + u64::from(reservation.asked) + part as u64;
                let released = StockReleased { order_id: id, lines: reservation.lines.clone() };
                let released = event(released, id, sequence, Timestamp::now(), cause)?;
                self.take_step(id, part, reservation, effect, Some(released)).await?;
            }
        }
        Err(InventoryError::Busy)
    }

    /// Asks about the order for which something is set aside for longer than it may be at `now`, and will ask again after `lifetime`;
    /// how often it has done so. Nothing if it is not so.
    pub async fn ask(
        &self,
        id: OrderId,
        now: Timestamp,
        lifetime: Duration,
        cause: &Cause,
    ) -> Result<Option<u32>, StoreError> {
        let parts = self.parts(id).await?;
        if parts.first().is_some_and(|first| first.status == Status::Rejected) {
            self.give_back_rest(id).await?;
            return Ok(None);
        }
        let open: Vec<(usize, &Reservation)> =
            parts.iter().enumerate().filter(|(_, part)| part.status == Status::Reserved).collect();
        // The parts of an order are set aside one after the other, and asked about together, once the last of them has expired.
        if open.is_empty() || open.iter().any(|(_, part)| part.reserved_until > now) {
            return Ok(None);
        }
        let asked = open.iter().map(|(_, part)| part.asked).max().unwrap_or_default() + 1;
        let lines = open.iter().flat_map(|(_, part)| part.lines.clone()).collect();
        let expired = ReservationExpired { order_id: id, lines };
        let mut writes = vec![event(expired, id, AFTER_ASKING - 1 + u64::from(asked), now, cause)?];
        for (part, reservation) in open {
            let reserved_until = now.plus_seconds(seconds(lifetime));
            let later = part_item(id, part, &Reservation { reserved_until, asked, ..reservation.clone() })?;
            let unchanged = Write::put(later).only_if("#status = :reserved AND reserved_until = :seen");
            writes.push(unchanged.with([text(":reserved", "reserved"), text(":seen", reservation.reserved_until)]));
        }
        Ok(self.table.transact_if_allowed(writes).await?.then_some(asked))
    }

    /// Orders for which something is set aside for longer than it may be at `now`, at most `limit` in each shard.
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

    /// `StockReserved` of the part that completed a reservation, always under the same id; nothing, if `changed` is something else.
    pub async fn reserved(&self, changed: &Streamed) -> Result<Option<Envelope<InventoryEvent>>, StoreError> {
        let Some(order_id) = order_of(&changed.key) else { return Ok(None) };
        let Completion { reserved_at, cause, .. } = self.table.read(changed.item.clone())?;
        let mut lines = self.table.read::<Reservation>(changed.item.clone())?.lines;
        if changed.key != part_key(order_id, 0) {
            // It is the last of several, of which each has its own lines for good.
            lines = self.parts(order_id).await?.into_iter().flat_map(|part| part.lines).collect();
        }
        let event_id = EventId::derived(order_id, "StockReserved");
        let reserved = InventoryEvent::from(StockReserved { order_id, lines });
        Ok(Some(Envelope { event_id, ..Envelope::new(reserved, order_id, 1, reserved_at, &cause) }))
    }

    /// A product's stock and what was last told of it.
    pub async fn stock_and_told(&self, product_id: ProductId) -> Result<Option<(Stock, Option<Told>)>, StoreError> {
        let told_key = told_key(product_id);
        let (stock, told) = futures::try_join!(self.stock(product_id), self.table.get(&told_key))?;
        Ok(stock.map(|stock| (stock, told)))
    }

    /// Remembers what was told of a product's stock, or is about to be; not if something later was.
    pub async fn remember(&self, product_id: ProductId, told: &Told) -> Result<(), StoreError> {
        let write = Write::put(item(&told_key(product_id), told)?)
            .only_if("attribute_not_exists(pk) OR #sequence <= :sequence")
            .with([number(":sequence", told.sequence)]);
        self.table.write_if_allowed(write).await.map(drop)
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
        let unchanged = Write::put(part_item(id, part, &then)?).only_if("#status = :seen");
        let mut writes = vec![unchanged.with(seen.map(|status| (":seen".to_owned(), status)))];
        writes.extend(reservation.taken.iter().map(|taken| step_write(*taken, effect)));
        writes.extend(event);
        self.table.transact_if_allowed(writes).await
    }
}

/// The place of the first event of an order's stock that is not the one of its reservation, whose place is 1: those that ask come
/// first, then those that put back.
const AFTER_ASKING: u64 = 2;

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn open_pk(shard: u8) -> String {
    format!("OPEN#{shard}")
}

/// A part as an item: in the index of open ones as long as it is set aside.
fn part_item(id: OrderId, part: usize, reservation: &Reservation) -> Result<Item, StoreError> {
    let mut whole = item(&part_key(id, part), reservation)?;
    if reservation.status == Status::Reserved {
        let shard = id.as_ref().last().map_or(0, |byte| byte % OPEN_SHARDS);
        whole.extend([text("gsi1pk", open_pk(shard)), text("gsi1sk", format!("{}#{id}", reservation.reserved_until))]);
    }
    Ok(whole)
}

fn if_reserved(write: Write) -> Write {
    write.only_if("#status = :reserved").with([text(":reserved", "reserved")])
}

/// What `effect` does to the counter that pieces were taken from: only if that much is there.
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

/// What a change of stock does to a counter, which is made if it is not there.
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
