//! Starts of functions: from the start of the process until it asks the Runtime API for its first event.

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

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a function asks first.
const NEXT: &[u8] = b"GET /2018-06-01/runtime/invocation/next ";

/// What to do.
#[derive(Deserialize)]
pub struct Plan {
    /// All are started in turn so many times, and once before, which brings them into memory and does not count.
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
    /// Resident memory when it asked, the most of all starts, in KiB.
    rss_kib: u64,
}

/// Starts all functions in turn.
pub async fn measure(plan: Plan) -> Result<Vec<Measured>, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut seen: Vec<(Vec<Duration>, u64)> = plan.functions.iter().map(|_| (Vec::new(), 0)).collect();
    for round in 0..=plan.rounds {
        for turn in 0..plan.functions.len() {
            let index = (round + turn) % plan.functions.len();
            let (time, rss_kib) = start(&listener, &plan.functions[index]).await?;
            if round > 0 {
                seen[index].0.push(time);
                seen[index].1 = seen[index].1.max(rss_kib);
            }
        }
    }
    let measured = plan.functions.into_iter().zip(seen).map(|(function, (times, rss_kib))| Measured {
        name: function.name,
        start: quantiles(times),
        rss_kib,
    });
    Ok(measured.collect())
}

/// Starts one, and ends it when it has asked.
async fn start(listener: &TcpListener, function: &Function) -> Result<(Duration, u64), Failure> {
    let mut command = Command::new(&function.binary);
    command.env_clear().envs(&function.environment);
    command.env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let running = Running(command.spawn()?);
    let asked = timeout(PATIENCE, asks(listener)).await;
    let took = started.elapsed();
    let (_connection, request) = asked.map_err(|_| format!("{} did not start", function.name))??;
    if !request.starts_with(NEXT) {
        return Err(format!("{} asked for {:?}", function.name, String::from_utf8_lossy(&request)).into());
    }
    Ok((took, running.rss_kib()?))
}

async fn asks(listener: &TcpListener) -> Result<(TcpStream, Vec<u8>), Failure> {
    let (mut connection, _) = listener.accept().await?;
    let mut request = vec![0; NEXT.len()];
    connection.read_exact(&mut request).await?;
    Ok((connection, request))
}

/// A process that ends with its owner.
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
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
