//! The rollups' part of the analytics table. Everything about an event is in one of 16 shards, which follows from the
//! ten seconds in which the event happened.
//!
//! | item | pk | sk | attributes |
//! | --- | --- | --- | --- |
//! | log entry | `LOG#<shard>#<UTC day>` | `<event>`, `<event>#2`, … | `kind`, `event_type`, `source`, `subject`, `sequence`, `time`, `fact` |
//! | day of the shop | `DAYS#<shard>` | `<day>` | its figures, `events`, `rebuilt` |
//! | day of a product | `PRODUCTS#<shard>` | `<day>#<product>` | its figures, `names`, `events`, `rebuilt` |
//!
//! Days are in the shop's time zone, except in the log. The figures of the shop are `orders`, `items`,
//! `value_<currency>`, `cancelled`, `paid`, `gross_<currency>`, `refunded_<currency>`, `registered` and `deleted`,
//! those of a product `orders`, `quantity` and `value_<currency>`. `events` is the number of log entries in an item,
//! `rebuilt` how often the item was rebuilt. Both together are its version.
//!
//! | access pattern | operation |
//! | --- | --- |
//! | count events | one TransactWriteItems for the events of the same ten seconds: put each entry if it does not exist, ADD to the day and to each product sold |
//! | the shop today | one BatchGetItem |
//! | the shop's days, the growth of its users | Query of each shard, `DAYS#`, between two days; for growth from the first day |
//! | the best-selling products | Query of each shard, `PRODUCTS#`, between two days |
//! | rebuild | Scan for the existing days; for each a Query of the log and of the rollups, PutItem or DeleteItem for what differs |
//!
//! The log is stored for good and has no personal data: a user's id leads to a person only while the account exists. A
//! repeated event finds its entry and changes nothing, however late it comes.
//!
//! Throughput on AWS: DynamoDB allows one transaction at a time on an item, and every event of a day changes the day's
//! item of its shard. With transactions of 10 ms, 16 at once count 340 sales of one product per second, and 64 at once
//! 400, of which 2.5 % gave up after eight attempts and were delivered again by the queue. A paid order is three
//! events, so that a bit more than a hundred paid orders per second can be counted. The rest waits in the queues. Their
//! consumers have a low concurrency, because with more they would mostly conflict with each other. An entry costs 2
//! write units per KB, the day 2, and each product sold 2.
//!
//! Reads of reports: a day of the shop is at most 16 small items, and ten years are one page of a Query per shard. A
//! day of a product is one item for each shard with sales: a month of a thousand products that sell well is half a
//! million items.

use std::collections::{BTreeMap, BTreeSet};

use dynamo::{AttributeValue, Item, Key, Scan, StoreError, Table, Write, item, number, text};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{ProductId, Timestamp};

use super::{
    calendar::{Day, Zone},
    facts::{CountedEvent, LogEntry},
    tally::{Figures, Rollup, Scope, Tally},
};

/// The number of shards: partitions of the log, and items for each day.
pub const SHARDS: u8 = 16;

/// How many seconds of events go to one shard before the next one is used.
const SHARD_SECONDS: i64 = 10;

/// The maximum number of items in a DynamoDB transaction.
const MAX_WRITES: usize = 100;

/// The number of shards that are read concurrently.
const CONCURRENT_READS: usize = 8;

/// The rollups' part of the table.
pub struct Store {
    table: Table,
}

/// A day in one shard, the unit of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShardDay {
    /// The shard.
    pub shard: u8,
    /// The day, in the shop's time zone.
    pub day: Day,
}

/// A rollup as it is stored in the table.
#[derive(Debug, Clone)]
pub struct StoredRollup {
    /// The rollup.
    pub rollup: Rollup,
    events: Option<AttributeValue>,
    rebuilt: i64,
}

/// Returns the shard of an event. The events of the same ten seconds are in one shard, so that events that arrive
/// together are written together. The next ten seconds use the next shard.
fn shard_of(time: Timestamp) -> u8 {
    u8::try_from(time.as_seconds().div_euclid(SHARD_SECONDS).rem_euclid(i64::from(SHARDS))).unwrap_or_default()
}

/// Splits the entries of one shard day, so that each part fits into one transaction with the rollups that it changes.
fn split_for_transactions<'a, 'b>(entries: &'b [(Key, &'a LogEntry)]) -> Vec<&'b [(Key, &'a LogEntry)]> {
    let (mut parts, mut start, mut changed) = (Vec::new(), 0, BTreeSet::new());
    for (index, (_, entry)) in entries.iter().enumerate() {
        let changes = Tally::of(&entry.fact).iter().map(|(scope, _)| scope).collect::<BTreeSet<Scope>>();
        if index > start && index + 1 - start + changed.union(&changes).count() > MAX_WRITES {
            parts.push(&entries[start..index]);
            (start, changed) = (index, BTreeSet::new());
        }
        changed.extend(changes);
    }
    parts.extend((start < entries.len()).then(|| &entries[start..]));
    parts
}

