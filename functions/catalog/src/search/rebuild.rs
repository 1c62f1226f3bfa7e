//! Starting over: a new generation of the index, built beside the one that answers.

use std::{collections::BTreeSet, time::Instant};

use dynamo::{Key, Scan, StoreError, text};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    domain::Product,
    search::{
        index::{AT_ONCE, Generation, Manifest, PREFIX, SearchIndex, generation_of},
        terms::terms_of,
    },
    store::PRODUCT,
};

/// A rebuild has at most so long, as a function has: one that began before that is dead.
const LONGEST_SECONDS: i64 = 15 * 60;

/// So many products are taken in together: each block is written once for all of them.
const TOGETHER: usize = 25_000;

/// What a rebuild is asked: nothing.
#[derive(Debug, Deserialize)]
pub struct Rebuild {}

/// What became of it.
#[derive(Debug, Serialize)]
pub struct Rebuilt {
    generation: u64,
    products: usize,
    terms: usize,
    /// Items of generations before.
    deleted: usize,
    seconds: u64,
}

/// Why an index was not rebuilt. The one that answered before does so still.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Another rebuild is under way.
    #[error("another rebuild began at {0}; it ends, or counts as dead after 15 minutes")]
    UnderWay(Timestamp),
    /// Another rebuild took its place.
    #[error("another rebuild took the place of this one")]
    Overtaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Builds a new generation from all products, lets it answer, and removes those before it.
///
/// Whoever follows the catalog writes to the new generation from its beginning, so that nothing is missed. If this dies, the old
/// generation goes on, and the next rebuild removes what this one left.
///
/// # Errors
/// When another rebuild is under way, or the table does not answer.
pub async fn rebuild(index: &SearchIndex, _: Rebuild) -> Result<Rebuilt, RebuildError> {
    let (started, now) = (Instant::now(), Timestamp::now());
    let before = index.manifest().await?;
    if let Some(began) = before.started_at.filter(|began| began.plus_seconds(LONGEST_SECONDS) > now) {
        return Err(RebuildError::UnderWay(began));
    }
    let generation = before.building.unwrap_or(before.live).max(before.live) + 1;
    let building = Manifest { building: Some(generation), started_at: Some(now), ..before };
    if !index.replace(&before, building.clone()).await? {
        return Err(RebuildError::UnderWay(now));
    }
    let building = Manifest { revision: before.revision + 1, ..building };
    tracing::info!(generation, "a rebuild begins");
    let (products, terms) = index.build(Generation(generation)).await?;
    let live = Manifest { live: generation, building: None, started_at: None, ..building };
    if !index.replace(&building, live).await? {
        return Err(RebuildError::Overtaken);
    }
    tracing::info!(generation, products, terms, "the new generation answers");
    let deleted = index.remove_before(generation).await?;
    let rebuilt = Rebuilt { generation, products, terms, deleted, seconds: started.elapsed().as_secs() };
    tracing::info!(generation, deleted, seconds = rebuilt.seconds, "a rebuild is done");
    Ok(rebuilt)
}

impl SearchIndex {
    /// Takes all products into `generation`; how many there are, and under how many terms.
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
            if waiting.len() >= TOGETHER || start.is_none() {
                waiting.iter().for_each(|product| terms.extend(terms_of(product).into_keys()));
                products += waiting.iter().filter(|product| product.archived_at.is_none()).count();
                self.take_in(generation, std::mem::take(&mut waiting)).await?;
                tracing::info!(products, terms = terms.len(), "a rebuild goes on");
            }
            if start.is_none() {
                return Ok((products, terms.len()));
            }
        }
    }

    /// Removes every generation before `live`; how many items that were.
    async fn remove_before(&self, live: u64) -> Result<usize, StoreError> {
        let scan = Scan { filter: "begins_with(pk, :index)", values: [text(":index", PREFIX)].into(), keys_only: true };
        let (mut deleted, mut start) = (0, None);
        loop {
            let found = self.table.scan(&scan, start).await?;
            let place =
                |item: &dynamo::Item| Some(Key::new(item.get("pk")?.as_s().ok()?, item.get("sk")?.as_s().ok()?));
            let keys: Vec<Key> = found.items.iter().filter_map(place).collect();
            let old: Vec<Key> =
                keys.into_iter().filter(|key| generation_of(&key.pk).is_some_and(|old| old < live)).collect();
            let batches = stream::iter(old.chunks(25)).map(|keys| self.table.delete_many(keys));
            batches.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
            deleted += old.len();
            start = found.next;
            if start.is_none() {
                return Ok(deleted);
            }
        }
    }
}
