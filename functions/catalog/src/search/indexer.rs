//! The indexer: updates the index to the current state of products that changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use contracts::{CatalogEvent, Envelope};
use dynamo::{Item, Key, StoreError};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{ProductId, Timestamp};

use crate::{
    domain::Product,
    search::{
        edits::buckets_of,
        entry::{Entry, IndexUpdate, Plan, by_block},
        index::{Generation, MAX_CONCURRENCY, SearchIndex, manifest_key},
        postings::Posting,
        terms::Terms,
    },
    store::product_key,
};

/// How often an update is attempted when it conflicts with another writer.
const MAX_ATTEMPTS: usize = 10;

/// Updates every generation of the index for the products of `events`. The products are read, and the contents of the
/// events are ignored, so that the order of the events does not matter.
///
/// # Errors
/// If the table does not respond.
pub async fn index_products(index: &SearchIndex, events: Vec<Envelope<CatalogEvent>>) -> Result<(), StoreError> {
    let ids: BTreeSet<ProductId> = events.iter().filter_map(|event| event.subject.parse().ok()).collect();
    // The manifest is read after the events were received: a rebuild that begins later reads the products later, too.
    let keys: Vec<Key> = ids.iter().map(|id| product_key(*id)).chain([manifest_key()]).collect();
    let mut found = index.table.get_many(&keys).await?;
    let manifest = index.manifest_in(&mut found)?;
    let products: Vec<Product> =
        found.into_values().map(|product| index.table.read(product)).collect::<Result<_, _>>()?;
    for generation in [Some(manifest.live), manifest.building].into_iter().flatten() {
        index.update(Generation(generation), products.clone()).await?;
    }
    let oldest = events.iter().map(|event| event.timestamp).min();
    let behind = oldest.map(|oldest| Timestamp::now().as_millis() - oldest.as_millis());
    tracing::info!(products = products.len(), behind_ms = behind, "indexed");
    Ok(())
}

impl SearchIndex {
    /// Updates one generation of the index to the state of `products`.
    ///
    /// It writes the words for corrections first, then the postings, then the entries, so that a repetition completes
    /// what an interrupted update left. An update that finds that another writer was faster compares its postings with
    /// that writer's entry.
    pub(super) async fn update(&self, generation: Generation, products: Vec<Product>) -> Result<(), StoreError> {
        let mut updates: BTreeMap<ProductId, IndexUpdate> = BTreeMap::new();
        for update in products.into_iter().map(IndexUpdate::of) {
            updates.insert(update.product(), update);
        }
        for _ in 0..MAX_ATTEMPTS {
            let ids: Vec<ProductId> = updates.keys().copied().collect();
            let entries = self.entries(generation, &ids).await?;
            let mut plans: BTreeMap<ProductId, (Terms, Option<Entry>)> = BTreeMap::new();
            updates.retain(|id, update| match update.plan(entries.get(id)) {
                Plan::Done => false,
                Plan::Change(changes, entry) => plans.insert(*id, (changes, entry)).is_none(),
            });
            if updates.is_empty() {
                return Ok(());
            }
            self.apply_changes(generation, plans.iter().map(|(id, (changes, _))| (*id, changes))).await?;
            self.write_entries(generation, &mut updates, &plans, &entries).await?;
        }
        Err(StoreError::unreadable("the search index", "other writers keep updating the same products"))
    }

    /// Writes the entries of products whose postings are set. Products whose entries another writer wrote stay in
    /// `updates`.
    async fn write_entries(
        &self,
        generation: Generation,
        updates: &mut BTreeMap<ProductId, IndexUpdate>,
        plans: &BTreeMap<ProductId, (Terms, Option<Entry>)>,
        entries: &HashMap<ProductId, Entry>,
    ) -> Result<(), StoreError> {
        let writes = plans.iter().map(async |(id, (_, entry))| {
            let before = entries.get(id).map(|entry| entry.version);
            let written = match entry {
                Some(entry) => self.write_entry(generation, *id, entry, before).await?,
                None => false,
            };
            Ok::<_, StoreError>((*id, written))
        });
        let written: Vec<(ProductId, bool)> =
            stream::iter(writes).buffer_unordered(MAX_CONCURRENCY).try_collect().await?;
        let mut products = 0;
        for (id, written) in written {
            let (changes, entry) = &plans[&id];
            let before = entries.get(&id);
            if written {
                let is_listed = |entry: Option<&Entry>| i64::from(entry.is_some_and(|entry| !entry.terms.is_empty()));
                products += is_listed(entry.as_ref()) - is_listed(before);
                updates.remove(&id);
            } else if let Some(update) = updates.get_mut(&id) {
                let reconciled = before.filter(|_| entry.is_none()).map(|entry| entry.version);
                update.superseded(changes, reconciled);
            }
        }
        self.count(generation, products).await
    }

    /// Writes new words to the buckets, and then sets postings.
    async fn apply_changes<'a>(
        &self,
        generation: Generation,
        changes: impl Iterator<Item = (ProductId, &'a Terms)>,
    ) -> Result<(), StoreError> {
        let blocks: Vec<((&str, u8), Vec<Posting>)> = by_block(changes).into_iter().collect();
        // That many blocks fit into memory, even if they have their maximum size.
        for blocks in blocks.chunks(1_000) {
            let found = self.read_blocks(generation, blocks.iter().map(|(place, _)| *place)).await?;
            let mut buckets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for ((term, block), _) in blocks {
                if !found.contains_key(&generation.block(term, *block)) {
                    for bucket in buckets_of(term).into_iter().flatten() {
                        buckets.entry(bucket).or_default().insert((*term).to_owned());
                    }
                }
            }
            let adds = buckets.into_iter().map(|(bucket, words)| self.add_words(generation.bucket(&bucket), words));
            stream::iter(adds).buffer_unordered(MAX_CONCURRENCY).try_collect::<()>().await?;
            self.set_all_postings(generation, blocks, &found).await?;
        }
        Ok(())
    }

    async fn set_all_postings(
        &self,
        generation: Generation,
        blocks: &[((&str, u8), Vec<Posting>)],
        found: &HashMap<Key, Item>,
    ) -> Result<(), StoreError> {
        let sets = blocks.iter().map(|((term, block), changes)| {
            let key = generation.block(term, *block);
            let before = found.get(&key);
            self.set_postings(key, term, changes, before)
        });
        stream::iter(sets).buffer_unordered(MAX_CONCURRENCY).try_collect::<()>().await
    }
}
