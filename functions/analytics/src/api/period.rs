//! The period of a report: `?from=` and `?to=`, both included.

use std::ops::RangeInclusive;

use kernel::Invalid;
use lambda::{
    http::{ApiRequest, Request},
    openapi::Operation,
    problem::{FieldError, Problem},
};

use crate::rollups::calendar::{Day, Month, Unit};

/// Reads the period in days: at most 366, by default the last 30.
pub(super) fn days(request: &Request, today: Day) -> Result<RangeInclusive<Day>, Problem> {
    period(request, today, Lengths { default: 30, max: 366, units: "days" })
}

/// Reads the period in months: at most 60, by default the last 12.
pub(super) fn months(request: &Request, now: Month) -> Result<RangeInclusive<Month>, Problem> {
    period(request, now, Lengths { default: 12, max: 60, units: "months" })
}

struct Lengths {
    default: i32,
    max: i32,
    units: &'static str,
}

fn period<U: Unit>(request: &Request, now: U, lengths: Lengths) -> Result<RangeInclusive<U>, Problem> {
    let (from, to) = (read::<U>(request, "from"), read::<U>(request, "to"));
    let (from, to) = match (from, to) {
        (Ok(from), Ok(to)) => (from, to),
        (from, to) => return Err(Problem::validation([from.err(), to.err()].into_iter().flatten().collect())),
    };
    let to = to.unwrap_or(now);
    let from = from.unwrap_or_else(|| to.plus(1 - lengths.default));
    let invalid = |code, message| Err(Problem::validation(vec![FieldError::new("from", Invalid::new(code, message))]));
    let Lengths { max, units, .. } = lengths;
    match from.until(to) {
        ..0 => invalid("after_to", format!("must not be after {to}, the end of the period")),
        length if length >= max => {
            invalid("too_long_ago", format!("must not make the period longer than {max} {units}"))
        }
        _ => Ok(from..=to),
    }
}

fn read<U: Unit>(request: &Request, name: &str) -> Result<Option<U>, FieldError> {
    request.query(name).map(|text| text.parse()).transpose().map_err(|error| FieldError::new(name, error))
}

/// Adds the parameters of a period in days to an operation.
pub(super) fn day_parameters(operation: Operation) -> Operation {
    operation
        .query::<Day>(
            "from",
            "The first day, at most 365 days before `to`. The default is 29 days before `to`.",
            "2026-11-01",
        )
        .query::<Day>("to", "The last day. The default is today.", "2026-11-21")
}

/// Adds the parameters of a period in months to an operation.
pub(super) fn month_parameters(operation: Operation) -> Operation {
    operation
        .query::<Month>(
            "from",
            "The first month, at most 59 months before `to`. The default is 11 months before `to`.",
            "2026-01",
        )
        .query::<Month>("to", "The last month. The default is the current month.", "2026-11")
}
