//! Compares sampled records with their type's entry.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use waybill::catalog::{Column, ExportType, KeyForm, Path, RecordsSpec, SortFormat};
use waybill::file;
use waybill::selection::{Fixed, Projection, Selection, is_fixed};
use waybill::value::{Kind, Value};

/// A key's time may be less precise than the record's creation time.
const PRECISION: SignedDuration = SignedDuration::from_secs(1);

/// The differences that were found: their counts, each with the sort key of an example. Contains no cell.
pub(crate) struct Report<'a> {
    of: &'a ExportType,
    projection: Projection,
    records: usize,
    columns: Vec<Seen>,
    /// Records that `fixed` excludes.
    without_fixed: usize,
    /// Records whose keys have the literal text of other records, and no other reason to be excluded.
    other_keys: Tally,
    /// For each `fixed` value: values with the same text and another DynamoDB type.
    fixed: Vec<Tally>,
    blank: Tally,
    undated: Tally,
    unreadable_time: Tally,
    wrong_type: Tally,
    wrong_format: Tally,
    other_time: Tally,
}

/// The values of one column.
#[derive(Default, Clone)]
struct Seen {
    /// Records with a value.
    present: usize,
    of_another_kind: Tally,
    not_listed: Tally,
}

/// The number of records, and the sort key of the first.
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
    /// A report without records.
    pub(crate) fn new(of: &'a ExportType) -> Self {
        let columns: Vec<&Column> = of.columns.iter().collect();
        Self {
            of,
            projection: Projection::new(of, &columns, &Selection::default()),
            records: 0,
            columns: vec![Seen::default(); of.columns.len()],
            without_fixed: 0,
            other_keys: Tally::default(),
            fixed: vec![Tally::default(); of.records.fixed().len()],
            blank: Tally::default(),
            undated: Tally::default(),
            unreadable_time: Tally::default(),
            wrong_type: Tally::default(),
            wrong_format: Tally::default(),
            other_time: Tally::default(),
        }
    }

    /// The number of records.
    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// The type for reading the sample: keys of any format, no `fixed` values, and further columns for the sort key, the
    /// creation time and the `fixed` attributes.
    pub(crate) fn sampled(&self) -> ExportType {
        let mut sampled = self.of.clone();
        let (key, fixed) = match &mut sampled.records {
            RecordsSpec::Dynamodb(spec) => {
                spec.sort_format = SortFormat::any();
                let key = spec.sort_key.as_ref().unwrap_or(&spec.partition_key);
                (Some(key.clone()), std::mem::take(&mut spec.fixed))
            }
            RecordsSpec::Postgres(spec) | RecordsSpec::Mysql(spec) => {
                (spec.key.last().cloned(), std::mem::take(&mut spec.fixed))
            }
        };
        let path = |name: &String| Path::new(name, []);
        let more = key
            .iter()
            .map(path)
            // Without a time of creation, the key once more, which is not looked at.
            .chain(self.of.created.clone().or(key.as_ref().map(path)))
            .chain(fixed.iter().map(|(name, _)| path(name)));
        sampled.columns.extend(more.map(hidden));
        sampled
    }

    /// Adds a record of the type [`sampled`](Self::sampled), and its creation time.
    pub(crate) fn record(&mut self, values: &[Value<'_>], created: Option<Timestamp>) {
        let (columns, more) = values.split_at(self.columns.len().min(values.len()));
        let [sort_key, created_value, fixed @ ..] = more else {
            return;
        };
        let key = sort_key.as_text().unwrap_or_default();
        self.records += 1;
        let conditions = self.of.records.fixed().iter();
        let conditions = conditions.map(|(_, condition)| condition);
        let compared: Vec<Fixed> = fixed
            .iter()
            .zip(conditions)
            .map(|(value, condition)| is_fixed(value, condition))
            .collect();
        let form = self.format().map(|format| format.form(key));
        if compared.contains(&Fixed::Other) {
            self.without_fixed += 1;
            return;
        }
        if form == Some(KeyForm::OfAnotherType) {
            self.other_keys.note(key);
            return;
        }
        for (compared, tally) in compared.iter().zip(&mut self.fixed) {
            if *compared == Fixed::OtherType {
                tally.note(key);
            }
        }
        if self.projection.is_blank(columns) {
            self.blank.note(key);
        }
        match (created_value.is_empty(), created) {
            _ if self.of.created.is_none() => {}
            (true, _) => self.undated.note(key),
            (false, None) => self.unreadable_time.note(key),
            (false, Some(_)) => {}
        }
        for ((seen, column), value) in self.columns.iter_mut().zip(&self.of.columns).zip(columns) {
            let Some(text) = value.as_text() else {
                continue;
            };
            seen.present += 1;
            if !file::is_of_kind(column, value) {
                seen.of_another_kind.note(key);
            }
            if !column.values.is_empty() && !column.values.iter().any(|listed| listed == text) {
                seen.not_listed.note(key);
            }
        }
        if let Some(format) = self.format().filter(|format| format.has_time()) {
            self.compare_key(format, sort_key, created);
        }
    }

    /// The format of sort keys, where the type's records have them.
    fn format(&self) -> Option<&'a SortFormat> {
        let spec = self.of.records.dynamodb()?;
        spec.sort_key.is_some().then_some(&spec.sort_format)
    }

    fn compare_key(
        &mut self,
        format: &SortFormat,
        sort_key: &Value<'_>,
        created: Option<Timestamp>,
    ) {
        let key = sort_key.as_text().unwrap_or_default();
        if matches!(sort_key, Value::Number(_)) != format.is_number() {
            self.wrong_type.note(key);
        }
        if format.form(key) != KeyForm::Fits {
            self.wrong_format.note(key);
        } else if let Some(created) = created
            && !format.is_within(key, Some(created - PRECISION), created + PRECISION)
        {
            self.other_time.note(key);
        }
    }

    /// Whether all records match the entry. A column without any value is not a difference: its values may be rare.
    pub(crate) fn matches_entry(&self) -> bool {
        let findings = self.findings();
        let has_differences = findings.iter().any(|finding| finding.tally.count > 0);
        !has_differences && !self.are_all_excluded()
    }

    /// Whether every record is one of another type.
    fn are_all_excluded(&self) -> bool {
        self.without_fixed + self.other_keys.count == self.records
    }

    /// All possible differences, also those that no record has.
    fn findings(&self) -> Vec<Finding<'_>> {
        let finding = |what: &str, tally, problem: &str| Finding {
            what: what.to_owned(),
            tally,
            problem: problem.to_owned(),
        };
        let created = self.of.created.as_ref();
        let created = created.map(ToString::to_string).unwrap_or_default();
        let mut findings = vec![
            finding(
                "key",
                &self.wrong_type,
                "are texts although `sort_format` is a number, or numbers although it is a text",
            ),
            finding("key", &self.wrong_format, "do not have the `sort_format`"),
            finding(
                "key",
                &self.other_time,
                "have another time than `created`, so that filters on the time would miss them",
            ),
            finding(
                &created,
                &self.undated,
                "have no value although it is `created`, so that filters on the time would leave them out",
            ),
            finding(
                &created,
                &self.unreadable_time,
                "have a time that cannot be read: it must be RFC 3339 with a zone, or as in `from`",
            ),
            finding(
                "columns",
                &self.blank,
                "have no value in any column: they may be of another type",
            ),
        ];
        for ((name, _), tally) in self.of.records.fixed().iter().zip(&self.fixed) {
            findings.push(finding(
                name,
                tally,
                "have the text of the `fixed` value, but another DynamoDB type",
            ));
        }
        for (seen, column) in self.columns.iter().zip(&self.of.columns) {
            let problem = format!("are not of kind {}", column.kind.as_str());
            findings.push(finding(&column.key, &seen.of_another_kind, &problem));
            findings.push(finding(
                &column.key,
                &seen.not_listed,
                "are not in `values`",
            ));
        }
        findings
    }
}

