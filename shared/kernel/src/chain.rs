//! An error and all that caused it, in one line.

use std::{error::Error, fmt};

/// Shows an error and its sources, joined by colons: `service error: ThrottlingException: slow down`.
///
/// It uses `Display` alone. `Debug` of an SDK error holds the whole response, and with it what customers wrote.
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