fn log_pk(shard: u8, day: Day) -> String {
    format!("LOG#{shard:02}#{day}")
}

fn days_pk(shard: u8) -> String {
    format!("DAYS#{shard:02}")
}

fn products_pk(shard: u8) -> String {
    format!("PRODUCTS#{shard:02}")
}

impl ShardDay {
    fn key(self, scope: Scope) -> Key {
        match scope {
            Scope::Shop => Key::new(days_pk(self.shard), self.day.to_string()),
            Scope::Product(id) => Key::new(products_pk(self.shard), format!("{}#{id}", self.day)),
        }
    }

    /// Returns the shard day of a scanned item, or nothing if it is no item of the rollups.
    fn of(item: &Item, zone: &Zone) -> Option<Self> {
        let part = |name: &str| Some(item.get(name)?.as_s().ok()?.as_str());
        let mut pk = part("pk")?.split('#');
        let (kind, shard) = (pk.next()?, pk.next()?.parse().ok()?);
        let day = match kind {
            "LOG" => zone.day_of(part("time")?.parse::<Timestamp>().ok()?),
            "DAYS" | "PRODUCTS" => part("sk")?.split('#').next()?.parse().ok()?,
            _ => return None,
        };
        Some(Self { shard, day })
    }
}

impl Store {
    /// Creates the store in `table`.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Counts events: those of the same shard and day in one transaction with what they add together. An event that was
    /// counted before adds nothing. Returns the number of new entries.
    ///
    /// # Errors
    /// If the table does not respond. What is counted until then stays.
    pub async fn count(&self, events: &[CountedEvent], zone: &Zone) -> Result<usize, StoreError> {
        let mut by_shard_day: BTreeMap<ShardDay, BTreeMap<Key, &LogEntry>> = BTreeMap::new();
        for CountedEvent { id, entries } in events {
            for (index, entry) in entries.iter().enumerate() {
                let shard_day = ShardDay { shard: shard_of(entry.time), day: zone.day_of(entry.time) };
                let sk = if index == 0 { id.to_string() } else { format!("{id}#{}", index + 1) };
                let key = Key::new(log_pk(shard_day.shard, Day::of_utc(entry.time)), sk);
                // The key removes the duplicates of an event within a batch.
                by_shard_day.entry(shard_day).or_default().insert(key, entry);
            }
        }
        let mut new = 0;
        for (shard_day, entries) in by_shard_day {
            let entries: Vec<(Key, &LogEntry)> = entries.into_iter().collect();
            for part in split_for_transactions(&entries) {
                new += if self.count_in_transaction(shard_day, part).await? {
                    part.len()
                } else if part.len() > 1 {
                    // At least one entry was counted before. Counting each by itself finds the new ones.
                    let mut new = 0;
                    for entry in part.chunks(1) {
                        new += usize::from(self.count_in_transaction(shard_day, entry).await?);
                    }
                    new
                } else {
                    0
                };
            }
        }
        Ok(new)
    }

    /// Writes the entries with what they add to the rollups, if none of the entries exists. Returns whether it did.
    async fn count_in_transaction(
        &self,
        shard_day: ShardDay,
        entries: &[(Key, &LogEntry)],
    ) -> Result<bool, StoreError> {
        let mut writes = Vec::new();
        for (key, entry) in entries {
            writes.push(Write::put(item(key, entry)?).if_absent());
        }
        let tally = Tally::fold(entries.iter().map(|(_, entry)| &entry.fact));
        writes.extend(tally.iter().map(|(scope, rollup)| add_write(shard_day.key(scope), rollup)));
        self.table.transact_if_allowed(writes).await
    }

