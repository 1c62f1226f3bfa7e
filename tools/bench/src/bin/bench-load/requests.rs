//! Measures requests to several targets, by several clients at once. Each client waits for a response before its next
//! request.
//!
//! The targets alternate in short rounds, each of which begins with another target, so that other load on the machine
//! affects all of them.

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

/// The time limit of a request.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The number of errors of a target whose texts are reported.
const MAX_ERROR_TEXTS: usize = 3;

/// The plan.
#[derive(Deserialize)]
pub struct Plan {
    clients: usize,
    rounds: usize,
    /// The duration of the requests to one target in one round.
    slice_ms: u64,
    /// The number of requests of each client to each target that start the functions and are not counted.
    warm_up: usize,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    method: String,
    /// The expected status.
    status: u16,
    /// The requests of the clients, one for each.
    calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    url: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

/// The results of a target.
#[derive(Default)]
struct Results {
    times: Vec<Duration>,
    duration: Duration,
    errors: usize,
    error_texts: Vec<String>,
}

#[derive(Serialize)]
pub struct Measured {
    name: String,
    times: Option<Quantiles>,
    /// The duration of the requests to this target in all rounds.
    asked_for: u64,
    errors: usize,
    /// The texts of the first errors.
    error_texts: Vec<String>,
}

/// Sends requests to all targets in turn.
pub async fn measure(plan: Plan) -> Result<Vec<Measured>, Failure> {
    let clients: Vec<Client> = (0..plan.clients)
        .map(|_| Client::builder().no_proxy().timeout(TIMEOUT).pool_max_idle_per_host(1).build())
        .collect::<Result<_, _>>()?;
    let mut results: Vec<Results> = plan.targets.iter().map(|_| Results::default()).collect();
    for (target, results) in plan.targets.iter().zip(&mut results) {
        send_all(&clients, target, results, |sent, _| sent < plan.warm_up).await?;
        // The times of the warm-up are not counted, but its errors are.
        (results.times, results.duration) = (Vec::new(), Duration::ZERO);
    }
    let slice = Duration::from_millis(plan.slice_ms);
    for round in 0..plan.rounds {
        for turn in 0..plan.targets.len() {
            let index = (round + turn) % plan.targets.len();
            send_all(&clients, &plan.targets[index], &mut results[index], |_, elapsed| elapsed < slice).await?;
        }
    }
    let measured = plan.targets.into_iter().zip(results).map(|(target, results)| Measured {
        name: target.name,
        times: quantiles(results.times),
        asked_for: micros(results.duration),
        errors: results.errors,
        error_texts: results.error_texts,
    });
    Ok(measured.collect())
}

/// Lets all clients send requests to one target, each while `goes_on` returns true for the number of its requests and
/// the time so far.
async fn send_all(
    clients: &[Client],
    target: &Target,
    results: &mut Results,
    goes_on: impl Fn(usize, Duration) -> bool + Copy,
) -> Result<(), Failure> {
    let (started, method) = (Instant::now(), target.method.parse::<Method>()?);
    let clients = clients.iter().zip(target.calls.iter().cycle()).map(|(client, call)| {
        let method = method.clone();
        async move {
            let mut own = Results::default();
            let mut sent = 0;
            while goes_on(sent, started.elapsed()) {
                sent += 1;
                let sent_at = Instant::now();
                match send(client, method.clone(), call, target.status).await {
                    Ok(()) => own.times.push(sent_at.elapsed()),
                    Err(reason) => {
                        own.errors += 1;
                        own.error_texts.push(reason);
                        own.error_texts.truncate(MAX_ERROR_TEXTS);
                    }
                }
            }
            own
        }
    });
    for own in join_all(clients).await {
        results.times.extend(own.times);
        results.errors += own.errors;
        results.error_texts.extend(own.error_texts);
        results.error_texts.truncate(MAX_ERROR_TEXTS);
    }
    results.duration += started.elapsed();
    Ok(())
}

/// Sends one request, and reads the whole response. Another status than the expected one is an error.
async fn send(client: &Client, method: Method, call: &Call, expected: u16) -> Result<(), String> {
    let mut request = client.request(method, &call.url);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    if let Some(body) = &call.body {
        request = request.body(body.clone());
    }
    let response = request.send().await.map_err(|error| format!("{error:?}"))?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|error| format!("{error:?}"))?;
    if status == expected {
        return Ok(());
    }
    let body: String = String::from_utf8_lossy(&body).chars().take(200).collect();
    Err(format!("{status}: {body}"))
}
