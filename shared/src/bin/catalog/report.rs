//! What sampled records are, beside what their type's entry says.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use waybill::catalog::ExportType;
use waybill::file;
use waybill::value::Value;

/// A key's time may be less exact than the record's own.
const PRECISION: SignedDuration = SignedDuration::from_secs(1);

/// What was seen of some records: counts, and sort keys to find examples by. Cells are never shown.
pub(crate) struct Report<'a> {
    of: &'a ExportType,
    records: usize,
    columns: Vec<Seen>,
    wrong_type: Tally,
    wrong_format: Tally,
    other_time: Tally,
}

/// One column.
#[derive(Default, Clone)]
struct Seen {
    there: usize,
    of_another_kind: Tally,
    not_listed: Tally,
}

/// How many records, and the sort key of the first.
#[derive(Default, Clone)]
struct Tally {
    count: usize,
    first: String,
}

impl Tally {
    fn note(&mut self, key: &str) {
        if self.count == 0 {
            self.first = key.to_owned();
        }
        self.count += 1;
    }
}

impl<'a> Report<'a> {
    /// Nothing seen yet.
    pub(crate) fn new(of: &'a ExportType) -> Self {
        Self {
            of,
            records: 0,
            columns: vec![Seen::default(); of.columns.len()],
            wrong_type: Tally::default(),
            wrong_format: Tally::default(),
            other_time: Tally::default(),
        }
    }

    /// How many records were seen.
    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// Looks at a record: the values of the type's columns, then its sort key; and when it was created.
    pub(crate) fn record(&mut self, values: &[Value<'_>], created: Option<Timestamp>) {
        self.records += 1;
        let sort_key = values.get(self.columns.len()).unwrap_or(&Value::Missing);
        let key = sort_key.as_text().unwrap_or_default();
        for ((seen, column), value) in self.columns.iter_mut().zip(&self.of.columns).zip(values) {
            let Some(text) = value.as_text() else {
                continue;
            };
            seen.there += 1;
            if !file::is_of_kind(column, value) {
                seen.of_another_kind.note(key);
            }
            if !column.values.is_empty() && !column.values.iter().any(|listed| listed == text) {
                seen.not_listed.note(key);
            }
        }
        let format = self.of.records.sort_format;
        if format.is_id() {
            return;
        }
        if matches!(sort_key, Value::Number(_)) != format.is_number() {
            self.wrong_type.note(key);
        }
        match (format.instant_of(key), created) {
            (None, _) => self.wrong_format.note(key),
            (Some(time), Some(created)) if created.duration_since(time).abs() >= PRECISION => {
                self.other_time.note(key);
            }
            _ => {}
        }
    }

    /// Whether nothing is other than the entry says. A column that is never there may be one that is seldom filled.
    pub(crate) fn is_right(&self) -> bool {
        let columns = self.columns.iter();
        let of_columns = columns.flat_map(|seen| [&seen.of_another_kind, &seen.not_listed]);
        let of_key = [&self.wrong_type, &self.wrong_format, &self.other_time];
        of_columns.chain(of_key).all(|tally| tally.count == 0)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.records;
        writeln!(f, "  {records} records")?;
        // Keys come from outside; escaped, they cannot command a terminal.
        let line = |f: &mut fmt::Formatter<'_>, what: &str, tally: &Tally, problem: &str| {
            match tally.count {
                0 => Ok(()),
                count => writeln!(
                    f,
                    "  {what}: {count} of {records} {problem}, the first at {:?}",
                    tally.first
                ),
            }
        };
        line(
            f,
            "key",
            &self.wrong_type,
            "are a text where `sort_format` is a number, or the other way round",
        )?;
        line(f, "key", &self.wrong_format, "are not of the `sort_format`")?;
        line(
            f,
            "key",
            &self.other_time,
            "name another time than `created`, by which time ranges would miss them",
        )?;
        for (seen, column) in self.columns.iter().zip(&self.of.columns) {
            if seen.there == 0 {
                writeln!(f, "  {}: never there", column.key)?;
            }
            let problem = format!("are no {}", column.kind.as_str());
            line(f, &column.key, &seen.of_another_kind, &problem)?;
            line(f, &column.key, &seen.not_listed, "are not among `values`")?;
        }
        if self.is_right() {
            writeln!(f, "  all as the entry says")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use waybill::catalog::Catalog;

    use super::*;

    fn things(sort_format: &str) -> ExportType {
        let text = format!(
            "[[type]]\nname = \"things\"\nparent = \"project\"\ndelivery = \"link\"\n\
             records = {{ engine = \"dynamodb\", table = \"T\", partition = \"{{parent}}\", partition_key = \"pk\", \
             sort_key = \"sk\", sort_format = \"{sort_format}\" }}\ncreated = \"at\"\n\
             columns = [ {{ key = \"id\", kind = \"text\" }}, {{ key = \"score\", kind = \"integer\" }}, \
             {{ key = \"status\", kind = \"text\", values = [\"a\", \"b\"] }}, {{ key = \"mail\", kind = \"email\" }} ]\n"
        );
        Catalog::parse(&text).unwrap().types()[0].clone()
    }

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.into())
    }

    #[test]
    fn what_is_other_than_the_entry_says_is_counted_with_a_key_and_without_a_cell() {
        let of = things("rfc3339_s#id");
        let mut report = Report::new(&of);
        let at = |time: &str| Some(time.parse().unwrap());
        let key = "2026-11-21T11:00:00Z#1";
        report.record(
            &[text("1"), text("7"), text("a"), Value::Missing, text(key)],
            at("2026-11-21T11:00:00.5Z"),
        );
        assert!(report.is_right());
        report.record(
            &[
                text("2"),
                text("secret"),
                text("z"),
                Value::Null,
                text("\u{1b}[2Jnow"),
            ],
            None,
        );
        let key = "2026-11-21T11:00:00Z#3";
        report.record(
            &[text("3"), text("many"), text("b"), Value::Null, text(key)],
            at("2026-11-21T12:00:00Z"),
        );
        report.record(
            &[
                text("4"),
                Value::Missing,
                text("b"),
                Value::Null,
                Value::Number("5".into()),
            ],
            None,
        );
        assert!(!report.is_right());
        insta::assert_snapshot!(report, @r##"
          4 records
          key: 1 of 4 are a text where `sort_format` is a number, or the other way round, the first at "5"
          key: 2 of 4 are not of the `sort_format`, the first at "\u{1b}[2Jnow"
          key: 1 of 4 name another time than `created`, by which time ranges would miss them, the first at "2026-11-21T11:00:00Z#3"
          score: 2 of 4 are no integer, the first at "\u{1b}[2Jnow"
          status: 1 of 4 are not among `values`, the first at "\u{1b}[2Jnow"
          mail: never there
        "##);
    }

    #[test]
    fn keys_without_a_time_have_no_format() {
        let of = things("id");
        let mut report = Report::new(&of);
        report.record(
            &[
                text("1"),
                Value::Null,
                text("a"),
                text("a@b"),
                text("anything"),
            ],
            None,
        );
        insta::assert_snapshot!(report, @"
          1 records
          score: never there
          all as the entry says
        ");
    }
}
