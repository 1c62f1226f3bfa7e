//! The search index in the table.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::atomic::AtomicU64,
};

use aws_config::SdkConfig;
use dynamo::{AttributeValue, Item, Key, StoreError, Table, TransactError, Write, bytes, item, number};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{ProductId, Timestamp};
use lambda::env;
use serde::{Deserialize, Serialize};

use crate::search::{
    entry::Entry,
    postings::{BLOCKS, Block, Posting},
};

/// The maximum number of concurrent requests to the table.
pub(super) const MAX_CONCURRENCY: usize = 16;

/// How often a write of a block is attempted when it conflicts with other writers.
const MAX_ATTEMPTS: usize = 20;

/// A bucket with this many words takes no more, and this is also the limit of one addition: twice as many words of
/// forty letters still fit into an item. Further words are not found by corrections.
const MAX_WORDS_PER_BUCKET: u32 = 1_500;

/// The search index of the catalog.
pub struct SearchIndex {
    pub(super) table: Table,
    /// The generation that was live at the last read of this environment.
    pub(super) live: AtomicU64,
}

/// The generations of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The generation that serves searches.
    pub live: u64,
    /// The generation that is being built, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<u64>,
    /// When that build began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// How often the manifest was written.
    pub revision: u64,
}

impl Default for Manifest {
    /// The manifest before the first rebuild.
    fn default() -> Self {
        Self { live: 1, building: None, started_at: None, revision: 0 }
    }
}

/// The items of one generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generation(pub u64);

/// The prefix of all keys of the index except the manifest's.
pub(super) const PREFIX: &str = "SEARCH#";

pub(super) fn manifest_key() -> Key {
    Key::new("SEARCH", "MANIFEST")
}

/// Returns the generation that an item of the index belongs to.
pub(super) fn generation_of(pk: &str) -> Option<u64> {
    pk.strip_prefix(PREFIX)?.split('#').next()?.parse().ok()
}

impl Generation {
    pub fn block(self, term: &str, block: u8) -> Key {
        Key::new(format!("{PREFIX}{}#{term}", self.0), format!("BLOCK#{block}"))
    }

    pub fn blocks(self, terms: &[String]) -> Vec<Key> {
        terms.iter().flat_map(|term| (0..BLOCKS).map(move |block| self.block(term, block))).collect()
    }

    pub fn bucket(self, bucket: &str) -> Key {
        Key::new(format!("{PREFIX}{}#{bucket}", self.0), "WORDS")
    }

    pub fn entry(self, product: ProductId) -> Key {
        Key::new(format!("{PREFIX}{}#ENTRY#{product}", self.0), "ENTRY")
    }

    pub fn count(self) -> Key {
        Key::new(format!("{PREFIX}{}#COUNT", self.0), "COUNT")
    }

    /// Returns the postings of `terms` in the items that were `found`.
    pub fn postings(self, terms: &[String], found: &HashMap<Key, Item>) -> BTreeMap<String, Vec<Posting>> {
        let of = |term: &String| {
            let blocks = (0..BLOCKS).filter_map(|block| found.get(&self.block(term, block)));
            (term.clone(), blocks.flat_map(|item| block_in(item).postings().to_vec()).collect())
        };
        terms.iter().map(of).collect()
    }
}

