//! Following the catalog: products that changed are taken into the index as they are now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use contracts::{CatalogEvent, Envelope};
use dynamo::{Item, Key, StoreError};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{ProductId, Timestamp};

use crate::{
    domain::Product,
    search::{
        edits::buckets_of,
        entry::{Entry, Plan, Work, by_block},
        index::{AT_ONCE, Generation, SearchIndex, manifest_key},
        postings::Posting,
        terms::Terms,
    },
    store::product_key,
};

/// How often products that are taken in elsewhere too are tried.
const TRIES: usize = 10;

/// Takes the products that `events` tell of into every generation there is. What an event says does not count, but what the product
/// is now: so their order does not matter.
///
/// # Errors
/// When the table does not answer.
pub async fn follow(index: &SearchIndex, events: Vec<Envelope<CatalogEvent>>) -> Result<(), StoreError> {
    let ids: BTreeSet<ProductId> = events.iter().filter_map(|event| event.subject.parse().ok()).collect();
    // The manifest after the events: a rebuild that began later reads the products later, too.
    let keys: Vec<Key> = ids.iter().map(|id| product_key(*id)).chain([manifest_key()]).collect();
    let mut found = index.table.get_many(&keys).await?;
    let manifest = index.manifest_in(&mut found)?;
    let products: Vec<Product> =
        found.into_values().map(|product| index.table.read(product)).collect::<Result<_, _>>()?;
    for generation in [Some(manifest.live), manifest.building].into_iter().flatten() {
        index.take_in(Generation(generation), products.clone()).await?;
    }
    let oldest = events.iter().map(|event| event.timestamp).min();
    let behind = oldest.map(|oldest| Timestamp::now().as_millis() - oldest.as_millis());
    tracing::info!(products = products.len(), behind_ms = behind, "taken into the index");
    Ok(())
}

impl SearchIndex {
    /// Takes products into one generation, as far as it does not hold them already.
    ///
    /// First the words that can be meant, then the postings, then what the index holds of the products: whoever dies in between and
    /// comes again does the rest. Who finds that another writer was faster holds its postings against what that one wrote.
    pub(super) async fn take_in(&self, generation: Generation, products: Vec<Product>) -> Result<(), StoreError> {
        let mut works: BTreeMap<ProductId, Work> = BTreeMap::new();
        for work in products.into_iter().map(Work::of) {
            works.insert(work.product(), work);
        }
        for _ in 0..TRIES {
            let ids: Vec<ProductId> = works.keys().copied().collect();
            let entries = self.entries(generation, &ids).await?;
            let mut plans: BTreeMap<ProductId, (Terms, Option<Entry>)> = BTreeMap::new();
            works.retain(|id, work| match work.plan(entries.get(id)) {
                Plan::Done => false,
                Plan::Change(changes, entry) => plans.insert(*id, (changes, entry)).is_none(),
            });
            if works.is_empty() {
                return Ok(());
            }
            self.apply(generation, plans.iter().map(|(id, (changes, _))| (*id, changes))).await?;
            self.conclude(generation, &mut works, &plans, &entries).await?;
        }
        Err(StoreError::unreadable("the search index", "others take in the same products again and again"))
    }

    /// Writes the entries of products whose postings are set; what another writer was faster with stays in `works`.
    async fn conclude(
        &self,
        generation: Generation,
        works: &mut BTreeMap<ProductId, Work>,
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
        let written: Vec<(ProductId, bool)> = stream::iter(writes).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut products = 0;
        for (id, written) in written {
            let (changes, entry) = &plans[&id];
            let before = entries.get(&id);
            if written {
                let is_found = |entry: Option<&Entry>| i64::from(entry.is_some_and(|entry| !entry.terms.is_empty()));
                products += is_found(entry.as_ref()) - is_found(before);
                works.remove(&id);
            } else if let Some(work) = works.get_mut(&id) {
                let settled = before.filter(|_| entry.is_none()).map(|entry| entry.version);
                work.overtaken(changes, settled);
            }
        }
        self.count(generation, products).await
    }

    /// Sets postings, and before them the words that are new.
    async fn apply<'a>(
        &self,
        generation: Generation,
        changes: impl Iterator<Item = (ProductId, &'a Terms)>,
    ) -> Result<(), StoreError> {
        let blocks: Vec<((&str, u8), Vec<Posting>)> = by_block(changes).into_iter().collect();
        // So many at a time as can be held at their largest.
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
            stream::iter(adds).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
            self.set_all(generation, blocks, &found).await?;
        }
        Ok(())
    }

    async fn set_all(
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
        stream::iter(sets).buffer_unordered(AT_ONCE).try_collect::<()>().await
    }
}
