//! What of the analytics table the rollups have. Everything about an event lies in one of 16 shards, by the ten
//! seconds in which it happened.
//!
//! | item | pk | sk | attributes |
//! | --- | --- | --- | --- |
//! | entry of the log | `LOG#<shard>#<day of UTC>` | `<event>`, `<event>#2`, … | `kind`, `event_type`, `source`, `subject`, `sequence`, `time`, `fact` |
//! | a day of the shop | `DAYS#<shard>` | `<day>` | its figures, `events`, `rebuilt` |
//! | a day of a product | `PRODUCTS#<shard>` | `<day>#<product>` | its figures, `names`, `events`, `rebuilt` |
//!
//! Days are those of the shop's time zone, but for the log's. Figures of the shop: `orders`, `items`, `value_<currency>`, `cancelled`, `paid`,
//! `gross_<currency>`, `refunded_<currency>`, `registered`, `deleted`; of a product: `orders`, `quantity`, `value_<currency>`. `events` is how
//! many entries are in an item, `rebuilt` how often it was made anew: both together are its version.
//!
//! | access pattern | how |
//! | --- | --- |
//! | count events | for those of the same ten seconds one TransactWriteItems: put each entry if it is not there, ADD to the day and to each product sold |
//! | the shop today | one BatchGetItem |
//! | the shop's days, the growth of its users | Query of each shard, `DAYS#`, between two days; growth from the first |
//! | the products that sold most | Query of each shard, `PRODUCTS#`, between two days |
//! | rebuild | Scan for what days there are; for each Query of the log and of the rollups, PutItem or DeleteItem of what differs |
//!
//! The log is kept for good and names nobody: a user's id says who it was only as long as there is an account. An event that comes twice finds
//! its entry and changes nothing, however much later it comes.
//!
//! How much this takes in AWS: DynamoDB lets one transaction at a time have an item, and every event of a day goes to the day's item of its
//! shard. With transactions of 10 ms, 16 at once count 340 sales of one product a second, 64 at once 400, of which 2.5 % gave up after eight
//! tries and come again from the queue. An order that is paid is three events: a bit more than a hundred paid orders a second; what comes
//! faster waits in the queues, whose consumers are kept to so few at once that they do not only meet each other. An entry costs 2 write units
//! for each KB, the day 2, each product sold 2.
//!
//! What reports read: a day of the shop is at most 16 small items, ten years are one page of a Query for each shard. A day of a product is as
//! many items as it has shards with sales: a month of a thousand products that sell well is half a million.

use std::collections::{BTreeMap, BTreeSet};

use dynamo::{AttributeValue, Item, Key, Scan, StoreError, Table, Write, item, number, text};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{ProductId, Timestamp};

use super::{
    calendar::{Day, Zone},
    facts::{Counted, Entry},
    tally::{Figures, Of, Rollup, Tally},
};

/// Over so many partitions, and so many items for each day, everything is spread.
pub const SHARDS: u8 = 16;

/// So long a shard is written before the next one takes its place.
const SHARD_SECONDS: i64 = 10;

/// How many items DynamoDB takes in one transaction.
const MOST_WRITES: usize = 100;

/// How many shards are read at the same moment.
const AT_ONCE: usize = 8;

/// The rollups' part of the table.
pub struct Store {
    table: Table,
}

/// A day in one shard: what is rebuilt at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The shard.
    pub shard: u8,
    /// The day, in the shop's time zone.
    pub day: Day,
}

/// A rollup as it lies in the table.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What it says.
    pub rollup: Rollup,
    events: Option<AttributeValue>,
    rebuilt: i64,
}

/// The shard of what happened at a time. All of ten seconds lies in one shard, so that what comes together is written together; the next
/// ten take the next.
fn shard_of(time: Timestamp) -> u8 {
    u8::try_from(time.as_seconds().div_euclid(SHARD_SECONDS).rem_euclid(i64::from(SHARDS))).unwrap_or_default()
}

