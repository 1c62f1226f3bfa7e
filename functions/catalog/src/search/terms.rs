//! What a product is found by, and how much each of that says of it.

use std::collections::BTreeMap;

use crate::{
    domain::Product,
    search::words::{Word, words},
};

/// Terms, and what each says of one product: 1 to 255.
///
/// A term is the stem of a word, or the beginning of one with an asterisk behind it.
pub type Terms = BTreeMap<String, u8>;

/// Beginnings are kept up to this length.
pub const LONGEST_BEGINNING: usize = 10;

/// So many words of a description are kept.
const MOST_DESCRIBING: usize = 300;

/// How fast a word's weight saturates: at this weight it says half of all it can.
const HALF: u64 = 6_000;

/// A part of a product's text, as BM25F weighs it: in a longer one than is usual a word says less.
struct Field {
    /// In thousandths.
    weight: u64,
    usual_length: u64,
    /// By how many hundredths the length counts.
    by_length: u64,
}

const NAME: Field = Field { weight: 8_000, usual_length: 4, by_length: 30 };
const CATEGORY: Field = Field { weight: 3_000, usual_length: 1, by_length: 0 };
const DESCRIPTION: Field = Field { weight: 1_000, usual_length: 15, by_length: 50 };

impl Field {
    /// What each occurrence adds to the weight of a word, where there are `length` words.
    fn weight_among(&self, length: usize) -> u64 {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let norm = 100 - self.by_length + self.by_length.saturating_mul(length) / self.usual_length;
        self.weight * 100 / norm
    }
}

/// What `product` is found by: nothing, if it is archived.
pub fn terms_of(product: &Product) -> Terms {
    if product.archived_at.is_some() {
        return Terms::new();
    }
    let (titles, mut describing) = (titles(product), words(&product.description));
    describing.truncate(MOST_DESCRIBING);
    let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
    let [name, category] = &titles;
    for (field, words) in [(NAME, name), (CATEGORY, category), (DESCRIPTION, &describing)] {
        for word in words {
            *weights.entry(&word.stem).or_default() += field.weight_among(words.len());
        }
    }
    let mut terms: Terms = weights.iter().map(|(stem, weight)| ((*stem).to_owned(), impact(*weight))).collect();
    for word in titles.iter().flatten() {
        let said = terms[&word.stem];
        for beginning in beginnings(word) {
            let kept = terms.entry(beginning).or_insert(said);
            *kept = said.max(*kept);
        }
    }
    terms
}

/// The words of a product's name and of its category: they are found by their beginnings, too.
pub fn titles(product: &Product) -> [Vec<Word>; 2] {
    [words(&product.name), words(&product.category)]
}

/// The term of all words that begin like this.
pub fn beginning(written: &str) -> String {
    written.chars().take(LONGEST_BEGINNING).chain(['*']).collect()
}

/// What may be typed before the word is whole.
fn beginnings(word: &Word) -> impl Iterator<Item = String> + '_ {
    let lengths = 1..word.written.chars().count().min(LONGEST_BEGINNING + 1);
    lengths.map(|length| word.written.chars().take(length).chain(['*']).collect())
}

fn impact(weight: u64) -> u8 {
    u8::try_from(weight * 255 / (weight + HALF)).unwrap_or(u8::MAX).max(1)
}

#[cfg(test)]
pub(crate) mod tests {
    use kernel::{ProductId, Timestamp};

    use super::*;
    use crate::domain::tests::mug;

    pub(crate) fn product(id: u64, version: u64, name: &str, category: &str, description: &str) -> Product {
        let mut bytes = [0x70; 16];
        bytes[8..].copy_from_slice(&id.to_be_bytes());
        Product {
            id: ProductId::from(bytes),
            name: name.parse().expect("a name"),
            description: description.parse().expect("a description"),
            category: category.parse().expect("a category"),
            version,
            ..mug()
        }
    }

    #[test]
    fn a_name_says_more_than_a_category_and_that_more_than_a_description() {
        let terms = terms_of(&product(1, 1, "Oak Table", "Furniture", "Room for six chairs."));
        assert!(terms["table"] > terms["furniture"] && terms["furniture"] > terms["chair"], "{terms:?}");
        let longer = terms_of(&product(1, 1, "Oak Table with Six Legs and a Drawer", "Furniture", ""));
        assert!(terms["table"] > longer["table"], "{longer:?}");
        let both = terms_of(&product(1, 1, "Oak Table", "Tables", "A table."));
        assert!(both["table"] > terms["table"], "{both:?}");
    }

    #[test]
    fn names_and_categories_are_found_by_their_beginnings() {
        let terms = terms_of(&product(1, 1, "Mugs", "Photographical", "Enamel."));
        let expected = [
            "enamel",
            "m*",
            "mu*",
            "mug",
            "mug*",
            "p*",
            "ph*",
            "pho*",
            "phot*",
            "photo*",
            "photog*",
            "photogr*",
            "photogra*",
            "photograp*",
            "photograph*",
            "photographical",
        ];
        assert_eq!(terms.keys().collect::<Vec<_>>(), expected);
        assert_eq!(terms["mu*"], terms["mug"]);
        assert_eq!(beginning("photographi"), "photograph*");
    }

    #[test]
    fn an_archived_product_is_not_found() {
        let archived = product(1, 1, "Mug", "Kitchen", "").archived(Timestamp::from_millis(1));
        assert_eq!(terms_of(&archived), Terms::new());
    }
}
