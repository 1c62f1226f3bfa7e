//! The shop's calendar: the days and months of its time zone.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::{
    Span,
    civil::Date,
    tz::{Offset, TimeZone},
};
use kernel::{Invalid, Timestamp};
use lambda::{Error, env};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// The time zone in which the shop's days begin and end.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// The time zone is not in the IANA database.
#[derive(Debug, thiserror::Error)]
#[error("there is no time zone {0:?}; `TimeZone` must be an IANA name, such as Europe/Berlin or UTC")]
pub struct UnknownZone(String);

impl Zone {
    /// Returns the time zone UTC.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// Returns the time zone with an IANA name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let rules = TimeZone::get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        Ok(Self { name: rules.iana_name().unwrap_or(name).to_owned(), rules })
    }

    /// Returns the time zone of `TIME_ZONE`, which the template sets.
    ///
    /// # Errors
    /// If the variable is not set, or names a time zone that does not exist.
    pub fn from_env() -> Result<Self, Error> {
        // The error of a failed start is logged with `Debug`, which is readable for a string.
        Self::named(&env("TIME_ZONE")?).map_err(|error| error.to_string().into())
    }

    /// Returns the IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the day in this time zone at `time`.
    pub fn day_of(&self, time: Timestamp) -> Day {
        Day(self.rules.to_datetime(to_jiff(time)).date())
    }

    /// Returns the UTC days that overlap `day`, in order. They may overlap other days, too.
    pub fn utc_days(&self, day: Day) -> impl Iterator<Item = Day> + use<> {
        // If clocks are set back over midnight, a day is not contiguous; with the UTC days before and after it is
        // covered.
        [-1, 0, 1].into_iter().map(move |days| day.plus(days))
    }
}

fn to_jiff(time: Timestamp) -> jiff::Timestamp {
    let end = if time.as_millis() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or(end)
}

/// The first day with a year of four digits. The last one is the maximum of jiff.
const MIN_DATE: Date = Date::constant(0, 1, 1);

/// A day or a month: the unit of a report's entries.
pub trait Unit: Copy + Ord + fmt::Display + FromStr<Err = Invalid> {
    /// Returns the unit `count` later (earlier, if negative), limited to the years 0000 to 9999, which have four
    /// digits.
    #[must_use]
    fn plus(self, count: i32) -> Self;
    /// Returns the number of units from this one to `later`.
    fn until(self, later: Self) -> i32;
}

/// A day of the calendar, such as `2026-11-21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

/// A month of the calendar, such as `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(Date);

impl Day {
    /// Returns the month of this day.
    pub fn month(self) -> Month {
        Month(self.0.first_of_month())
    }

    /// Returns the UTC day at `time`.
    pub fn of_utc(time: Timestamp) -> Self {
        Self(Offset::UTC.to_datetime(to_jiff(time)).date())
    }
}

impl Month {
    /// Returns the first day.
    pub fn first(self) -> Day {
        Day(self.0.first_of_month())
    }

    /// Returns the last day.
    pub fn last(self) -> Day {
        Day(self.0.last_of_month())
    }
}

impl Unit for Day {
    fn plus(self, count: i32) -> Self {
        Self(self.0.saturating_add(Span::new().days(count)).max(MIN_DATE))
    }

    fn until(self, later: Self) -> i32 {
        // The span between two dates is in days by default.
        later.0.since(self.0).map_or(i32::MAX, |span| span.get_days())
    }
}

impl Unit for Month {
    fn plus(self, count: i32) -> Self {
        Self(self.0.saturating_add(Span::new().months(count)).first_of_month().max(MIN_DATE))
    }

    fn until(self, later: Self) -> i32 {
        let months = |month: Self| 12 * i32::from(month.0.year()) + i32::from(month.0.month());
        months(later) - months(self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Day {
    type Err = Invalid;

    /// Accepts only `YYYY-MM-DD`, so that a day has one spelling, and no other form of ISO 8601.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let day = text.parse().ok().map(Self).filter(|day| day.to_string() == text);
        day.ok_or_else(|| Invalid::new("not_a_day", "must be a day, such as 2026-11-21"))
    }
}

impl FromStr for Month {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let first = format!("{text}-01").parse::<Day>().map(Day::month);
        first.map_err(|_| Invalid::new("not_a_month", "must be a month, such as 2026-11"))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Day {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date" })
    }
}

impl JsonSchema for Month {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Month".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$" })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day_in(zone: &str, time: &str) -> String {
        Zone::named(zone).unwrap().day_of(time.parse().unwrap()).to_string()
    }

