//! Displays an error with its sources in one line.

use std::{error::Error, fmt};

/// Displays an error and its sources, joined by colons: `service error: ThrottlingException: slow down`.
///
/// Only `Display` is used, because `Debug` of an SDK error has the whole response, which may contain personal data.
#[derive(Debug)]
pub struct Chain<E>(pub E);

impl<E: Error> fmt::Display for Chain<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
