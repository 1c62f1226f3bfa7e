//! Finding products.

use dynamo::{Key, StoreError};

use crate::{
    domain::Product,
    search::{
        index::{Generation, SearchIndex, manifest_key, number_in},
        query::Query,
    },
    store::product_key,
};

/// So far down a ranking can be read.
const DEPTH: usize = 500;

/// A page of what was found.
pub struct FoundPage {
    /// The best first; fewer than asked for where the index was behind the catalog.
    pub products: Vec<Product>,
    /// Where the ranking goes on, if it does.
    pub next: Option<usize>,
}

impl SearchIndex {
    /// The products that `text` asks for, from the place `from` of their ranking.
    ///
    /// At most four reads, whatever the size of the catalog: the words; words that may have been meant by those that were not found;
    /// their postings; the products. One more where the index was rebuilt since this environment looked last.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn find(&self, text: &str, from: usize, limit: usize) -> Result<FoundPage, StoreError> {
        let mut query = Query::of(text);
        if query.is_empty() {
            return Ok(FoundPage { products: Vec::new(), next: None });
        }
        let mut reads = 0;
        let (generation, products) = self.look_up(&mut query, &mut reads).await?;
        self.look_up_meant(&mut query, generation, &mut reads).await?;

        let ranked = query.ranked(products, DEPTH);
        let page = &ranked[from.min(ranked.len())..(from + limit).min(ranked.len())];
        let keys: Vec<Key> = page.iter().map(|ranked| product_key(ranked.product)).collect();
        reads += u32::from(!keys.is_empty());
        let mut found = self.table.get_many(&keys).await?;
        // The products are the truth: the index is a moment behind them.
        let mut products: Vec<Product> = Vec::new();
        for (ranked, key) in page.iter().zip(keys) {
            if let Some(item) = found.remove(&key) {
                let product = self.table.read(item)?;
                products.extend(Some(product).filter(|product| query.is_still_in(product, ranked.words)));
            }
        }
        tracing::info!(reads, found = ranked.len(), left_out = page.len() - products.len(), "searched");
        Ok(FoundPage { products, next: Some(from + limit).filter(|next| *next < ranked.len()) })
    }

    /// Takes in what the words are found under, with the manifest in the same read; the live generation, and how many products it has.
    async fn look_up(&self, query: &mut Query, reads: &mut u32) -> Result<(Generation, u64), StoreError> {
        let terms = query.terms();
        loop {
            let generation = Generation(self.live.get());
            let mut keys = generation.blocks(&terms);
            keys.extend([manifest_key(), generation.count()]);
            *reads += 1;
            let mut found = self.table.get_many_of_late(&keys).await?;
            let live = self.manifest_in(&mut found)?.live;
            // Generations only grow: an older one is told by a replica that is behind.
            if live <= generation.0 {
                query.take(&generation.postings(&terms, &found));
                let products = found.get(&generation.count()).and_then(|count| number_in(count, "products"));
                return Ok((generation, products.and_then(|products| u64::try_from(products).ok()).unwrap_or(0)));
            }
            self.live.set(live);
        }
    }

    /// Takes in what may have been meant by words that were not found.
    async fn look_up_meant(
        &self,
        query: &mut Query,
        generation: Generation,
        reads: &mut u32,
    ) -> Result<(), StoreError> {
        let buckets: Vec<Key> = query.buckets().iter().map(|bucket| generation.bucket(bucket)).collect();
        if buckets.is_empty() {
            return Ok(());
        }
        *reads += 1;
        let known = self.table.get_many_of_late(&buckets).await?;
        let words = known.values().filter_map(|bucket| bucket.get("words")?.as_ss().ok()).flatten();
        let meant = query.correct(words.map(String::as_str));
        if !meant.is_empty() {
            *reads += 1;
            let found = self.table.get_many_of_late(&generation.blocks(&meant)).await?;
            query.take_meant(&generation.postings(&meant, &found));
        }
        Ok(())
    }
}

/// Where a ranking goes on, as a cursor holds it.
pub fn place(cursor: &str) -> usize {
    // Only what was sealed here is opened.
    cursor.parse().unwrap_or(DEPTH)
}
