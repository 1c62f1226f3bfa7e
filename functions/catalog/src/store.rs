//! The catalog table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | product | `PRODUCT#<product>` | `PRODUCT` |
//! | entry of a list, by name | `LIST#name#<category>` | `<name>#<product>` |
//! | entry of a list, by price | `LIST#price#<category>` | `<minor units, ten digits>#<product>` |
//! | entry of a list, by age | `LIST#created#<category>` | `<created at>#<product>` |
//! | version and counters | `VERSION` | `VERSION` |
//! | answer to an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` |
//! | outbox entry | `EVENT#<event>` | `EVENT` |
//! | search index: see [`crate::search`] | `SEARCH…` | |
//!
//! | who asks | how it is read |
//! | --- | --- |
//! | one product | GetItem |
//! | a page of all products, or of a category's, in one of four orders | Query of one partition, forwards or backwards |
//! | whether anything has changed; how many products there are | GetItem of the version |
//!
//! A product has six entries: in the list of all (its category is empty) and in that of its category, three times each. An entry is the
//! whole product, so that a page is one Query. They are items of the table rather than of an index, because only those can be read
//! consistently. Categories and names are in lower case in keys. Archived products have no entries.
//!
//! # The version
//!
//! One item is raised in the transaction of every write that readers see, so that one small read tells whether what was read before
//! still stands. It has its price, which fits what is written by few and read by many:
//!
//! - All writes meet at this item. Transactions that do are refused by DynamoDB, and tried again by [`Table::transact`].
//! - All reads of products begin there. DynamoDB reads one item some 3000 times a second; a shop that needs more keeps several
//!   copies of the item, writes all of them together and reads any one.
//! - A transaction is written item by item. Who reads in its midst may see the new version beside an old entry, and a cache, or a
//!   browser with its entity tag, would keep that entry for as long as the version stands. So the version is raised once more when
//!   the transaction is done, before the writer has its answer ([`Store::settle`]); also where a writer finds its work done, because
//!   whoever did it may have died in between.

use contracts::{CatalogEvent, Cause, Envelope, ProductArchived, ProductCreated, ProductUpdated};
use dynamo::{Answer, Claim, Item, Key, Query, StoreError, Table, TransactError, Write, item, number, outbox_item};
use kernel::{ProductId, Timestamp};
use serde::Deserialize;

use crate::domain::{Product, Sort};

pub struct Store {
    table: Table,
}

/// What became of a creation.
pub enum Created {
    /// It is in the catalog.
    Done,
    /// The idempotency key has this answer; nothing was written.
    Answered(Item),
    /// There is a product of this id.
    Exists,
}

/// The catalog as a whole.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Version {
    /// Another one whenever readers may see something else.
    pub version: u64,
    /// How many products are for sale.
    pub for_sale: u64,
    /// How many were taken out of the catalog.
    pub archived: u64,
    /// How many ever came into it.
    pub created: u64,
}

/// The order in which the entries of a partition lie.
#[derive(Clone, Copy)]
enum Order {
    Name,
    Price,
    Created,
}

impl Order {
    const ALL: [Self; 3] = [Self::Name, Self::Price, Self::Created];

    fn partition(self, category: Option<&str>) -> String {
        let order = match self {
            Self::Name => "name",
            Self::Price => "price",
            Self::Created => "created",
        };
        format!("LIST#{order}#{}", category.unwrap_or_default().to_lowercase())
    }

    fn place(self, product: &Product) -> String {
        let id = product.id;
        match self {
            Self::Name => format!("{}#{id}", product.name.to_lowercase()),
            Self::Price => format!("{:010}#{id}", product.price.minor()),
            Self::Created => format!("{}#{id}", product.created_at),
        }
    }
}

/// In which order entries are read, and whether backwards.
fn reading(sort: Sort) -> (Order, bool) {
    match sort {
        Sort::Name => (Order::Name, false),
        Sort::Cheapest => (Order::Price, false),
        Sort::Dearest => (Order::Price, true),
        Sort::Newest => (Order::Created, true),
    }
}

/// The sort key of products.
pub const PRODUCT: &str = "PRODUCT";

pub fn product_key(id: ProductId) -> Key {
    Key::new(format!("PRODUCT#{id}"), PRODUCT)
}

fn version_key() -> Key {
    Key::new("VERSION", "VERSION")
}

/// Where a product is listed: nowhere once it is archived.
fn list_keys(product: &Product) -> Vec<Key> {
    let lists = [None, Some(&*product.category)].into_iter().filter(|_| product.archived_at.is_none());
    lists
        .flat_map(|category| Order::ALL.map(|order| Key::new(order.partition(category), order.place(product))))
        .collect()
}

/// Raises the version, and `counters` by so much each.
fn raise(counters: &[(&str, i64)]) -> Write {
    let all = || [("version", 1)].into_iter().chain(counters.iter().copied());
    let adds: Vec<String> = all().map(|(name, _)| format!("#{name} :{name}")).collect();
    Write::update(version_key(), format!("ADD {}", adds.join(", ")))
        .with(all().map(|(name, by)| number(&format!(":{name}"), by)))
}

