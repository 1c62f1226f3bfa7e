//! The catalog table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | product | `PRODUCT#<product>` | `PRODUCT` |
//! | list entry, by name | `LIST#name#<category>` | `<name>#<product>` |
//! | list entry, by price | `LIST#price#<category>` | `<minor units, ten digits>#<product>` |
//! | list entry, by age | `LIST#created#<category>` | `<created at>#<product>` |
//! | version and counters | `VERSION` | `VERSION` |
//! | response to an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` |
//! | outbox entry | `EVENT#<event>` | `EVENT` |
//! | search index: see [`crate::search`] | `SEARCH…` | |
//!
//! | access pattern | how |
//! | --- | --- |
//! | one product | GetItem |
//! | a page of all products or of a category, in one of four orders | Query of one partition, forwards or backwards |
//! | whether anything has changed; how many products exist | GetItem of the version |
//!
//! A product has six list entries: three in the list of all products (with an empty category) and three in the list of
//! its category. Each entry is the whole product, so that a page is one Query. The entries are items of the table and
//! not of an index, because an index cannot be read consistently. Categories and names are in lower case in keys.
//! Archived products have no entries.
//!
//! # The version
//!
//! One item, the version, is incremented in the transaction of every write that readers can see, so that one small read
//! shows whether a cached response is still valid. This has a price, which is acceptable for data that few write and
//! many read:
//!
//! - All writes contend for this item. DynamoDB refuses concurrent transactions on it, and [`Table::transact`] retries
//!   them.
//! - All reads of products begin with this item. DynamoDB reads one item about 3,000 times per second; a shop that
//!   needs more has to keep several copies of the item, write all of them together and read any one.
//! - DynamoDB commits a transaction item by item. A reader in between may see the new version with an old entry, and a
//!   cache, or a browser with its entity tag, would keep that entry until the next version. So the version is
//!   incremented again after the transaction and before the writer responds ([`Store::invalidate_caches`]). A writer
//!   that finds its work done already does the same, because the other writer may have died in between.

use contracts::{CatalogEvent, Cause, Envelope, ProductArchived, ProductCreated, ProductUpdated};
use dynamo::{
    IdempotencyKey, Item, Key, Query, StoreError, StoredResponse, Table, TransactError, Write, item, number,
    outbox_item,
};
use kernel::{ProductId, Timestamp};
use serde::Deserialize;
use strum::VariantArray;

use crate::domain::{Product, Sort};

pub struct Store {
    table: Table,
}

/// The result of creating a product.
pub enum Created {
    /// The product is in the catalog.
    Done,
    /// The item that is stored under the idempotency key; nothing was written.
    Replayed(Item),
    /// A product with this id exists.
    Exists,
}

/// The version of the catalog, and counters of its products.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Version {
    /// It changes whenever readers may see something else.
    pub version: u64,
    /// How many products are for sale.
    pub for_sale: u64,
    /// How many products are archived.
    pub archived: u64,
    /// How many products were ever created.
    pub created: u64,
}

/// The order of the list entries in a partition.
#[derive(Clone, Copy, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
enum ListOrder {
    Name,
    Price,
    Created,
}

impl ListOrder {
    fn partition(self, category: Option<&str>) -> String {
        let order: &str = self.into();
        format!("LIST#{order}#{}", category.unwrap_or_default().to_lowercase())
    }

    fn sort_key(self, product: &Product) -> String {
        let id = product.id;
        match self {
            Self::Name => format!("{}#{id}", product.name.to_lowercase()),
            Self::Price => format!("{:010}#{id}", product.price.minor()),
            Self::Created => format!("{}#{id}", product.created_at),
        }
    }
}

/// Returns the order in which list entries are read, and whether they are read backwards.
fn list_order(sort: Sort) -> (ListOrder, bool) {
    match sort {
        Sort::Name => (ListOrder::Name, false),
        Sort::Cheapest => (ListOrder::Price, false),
        Sort::Dearest => (ListOrder::Price, true),
        Sort::Newest => (ListOrder::Created, true),
    }
}

/// The sort key of product items.
pub const PRODUCT: &str = "PRODUCT";

pub fn product_key(id: ProductId) -> Key {
    Key::new(format!("PRODUCT#{id}"), PRODUCT)
}

fn version_key() -> Key {
    Key::new("VERSION", "VERSION")
}

/// Returns the keys of a product's list entries. An archived product has none.
fn list_keys(product: &Product) -> Vec<Key> {
    let lists = [None, Some(&*product.category)].into_iter().filter(|_| product.archived_at.is_none());
    lists
        .flat_map(|category| {
            ListOrder::VARIANTS.iter().map(move |order| Key::new(order.partition(category), order.sort_key(product)))
        })
        .collect()
}

/// Returns the write that increments the version, and each of `counters` by its number.
fn increment_version(counters: &[(&str, i64)]) -> Write {
    let all = || [("version", 1)].into_iter().chain(counters.iter().copied());
    let adds: Vec<String> = all().map(|(name, _)| format!("#{name} :{name}")).collect();
    Write::update(version_key(), format!("ADD {}", adds.join(", ")))
        .with(all().map(|(name, by)| number(&format!(":{name}"), by)))
}

