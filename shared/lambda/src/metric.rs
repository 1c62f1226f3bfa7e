//! Metrics. They are log lines in the embedded metric format, from which CloudWatch creates metrics.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;

use kernel::Timestamp;
use serde_json::{Map, Value, json};

/// Writes metrics. `dimensions` identify the time series, and each of `values` is a metric in it. A dimension must have
/// few values, and never be an id, because every value creates another time series to pay for.
///
/// `METRICS_NAMESPACE` has the namespace of the stack, so that stacks in the same account have separate metrics.
pub fn count(dimensions: &[(&str, &str)], values: &[(&str, u64)]) {
    let namespace = std::env::var("METRICS_NAMESPACE").unwrap_or_else(|_| "waybill".to_owned());
    let line = format!("{}\n", line(&namespace, dimensions, values, Timestamp::now()));
    // Not through `tracing`, which adds fields to its lines. A metric that cannot be written must not fail the
    // function.
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

fn line(namespace: &str, dimensions: &[(&str, &str)], values: &[(&str, u64)], now: Timestamp) -> Value {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let metrics: Vec<Value> = values.iter().map(|(name, _)| json!({ "Name": name, "Unit": "None" })).collect();
    let mut line = Map::new();
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    line.extend(values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    let metadata = json!({
        "Timestamp": now.as_millis(),
        "CloudWatchMetrics": [{ "Namespace": namespace, "Dimensions": [names], "Metrics": metrics }],
    });
    line.insert("_aws".to_owned(), metadata);
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_embedded_metric_format() {
        let now = Timestamp::from_millis(1_767_323_045_600);
        let line = line("shop", &[("provider", "simulator")], &[("circuit_state", 2), ("refusals_total", 1)], now);
        let expected = json!({
            "_aws": {
                "Timestamp": 1_767_323_045_600_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "shop",
                    "Dimensions": [["provider"]],
                    "Metrics": [{ "Name": "circuit_state", "Unit": "None" }, { "Name": "refusals_total", "Unit": "None" }],
                }],
            },
            "provider": "simulator",
            "circuit_state": 2,
            "refusals_total": 1,
        });
        assert_eq!(line, expected);
        assert!(!line.to_string().contains('\n'), "a metric must be one line");
    }
}
