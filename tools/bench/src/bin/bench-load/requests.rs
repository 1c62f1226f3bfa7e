//! Requests to several targets in turn, by so many clients at once: each waits for its answer before it asks again.
//!
//! The targets take turns in short rounds, each beginning with another one, so that whatever else happens on the machine meets all.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::future::join_all;
use reqwest::{Client, Method};
use serde::{Deserialize, Serialize};

use crate::{
    Failure,
    times::{Quantiles, micros, quantiles},
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(300);

/// How many of the wrong answers are told.
const TOLD: usize = 3;

/// What to do.
#[derive(Deserialize)]
pub struct Plan {
    clients: usize,
    rounds: usize,
    /// How long each target is asked in each round.
    slice_ms: u64,
    /// What each client asks of each target before anything counts: that starts the functions.
    warm_up: usize,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    method: String,
    /// The status of an answer that is right.
    status: u16,
    /// What the clients ask, each its own.
    calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    url: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

/// What came of a target.
#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    asked_for: Duration,
    errors: usize,
    told: Vec<String>,
}

#[derive(Serialize)]
pub struct Measured {
    name: String,
    times: Option<Quantiles>,
    /// How long the target was asked, in all rounds.
    asked_for: u64,
    errors: usize,
    told: Vec<String>,
}

/// Asks all targets in turn.
pub async fn measure(plan: Plan) -> Result<Vec<Measured>, Failure> {
    let clients: Vec<Client> = (0..plan.clients)
        .map(|_| Client::builder().no_proxy().timeout(PATIENCE).pool_max_idle_per_host(1).build())
        .collect::<Result<_, _>>()?;
    let mut seen: Vec<Seen> = plan.targets.iter().map(|_| Seen::default()).collect();
    for (target, seen) in plan.targets.iter().zip(&mut seen) {
        ask(&clients, target, seen, |asked, _| asked < plan.warm_up).await?;
        // They are not counted, but one that fails is told.
        (seen.times, seen.asked_for) = (Vec::new(), Duration::ZERO);
    }
    let slice = Duration::from_millis(plan.slice_ms);
    for round in 0..plan.rounds {
        for turn in 0..plan.targets.len() {
            let index = (round + turn) % plan.targets.len();
            ask(&clients, &plan.targets[index], &mut seen[index], |_, since| since < slice).await?;
        }
    }
    let measured = plan.targets.into_iter().zip(seen).map(|(target, seen)| Measured {
        name: target.name,
        times: quantiles(seen.times),
        asked_for: micros(seen.asked_for),
        errors: seen.errors,
        told: seen.told,
    });
    Ok(measured.collect())
}

/// Has all clients ask one target as long as `go_on` says so, of how often one has asked and how long it has been.
async fn ask(
    clients: &[Client],
    target: &Target,
    seen: &mut Seen,
    go_on: impl Fn(usize, Duration) -> bool + Copy,
) -> Result<(), Failure> {
    let (began, method) = (Instant::now(), target.method.parse::<Method>()?);
    let asked = clients.iter().zip(target.calls.iter().cycle()).map(|(client, call)| {
        let method = method.clone();
        async move {
            let mut seen = Seen::default();
            let mut asked = 0;
            while go_on(asked, began.elapsed()) {
                asked += 1;
                let started = Instant::now();
                match once(client, method.clone(), call, target.status).await {
                    Ok(()) => seen.times.push(started.elapsed()),
                    Err(reason) => {
                        seen.errors += 1;
                        seen.told.push(reason);
                        seen.told.truncate(TOLD);
                    }
                }
            }
            seen
        }
    });
    for mine in join_all(asked).await {
        seen.times.extend(mine.times);
        seen.errors += mine.errors;
        seen.told.extend(mine.told);
        seen.told.truncate(TOLD);
    }
    seen.asked_for += began.elapsed();
    Ok(())
}

/// One request, to the last byte of its answer; an answer with another status is an error.
async fn once(client: &Client, method: Method, call: &Call, expected: u16) -> Result<(), String> {
    let mut request = client.request(method, &call.url);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    if let Some(body) = &call.body {
        request = request.body(body.clone());
    }
    let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.map_err(|error| format!("{error:?}"))?;
    if status == expected {
        return Ok(());
    }
    let body: String = String::from_utf8_lossy(&body).chars().take(200).collect();
    Err(format!("{status}: {body}"))
}
