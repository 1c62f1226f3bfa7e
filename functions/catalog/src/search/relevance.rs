//! A test of the relevance of search results: fifty queries, whose correct results were written down before the ranking
//! was made, on 1,200 products with realistic texts (`tools/benchmarks/products.py`).

use crate::{
    domain::Product,
    search::{memory::MemoryIndex, terms::tests::product},
};

/// The measured mean reciprocal rank was 0.960 (2026-11-21).
const MIN_MEAN_RECIPROCAL_RANK: f64 = 0.95;

/// A product of the test data, and its kind.
struct Known {
    product: Product,
    kind: &'static str,
}

impl Known {
    /// Returns whether the product meets all conditions, of the forms `field=one|another` and `field~part`.
    fn fits(&self, conditions: &str) -> bool {
        let product = &self.product;
        let value = |field: &str| match field {
            "kind" => self.kind,
            "name" => &product.name,
            "category" => &product.category,
            "description" => &product.description,
            other => panic!("{other} is not a field"),
        };
        conditions.split(" & ").all(|condition| match condition.split_once('=') {
            Some((field, values)) => values.split('|').any(|wanted| wanted == value(field)),
            None => {
                let (field, part) = condition.split_once('~').expect("a condition");
                value(field).to_lowercase().contains(&part.to_lowercase())
            }
        })
    }
}

fn known() -> Vec<Known> {
    let lines = include_str!("relevance/products.tsv").lines().zip(1..);
    let known = |(line, id): (&'static str, u64)| {
        let [name, category, description, kind] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        Known { product: product(id, 1, name, category, description), kind }
    };
    lines.map(known).collect()
}

#[test]
#[allow(clippy::float_arithmetic)] // a measurement
fn relevant_products_come_first() {
    let known = known();
    let mut index = MemoryIndex::default();
    index.index(&known.iter().map(|known| known.product.clone()).collect::<Vec<_>>());
    let mut report = String::new();
    let mut ranks = Vec::new();
    for line in include_str!("relevance/queries.tsv").lines().filter(|line| !line.starts_with('#')) {
        let [query, tries, conditions] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert!(known.iter().any(|known| known.fits(conditions)), "no product is relevant for {query}");
        let found = index.search(query, 500);
        let of = |id| known.iter().find(|known| known.product.id == id).expect("a product of the test data");
        let rank = found.iter().position(|ranked| of(ranked.product).fits(conditions));
        ranks.push(rank.map_or(0.0, |rank| 1.0 / f64::from(u32::try_from(rank + 1).expect("a rank"))));
        if rank != Some(0) {
            let first = found.first().map_or("nothing", |ranked| &of(ranked.product).product.name);
            report += &format!("{query} ({tries}): {rank:?}; first is {first}\n");
        }
    }
    assert_eq!((known.len(), ranks.len()), (1_200, 50));
    let mean = ranks.iter().sum::<f64>() / 50.0;
    assert!(mean >= MIN_MEAN_RECIPROCAL_RANK, "mean reciprocal rank {mean:.3}\n{report}");
}