/// A possible difference between records and the entry.
struct Finding<'a> {
    /// The column or another part of the record.
    what: String,
    tally: &'a Tally,
    problem: String,
}

/// A further column for the value at a path.
fn hidden(path: Path) -> Column {
    Column {
        default: false,
        hidden: true,
        ..Column::new(path.to_string(), Kind::Text, path)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.records;
        writeln!(f, "  {records} records")?;
        for Finding {
            what,
            tally,
            problem,
        } in self.findings()
        {
            let Tally { count, first } = tally;
            if *count > 0 {
                // Keys come from outside. Escaped, they contain no control sequence for the terminal.
                writeln!(
                    f,
                    "  {what}: {count} of {records} {problem}, the first at {first:?}"
                )?;
            }
        }
        match self.without_fixed {
            0 => {}
            all if all == records => {
                writeln!(f, "  fixed: none of {records} has the `fixed` values")?
            }
            some => writeln!(
                f,
                "  fixed: {some} of {records} are of other types and were skipped"
            )?,
        }
        let Tally { count, first } = &self.other_keys;
        match *count {
            0 => {}
            _ if self.are_all_excluded() => writeln!(
                f,
                "  key: none of {count} has the literal text of `sort_format`, the first is {first:?}"
            )?,
            some => writeln!(
                f,
                "  key: {some} of {records} are of other types, by their literal text, and were skipped, the first at {first:?}"
            )?,
        }
        if self.are_all_excluded() {
            return Ok(());
        }
        for (seen, column) in self.columns.iter().zip(&self.of.columns) {
            if seen.present == 0 {
                writeln!(f, "  {}: no record has a value", column.key)?;
            }
        }
        if self.matches_entry() {
            writeln!(f, "  all records match the entry")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
