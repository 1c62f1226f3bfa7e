//! The period of a report: `?from=` and `?to=`, both included.

use std::ops::RangeInclusive;

use kernel::Invalid;
use lambda::{
    http::Request,
    openapi::Operation,
    problem::{FieldError, Problem},
};

use crate::rollups::calendar::{Day, Month, Unit};

/// The days asked for: at most 366, the last 30 if none are named.
pub(super) fn days(request: &Request, today: Day) -> Result<RangeInclusive<Day>, Problem> {
    period(request, today, Lengths { default: 30, most: 366, units: "days" })
}

/// The months asked for: at most 60, the last 12 if none are named.
pub(super) fn months(request: &Request, now: Month) -> Result<RangeInclusive<Month>, Problem> {
    period(request, now, Lengths { default: 12, most: 60, units: "months" })
}

struct Lengths {
    default: i32,
    most: i32,
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
    let refused = |code, message| Err(Problem::validation(vec![FieldError::new("from", Invalid::new(code, message))]));
    let Lengths { most, units, .. } = lengths;
    match from.until(to) {
        ..0 => refused("after_to", format!("must not be after {to}, the end of the period")),
        length if length >= most => {
            refused("too_long_ago", format!("must not make the period longer than {most} {units}"))
        }
        _ => Ok(from..=to),
    }
}

fn read<U: Unit>(request: &Request, name: &str) -> Result<Option<U>, FieldError> {
    request.query(name).map(|text| text.parse()).transpose().map_err(|invalid| FieldError::new(name, invalid))
}

/// What an operation says of its days.
pub(super) fn of_days(operation: Operation) -> Operation {
    operation
        .query::<Day>("from", "The first day; 29 days before `to` if none is named, at most 365.", "2026-11-01")
        .query::<Day>("to", "The last day; today if none is named.", "2026-11-21")
}

/// What an operation says of its months.
pub(super) fn of_months(operation: Operation) -> Operation {
    operation
        .query::<Month>("from", "The first month; 11 months before `to` if none is named, at most 59.", "2026-01")
        .query::<Month>("to", "The last month; the present one if none is named.", "2026-11")
}
