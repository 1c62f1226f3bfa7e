//! The errors of the catalog, and how callers receive them.

use dynamo::StoreError;
use lambda::problem::Problem;

/// An error of a use case of the catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The product does not exist or is archived.
    #[error("the product does not exist")]
    NotFound,
    /// `If-Match` names an earlier state of the product.
    #[error("the product has been changed since it was read")]
    Stale,
    /// Other requests changed the same product in every attempt.
    #[error("the product is being changed by other requests")]
    Busy,
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NotFound => Self::not_found("product"),
            CatalogError::Stale => Self::new(
                412,
                "stale",
                "The product has been changed since you read it. Read it again before you change it.",
            ),
            CatalogError::Busy => Self::new(409, "busy", "The product is being changed by another request. Try again."),
            CatalogError::Store(error) => error.into(),
        }
    }
}
