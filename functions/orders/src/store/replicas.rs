//! Replicas of users, products and payments, which the events of their contexts update.

use std::collections::HashMap;

use dynamo::{IdempotencyKey, Item, Key, StoreError, Write, item, number, text};
use kernel::{OrderId, ProductId, UserId};
use serde::{Deserialize, Serialize};

use crate::domain::{Payment, Product, RequestedLine};

use super::{Store, log};

/// The data that placing an order needs, from one read.
pub struct PlacementContext {
    /// Whether the user exists; `None` if there is no replica.
    pub user: Option<bool>,
    /// The products that are sold, of those that are ordered.
    pub products: HashMap<ProductId, Product>,
    /// The stored response of the idempotency key.
    pub stored_response: Option<Item>,
    /// The state of the customer's rate limit.
    pub bucket: Option<Item>,
}

/// The replica of a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct UserReplica {
    /// The user.
    pub user_id: UserId,
    /// Whether the account was deleted. Nothing can be ordered for it.
    #[serde(default)]
    pub deleted: bool,
    /// The sequence number of the last event.
    pub sequence: u64,
}

fn user_key(id: UserId) -> Key {
    Key::new(format!("USER#{id}"), "COPY")
}

fn product_key(id: ProductId) -> Key {
    Key::new(format!("PRODUCT#{id}"), "COPY")
}

fn payment_key(id: OrderId) -> Key {
    Key::new(log::pk(id), "PAYMENT")
}

/// Returns the condition that the replica of a payment is still the `expected` one.
pub fn payment_unchanged(id: OrderId, expected: Option<&Payment>) -> Write {
    let check = Write::check(payment_key(id));
    match expected {
        Some(payment) => check.only_if("#version = :version").with([number(":version", payment.version)]),
        None => check.only_if("attribute_not_exists(pk)"),
    }
}

impl Store {
    /// Reads the data that placing an order needs.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn placement_context(
        &self,
        user_id: UserId,
        requested: &[RequestedLine],
        idempotency_key: Option<&IdempotencyKey>,
        bucket: Option<&Key>,
    ) -> Result<PlacementContext, StoreError> {
        let mut keys = vec![user_key(user_id)];
        keys.extend(bucket.cloned());
        keys.extend(idempotency_key.map(|key| key.key().clone()));
        let mut found = self.get_with_products(keys, requested).await?;
        let user: Option<UserReplica> =
            found.remove(&user_key(user_id)).map(|item| self.table.read(item)).transpose()?;
        Ok(PlacementContext {
            user: user.map(|user| !user.deleted),
            stored_response: idempotency_key.and_then(|key| found.remove(key.key())),
            bucket: bucket.and_then(|bucket| found.remove(bucket)),
            products: self.read_products(found)?,
        })
    }

    /// Reads the replicas of the products of some lines.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn products(&self, requested: &[RequestedLine]) -> Result<HashMap<ProductId, Product>, StoreError> {
        let found = self.get_with_products(Vec::new(), requested).await?;
        self.read_products(found)
    }

    async fn get_with_products(
        &self,
        mut keys: Vec<Key>,
        requested: &[RequestedLine],
    ) -> Result<HashMap<Key, Item>, StoreError> {
        let mut products: Vec<ProductId> = requested.iter().map(|line| line.product_id).collect();
        products.sort_unstable();
        products.dedup();
        keys.extend(products.into_iter().map(product_key));
        // Replicas lag behind anyway, and the transaction checks the key and the limit again.
        self.table.get_many_eventually_consistent(&keys).await
    }

    fn read_products(&self, found: HashMap<Key, Item>) -> Result<HashMap<ProductId, Product>, StoreError> {
        let products =
            found.into_iter().filter(|(key, item)| key.pk.starts_with("PRODUCT#") && !item.contains_key("archived"));
        products
            .map(|(_, item)| self.table.read::<Product>(item).map(|product| (product.product_id, product)))
            .collect()
    }

    /// Stores the replica of a user, unless a newer one is stored.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn put_user(&self, user: &UserReplica) -> Result<(), StoreError> {
        self.put_if_newer(item(&user_key(user.user_id), user)?, user.sequence).await
    }

    /// Stores the replica of a product, unless a newer one is stored.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn put_product(&self, product: &Product) -> Result<(), StoreError> {
        self.put_if_newer(item(&product_key(product.product_id), product)?, product.sequence).await
    }

    /// Replaces the replica of a product by a marker, so that an older event that arrives late does not restore it.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn archive_product(&self, id: ProductId, sequence: u64) -> Result<(), StoreError> {
        let key = product_key(id);
        let mut marker = Item::from([text("pk", key.pk), text("sk", key.sk), text("archived", "yes")]);
        marker.extend([number("sequence", sequence)]);
        self.put_if_newer(marker, sequence).await
    }

    async fn put_if_newer(&self, replica: Item, sequence: u64) -> Result<(), StoreError> {
        self.table.write_if_allowed(Write::put(replica).if_newer(sequence)).await.map(drop)
    }

    /// Returns the replica of an order's payment.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn payment(&self, id: OrderId) -> Result<Option<Payment>, StoreError> {
        self.table.get(&payment_key(id)).await
    }

    /// Stores the replica of an order's payment. Returns false if the stored one is not the version that `payment` was
    /// made from.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn put_payment(&self, id: OrderId, payment: &Payment) -> Result<bool, StoreError> {
        let put = Write::put(item(&payment_key(id), payment)?);
        let put = put.only_if("attribute_not_exists(pk) OR #version = :seen");
        self.table.write_if_allowed(put.with([number(":seen", payment.version - 1)])).await
    }
}
