//! The load generator of `make bench`. It reads a plan from its input and writes the measurements to its output, both
//! as JSON.
//!
//! Times are in microseconds. It uses one thread, to leave the machine to the measured functions.

mod cold_starts;
mod orders;
mod requests;
mod times;

use std::{error::Error, io::stdin};

use serde::{Serialize, de::DeserializeOwned};

/// The reason why nothing could be measured.
type Failure = Box<dyn Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    match std::env::args().nth(1).as_deref() {
        Some("requests") => write(&requests::measure(read()?).await?),
        Some("orders") => write(&orders::measure(read()?).await?),
        Some("starts") => write(&cold_starts::measure(read()?).await?),
        _ => Err("the argument must be requests, orders or starts".into()),
    }
}

fn read<T: DeserializeOwned>() -> Result<T, Failure> {
    Ok(serde_json::from_reader(stdin().lock())?)
}

fn write(measured: &impl Serialize) -> Result<(), Failure> {
    Ok(serde_json::to_writer(std::io::stdout().lock(), measured)?)
}
