//! What can go wrong with a product, and how a caller is told.

use dynamo::StoreError;
use lambda::problem::Problem;

/// Why a use case of the catalog did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// No such product, or not any more.
    #[error("there is no such product")]
    NotFound,
    /// The caller's change is of an older state.
    #[error("the product has been changed since")]
    Stale,
    /// Others changed the same product again and again.
    #[error("the product is being changed by others")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NotFound => Self::not_found("product"),
            CatalogError::Stale => {
                Self::new(412, "stale", "The product has been changed since: read it again, and then change it.")
            }
            CatalogError::Busy => Self::new(409, "busy", "The product is being changed by another request; try again."),
            CatalogError::Store(error) => error.into(),
        }
    }
}
