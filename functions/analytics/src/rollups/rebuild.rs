//! The rollups, made anew from the log: after they were lost or changed by hand, or the shop's time zone was.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use dynamo::{Key, StoreError};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{
    Rollups,
    store::{Kept, Place},
    tally::{Of, Tally},
};

/// Where to begin: at the beginning, or where the last call left off.
#[derive(Debug, Default, Deserialize)]
pub struct Rebuild {
    /// What the last call answered as `next`.
    from: Option<Cursor>,
}

/// A place in the table.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cursor {
    pk: String,
    sk: String,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Rebuilt {
    /// How many days of a shard were counted again.
    counted: usize,
    /// How many rollups were not what their log says, and are now.
    corrected: usize,
    /// Where the next call begins; nothing, if all is done.
    next: Option<Cursor>,
}

/// How long one call works before it hands over to the next.
const SHIFT: Duration = Duration::from_secs(30);

/// How many days of a shard are counted at the same moment.
const AT_ONCE: usize = 8;

/// How often a rollup that says more than its log is looked at again before the log is believed.
const DOUBTS: u32 = 2;

/// Counts every day again, from the log, and writes what differs, while events go on being counted.
///
/// An entry and its rollups are written in one transaction, which changes the rollup's `events`. A rollup is read before its log and replaced
/// only if `events` and `rebuilt` are still what they were: whatever was counted in between refuses the write, and that day is done again.
///
/// A reader sees each rollup as it was or as it should be, never in between. After the time zone was changed, until this is done, a day has
/// what was counted by the new zone since and what is rebuilt so far, beside what the old zone had in it.
///
/// # Errors
/// When the store does not answer; what is rebuilt by then is.
pub async fn rebuild(rollups: &Rollups, work: Rebuild) -> Result<Rebuilt, StoreError> {
    let begun = Instant::now();
    let mut from = work.from.map(|cursor| Key::new(cursor.pk, cursor.sk));
    let (mut done, mut corrected) = (BTreeSet::new(), 0);
    loop {
        let (found, next) = rollups.store.some_places(&rollups.zone, from).await?;
        let places: Vec<Place> = found.difference(&done).copied().collect();
        let counted = stream::iter(&places).map(|place| recount(rollups, *place)).buffer_unordered(AT_ONCE);
        corrected += counted.try_fold(0, async |sum, one| Ok(sum + one)).await?;
        done.extend(places);
        if next.is_none() || begun.elapsed() > SHIFT {
            let next = next.map(|key| Cursor { pk: key.pk, sk: key.sk });
            return Ok(Rebuilt { counted: done.len(), corrected, next });
        }
        from = next;
    }
}

/// Counts one day of a shard again; how many rollups were corrected.
async fn recount(rollups: &Rollups, place: Place) -> Result<usize, StoreError> {
    let (mut corrected, mut doubts) = (0, 0);
    loop {
        let kept = rollups.store.kept(place).await?;
        let logged = rollups.store.logged(place, &rollups.zone).await?;
        // A Query beside a transaction may see some of its items and not yet the others.
        if doubts < DOUBTS && kept.iter().any(|(of, kept)| is_ahead(*of, kept, &logged)) {
            doubts += 1;
            sleep(Duration::from_millis(50)).await;
            continue;
        }
        let (written, refused) = correct(rollups, place, &kept, &logged).await?;
        corrected += written;
        if !refused {
            return Ok(corrected);
        }
    }
}

/// Whether a rollup has more events in it than its log.
fn is_ahead(of: Of, kept: &Kept, logged: &Tally) -> bool {
    let events = |figures: &super::Figures| figures.count("events");
    events(&kept.rollup.figures) > logged.get(of).map_or(0, |rollup| events(&rollup.figures))
}

/// Writes what differs; how many that were, and whether a write was refused because something was counted meanwhile.
async fn correct(
    rollups: &Rollups,
    place: Place,
    kept: &BTreeMap<Of, Kept>,
    logged: &Tally,
) -> Result<(usize, bool), StoreError> {
    let all: BTreeSet<Of> = kept.keys().copied().chain(logged.iter().map(|(of, _)| of)).collect();
    let (mut written, mut refused) = (0, false);
    for of in all {
        let (is, should_be) = (kept.get(&of), logged.get(of));
        if is.map(|kept| &kept.rollup) != should_be {
            let done = rollups.store.replace(place, of, is, should_be).await?;
            written += usize::from(done);
            refused |= !done;
        }
    }
    Ok((written, refused))
}