impl SearchIndex {
    /// Connects to the context's table.
    ///
    /// # Errors
    /// If an environment variable is missing.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { table: Table::connect(config, env("TABLE_NAME")?), live: AtomicU64::new(Manifest::default().live) })
    }

    /// Returns the manifest in the items that were `found`.
    pub(super) fn manifest_in(&self, found: &mut HashMap<Key, Item>) -> Result<Manifest, StoreError> {
        found.remove(&manifest_key()).map_or_else(|| Ok(Manifest::default()), |item| self.table.read(item))
    }

    pub(super) async fn manifest(&self) -> Result<Manifest, StoreError> {
        Ok(self.table.get(&manifest_key()).await?.unwrap_or_default())
    }

    /// Replaces the manifest `before` by `after`. Returns false if another writer has changed it.
    pub(super) async fn replace(&self, before: &Manifest, after: Manifest) -> Result<bool, StoreError> {
        let after = Manifest { revision: before.revision + 1, ..after };
        let write = Write::put(item(&manifest_key(), &after)?);
        let write = match before.revision {
            0 => write.if_absent(),
            revision => write.only_if("#revision = :before").with([number(":before", revision)]),
        };
        // A transaction, although it is one item: a retry after a lost response must not fail because of its own write.
        self.table.transact_if_allowed(vec![write]).await
    }

    /// Returns the existing blocks at `places`.
    pub(super) async fn read_blocks(
        &self,
        generation: Generation,
        places: impl Iterator<Item = (&str, u8)>,
    ) -> Result<HashMap<Key, Item>, StoreError> {
        let keys: Vec<Key> = places.map(|(term, block)| generation.block(term, block)).collect();
        let hundreds = stream::iter(keys.chunks(100)).map(|keys| self.table.get_many(keys));
        let found: Vec<_> = hundreds.buffer_unordered(MAX_CONCURRENCY).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Sets postings in a block and retries if other writers change it. `found` is the block as it was read.
    pub(super) async fn set_postings(
        &self,
        key: Key,
        term: &str,
        changes: &[Posting],
        found: Option<&Item>,
    ) -> Result<(), StoreError> {
        let mut found = found.cloned();
        for _ in 0..MAX_ATTEMPTS {
            let before = found.as_ref().map(block_in).unwrap_or_default();
            let after = before.changed(term, changes);
            if after == before {
                return Ok(());
            }
            let version = found.as_ref().map_or(0, version_in);
            let mut item = Item::from([bytes("postings", after.encode()), number("version", version + 1)]);
            item.extend([dynamo::text("pk", &key.pk), dynamo::text("sk", &key.sk)]);
            let write = match version {
                0 => Write::put(item).if_absent(),
                version => Write::put(item).only_if("#version = :before").with([number(":before", version)]),
            };
            match self.table.write(write).await {
                Ok(()) => return Ok(()),
                Err(TransactError::Refused(refusal)) => found = refusal.found(0).cloned(),
                Err(TransactError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::unreadable(&key.pk, "other writers keep changing the same postings"))
    }

    /// Adds words to a bucket, unless it is full.
    pub(super) async fn add_words(&self, key: Key, words: BTreeSet<String>) -> Result<(), StoreError> {
        let words = words.into_iter().take(MAX_WORDS_PER_BUCKET as usize).collect();
        let room = Write::update(key, "ADD #words :words")
            .only_if("attribute_not_exists(#words) OR size(#words) < :max")
            .with([number(":max", MAX_WORDS_PER_BUCKET), (":words".to_owned(), AttributeValue::Ss(words))]);
        self.table.write_if_allowed(room).await.map(drop)
    }

    /// Returns the index entries of products.
    pub(super) async fn entries(
        &self,
        generation: Generation,
        products: &[ProductId],
    ) -> Result<HashMap<ProductId, Entry>, StoreError> {
        let hundreds = stream::iter(products.chunks(100)).map(async |products| {
            let keys: Vec<Key> = products.iter().map(|product| generation.entry(*product)).collect();
            let mut found = self.table.get_many(&keys).await?;
            let entries = products.iter().zip(keys).filter_map(|(product, key)| Some((*product, found.remove(&key)?)));
            entries.map(|(product, item)| Ok((product, self.table.read(item)?))).collect::<Result<Vec<_>, StoreError>>()
        });
        let entries: Vec<_> = hundreds.buffer_unordered(MAX_CONCURRENCY).try_collect().await?;
        Ok(entries.into_iter().flatten().collect())
    }

    /// Replaces the entry of version `before` by `entry`. Returns false if another writer has changed it.
    pub(super) async fn write_entry(
        &self,
        generation: Generation,
        product: ProductId,
        entry: &Entry,
        before: Option<u64>,
    ) -> Result<bool, StoreError> {
        let write = Write::put(item(&generation.entry(product), entry)?);
        let write = match before {
            None => write.if_absent(),
            Some(version) => write.only_if("#version = :before").with([number(":before", version)]),
        };
        self.table.write_if_allowed(write).await
    }

    /// Adds to the number of products. A batch that is repeated is counted again, so the number is approximate; a
    /// rebuild corrects it.
    pub(super) async fn count(&self, generation: Generation, by: i64) -> Result<(), StoreError> {
        if by != 0 {
            let add = Write::update(generation.count(), "ADD #products :by").with([number(":by", by)]);
            self.table.write(add).await.map_err(|error| match error {
                TransactError::Store(error) => error,
                TransactError::Refused(_) => StoreError::unreadable("the count", "an update without a condition"),
            })?;
        }
        Ok(())
    }
}

pub(super) fn block_in(item: &Item) -> Block {
    match item.get("postings") {
        Some(AttributeValue::B(bytes)) => Block::decode(bytes.as_ref()),
        _ => Block::default(),
    }
}

pub(super) fn number_in(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn version_in(item: &Item) -> i64 {
    number_in(item, "version").unwrap_or(0)
}
