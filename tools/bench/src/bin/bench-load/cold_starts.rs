//! Cold starts: the time from the start of a function's process until it requests its first event from the Runtime API.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    Failure,
    times::{Quantiles, quantiles},
};

/// The time limit of a cold start.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The beginning of a function's first request.
const NEXT_INVOCATION: &[u8] = b"GET /2018-06-01/runtime/invocation/next ";

/// The plan.
#[derive(Deserialize)]
pub struct Plan {
    /// The number of rounds, in each of which all functions are started in turn. One more round before them is not
    /// counted. It loads the binaries into memory.
    rounds: usize,
    functions: Vec<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    binary: PathBuf,
    environment: BTreeMap<String, String>,
}

#[derive(Serialize)]
pub struct Measured {
    name: String,
    start: Option<Quantiles>,
    /// The largest resident memory at the first request, in KiB.
    rss_kib: u64,
}

/// Starts all functions in turn, and measures their cold starts.
pub async fn measure(plan: Plan) -> Result<Vec<Measured>, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut results: Vec<(Vec<Duration>, u64)> = plan.functions.iter().map(|_| (Vec::new(), 0)).collect();
    for round in 0..=plan.rounds {
        for turn in 0..plan.functions.len() {
            let index = (round + turn) % plan.functions.len();
            let (time, rss_kib) = start(&listener, &plan.functions[index]).await?;
            if round > 0 {
                results[index].0.push(time);
                results[index].1 = results[index].1.max(rss_kib);
            }
        }
    }
    let measured = plan.functions.into_iter().zip(results).map(|(function, (times, rss_kib))| Measured {
        name: function.name,
        start: quantiles(times),
        rss_kib,
    });
    Ok(measured.collect())
}

/// Starts a function, and ends it after its first request.
async fn start(listener: &TcpListener, function: &Function) -> Result<(Duration, u64), Failure> {
    let mut command = Command::new(&function.binary);
    command.env_clear().envs(&function.environment);
    command.env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let running = Running(command.spawn()?);
    let request = timeout(TIMEOUT, first_request(listener)).await;
    let time = started.elapsed();
    let (_connection, request) = request.map_err(|_| format!("{} did not start", function.name))??;
    if !request.starts_with(NEXT_INVOCATION) {
        let request = String::from_utf8_lossy(&request);
        return Err(format!("the first request of {} was {request:?}", function.name).into());
    }
    Ok((time, running.rss_kib()?))
}

async fn first_request(listener: &TcpListener) -> Result<(TcpStream, Vec<u8>), Failure> {
    let (mut connection, _) = listener.accept().await?;
    let mut request = vec![0; NEXT_INVOCATION.len()];
    connection.read_exact(&mut request).await?;
    Ok((connection, request))
}

/// A process that is killed when this is dropped.
struct Running(Child);

impl Running {
    fn rss_kib(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
