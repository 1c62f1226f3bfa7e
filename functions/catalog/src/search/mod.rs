//! Search for products by the words of their names, categories and descriptions.
//!
//! The index is in the catalog's table, so that a query takes a few reads of known keys, whatever the size of the
//! catalog. The decisions are pure code: a text has [`words`], a product has [`terms`], and a term has [`postings`],
//! which change with the [`entry`] of a product; [`ranking`] orders the results of a [`query`]. [`index`] reads and
//! writes the table; [`indexer`] updates the index, [`rebuild`] builds a new one, and [`find`] is the use case.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | manifest: the live generation, and the one that is being built | `SEARCH` | `MANIFEST` |
//! | postings of a term, in four blocks | `SEARCH#<generation>#<term>` | `BLOCK#<0-3>` |
//! | bucket of words with the same first or last letters | `SEARCH#<generation>#HEAD#<letters>#<length>`, `…#TAIL#…` | `WORDS` |
//! | index entry of a product | `SEARCH#<generation>#ENTRY#<product>` | `ENTRY` |
//! | approximate number of products | `SEARCH#<generation>#COUNT` | `COUNT` |

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
