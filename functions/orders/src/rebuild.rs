//! The views of orders, built again from their logs: after they have grown a field, or were lost.

use std::time::Duration;

use dynamo::Key;
use futures::{StreamExt, TryStreamExt, stream};
use kernel::OrderId;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{Orders, OrdersError};

/// Where to begin: at the beginning, or where the last call left off.
#[derive(Debug, Default, Deserialize)]
pub struct Rebuild {
    /// What the last call answered as `next`.
    from: Option<Place>,
}

/// A place among all orders.
#[derive(Debug, Serialize, Deserialize)]
pub struct Place {
    pk: String,
    sk: String,
}

/// What was done.
#[derive(Debug, Serialize)]
pub struct Rebuilt {
    /// How many views were written.
    rebuilt: usize,
    /// How many were left alone: their orders changed meanwhile, which wrote them.
    newer: usize,
    /// Where the next call begins; nothing, if all is done.
    next: Option<Place>,
}

/// How long one call works before it hands over to the next.
const SHIFT: Duration = Duration::from_secs(30);

/// How many orders are read and written at the same moment.
const AT_ONCE: usize = 8;

/// Replays the log of every order and writes its view. Nothing is out of sight meanwhile: a view is replaced in one write, and never by
/// an older one. Orders that are placed meanwhile have theirs.
///
/// # Errors
/// When the store does not answer; what is rebuilt by then is.
pub async fn rebuild(orders: &Orders, work: Rebuild) -> Result<Rebuilt, OrdersError> {
    let begun = Instant::now();
    let mut from = work.from.map(|place| Key::new(place.pk, place.sk));
    let (mut rebuilt, mut newer) = (0, 0);
    loop {
        let (ids, next) = orders.store.some_orders(from).await?;
        let written = stream::iter(ids).map(|id| rebuild_one(orders, id)).buffer_unordered(AT_ONCE);
        let written: Vec<bool> = written.try_collect().await?;
        rebuilt += written.iter().filter(|written| **written).count();
        newer += written.iter().filter(|written| !**written).count();
        if next.is_none() || begun.elapsed() > SHIFT {
            let next = next.map(|key| Place { pk: key.pk, sk: key.sk });
            return Ok(Rebuilt { rebuilt, newer, next });
        }
        from = next;
    }
}

async fn rebuild_one(orders: &Orders, id: OrderId) -> Result<bool, OrdersError> {
    let order = orders.store.replayed(id).await?.ok_or(OrdersError::NotFound)?;
    Ok(orders.store.rebuild_view(&order).await?)
}
