//! The load generator of `make bench`: reads what to do from its input, as JSON, and writes what it measured to its output.
//!
//! Times are in microseconds. It works on one thread, so as to leave the machine to what it measures.

mod orders;
mod requests;
mod starts;
mod times;

use std::{error::Error, io::stdin};

use serde::{Serialize, de::DeserializeOwned};

/// Why nothing was measured.
type Failure = Box<dyn Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    match std::env::args().nth(1).as_deref() {
        Some("requests") => write(&requests::measure(read()?).await?),
        Some("orders") => write(&orders::measure(read()?).await?),
        Some("starts") => write(&starts::measure(read()?).await?),
        _ => Err("say what to measure: requests, orders or starts".into()),
    }
}

fn read<T: DeserializeOwned>() -> Result<T, Failure> {
    Ok(serde_json::from_reader(stdin().lock())?)
}

fn write(measured: &impl Serialize) -> Result<(), Failure> {
    Ok(serde_json::to_writer(std::io::stdout().lock(), measured)?)
}