    /// Returns the figures of the shop on one day.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn day(&self, day: Day) -> Result<Figures, StoreError> {
        let keys: Vec<Key> = (0..SHARDS).map(|shard| ShardDay { shard, day }.key(Scope::Shop)).collect();
        let mut sum = Figures::default();
        self.table.get_many(&keys).await?.values().for_each(|item| sum.merge(&figures(item)));
        Ok(sum)
    }

    /// Returns the figures of the shop on each day with events up to `to`, from `from` or from the first day on.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn days(&self, from: Option<Day>, to: Day) -> Result<BTreeMap<Day, Figures>, StoreError> {
        let from = from.map(|day| day.to_string()).unwrap_or_else(|| "0".to_owned());
        let mut days: BTreeMap<Day, Figures> = BTreeMap::new();
        let mut shards = self.query_shards(days_pk, from, to.to_string());
        while let Some(items) = shards.try_next().await? {
            for item in &items {
                if let Ok(day) = sk(item).parse() {
                    days.entry(day).or_default().merge(&figures(item));
                }
            }
        }
        Ok(days)
    }

    /// Passes the sales of each product on each day of a period to `take`, shard by shard, so that they are never all
    /// in memory.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn products(
        &self,
        from: Day,
        to: Day,
        mut take: impl FnMut(Day, ProductId, Rollup),
    ) -> Result<(), StoreError> {
        // `$` sorts after the `#` of the last day.
        let mut shards = self.query_shards(products_pk, from.to_string(), format!("{to}$"));
        while let Some(items) = shards.try_next().await? {
            for item in &items {
                if let Some((day, Scope::Product(id))) = day_and_scope(item) {
                    take(day, id, rollup(item));
                }
            }
        }
        Ok(())
    }

    fn query_shards(
        &self,
        pk: fn(u8) -> String,
        from: String,
        to: String,
    ) -> impl stream::Stream<Item = Result<Vec<Item>, StoreError>> + Unpin {
        let read = move |shard| {
            let (from, to) = (from.clone(), to.clone());
            async move { self.table.between(&pk(shard), &from, &to).await }
        };
        Box::pin(stream::iter(0..SHARDS).map(read).buffer_unordered(CONCURRENT_READS))
    }

    /// Returns the shard days of one page of the table, and the key at which the next page begins.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn scan_shard_days(
        &self,
        zone: &Zone,
        from: Option<Key>,
    ) -> Result<(BTreeSet<ShardDay>, Option<Key>), StoreError> {
        let scan = Scan {
            filter: "begins_with(pk, :log) OR begins_with(pk, :days) OR begins_with(pk, :products)",
            values: Item::from([text(":log", "LOG#"), text(":days", "DAYS#"), text(":products", "PRODUCTS#")]),
            keys_only: false,
        };
        let start = from.map(|key| Item::from([text("pk", key.pk), text("sk", key.sk)]));
        let found = self.table.scan(&scan, start).await?;
        let shard_days = found.items.iter().filter_map(|item| ShardDay::of(item, zone)).collect();
        Ok((shard_days, found.next.map(|last| Key::new(pk(&last), sk(&last)))))
    }

    /// Returns the rollups of a shard day, as they are stored.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn stored_rollups(&self, shard_day: ShardDay) -> Result<BTreeMap<Scope, StoredRollup>, StoreError> {
        let ShardDay { shard, day } = shard_day;
        let (day, end) = (day.to_string(), format!("{day}$"));
        let (days, products) = (days_pk(shard), products_pk(shard));
        let both = (self.table.between(&days, &day, &day), self.table.between(&products, &day, &end));
        let (mut items, products) = futures::try_join!(both.0, both.1)?;
        items.extend(products);
        Ok(items.iter().filter_map(|item| Some((day_and_scope(item)?.1, StoredRollup::from(item)))).collect())
    }

    /// Returns the sum of the log of a shard day.
    ///
    /// # Errors
    /// If the table does not respond, or contains an item that cannot be read.
    pub async fn tally_log(&self, shard_day: ShardDay, zone: &Zone) -> Result<Tally, StoreError> {
        let mut facts = Vec::new();
        for utc_day in zone.utc_days(shard_day.day) {
            let entries: Vec<LogEntry> = self.table.all(&log_pk(shard_day.shard, utc_day), "").await?;
            let of_day = entries.into_iter().filter(|entry| zone.day_of(entry.time) == shard_day.day);
            facts.extend(of_day.map(|entry| entry.fact));
        }
        Ok(Tally::fold(&facts))
    }

    /// Replaces a rollup by `rollup`, or deletes it if that is nothing, unless it has changed since `stored` was read.
    /// Returns whether it did.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn replace(
        &self,
        shard_day: ShardDay,
        scope: Scope,
        stored: Option<&StoredRollup>,
        rollup: Option<&Rollup>,
    ) -> Result<bool, StoreError> {
        let key = shard_day.key(scope);
        let write = match rollup {
            Some(rollup) => Write::put(rollup_item(&key, rollup, stored.map_or(1, |stored| stored.rebuilt + 1))),
            None => Write::delete(key),
        };
        let write = match stored {
            Some(stored) => stored.if_unchanged(write),
            None => write.if_absent(),
        };
        self.table.write_if_allowed(write).await
    }
}

fn pk(item: &Item) -> &str {
    item.get("pk").and_then(|pk| pk.as_s().ok()).map_or("", String::as_str)
}

