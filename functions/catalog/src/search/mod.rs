//! Search: products by the words of their names, categories and descriptions.
//!
//! The index lies in the catalog's table, so that a query is a few reads of known keys, however large the catalog is. What decides
//! is pure and has no table: [`words`] are made of text, [`terms`] of products, [`postings`] of terms, which change with the [`entry`] of a product; [`ranking`] answers a
//! [`query`]. [`index`] is the table; [`indexer`] follows the catalog, [`rebuild`] starts over, [`find`] is the use case.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | manifest: which generation is live, which is being built | `SEARCH` | `MANIFEST` |
//! | postings of a term, in four blocks | `SEARCH#<generation>#<term>` | `BLOCK#<0-3>` |
//! | words that begin, or end, with the same letters | `SEARCH#<generation>#HEAD#<letters>#<length>`, `…#TAIL#…` | `WORDS` |
//! | what the index holds of a product | `SEARCH#<generation>#ENTRY#<product>` | `ENTRY` |
//! | how many products there are, nearly | `SEARCH#<generation>#COUNT` | `COUNT` |

pub mod edits;
pub mod entry;
pub mod find;
pub mod index;
pub mod indexer;
pub mod postings;
pub mod query;
pub mod ranking;
pub mod rebuild;
pub mod terms;
pub mod words;

#[cfg(test)]
mod memory;
#[cfg(test)]
mod relevance;
