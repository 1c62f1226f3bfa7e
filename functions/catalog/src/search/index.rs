//! The index in the table.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, HashMap},
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

/// How many writes are under way at once.
pub(super) const AT_ONCE: usize = 16;

/// How often a block that others write too is tried.
const TRIES: usize = 20;

/// A bucket that has so many words takes no more, and as many at a time: twice as many, each of forty letters, still fit into an
/// item. Typos of the others are not understood.
const MOST_IN_BUCKET: u32 = 1_500;

/// The search index of the catalog.
pub struct SearchIndex {
    pub(super) table: Table,
    /// The generation that was live when this environment looked last.
    pub(super) live: Cell<u64>,
}

/// Which generations of the index there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The one that answers.
    pub live: u64,
    /// The one that is being built, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<u64>,
    /// When that began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// How often this was written.
    pub revision: u64,
}

impl Default for Manifest {
    /// As long as nobody has rebuilt the index.
    fn default() -> Self {
        Self { live: 1, building: None, started_at: None, revision: 0 }
    }
}

/// The items of one generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generation(pub u64);

/// What every key of the index but the manifest's begins with.
pub(super) const PREFIX: &str = "SEARCH#";

pub(super) fn manifest_key() -> Key {
    Key::new("SEARCH", "MANIFEST")
}

/// The generation that an item of the index belongs to.
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

    /// The postings of `terms` among the items that were `found`.
    pub fn postings(self, terms: &[String], found: &HashMap<Key, Item>) -> BTreeMap<String, Vec<Posting>> {
        let of = |term: &String| {
            let blocks = (0..BLOCKS).filter_map(|block| found.get(&self.block(term, block)));
            (term.clone(), blocks.flat_map(|item| block_in(item).postings().to_vec()).collect())
        };
        terms.iter().map(of).collect()
    }
}

impl SearchIndex {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { table: Table::connect(config, env("TABLE_NAME")?), live: Cell::new(Manifest::default().live) })
    }

    /// The manifest among the items that were `found`.
    pub(super) fn manifest_in(&self, found: &mut HashMap<Key, Item>) -> Result<Manifest, StoreError> {
        found.remove(&manifest_key()).map_or_else(|| Ok(Manifest::default()), |item| self.table.read(item))
    }

    pub(super) async fn manifest(&self) -> Result<Manifest, StoreError> {
        Ok(self.table.get(&manifest_key()).await?.unwrap_or_default())
    }

    /// Writes `after` in place of `before`; not if somebody else has changed it.
    pub(super) async fn replace(&self, before: &Manifest, after: Manifest) -> Result<bool, StoreError> {
        let after = Manifest { revision: before.revision + 1, ..after };
        let write = Write::put(item(&manifest_key(), &after)?);
        let write = match before.revision {
            0 => write.if_absent(),
            revision => write.only_if("#revision = :before").with([number(":before", revision)]),
        };
        // A transaction, although it is one item: it must not be refused for what it has itself written.
        self.table.transact_if_allowed(vec![write]).await
    }

    /// The blocks at `places` that there are.
    pub(super) async fn read_blocks(
        &self,
        generation: Generation,
        places: impl Iterator<Item = (&str, u8)>,
    ) -> Result<HashMap<Key, Item>, StoreError> {
        let keys: Vec<Key> = places.map(|(term, block)| generation.block(term, block)).collect();
        let hundreds = stream::iter(keys.chunks(100)).map(|keys| self.table.get_many(keys));
        let found: Vec<_> = hundreds.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Sets postings in one block, whatever others set in it meanwhile; `found` is how it was.
    pub(super) async fn set_postings(
        &self,
        key: Key,
        term: &str,
        changes: &[Posting],
        found: Option<&Item>,
    ) -> Result<(), StoreError> {
        let mut found = found.cloned();
        for _ in 0..TRIES {
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
        Err(StoreError::unreadable(&key.pk, "others write the same postings again and again"))
    }

    /// Adds words to a bucket, unless it is full.
    pub(super) async fn add_words(&self, key: Key, words: BTreeSet<String>) -> Result<(), StoreError> {
        let words = words.into_iter().take(MOST_IN_BUCKET as usize).collect();
        let room = Write::update(key, "ADD #words :words")
            .only_if("attribute_not_exists(#words) OR size(#words) < :most")
            .with([number(":most", MOST_IN_BUCKET), (":words".to_owned(), AttributeValue::Ss(words))]);
        self.table.write_if_allowed(room).await.map(drop)
    }

    /// What the index holds of these products.
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
        let entries: Vec<_> = hundreds.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(entries.into_iter().flatten().collect())
    }

    /// Writes `entry` in place of the one of version `before`; not if somebody else has changed it.
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

    /// Counts products that came and went. A batch that comes again counts again: the number is nearly right, and a rebuild sets it.
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