/// Puts `after` in the place of `before`, in the lists too; fails if that is not there any more.
fn replacement(before: &Product, after: &Product) -> Result<Vec<Write>, StoreError> {
    let unchanged = Write::put(item(&product_key(after.id), after)?)
        .only_if("#version = :version AND #stock_sequence = :heard")
        .with([number(":version", before.version), number(":heard", before.stock_sequence)]);
    let mut writes = vec![unchanged];
    let listed = list_keys(after);
    for key in &listed {
        writes.push(Write::put(item(key, after)?));
    }
    writes.extend(list_keys(before).into_iter().filter(|key| !listed.contains(key)).map(Write::delete));
    Ok(writes)
}

impl Store {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    pub async fn create(
        &self,
        product: &Product,
        claimed: Option<(&Claim, &Answer)>,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<Created, StoreError> {
        let created = ProductCreated {
            product_id: product.id,
            name: product.name.to_string(),
            category: product.category.to_string(),
            price: product.price,
        };
        let envelope = Envelope::new(CatalogEvent::from(created), product.id, product.version, now, cause);
        let mut writes = vec![
            Write::put(item(&product_key(product.id), product)?).if_absent(),
            Write::put(outbox_item(&envelope)?),
            raise(&[("created", 1), ("for_sale", 1)]),
        ];
        for key in list_keys(product) {
            writes.push(Write::put(item(&key, product)?));
        }
        let claim_at = writes.len();
        if let Some((claim, answer)) = claimed {
            writes.push(claim.store(answer, now)?);
        }
        match self.table.transact(writes).await {
            Ok(()) => Ok(Created::Done),
            Err(TransactError::Refused(refusal)) => Ok(match refusal.found(claim_at) {
                Some(answer) => Created::Answered(answer.clone()),
                None => Created::Exists,
            }),
            Err(TransactError::Store(error)) => Err(error),
        }
    }

    /// Writes `after`, which is `before` changed or archived, and the event that tells of it; not if somebody else has changed it.
    pub async fn replace(
        &self,
        before: &Product,
        after: &Product,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<bool, StoreError> {
        let product_id = after.id;
        let (event, version): (CatalogEvent, Write) = match after.archived_at {
            Some(_) => (ProductArchived { product_id }.into(), raise(&[("archived", 1), ("for_sale", -1)])),
            None => {
                let updated = ProductUpdated {
                    product_id,
                    name: after.name.to_string(),
                    category: after.category.to_string(),
                    price: after.price,
                };
                (updated.into(), raise(&[]))
            }
        };
        let envelope = Envelope::new(event, product_id, after.version, now, cause);
        let mut writes = replacement(before, after)?;
        writes.extend([Write::put(outbox_item(&envelope)?), version]);
        self.table.transact_if_allowed(writes).await
    }

    /// As [`Store::replace`], for what other contexts know already: without an event.
    pub async fn replace_quietly(&self, before: &Product, after: &Product) -> Result<bool, StoreError> {
        let mut writes = replacement(before, after)?;
        writes.push(raise(&[]));
        self.table.transact_if_allowed(writes).await
    }

    /// Makes worthless what readers kept who read in the midst of a transaction that is done now.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.table.write_if_allowed(raise(&[])).await.map(drop)
    }

    pub async fn version(&self) -> Result<Version, StoreError> {
        Ok(self.table.get(&version_key()).await?.unwrap_or_default())
    }

    pub async fn find(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.table.get(&product_key(id)).await
    }

    /// A page and, if there is more, the place where it goes on.
    pub async fn list(
        &self,
        category: Option<&str>,
        sort: Sort,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Product>, Option<String>), StoreError> {
        let (order, descending) = reading(sort);
        let query = Query { index: None, pk: order.partition(category), sk_prefix: "", after, descending, limit };
        let page = self.table.page::<Product>(&query).await?;
        let next = page.items.last().filter(|_| page.more).map(|last| order.place(last));
        Ok((page.items, next))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use kernel::{Currency, Money};

    use super::*;
    use crate::domain::tests::mug;

    fn places(product: &Product) -> BTreeSet<(String, String)> {
        list_keys(product).into_iter().map(|key| (key.pk, key.sk)).collect()
    }

    #[test]
    fn a_product_is_listed_six_times_until_it_is_archived() {
        let mug = mug();
        let mut expected = BTreeSet::new();
        for category in ["", "kitchen"] {
            for (order, place) in [("name", "mug"), ("price", "0000001250"), ("created", "2026-01-02T03:04:05.600Z")] {
                expected.insert((format!("LIST#{order}#{category}"), format!("{place}#{}", mug.id)));
            }
        }
        assert_eq!(places(&mug), expected);
        assert_eq!(places(&mug.archived(Timestamp::from_millis(0))), BTreeSet::new());
    }

    #[test]
    fn prices_sort_as_numbers() {
        let place = |minor| Order::Price.place(&Product { price: Money::from_minor(minor, Currency::Eur), ..mug() });
        let sorted = [1, 99, 100, 999_999, crate::domain::HIGHEST_PRICE_MINOR].map(place);
        assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]), "{sorted:?}");
    }

    #[test]
    fn what_is_left_is_deleted_and_nothing_else() {
        let before = mug();
        let deleted = |after: Product| replacement(&before, &after).unwrap().len() - 1 - list_keys(&after).len();
        assert_eq!(deleted(Product { version: 2, ..before.clone() }), 0);
        assert_eq!(deleted(Product { price: Money::from_minor(1, Currency::Usd), ..before.clone() }), 2);
        assert_eq!(deleted(Product { category: "Garden".parse().unwrap(), ..before.clone() }), 3);
        assert_eq!(deleted(before.archived(Timestamp::from_millis(0))), 6);
    }
}
