//! Reads. Reads of the table are strongly consistent, except those named `eventually_consistent`. Reads of an index
//! cannot be.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes, TableStatus},
};
use kernel::Chain;
use serde::de::DeserializeOwned;

use crate::{Item, Key, StoreError, text};

/// The table of a context.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
}

/// Which items of one partition to read, and in which order.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// The index to query, or `None` for the table. The keys of an index are `<index>pk` and `<index>sk`.
    pub index: Option<&'a str>,
    /// The partition key.
    pub pk: String,
    /// The prefix of the sort keys. It is empty for all items.
    pub sk_prefix: &'a str,
    /// The sort key after which the items begin, in the order of the query.
    pub after: Option<String>,
    /// Whether the largest sort key comes first.
    pub descending: bool,
    /// The maximum number of items.
    pub limit: usize,
}

/// A page of a query.
#[derive(Debug)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Whether there are more items after these.
    pub more: bool,
}

impl Table {
    /// Creates a client for the table `name`.
    pub fn connect(config: &SdkConfig, name: String) -> Self {
        Self { client: Client::new(config), name }
    }

    /// Returns whether the table accepts reads and writes. A table that is being updated does.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn is_active(&self) -> Result<bool, StoreError> {
        let sent = self.client.describe_table().table_name(&self.name).send().await;
        let response = sent.map_err(|error| self.failed("describe", Chain(error)))?;
        let status = response.table.and_then(|table| table.table_status);
        Ok(matches!(status, Some(TableStatus::Active | TableStatus::Updating)))
    }

    /// Reads the item at `key`.
    ///
    /// # Errors
    /// If the table does not respond or the item is not a `T`.
    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        self.get_one(key, true).await
    }

    /// Reads the item at `key` at half the price of [`Table::get`]. It may be the state of a moment before.
    ///
    /// # Errors
    /// If the table does not respond or the item is not a `T`.
    pub async fn get_eventually_consistent<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        self.get_one(key, false).await
    }

    async fn get_one<T: DeserializeOwned>(&self, key: &Key, consistent: bool) -> Result<Option<T>, StoreError> {
        let response = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .consistent_read(consistent)
            .send()
            .await
            .map_err(|error| self.failed("get", Chain(error)))?;
        response.item.map(|item| self.read(item)).transpose()
    }

    /// Reads the items at `keys` that exist, with one call for every 100 keys.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn get_many(&self, keys: &[Key]) -> Result<HashMap<Key, Item>, StoreError> {
        self.batch_get(keys, true).await
    }

    /// Reads items at half the price of [`Table::get_many`]. They may be the state of a moment before.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn get_many_eventually_consistent(&self, keys: &[Key]) -> Result<HashMap<Key, Item>, StoreError> {
        self.batch_get(keys, false).await
    }

    async fn batch_get(&self, keys: &[Key], consistent: bool) -> Result<HashMap<Key, Item>, StoreError> {
        let mut found = HashMap::new();
        for hundred in keys.chunks(100) {
            let mut wanted = self.wanted(hundred.iter().map(Key::attributes).collect(), consistent)?;
            while !wanted.is_empty() {
                let response = self
                    .client
                    .batch_get_item()
                    .set_request_items(Some(wanted))
                    .send()
                    .await
                    .map_err(|error| self.failed("batch get", Chain(error)))?;
                for item in response.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                    if let (Some(AttributeValue::S(pk)), Some(AttributeValue::S(sk))) = (item.get("pk"), item.get("sk"))
                    {
                        found.insert(Key::new(pk, sk), item);
                    }
                }
                wanted = response.unprocessed_keys.unwrap_or_default();
            }
        }
        Ok(found)
    }

    /// Reads all items of the partition `pk` whose sort keys begin with `sk_prefix`, with all pages.
    ///
    /// # Errors
    /// If the table does not respond or an item is not a `T`.
    pub async fn all<T: DeserializeOwned>(&self, pk: &str, sk_prefix: &str) -> Result<Vec<T>, StoreError> {
        let query =
            Query { index: None, pk: pk.to_owned(), sk_prefix, after: None, descending: false, limit: usize::MAX };
        Ok(self.page(&query).await?.items)
    }

    /// Reads all items of the partition `pk` with sort keys from `from` to `to`, both included, with all pages.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn between(&self, pk: &str, from: &str, to: &str) -> Result<Vec<Item>, StoreError> {
        let values = Item::from([text(":pk", pk), text(":from", from), text(":to", to)]);
        let query = self.client.query().table_name(&self.name).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to");
        let query = query.set_expression_attribute_values(Some(values));
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let sent = query.clone().set_exclusive_start_key(start).send().await;
            let response = sent.map_err(|error| self.failed("query", Chain(error)))?;
            items.extend(response.items.unwrap_or_default());
            start = response.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// Reads the first `limit` items of `query`.
    ///
    /// # Errors
    /// If the table does not respond or an item is not a `T`.
    pub async fn page<T: DeserializeOwned>(&self, query: &Query<'_>) -> Result<Page<T>, StoreError> {
        let index = query.index.unwrap_or_default();
        let mut values = Item::from([text(":pk", &query.pk)]);
        let mut condition = format!("{index}pk = :pk");
        // A key condition can have only one restriction of the sort key: after the last item, or the prefix.
        match (&query.after, query.descending) {
            (Some(after), true) => {
                condition += &format!(" AND {index}sk BETWEEN :from AND :after");
                values.extend([text(":from", query.sk_prefix), text(":after", after)]);
                if query.sk_prefix.is_empty() {
                    condition = format!("{index}pk = :pk AND {index}sk < :after");
                    values.remove(":from");
                }
            }
            (Some(after), false) => {
                condition += &format!(" AND {index}sk > :after");
                values.extend([text(":after", after)]);
            }
            (None, _) if !query.sk_prefix.is_empty() => {
                condition += &format!(" AND begins_with({index}sk, :prefix)");
                values.extend([text(":prefix", query.sk_prefix)]);
            }
            (None, _) => {}
        }
        let sort_key = format!("{index}sk");
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let wanted = query.limit.saturating_add(2).saturating_sub(items.len());
            let response = self
                .client
                .query()
                .table_name(&self.name)
                .set_index_name(query.index.map(str::to_owned))
                .key_condition_expression(&condition)
                .set_expression_attribute_values(Some(values.clone()))
                .consistent_read(query.index.is_none())
                .scan_index_forward(!query.descending)
                .set_limit(i32::try_from(wanted).ok())
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| self.failed("query", Chain(error)))?;
            for item in response.items.unwrap_or_default() {
                let found = item.get(&sort_key).and_then(|sk| sk.as_s().ok());
                let in_range =
                    found.is_some_and(|sk| sk.starts_with(query.sk_prefix) && Some(sk) != query.after.as_ref());
                if in_range && items.len() <= query.limit {
                    items.push(item);
                }
            }
            start = response.last_evaluated_key;
            if start.is_none() || items.len() > query.limit {
                break;
            }
        }
        let more = items.len() > query.limit;
        items.truncate(query.limit);
        let items = items.into_iter().map(|item| self.read(item)).collect::<Result<_, _>>()?;
        Ok(Page { items, more })
    }

    /// Deserializes an item.
    ///
    /// # Errors
    /// If the item is not a `T`.
    pub fn read<T: DeserializeOwned>(&self, item: Item) -> Result<T, StoreError> {
        serde_dynamo::from_item(item).map_err(|error| self.failed("read an item", error))
    }

    pub(crate) fn failed(&self, operation: &'static str, reason: impl std::fmt::Display) -> StoreError {
        StoreError::new(operation, &self.name, reason)
    }

    fn wanted(&self, keys: Vec<Item>, consistent: bool) -> Result<HashMap<String, KeysAndAttributes>, StoreError> {
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(consistent)
            .build()
            .map_err(|error| self.failed("batch get", error))?;
        Ok(HashMap::from([(self.name.clone(), keys)]))
    }
}
