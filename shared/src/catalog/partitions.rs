//! The partitions of DynamoDB that a parent's records are in.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::DynamodbSpec;

/// What stands in a template for the parent's id.
pub(super) const PARENT: &str = "{parent}";
/// What stands in a template for the id of the root that the parent belongs to, such as its organization's.
pub(super) const ROOT: &str = "{root}";

/// Partitions of their own for each month or day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Periods {
    /// How long a period is.
    pub length: PeriodLength,
    /// The day from which there are records.
    pub since: Date,
    /// The time zone of months and days.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub time_zone: TimeZone,
}

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodLength {
    /// A month of the calendar, `2026-11`.
    Month,
    /// A day, `2026-11-21`.
    Day,
}

/// Partitions that are read together, merged by their sort keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionGroup {
    /// The month or the day, where each has partitions of its own.
    pub period: Option<String>,
    /// The partition keys.
    pub partitions: Vec<String>,
}

/// A parent without a root, by which its records are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoot;

impl PeriodLength {
    /// What stands in a template for the period.
    pub(super) fn placeholder(self) -> &'static str {
        match self {
            Self::Month => "{month}",
            Self::Day => "{day}",
        }
    }

    fn span(self) -> Span {
        match self {
            Self::Month => 1.month(),
            Self::Day => 1.day(),
        }
    }

    /// The first day of the period that has this day.
    fn first(self, day: Date) -> Date {
        match self {
            Self::Month => day.first_of_month(),
            Self::Day => day,
        }
    }

    fn name(self, first: Date) -> String {
        match self {
            Self::Month => first.strftime("%Y-%m").to_string(),
            Self::Day => first.to_string(),
        }
    }
}

impl Periods {
    /// The periods with the times from `from` to `until`, which is not included, in order.
    fn names(&self, from: Option<Timestamp>, until: Timestamp) -> Vec<String> {
        let day = |instant: Timestamp| self.time_zone.to_datetime(instant).date();
        let first = from.map_or(self.since, |from| day(from).max(self.since));
        let Ok(last) = until.checked_sub(SignedDuration::from_nanos(1)) else {
            return Vec::new();
        };
        let last = day(last);
        let mut names = Vec::new();
        let mut next = Some(self.length.first(first));
        while let Some(first) = next.filter(|first| *first <= last) {
            names.push(self.length.name(first));
            next = first.checked_add(self.length.span()).ok();
        }
        names
    }
}

impl DynamodbSpec {
    /// The partitions of a parent's records that were created from `from` to `until`, in the order of time; none where no
    /// key can be that of the parent. A table that is read as a whole is one partition, without a key.
    ///
    /// # Errors
    /// [`NoRoot`] where the partitions need the parent's root, and there is none.
    pub fn groups(
        &self,
        parent_id: &str,
        root_id: Option<&str>,
        from: Option<Timestamp>,
        until: Timestamp,
    ) -> Result<Vec<PartitionGroup>, NoRoot> {
        if self.scan.is_some() {
            return Ok(vec![PartitionGroup {
                period: None,
                partitions: vec![String::new()],
            }]);
        }
        // DynamoDB takes `042` for the number 42, which is another parent.
        let is_number = |id: &str| {
            id.parse::<i64>()
                .is_ok_and(|number| number.to_string() == id)
        };
        if self.has_number_partitions && !is_number(parent_id) {
            return Ok(Vec::new());
        }
        let needs_root = self
            .partitions
            .iter()
            .any(|template| template.contains(ROOT));
        if needs_root && root_id.is_none() {
            return Err(NoRoot);
        }
        let periods = match &self.periods {
            None => vec![None],
            Some(periods) => {
                let names = periods.names(from, until).into_iter();
                let placeholder = periods.length.placeholder();
                names.map(|name| Some((placeholder, name))).collect()
            }
        };
        let group = |period: Option<(&str, String)>| {
            let partition = |template: &String| {
                // An id has no braces, so that nothing is replaced twice.
                let key = template.replace(PARENT, parent_id);
                let key = key.replace(ROOT, root_id.unwrap_or_default());
                match &period {
                    Some((placeholder, name)) => key.replace(placeholder, name),
                    None => key,
                }
            };
            PartitionGroup {
                partitions: self.partitions.iter().map(partition).collect(),
                period: period.map(|(_, name)| name),
            }
        };
        Ok(periods.into_iter().map(group).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn spec(records: &str) -> DynamodbSpec {
        let catalog = Catalog::parse(&format!(
            "[[type]]\nname = \"things\"\nparent = \"project\"\ndelivery = \"link\"\n\
             records = {{ engine = \"dynamodb\", table = \"T\", partition_key = \"pk\", {records} }}\n\
             created = \"at\"\ncolumns = [ {{ key = \"id\", kind = \"text\" }} ]\n"
        ));
        catalog.unwrap().types()[0]
            .records
            .dynamodb()
            .unwrap()
            .clone()
    }

    fn keys(spec: &DynamodbSpec, from: Option<&str>, until: &str) -> Vec<String> {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let groups = spec
            .groups("42", Some("acme"), from.map(at), at(until))
            .unwrap();
        groups
            .into_iter()
            .flat_map(|group| group.partitions)
            .collect()
    }

    #[test]
    fn the_partitions_of_a_range_are_those_of_its_months_or_days() {
        let months = spec(r#"partition = "{root}#{parent}#{month}", since = "2026-08-15""#);
        let until = "2026-11-01T00:00:00Z";
        assert_eq!(
            keys(&months, None, until),
            ["acme#42#2026-08", "acme#42#2026-09", "acme#42#2026-10"]
        );
        assert_eq!(
            keys(
                &months,
                Some("2026-10-31T23:59:59Z"),
                "2026-11-01T00:00:00.5Z"
            ),
            ["acme#42#2026-10", "acme#42#2026-11"]
        );
        assert_eq!(keys(&months, None, "2026-08-01T00:00:00Z"), [""; 0]);
        let days = spec(
            r#"partitions = ["{parent}#{day}#a", "{parent}#{day}#b"], since = "2026-10-30", time_zone = "America/New_York""#,
        );
        assert_eq!(
            keys(&days, None, "2026-10-31T05:00:00Z"),
            [
                "42#2026-10-30#a",
                "42#2026-10-30#b",
                "42#2026-10-31#a",
                "42#2026-10-31#b"
            ]
        );
        assert_eq!(keys(&days, None, "2026-10-31T04:00:00Z").len(), 2);
    }

    #[test]
    fn a_parent_without_an_organization_has_no_partition_of_it() {
        let until = "2026-11-01T00:00:00Z".parse().unwrap();
        let of_root = spec(r#"partition = "{root}#{parent}""#);
        assert_eq!(of_root.groups("42", None, None, until), Err(NoRoot));
        let plain = spec(r#"partition = "{parent}""#);
        assert_eq!(plain.groups("42", None, None, until).unwrap().len(), 1);
    }
}