fn sk(item: &Item) -> &str {
    item.get("sk").and_then(|sk| sk.as_s().ok()).map_or("", String::as_str)
}

/// Returns the day and the scope of a rollup.
fn day_and_scope(item: &Item) -> Option<(Day, Scope)> {
    match sk(item).split_once('#') {
        Some((day, id)) => Some((day.parse().ok()?, Scope::Product(id.parse().ok()?))),
        None => Some((sk(item).parse().ok()?, Scope::Shop)),
    }
}

fn add_write(key: Key, rollup: &Rollup) -> Write {
    let (mut terms, mut values) = (Vec::new(), Item::new());
    for (name, by) in rollup.figures.iter() {
        terms.push(format!("#{name} :{name}"));
        values.extend([number(&format!(":{name}"), by)]);
    }
    if !rollup.names.is_empty() {
        terms.push("#names :names".to_owned());
        values.insert(":names".to_owned(), names(rollup));
    }
    Write::update(key, format!("ADD {}", terms.join(", "))).with(values)
}

fn rollup_item(key: &Key, rollup: &Rollup, rebuilt: i64) -> Item {
    let mut item = Item::from([text("pk", &key.pk), text("sk", &key.sk), number(REBUILT, rebuilt)]);
    item.extend(rollup.figures.iter().map(|(name, value)| number(name, value)));
    if !rollup.names.is_empty() {
        item.insert(NAMES.to_owned(), names(rollup));
    }
    item
}

const NAMES: &str = "names";
const REBUILT: &str = "rebuilt";
const EVENTS: &str = "events";

fn names(rollup: &Rollup) -> AttributeValue {
    AttributeValue::Ss(rollup.names.iter().cloned().collect())
}

fn figures(item: &Item) -> Figures {
    let numbers = item.iter().filter(|(name, _)| *name != REBUILT);
    numbers.filter_map(|(name, value)| Some((name.clone(), value.as_n().ok()?.parse().ok()?))).collect()
}

fn rollup(item: &Item) -> Rollup {
    let names = item.get(NAMES).and_then(|names| names.as_ss().ok());
    Rollup { figures: figures(item), names: names.into_iter().flatten().cloned().collect() }
}

impl StoredRollup {
    /// Adds the condition to `write` that the item has not changed since it was read.
    fn if_unchanged(&self, write: Write) -> Write {
        let rebuilt = if self.rebuilt == 0 { "attribute_not_exists(#rebuilt)" } else { "#rebuilt = :rebuilt" };
        let events = if self.events.is_none() { "attribute_not_exists(#events)" } else { "#events = :events" };
        let versions = [
            (self.rebuilt != 0).then(|| number(":rebuilt", self.rebuilt)),
            self.events.clone().map(|events| (":events".to_owned(), events)),
        ];
        write.only_if(format!("{rebuilt} AND {events}")).with(versions.into_iter().flatten())
    }
}

impl From<&Item> for StoredRollup {
    fn from(item: &Item) -> Self {
        let rebuilt = item.get(REBUILT).and_then(|value| value.as_n().ok()?.parse().ok()).unwrap_or_default();
        Self { rollup: rollup(item), events: item.get(EVENTS).cloned(), rebuilt }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use kernel::{Currency, Money};

    use super::*;
    use crate::rollups::facts::{Fact, Kind, SoldLine};

    fn sold(products: usize) -> LogEntry {
        let line = |number: usize| SoldLine {
            product_id: ProductId::derived("test", &number.to_string()),
            name: String::new(),
            quantity: 1,
            value: Money::from_minor(1, Currency::Usd),
        };
        LogEntry {
            kind: Kind::Counted,
            event_type: String::new(),
            source: String::new(),
            subject: String::new(),
            sequence: 1,
            time: Timestamp::from_millis(0),
            fact: Fact::Sold { lines: (0..products).map(line).collect() },
        }
    }

    #[test]
    fn a_transaction_has_at_most_a_hundred_items() {
        // The number of products that each entry sells, and the number of entries in each transaction, which also
        // writes the day and the products that the entries share.
        let cases: [(&[usize], &[usize]); 5] =
            [(&[], &[]), (&[1; 98], &[98]), (&[1; 99], &[98, 1]), (&[98, 1, 1], &[1, 2]), (&[97, 97], &[2])];
        for (products, expected) in cases {
            let entries: Vec<LogEntry> = products.iter().map(|count| sold(*count)).collect();
            let keyed: Vec<(Key, &LogEntry)> = entries.iter().map(|entry| (Key::new("", ""), entry)).collect();
            let parts: Vec<usize> = split_for_transactions(&keyed).iter().map(|part| part.len()).collect();
            assert_eq!(parts, expected, "{products:?}");
        }
    }
}
