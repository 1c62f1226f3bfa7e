//! Metrics: lines of the log in CloudWatch's embedded metric format, of which CloudWatch makes metrics by itself.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;

use kernel::Timestamp;
use serde_json::{Map, Value, json};

/// What happened, in numbers: `dimensions` name the series, and each of `values` is counted in it. A dimension is one of a few words,
/// never an id: every other word is another series to pay for.
///
/// The namespace is the stack's own (`METRICS_NAMESPACE`): another stack in the same account has other metrics.
pub fn count(dimensions: &[(&str, &str)], values: &[(&str, u64)]) {
    let namespace = std::env::var("METRICS_NAMESPACE").unwrap_or_else(|_| "waybill".to_owned());
    let line = format!("{}\n", line(&namespace, dimensions, values, Timestamp::now()));
    // Not through `tracing`, whose lines have fields of their own, and a level. What cannot be written is not worth failing for.
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

fn line(namespace: &str, dimensions: &[(&str, &str)], values: &[(&str, u64)], now: Timestamp) -> Value {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let metrics: Vec<Value> = values.iter().map(|(name, _)| json!({ "Name": name, "Unit": "None" })).collect();
    let mut line = Map::new();
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    line.extend(values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    let about = json!({
        "Timestamp": now.as_millis(),
        "CloudWatchMetrics": [{ "Namespace": namespace, "Dimensions": [names], "Metrics": metrics }],
    });
    line.insert("_aws".to_owned(), about);
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_form_that_cloudwatch_reads() {
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
        assert!(!line.to_string().contains('\n'), "one line");
    }
}
