//! The catalog table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | product | `PRODUCT#<product>` | `PRODUCT` |
//! | entry of the list of all products | `LIST#` | `<name>#<product>` |
//! | entry of the list of a category | `LIST#<category>` | `<name>#<product>` |
//! | answer to an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` |
//! | outbox entry | `EVENT#<event>` | `EVENT` |
//! | search index: see [`crate::search`] | `SEARCH…` | |
//!
//! A list entry is the whole product, so that a page is one Query. Categories and names are in lower case in keys.

use contracts::{CatalogEvent, Cause, Envelope, ProductArchived, ProductCreated, ProductUpdated};
use dynamo::{Answer, Claim, Item, Key, Query, StoreError, Table, TransactError, Write, item, number, outbox_item};
use kernel::{ProductId, Timestamp};

use crate::domain::Product;

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

/// The sort key of products.
pub const PRODUCT: &str = "PRODUCT";

pub fn product_key(id: ProductId) -> Key {
    Key::new(format!("PRODUCT#{id}"), PRODUCT)
}

/// Where a product is listed: among all, and in its category.
fn list_keys(product: &Product) -> [Key; 2] {
    [None, Some(&*product.category)].map(|category| Key::new(list_partition(category), list_place(product)))
}

fn list_partition(category: Option<&str>) -> String {
    format!("LIST#{}", category.unwrap_or_default().to_lowercase())
}

fn list_place(product: &Product) -> String {
    format!("{}#{}", product.name.to_lowercase(), product.id)
}

impl Store {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    pub fn table(&self) -> &Table {
        &self.table
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
        let [among_all, in_category] = list_keys(product);
        let mut writes = vec![
            Write::put(item(&product_key(product.id), product)?).if_absent(),
            Write::put(item(&among_all, product)?),
            Write::put(item(&in_category, product)?),
            Write::put(outbox_item(&envelope)?),
        ];
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

    /// Writes `after`, which is `before` changed or archived, its list entries and the event that tells of it; not if somebody else
    /// has changed it.
    pub async fn replace(
        &self,
        before: &Product,
        after: &Product,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<bool, StoreError> {
        let product_id = after.id;
        let event: CatalogEvent = match after.archived_at {
            Some(_) => ProductArchived { product_id }.into(),
            None => ProductUpdated {
                product_id,
                name: after.name.to_string(),
                category: after.category.to_string(),
                price: after.price,
            }
            .into(),
        };
        let envelope = Envelope::new(event, product_id, after.version, now, cause);
        let unchanged = Write::put(item(&product_key(product_id), after)?)
            .only_if("#version = :before")
            .with([number(":before", before.version)]);
        let mut writes = vec![unchanged, Write::put(outbox_item(&envelope)?)];
        let listed = if after.archived_at.is_none() { list_keys(after).to_vec() } else { Vec::new() };
        for key in &listed {
            writes.push(Write::put(item(key, after)?));
        }
        writes.extend(list_keys(before).into_iter().filter(|key| !listed.contains(key)).map(Write::delete));
        self.table.transact_if_allowed(writes).await
    }

    pub async fn find(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.table.get(&product_key(id)).await
    }

    /// A page and, if there is more, the place where it goes on.
    pub async fn list(
        &self,
        category: Option<&str>,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Product>, Option<String>), StoreError> {
        let query =
            Query { index: None, pk: list_partition(category), sk_prefix: "", after, newest_first: false, limit };
        let page = self.table.page::<Product>(&query).await?;
        let next = page.items.last().filter(|_| page.more).map(list_place);
        Ok((page.items, next))
    }
}
