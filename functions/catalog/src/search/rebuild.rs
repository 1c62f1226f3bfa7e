//! The rebuild: builds a new generation of the index next to the live one.

use std::{collections::BTreeSet, time::Instant};

use dynamo::{Key, Scan, StoreError, text};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    domain::Product,
    search::{
        index::{Generation, MAX_CONCURRENCY, Manifest, PREFIX, SearchIndex, generation_of},
        terms::terms_of,
    },
    store::PRODUCT,
};

/// The maximum duration of a rebuild, which is that of a function. A rebuild that began earlier is dead.
const MAX_SECONDS: i64 = 15 * 60;

/// How many products are indexed together. Each block is written once for all of them.
const BATCH_SIZE: usize = 25_000;

/// The input of a rebuild, which has no fields.
#[derive(Debug, Deserialize)]
pub struct Rebuild {}

/// The result of a rebuild.
#[derive(Debug, Serialize)]
pub struct Rebuilt {
    generation: u64,
    products: usize,
    terms: usize,
    /// Deleted items of older generations.
    deleted: usize,
    seconds: u64,
}

/// Why the index was not rebuilt. The live generation stays the same.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Another rebuild is in progress.
    #[error("another rebuild began at {0}; a new one can begin when it has ended, or after 15 minutes")]
    InProgress(Timestamp),
    /// Another rebuild began and replaced this one.
    #[error("another rebuild replaced this one")]
    Superseded,
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Builds a new generation from all products, makes it live, and deletes older generations.
///
/// The indexer writes to the new generation from its beginning, so that no change is missed. If the rebuild dies, the
/// old generation stays live, and the next rebuild deletes what this one left.
///
/// # Errors
/// If another rebuild is in progress, or the table does not respond.
pub async fn rebuild(index: &SearchIndex, _: Rebuild) -> Result<Rebuilt, RebuildError> {
    let (started, now) = (Instant::now(), Timestamp::now());
    let before = index.manifest().await?;
    if let Some(began) = before.started_at.filter(|began| began.plus_seconds(MAX_SECONDS) > now) {
        return Err(RebuildError::InProgress(began));
    }
    let generation = before.building.unwrap_or(before.live).max(before.live) + 1;
    let building = Manifest { building: Some(generation), started_at: Some(now), ..before };
    if !index.replace(&before, building.clone()).await? {
        return Err(RebuildError::InProgress(now));
    }
    let building = Manifest { revision: before.revision + 1, ..building };
    tracing::info!(generation, "a rebuild begins");
    let (products, terms) = index.build(Generation(generation)).await?;
    let live = Manifest { live: generation, building: None, started_at: None, ..building };
    if !index.replace(&building, live).await? {
        return Err(RebuildError::Superseded);
    }
    tracing::info!(generation, products, terms, "the new generation is live");
    let deleted = index.remove_before(generation).await?;
    let rebuilt = Rebuilt { generation, products, terms, deleted, seconds: started.elapsed().as_secs() };
    tracing::info!(generation, deleted, seconds = rebuilt.seconds, "a rebuild is done");
    Ok(rebuilt)
}

impl SearchIndex {
    /// Indexes all products in `generation`. Returns the number of products and the number of terms.
    async fn build(&self, generation: Generation) -> Result<(usize, usize), StoreError> {
        let scan = Scan { filter: "sk = :product", values: [text(":product", PRODUCT)].into(), keys_only: false };
        let (mut waiting, mut products, mut terms) = (Vec::new(), 0, BTreeSet::new());
        let mut start = None;
        loop {
            let found = self.table.scan(&scan, start).await?;
            for item in found.items {
                waiting.push(self.table.read::<Product>(item)?);
            }
            start = found.next;
            if waiting.len() >= BATCH_SIZE || start.is_none() {
                waiting.iter().for_each(|product| terms.extend(terms_of(product).into_keys()));
                products += waiting.iter().filter(|product| product.archived_at.is_none()).count();
                self.update(generation, std::mem::take(&mut waiting)).await?;
                tracing::info!(products, terms = terms.len(), "a rebuild continues");
            }
            if start.is_none() {
                return Ok((products, terms.len()));
            }
        }
    }

    /// Deletes all generations before `live`. Returns the number of deleted items.
    async fn remove_before(&self, live: u64) -> Result<usize, StoreError> {
        let scan = Scan { filter: "begins_with(pk, :index)", values: [text(":index", PREFIX)].into(), keys_only: true };
        let (mut deleted, mut start) = (0, None);
        loop {
            let found = self.table.scan(&scan, start).await?;
            let key_of =
                |item: &dynamo::Item| Some(Key::new(item.get("pk")?.as_s().ok()?, item.get("sk")?.as_s().ok()?));
            let keys: Vec<Key> = found.items.iter().filter_map(key_of).collect();
            let old: Vec<Key> =
                keys.into_iter().filter(|key| generation_of(&key.pk).is_some_and(|old| old < live)).collect();
            let batches = stream::iter(old.chunks(25)).map(|keys| self.table.delete_many(keys));
            batches.buffer_unordered(MAX_CONCURRENCY).try_collect::<()>().await?;
            deleted += old.len();
            start = found.next;
            if start.is_none() {
                return Ok(deleted);
            }
        }
    }
}
