//! The rollups, made anew from the log: after they were lost or changed by hand, or the shop's time zone was.

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
    store::{Kept, Place},
    tally::{Of, Tally},
};

/// Where to begin: at the beginning, or where the last call left off.
#[derive(Debug, Default, Deserialize)]
pub struct Rebuild {
    /// What the last call answered as `next`.
    from: Option<Cursor>,
}

/// Where a call left off.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cursor {
    /// Where its page of the table begins, by key; nothing for the first.
    page: Option<(String, String)>,
    /// The last shard and day of that page that is done, if one is.
    done: Option<(u8, String)>,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Rebuilt {
    /// How many days of a shard were counted again.
    counted: usize,
    /// How many rollups were not what their log says, and are now.
    corrected: usize,
    /// How many days of a shard changed each time that they were counted, and were left as they are.
    busy: usize,
    /// Where the next call begins; nothing, if all is done.
    next: Option<Cursor>,
}

/// How long one call works before it hands over to the next.
const SHIFT: Duration = Duration::from_secs(30);

/// How many days of a shard are counted at the same moment.
const AT_ONCE: usize = 8;

/// How often a rollup has to say the same, and more than its log, before the log is believed; each time it is waited twice as long.
const DOUBTS: u32 = 4;

/// How long is waited the first time.
const PAUSE: Duration = Duration::from_millis(50);

/// How often a day of a shard is counted that changes meanwhile.
const TRIES: u32 = 50;

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
    let Cursor { mut page, done } = work.from.unwrap_or(Cursor { page: None, done: None });
    let mut behind = done.and_then(|(shard, day)| Some(Place { shard, day: day.parse().ok()? }));
    let mut rebuilt = Rebuilt::default();
    let mut done: BTreeSet<Place> = BTreeSet::new();
    loop {
        let start = page.clone().map(|(pk, sk)| Key::new(pk, sk));
        let (found, next) = rollups.store.some_places(&rollups.zone, start).await?;
        let places: Vec<Place> =
            found.into_iter().filter(|place| Some(*place) > behind && !done.contains(place)).collect();
        for places in places.chunks(AT_ONCE) {
            if begun.elapsed() > SHIFT {
                let done = behind.map(|place| (place.shard, place.day.to_string()));
                return Ok(Rebuilt { next: Some(Cursor { page, done }), ..rebuilt });
            }
            for recounted in join_all(places.iter().map(|place| recount(rollups, *place))).await {
                let recounted = recounted?;
                rebuilt.corrected += recounted.corrected;
                rebuilt.busy += usize::from(recounted.is_busy);
            }
            rebuilt.counted += places.len();
            done.extend(places);
            behind = places.last().copied();
        }
        let Some(next) = next else { return Ok(rebuilt) };
        (page, behind) = (Some((next.pk, next.sk)), None);
    }
}

struct Recounted {
    corrected: usize,
    is_busy: bool,
}

/// Counts one day of a shard again.
async fn recount(rollups: &Rollups, place: Place) -> Result<Recounted, StoreError> {
    let (mut corrected, mut doubts, mut doubted) = (0, 0, BTreeMap::new());
    for _ in 0..TRIES {
        let kept = rollups.store.kept(place).await?;
        let logged = rollups.store.logged(place, &rollups.zone).await?;
        // A Query beside a transaction may see some of its items and not yet the others.
        let ahead: BTreeMap<Of, i64> = kept
            .iter()
            .filter(|(of, kept)| is_ahead(**of, kept, &logged))
            .map(|(of, kept)| (*of, events(kept)))
            .collect();
        doubts = if ahead == doubted { doubts } else { 0 };
        if !ahead.is_empty() && doubts < DOUBTS {
            sleep(PAUSE * 2_u32.pow(doubts)).await;
            doubts += 1;
            doubted = ahead;
            continue;
        }
        let (written, refused) = correct(rollups, place, &kept, &logged).await?;
        corrected += written;
        if !refused {
            return Ok(Recounted { corrected, is_busy: false });
        }
    }
    Ok(Recounted { corrected, is_busy: true })
}

/// How many events a rollup has in it.
fn events(kept: &Kept) -> i64 {
    kept.rollup.figures.count("events")
}

/// Whether a rollup has more events in it than its log.
fn is_ahead(of: Of, kept: &Kept, logged: &Tally) -> bool {
    events(kept) > logged.get(of).map_or(0, |rollup| rollup.figures.count("events"))
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
            let done = match rollups.store.replace(place, of, is, should_be).await {
                // Events were being counted during each attempt, as they were before a write that is refused.
                Err(error) if error.is_conflict() => false,
                done => done?,
            };
            written += usize::from(done);
            refused |= !done;
        }
    }
    Ok((written, refused))
}
