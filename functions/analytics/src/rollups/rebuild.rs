//! Rebuilds the rollups from the log: after they were lost or changed by hand, or after a change of the shop's time
//! zone.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use dynamo::{Key, StoreError};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{
    Rollups,
    store::{ShardDay, StoredRollup},
    tally::{Scope, Tally},
};

/// The input of a rebuild: where to start.
#[derive(Debug, Default, Deserialize)]
pub struct Rebuild {
    /// The `next` that the previous call returned; nothing for the first call.
    from: Option<Cursor>,
}

/// The position at which a call stopped.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cursor {
    /// The key at which the page of the table begins; nothing for the first page.
    page: Option<(String, String)>,
    /// The last shard and day of this page that is done, if there is one.
    done: Option<(u8, String)>,
}

/// The result of a call.
#[derive(Debug, Default, Serialize)]
pub struct Rebuilt {
    /// The number of shard days that were counted again.
    counted: usize,
    /// The number of rollups that differed from their log and were corrected.
    corrected: usize,
    /// The number of shard days that changed during every attempt and were left as they were.
    busy: usize,
    /// Where the next call starts; nothing if the rebuild is complete.
    next: Option<Cursor>,
}

/// How long one call works before it returns a cursor.
const MAX_DURATION: Duration = Duration::from_secs(30);

/// The number of shard days that are counted concurrently.
const CONCURRENCY: usize = 8;

/// How often a rollup and its log are read again while the rollup has more events, and always the same number, before
/// the log is trusted. The delay doubles each time.
const MAX_REREADS: u32 = 4;

/// The delay before the first of these reads.
const FIRST_DELAY: Duration = Duration::from_millis(50);

/// The maximum number of attempts for a shard day that changes while it is counted.
const MAX_ATTEMPTS: u32 = 50;

/// Counts every day again, from the log, and writes the rollups that differ, while new events are counted.
///
/// A log entry and its rollups are written in one transaction, which changes the rollup's `events`. A rollup is read
/// before its log, and replaced only if `events` and `rebuilt` are unchanged. If an event was counted in between, the
/// write is refused, and this shard day is counted again.
///
/// A reader sees each rollup either as it was or corrected. After a change of the time zone and until the rebuild is
/// complete, a day contains what was counted in the new zone, what is rebuilt so far, and what the old zone had in it.
///
/// # Errors
/// If the table does not respond. What is rebuilt until then stays.
pub async fn rebuild(rollups: &Rollups, work: Rebuild) -> Result<Rebuilt, StoreError> {
    let started = Instant::now();
    let Cursor { mut page, done } = work.from.unwrap_or(Cursor { page: None, done: None });
    let mut last_done = done.and_then(|(shard, day)| Some(ShardDay { shard, day: day.parse().ok()? }));
    let mut rebuilt = Rebuilt::default();
    let mut done: BTreeSet<ShardDay> = BTreeSet::new();
    loop {
        let start = page.clone().map(|(pk, sk)| Key::new(pk, sk));
        let (found, next) = rollups.store.scan_shard_days(&rollups.zone, start).await?;
        let shard_days: Vec<ShardDay> =
            found.into_iter().filter(|found| Some(*found) > last_done && !done.contains(found)).collect();
        for shard_days in shard_days.chunks(CONCURRENCY) {
            if started.elapsed() > MAX_DURATION {
                let done = last_done.map(|last| (last.shard, last.day.to_string()));
                return Ok(Rebuilt { next: Some(Cursor { page, done }), ..rebuilt });
            }
            for recounted in join_all(shard_days.iter().map(|shard_day| recount(rollups, *shard_day))).await {
                let recounted = recounted?;
                rebuilt.corrected += recounted.corrected;
                rebuilt.busy += usize::from(recounted.is_busy);
            }
            rebuilt.counted += shard_days.len();
            done.extend(shard_days);
            last_done = shard_days.last().copied();
        }
        let Some(next) = next else { return Ok(rebuilt) };
        (page, last_done) = (Some((next.pk, next.sk)), None);
    }
}

struct Recounted {
    corrected: usize,
    is_busy: bool,
}

/// Counts one shard day again.
async fn recount(rollups: &Rollups, shard_day: ShardDay) -> Result<Recounted, StoreError> {
    let (mut corrected, mut rereads, mut previous) = (0, 0, BTreeMap::new());
    for _ in 0..MAX_ATTEMPTS {
        let stored = rollups.store.stored_rollups(shard_day).await?;
        let logged = rollups.store.tally_log(shard_day, &rollups.zone).await?;
        // A Query during a transaction may return some of its items and not yet the others.
        let ahead: BTreeMap<Scope, i64> = stored
            .iter()
            .filter(|(scope, stored)| is_ahead(**scope, stored, &logged))
            .map(|(scope, stored)| (*scope, event_count(stored)))
            .collect();
        rereads = if ahead == previous { rereads } else { 0 };
        if !ahead.is_empty() && rereads < MAX_REREADS {
            sleep(FIRST_DELAY * 2_u32.pow(rereads)).await;
            rereads += 1;
            previous = ahead;
            continue;
        }
        let (written, refused) = correct(rollups, shard_day, &stored, &logged).await?;
        corrected += written;
        if !refused {
            return Ok(Recounted { corrected, is_busy: false });
        }
    }
    Ok(Recounted { corrected, is_busy: true })
}

/// Returns the number of events in a rollup.
fn event_count(stored: &StoredRollup) -> i64 {
    stored.rollup.figures.count("events")
}

/// Returns whether a rollup has more events than its log.
fn is_ahead(scope: Scope, stored: &StoredRollup, logged: &Tally) -> bool {
    event_count(stored) > logged.get(scope).map_or(0, |rollup| rollup.figures.count("events"))
}

/// Writes the rollups that differ. Returns their number, and whether a write was refused because an event was counted
/// in between.
async fn correct(
    rollups: &Rollups,
    shard_day: ShardDay,
    stored: &BTreeMap<Scope, StoredRollup>,
    logged: &Tally,
) -> Result<(usize, bool), StoreError> {
    let all: BTreeSet<Scope> = stored.keys().copied().chain(logged.iter().map(|(scope, _)| scope)).collect();
    let (mut written, mut refused) = (0, false);
    for scope in all {
        let (actual, expected) = (stored.get(&scope), logged.get(scope));
        if actual.map(|stored| &stored.rollup) != expected {
            let done = match rollups.store.replace(shard_day, scope, actual, expected).await {
                // Transactions that count events conflicted with each attempt. That is treated like a refused write.
                Err(error) if error.is_conflict() => false,
                done => done?,
            };
            written += usize::from(done);
            refused |= !done;
        }
    }
    Ok((written, refused))
}
