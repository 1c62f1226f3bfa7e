//! The product search.

use std::sync::atomic::Ordering;

use dynamo::{Key, StoreError};

use crate::{
    domain::Product,
    search::{
        index::{Generation, SearchIndex, manifest_key, number_in},
        query::Query,
    },
    store::product_key,
};

/// How many products of a ranking can be read.
const MAX_RANK: usize = 500;

/// A page of search results.
pub struct SearchPage {
    /// The best matches first. The page has fewer than requested if the index was out of date.
    pub products: Vec<Product>,
    /// The position of the next page in the ranking, if there is one.
    pub next: Option<usize>,
}

impl SearchIndex {
    /// Returns the products that match `text`, from position `from` of the ranking.
    ///
    /// It takes at most four reads, whatever the size of the catalog: the words, possible corrections of words without
    /// matches, the postings of these corrections, and the products. If the index was rebuilt since the last search of
    /// this environment, it takes one more.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn find(&self, text: &str, from: usize, limit: usize) -> Result<SearchPage, StoreError> {
        let mut query = Query::of(text);
        if query.is_empty() {
            return Ok(SearchPage { products: Vec::new(), next: None });
        }
        let mut reads = 0;
        let (generation, products) = self.look_up(&mut query, &mut reads).await?;
        self.look_up_corrections(&mut query, generation, &mut reads).await?;

        let ranked = query.ranked(products, MAX_RANK);
        let page = &ranked[from.min(ranked.len())..(from + limit).min(ranked.len())];
        let keys: Vec<Key> = page.iter().map(|ranked| product_key(ranked.product)).collect();
        reads += u32::from(!keys.is_empty());
        let mut found = self.table.get_many(&keys).await?;
        // The index is a moment behind the products, so that each product is compared with the query again.
        let mut products: Vec<Product> = Vec::new();
        for (ranked, key) in page.iter().zip(keys) {
            if let Some(item) = found.remove(&key) {
                let product = self.table.read(item)?;
                products.extend(Some(product).filter(|product| query.still_matches(product, ranked.words)));
            }
        }
        tracing::info!(reads, found = ranked.len(), left_out = page.len() - products.len(), "searched");
        Ok(SearchPage { products, next: Some(from + limit).filter(|next| *next < ranked.len()) })
    }

    /// Reads the manifest and the postings of the query's words. Returns the live generation and the number of its
    /// products.
    async fn look_up(&self, query: &mut Query, reads: &mut u32) -> Result<(Generation, u64), StoreError> {
        let terms = query.terms();
        loop {
            let generation = Generation(self.live.load(Ordering::Relaxed));
            let mut keys = generation.blocks(&terms);
            keys.extend([manifest_key(), generation.count()]);
            *reads += 1;
            let mut found = self.table.get_many_eventually_consistent(&keys).await?;
            let live = self.manifest_in(&mut found)?.live;
            // Generation numbers only grow, and a lower one comes from a replica that is out of date.
            if live <= generation.0 {
                query.add_postings(&generation.postings(&terms, &found));
                let products = found.get(&generation.count()).and_then(|count| number_in(count, "products"));
                return Ok((generation, products.and_then(|products| u64::try_from(products).ok()).unwrap_or(0)));
            }
            self.live.store(live, Ordering::Relaxed);
        }
    }

    /// Reads corrections of words without matches, and the postings of these corrections.
    async fn look_up_corrections(
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
        let known = self.table.get_many_eventually_consistent(&buckets).await?;
        let words = known.values().filter_map(|bucket| bucket.get("words")?.as_ss().ok()).flatten();
        let corrections = query.correct(words.map(String::as_str));
        if !corrections.is_empty() {
            *reads += 1;
            let found = self.table.get_many_eventually_consistent(&generation.blocks(&corrections)).await?;
            query.add_correction_postings(&generation.postings(&corrections, &found));
        }
        Ok(())
    }
}

/// Returns the position in the ranking that a cursor contains.
pub fn position(cursor: &str) -> usize {
    // A cursor that was opened was sealed here, so that it is always a number.
    cursor.parse().unwrap_or(MAX_RANK)
}