/// Returns the writes that replace `before` and its list entries by `after`. They fail if the product has changed.
fn replacement(before: &Product, after: &Product) -> Result<Vec<Write>, StoreError> {
    let unchanged = Write::put(item(&product_key(after.id), after)?)
        .only_if("#version = :version AND #stock_sequence = :stock_sequence")
        .with([number(":version", before.version), number(":stock_sequence", before.stock_sequence)]);
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
        idempotency: Option<(&IdempotencyKey, &StoredResponse)>,
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
            increment_version(&[("created", 1), ("for_sale", 1)]),
        ];
        for key in list_keys(product) {
            writes.push(Write::put(item(&key, product)?));
        }
        let key_index = writes.len();
        if let Some((key, response)) = idempotency {
            writes.push(key.store(response, now)?);
        }
        match self.table.transact(writes).await {
            Ok(()) => Ok(Created::Done),
            Err(TransactError::Refused(refusal)) => Ok(match refusal.found(key_index) {
                Some(stored) => Created::Replayed(stored.clone()),
                None => Created::Exists,
            }),
            Err(TransactError::Store(error)) => Err(error),
        }
    }

    /// Replaces `before` by `after`, which is changed or archived, and publishes the event. Returns false if the
    /// product was changed by another request.
    pub async fn replace(
        &self,
        before: &Product,
        after: &Product,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<bool, StoreError> {
        let product_id = after.id;
        let (event, version): (CatalogEvent, Write) = match after.archived_at {
            Some(_) => (ProductArchived { product_id }.into(), increment_version(&[("archived", 1), ("for_sale", -1)])),
            None => {
                let updated = ProductUpdated {
                    product_id,
                    name: after.name.to_string(),
                    category: after.category.to_string(),
                    price: after.price,
                };
                (updated.into(), increment_version(&[]))
            }
        };
        let envelope = Envelope::new(event, product_id, after.version, now, cause);
        let mut writes = replacement(before, after)?;
        writes.extend([Write::put(outbox_item(&envelope)?), version]);
        self.table.transact_if_allowed(writes).await
    }

    /// Replaces `before` by `after` without an event, for changes that other contexts already know.
    pub async fn replace_without_event(&self, before: &Product, after: &Product) -> Result<bool, StoreError> {
        let mut writes = replacement(before, after)?;
        writes.push(increment_version(&[]));
        self.table.transact_if_allowed(writes).await
    }

    /// Invalidates responses that were cached from reads during a transaction, after that transaction is done.
    pub async fn invalidate_caches(&self) -> Result<(), StoreError> {
        self.table.write_if_allowed(increment_version(&[])).await.map(drop)
    }

    pub async fn version(&self) -> Result<Version, StoreError> {
        Ok(self.table.get(&version_key()).await?.unwrap_or_default())
    }

    pub async fn find(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.table.get(&product_key(id)).await
    }

    /// Returns a page and, if there are more entries, the position of the next page.
    pub async fn list(
        &self,
        category: Option<&str>,
        sort: Sort,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Product>, Option<String>), StoreError> {
        let (order, descending) = list_order(sort);
        let query = Query { index: None, pk: order.partition(category), sk_prefix: "", after, descending, limit };
        let page = self.table.page::<Product>(&query).await?;
        let next = page.items.last().filter(|_| page.more).map(|last| order.sort_key(last));
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

    fn keys(product: &Product) -> BTreeSet<(String, String)> {
        list_keys(product).into_iter().map(|key| (key.pk, key.sk)).collect()
    }

    #[test]
    fn a_product_is_listed_six_times_until_it_is_archived() {
        let mug = mug();
        let mut expected = BTreeSet::new();
        for category in ["", "kitchen"] {
            for (order, sort_key) in [("name", "mug"), ("price", "0000001250"), ("created", "2026-01-02T03:04:05.600Z")]
            {
                expected.insert((format!("LIST#{order}#{category}"), format!("{sort_key}#{}", mug.id)));
            }
        }
        assert_eq!(keys(&mug), expected);
        assert_eq!(keys(&mug.archived(Timestamp::from_millis(0))), BTreeSet::new());
    }

    #[test]
    fn prices_sort_as_numbers() {
        let sort_key =
            |minor| ListOrder::Price.sort_key(&Product { price: Money::from_minor(minor, Currency::Eur), ..mug() });
        let sorted = [1, 99, 100, 999_999, crate::domain::MAX_PRICE_MINOR].map(sort_key);
        assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]), "{sorted:?}");
    }

    #[test]
    fn only_outdated_list_entries_are_deleted() {
        let before = mug();
        let deleted = |after: Product| replacement(&before, &after).unwrap().len() - 1 - list_keys(&after).len();
        assert_eq!(deleted(Product { version: 2, ..before.clone() }), 0);
        assert_eq!(deleted(Product { price: Money::from_minor(1, Currency::Usd), ..before.clone() }), 2);
        assert_eq!(deleted(Product { category: "Garden".parse().unwrap(), ..before.clone() }), 3);
        assert_eq!(deleted(before.archived(Timestamp::from_millis(0))), 6);
    }
}