/// Entries of one place, as many together as fit into one transaction with the rollups that they change.
fn packs<'a, 'b>(entries: &'b [(Key, &'a Entry)]) -> Vec<&'b [(Key, &'a Entry)]> {
    let (mut packs, mut start, mut touched) = (Vec::new(), 0, BTreeSet::new());
    for (index, (_, entry)) in entries.iter().enumerate() {
        let changes = Tally::of(&entry.fact).iter().map(|(of, _)| of).collect::<BTreeSet<Of>>();
        if index > start && index + 1 - start + touched.union(&changes).count() > MOST_WRITES {
            packs.push(&entries[start..index]);
            (start, touched) = (index, BTreeSet::new());
        }
        touched.extend(changes);
    }
    packs.extend((start < entries.len()).then(|| &entries[start..]));
    packs
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

impl Place {
    fn key(self, of: Of) -> Key {
        match of {
            Of::Shop => Key::new(days_pk(self.shard), self.day.to_string()),
            Of::Product(id) => Key::new(products_pk(self.shard), format!("{}#{id}", self.day)),
        }
    }

    /// Where what is counted of a scanned item belongs; nothing, if it is not the rollups'.
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
    /// Over a table.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Counts events: those of the same shard and day in one transaction with what they add together. One that was counted before adds
    /// nothing. How many entries were new.
    ///
    /// # Errors
    /// When the table does not answer; what is counted by then is counted.
    pub async fn count(&self, events: &[Counted], zone: &Zone) -> Result<usize, StoreError> {
        let mut places: BTreeMap<Place, BTreeMap<Key, &Entry>> = BTreeMap::new();
        for Counted { id, entries } in events {
            for (index, entry) in entries.iter().enumerate() {
                let place = Place { shard: shard_of(entry.time), day: zone.day_of(entry.time) };
                let sk = if index == 0 { id.to_string() } else { format!("{id}#{}", index + 1) };
                // By key, so that an event that comes twice in one batch is there once.
                places
                    .entry(place)
                    .or_default()
                    .insert(Key::new(log_pk(place.shard, Day::of_utc(entry.time)), sk), entry);
            }
        }
        let mut new = 0;
        for (place, entries) in places {
            let entries: Vec<(Key, &Entry)> = entries.into_iter().collect();
            for together in packs(&entries) {
                new += if self.count_at_once(place, together).await? {
                    together.len()
                } else if together.len() > 1 {
                    // One of them was counted before, which only each by itself can show.
                    let mut new = 0;
                    for entry in together.chunks(1) {
                        new += usize::from(self.count_at_once(place, entry).await?);
                    }
                    new
                } else {
                    0
                };
            }
        }
        Ok(new)
    }

    /// Whether none of the entries was there, and all are now, with what they add to the rollups.
    async fn count_at_once(&self, place: Place, entries: &[(Key, &Entry)]) -> Result<bool, StoreError> {
        let mut writes = Vec::new();
        for (key, entry) in entries {
            writes.push(Write::put(item(key, entry)?).if_absent());
        }
        let tally = Tally::fold(entries.iter().map(|(_, entry)| &entry.fact));
        writes.extend(tally.iter().map(|(of, rollup)| add(place.key(of), rollup)));
        self.table.transact_if_allowed(writes).await
    }

    /// The shop on one day.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn day(&self, day: Day) -> Result<Figures, StoreError> {
        let keys: Vec<Key> = (0..SHARDS).map(|shard| Place { shard, day }.key(Of::Shop)).collect();
        let mut sum = Figures::default();
        self.table.get_many(&keys).await?.values().for_each(|item| sum.plus(&figures(item)));
        Ok(sum)
    }

    /// The shop on each day up to `to` on which there was something, from the first or from a day on.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn days(&self, from: Option<Day>, to: Day) -> Result<BTreeMap<Day, Figures>, StoreError> {
        let from = from.map(|day| day.to_string()).unwrap_or_else(|| "0".to_owned());
        let mut days: BTreeMap<Day, Figures> = BTreeMap::new();
        let mut shards = self.each_shard(days_pk, from, to.to_string());
        while let Some(items) = shards.try_next().await? {
            for item in &items {
                if let Ok(day) = sk(item).parse() {
                    days.entry(day).or_default().plus(&figures(item));
                }
            }
        }
        Ok(days)
    }

    /// What was sold of each product on each day of a period, shard by shard, so that never all of it is in memory.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn products(
        &self,
        from: Day,
        to: Day,
        mut take: impl FnMut(Day, ProductId, Rollup),
    ) -> Result<(), StoreError> {
        // `$` comes behind the `#` of the last day.
        let mut shards = self.each_shard(products_pk, from.to_string(), format!("{to}$"));
        while let Some(items) = shards.try_next().await? {
            for item in &items {
                if let Some((day, Of::Product(id))) = place_in_shard(item) {
                    take(day, id, rollup(item));
                }
            }
        }
        Ok(())
    }

    fn each_shard(
        &self,
        pk: fn(u8) -> String,
        from: String,
        to: String,
    ) -> impl stream::Stream<Item = Result<Vec<Item>, StoreError>> + Unpin {
        let read = move |shard| {
            let (from, to) = (from.clone(), to.clone());
            async move { self.table.between(&pk(shard), &from, &to).await }
        };
        Box::pin(stream::iter(0..SHARDS).map(read).buffer_unordered(AT_ONCE))
    }

    /// Some of the places that anything is in, and where to go on.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn some_places(
        &self,
        zone: &Zone,
        from: Option<Key>,
    ) -> Result<(BTreeSet<Place>, Option<Key>), StoreError> {
        let scan = Scan {
            filter: "begins_with(pk, :log) OR begins_with(pk, :days) OR begins_with(pk, :products)",
            values: Item::from([text(":log", "LOG#"), text(":days", "DAYS#"), text(":products", "PRODUCTS#")]),
            keys_only: false,
        };
        let start = from.map(|key| Item::from([text("pk", key.pk), text("sk", key.sk)]));
        let found = self.table.scan(&scan, start).await?;
        let places = found.items.iter().filter_map(|item| Place::of(item, zone)).collect();
        Ok((places, found.next.map(|last| Key::new(pk(&last), sk(&last)))))
    }

    /// The rollups of a place, as they lie there.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn kept(&self, place: Place) -> Result<BTreeMap<Of, Kept>, StoreError> {
        let Place { shard, day } = place;
        let (day, behind) = (day.to_string(), format!("{day}$"));
        let (days, products) = (days_pk(shard), products_pk(shard));
        let both = (self.table.between(&days, &day, &day), self.table.between(&products, &day, &behind));
        let (mut items, products) = futures::try_join!(both.0, both.1)?;
        items.extend(products);
        Ok(items.iter().filter_map(|item| Some((place_in_shard(item)?.1, Kept::from(item)))).collect())
    }

    /// What the log comes to for a place.
    ///
    /// # Errors
    /// When the table does not answer or holds what cannot be read.
    pub async fn logged(&self, place: Place, zone: &Zone) -> Result<Tally, StoreError> {
        let mut facts = Vec::new();
        for utc_day in zone.utc_days(place.day) {
            let entries: Vec<Entry> = self.table.all(&log_pk(place.shard, utc_day), "").await?;
            facts.extend(entries.into_iter().filter(|e| zone.day_of(e.time) == place.day).map(|entry| entry.fact));
        }
        Ok(Tally::fold(&facts))
    }

    /// Makes a rollup what it should be (gone, if it should be nothing), if it is still what was read; whether it was.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn replace(
        &self,
        place: Place,
        of: Of,
        kept: Option<&Kept>,
        rollup: Option<&Rollup>,
    ) -> Result<bool, StoreError> {
        let key = place.key(of);
        let write = match rollup {
            Some(rollup) => Write::put(rollup_item(&key, rollup, kept.map_or(1, |kept| kept.rebuilt + 1))),
            None => Write::delete(key),
        };
        let write = match kept {
            Some(kept) => kept.unchanged(write),
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

/// The day of a rollup, and what it is of.
fn place_in_shard(item: &Item) -> Option<(Day, Of)> {
    match sk(item).split_once('#') {
        Some((day, id)) => Some((day.parse().ok()?, Of::Product(id.parse().ok()?))),
        None => Some((sk(item).parse().ok()?, Of::Shop)),
    }
}

fn add(key: Key, rollup: &Rollup) -> Write {
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

impl Kept {
    /// `write`, on the condition that nobody has written the item since it was read.
    fn unchanged(&self, write: Write) -> Write {
        let rebuilt = if self.rebuilt == 0 { "attribute_not_exists(#rebuilt)" } else { "#rebuilt = :rebuilt" };
        let events = if self.events.is_none() { "attribute_not_exists(#events)" } else { "#events = :events" };
        let versions = [
            (self.rebuilt != 0).then(|| number(":rebuilt", self.rebuilt)),
            self.events.clone().map(|events| (":events".to_owned(), events)),
        ];
        write.only_if(format!("{rebuilt} AND {events}")).with(versions.into_iter().flatten())
    }
}

impl From<&Item> for Kept {
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

    fn sold(products: usize) -> Entry {
        let line = |number: usize| SoldLine {
            product_id: ProductId::derived("test", &number.to_string()),
            name: String::new(),
            quantity: 1,
            value: Money::from_minor(1, Currency::Usd),
        };
        Entry {
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
    fn a_transaction_takes_what_fits_into_it() {
        // Of so many products each sells; how many entries go together, beside the day and the products that they share.
        let cases: [(&[usize], &[usize]); 5] =
            [(&[], &[]), (&[1; 98], &[98]), (&[1; 99], &[98, 1]), (&[98, 1, 1], &[1, 2]), (&[97, 97], &[2])];
        for (products, expected) in cases {
            let entries: Vec<Entry> = products.iter().map(|count| sold(*count)).collect();
            let keyed: Vec<(Key, &Entry)> = entries.iter().map(|entry| (Key::new("", ""), entry)).collect();
            assert_eq!(packs(&keyed).iter().map(|pack| pack.len()).collect::<Vec<_>>(), expected, "{products:?}");
        }
    }
}
