//! Rebuilds the read models of orders from their logs, after they were lost or have got a new field.

use std::time::Duration;

use dynamo::Key;
use futures::{StreamExt, TryStreamExt, stream};
use kernel::OrderId;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{Orders, OrdersError};

/// The input: where to start. Without a position, at the beginning.
#[derive(Debug, Default, Deserialize)]
pub struct Rebuild {
    /// The `next` of the previous call.
    from: Option<Position>,
}

/// A position in the scan of all orders.
#[derive(Debug, Serialize, Deserialize)]
pub struct Position {
    pk: String,
    sk: String,
}

/// The result of one call.
#[derive(Debug, Serialize)]
pub struct Rebuilt {
    /// How many read models were written.
    rebuilt: usize,
    /// How many were not written, because a newer one was stored in the meantime.
    newer: usize,
    /// Where the next call starts; `None` if all orders are done.
    next: Option<Position>,
}

/// How long one call works before the next one has to continue.
const MAX_RUN_TIME: Duration = Duration::from_secs(30);

/// How many orders are read and written at the same time.
const MAX_CONCURRENCY: usize = 8;

/// Replays the log of every order and writes its read model. The shop may stay open: a read model is replaced in one
/// write and never by an older one, and orders that are placed in the meantime have theirs.
///
/// # Errors
/// If the table does not respond. Read models that were written before stay rebuilt.
pub async fn rebuild(orders: &Orders, input: Rebuild) -> Result<Rebuilt, OrdersError> {
    let started = Instant::now();
    let mut from = input.from.map(|position| Key::new(position.pk, position.sk));
    let (mut rebuilt, mut newer) = (0, 0);
    loop {
        let (ids, next) = orders.store.scan_orders(from).await?;
        let written = stream::iter(ids).map(|id| rebuild_one(orders, id)).buffer_unordered(MAX_CONCURRENCY);
        let written: Vec<bool> = written.try_collect().await?;
        rebuilt += written.iter().filter(|written| **written).count();
        newer += written.iter().filter(|written| !**written).count();
        if next.is_none() || started.elapsed() > MAX_RUN_TIME {
            let next = next.map(|key| Position { pk: key.pk, sk: key.sk });
            return Ok(Rebuilt { rebuilt, newer, next });
        }
        from = next;
    }
}

async fn rebuild_one(orders: &Orders, id: OrderId) -> Result<bool, OrdersError> {
    let order = orders.store.replay(id).await?.ok_or(OrdersError::NotFound)?;
    Ok(orders.store.rebuild_read_model(&order).await?)
}
