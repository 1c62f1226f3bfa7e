//! What orders remembers of users, products and payments, as their contexts told it.

use std::collections::HashMap;

use dynamo::{Claim, Item, Key, StoreError, Write, item, number, text};
use kernel::{OrderId, ProductId, UserId};
use serde::{Deserialize, Serialize};

use crate::domain::{Payment, Product, WantedLine};

use super::{Store, payment_key};

/// What the one read of a checkout brings.
pub struct Known {
    /// Whether there is such a user; nothing, if nobody has told of one.
    pub user: Option<bool>,
    /// The products that are sold.
    pub products: HashMap<ProductId, Product>,
    /// What was answered to the idempotency key.
    pub answer: Option<Item>,
    /// The customer's rate limit.
    pub bucket: Option<Item>,
}

/// What `orders` remembers of a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct KnownUser {
    /// Who.
    pub user_id: UserId,
    /// Nothing can be ordered for them any more.
    #[serde(default)]
    pub deleted: bool,
    /// The event this is from.
    pub sequence: u64,
}

fn user_key(id: UserId) -> Key {
    Key::new(format!("USER#{id}"), "COPY")
}

fn product_key(id: ProductId) -> Key {
    Key::new(format!("PRODUCT#{id}"), "COPY")
}

impl Store {
    /// All that placing an order has to know, in one read.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn known(
        &self,
        user_id: UserId,
        wanted: &[WantedLine],
        claim: Option<&Claim>,
        bucket: Option<&Key>,
    ) -> Result<Known, StoreError> {
        let mut keys = vec![user_key(user_id)];
        keys.extend(bucket.cloned());
        keys.extend(claim.map(|claim| claim.key().clone()));
        let mut found = self.get_with_products(keys, wanted).await?;
        let user: Option<KnownUser> = found.remove(&user_key(user_id)).map(|item| self.table.read(item)).transpose()?;
        Ok(Known {
            user: user.map(|user| !user.deleted),
            answer: claim.and_then(|claim| found.remove(claim.key())),
            bucket: bucket.and_then(|bucket| found.remove(bucket)),
            products: self.read_products(found)?,
        })
    }

    /// What is known of some products.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn products(&self, wanted: &[WantedLine]) -> Result<HashMap<ProductId, Product>, StoreError> {
        let found = self.get_with_products(Vec::new(), wanted).await?;
        self.read_products(found)
    }

    async fn get_with_products(
        &self,
        mut keys: Vec<Key>,
        wanted: &[WantedLine],
    ) -> Result<HashMap<Key, Item>, StoreError> {
        let mut products: Vec<ProductId> = wanted.iter().map(|line| line.product_id).collect();
        products.sort_unstable();
        products.dedup();
        keys.extend(products.into_iter().map(product_key));
        // Copies are a moment old anyway, and of a key or a limit the write has the last word.
        self.table.get_many_of_late(&keys).await
    }

    fn read_products(&self, found: HashMap<Key, Item>) -> Result<HashMap<ProductId, Product>, StoreError> {
        let products =
            found.into_iter().filter(|(key, item)| key.pk.starts_with("PRODUCT#") && !item.contains_key("archived"));
        products
            .map(|(_, item)| self.table.read::<Product>(item).map(|product| (product.product_id, product)))
            .collect()
    }

    /// Keeps what was heard of a user or a product, unless something newer is known.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn remember_user(&self, user: &KnownUser) -> Result<(), StoreError> {
        self.remember(item(&user_key(user.user_id), user)?, user.sequence).await
    }

    /// As [`Store::remember_user`].
    ///
    /// # Errors
    /// As there.
    pub async fn remember_product(&self, product: &Product) -> Result<(), StoreError> {
        self.remember(item(&product_key(product.product_id), product)?, product.sequence).await
    }

    /// Keeps only that there was such a product: what is heard late of it does not bring it back.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn forget_product(&self, id: ProductId, sequence: u64) -> Result<(), StoreError> {
        let key = product_key(id);
        let mut gone = Item::from([text("pk", key.pk), text("sk", key.sk), text("archived", "yes")]);
        gone.extend([number("sequence", sequence)]);
        self.remember(gone, sequence).await
    }

    async fn remember(&self, copy: Item, sequence: u64) -> Result<(), StoreError> {
        self.table.write_if_allowed(Write::put(copy).if_newer(sequence)).await.map(drop)
    }

    /// What was heard of an order's payment.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn payment(&self, id: OrderId) -> Result<Option<Payment>, StoreError> {
        self.table.get(&payment_key(id)).await
    }

    /// Keeps what was heard of an order's payment; whether the copy is the one that was changed.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn remember_payment(&self, id: OrderId, payment: &Payment) -> Result<bool, StoreError> {
        let put = Write::put(item(&payment_key(id), payment)?);
        let put = put.only_if("attribute_not_exists(pk) OR #version = :seen");
        self.table.write_if_allowed(put.with([number(":seen", payment.version - 1)])).await
    }
}