    #[test]
    fn a_day_is_the_day_in_the_time_zone() {
        assert_eq!(day_in("UTC", "2026-07-01T23:30:00Z"), "2026-07-01");
        assert_eq!(day_in("Europe/Berlin", "2026-07-01T23:30:00Z"), "2026-07-02");
        assert_eq!(day_in("America/New_York", "2026-07-02T03:59:59.999Z"), "2026-07-01");
    }

    /// In Berlin, summer time began on 29 March 2026 and ended on 25 October. Midnight was at 22:00 UTC in between, and
    /// at 23:00 UTC before and after.
    #[test]
    fn midnight_moves_with_summer_time() {
        for (time, day) in [
            ("2026-03-28T22:59:59.999Z", "2026-03-28"),
            ("2026-03-28T23:00:00Z", "2026-03-29"),
            ("2026-03-29T21:59:59.999Z", "2026-03-29"),
            ("2026-03-29T22:00:00Z", "2026-03-30"),
            ("2026-10-24T22:00:00Z", "2026-10-25"),
            ("2026-10-25T22:30:00Z", "2026-10-25"),
            ("2026-10-25T23:00:00Z", "2026-10-26"),
        ] {
            assert_eq!(day_in("Europe/Berlin", time), day, "{time}");
        }
    }

    /// Samoa crossed the date line at the end of 29 December 2011: there was no 30 December.
    #[test]
    fn a_skipped_day_has_no_events() {
        assert_eq!(day_in("Pacific/Apia", "2011-12-30T09:59:59.999Z"), "2011-12-29");
        assert_eq!(day_in("Pacific/Apia", "2011-12-30T10:00:00Z"), "2011-12-31");
    }

    #[test]
    fn an_unknown_time_zone_is_reported() {
        let error = Zone::named("Europe/Atlantis").unwrap_err().to_string();
        assert!(error.contains("Europe/Atlantis") && error.contains("IANA"), "{error}");
        assert_eq!(Zone::named("europe/berlin").unwrap().name(), "Europe/Berlin");
    }

    #[test]
    fn a_day_and_a_month_have_one_spelling() {
        assert_eq!("2024-02-29".parse::<Day>().unwrap().to_string(), "2024-02-29");
        for wrong in ["2025-02-29", "2026-11-21T00:00:00", "20261121", "+002026-11-21", "2026-W01-1", "2026-1-1", ""] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
        assert_eq!("2026-11".parse::<Month>().unwrap().to_string(), "2026-11");
        for wrong in ["2026-13", "2026-00", "2026", "2026-11-21", "2026-1", ""] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_month_has_a_first_and_a_last_day() {
        let month: Month = "2024-02".parse().unwrap();
        assert_eq!((month.first().to_string(), month.last().to_string()), ("2024-02-01".into(), "2024-02-29".into()));
        assert_eq!(month.plus(-14).to_string(), "2022-12");
        assert_eq!(month.plus(-14).until(month), 14);
    }

    #[test]
    fn the_calendar_has_limits() {
        let (first, last): (Day, Day) = ("0000-01-01".parse().unwrap(), "9999-12-31".parse().unwrap());
        assert_eq!((first.plus(-30), last.plus(1)), (first, last));
        assert_eq!((first.month().plus(-11), last.month().plus(1)), (first.month(), last.month()));
    }

    proptest! {
        #[test]
        fn utc_days_cover_every_time_of_a_day(
            millis in -2_000_000_000_000_i64..4_000_000_000_000,
            name in prop::sample::select(vec!["UTC", "Europe/Berlin", "Pacific/Apia", "Pacific/Kiritimati", "Etc/GMT+12"]),
        ) {
            let (zone, time) = (Zone::named(name).unwrap(), Timestamp::from_millis(millis));
            prop_assert!(zone.utc_days(zone.day_of(time)).any(|day| day == Day::of_utc(time)));
        }

        #[test]
        fn days_add_up(day in -700_000_i32..2_000_000, count in -400_i32..400) {
            let start: Day = "1970-01-01".parse().unwrap();
            let day = start.plus(day);
            prop_assert_eq!(day.until(day.plus(count)), count);
        }
    }
}
