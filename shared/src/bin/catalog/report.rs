//! What sampled records are, beside what their type's entry says.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use waybill::catalog::{Column, ExportType, Path, SortFormat};
use waybill::file;
use waybill::selection::{Fixed, Projection, Selection, is_fixed};
use waybill::value::{Kind, Value};

/// A key's time may be less exact than the record's own.
const PRECISION: SignedDuration = SignedDuration::from_secs(1);

/// What was seen of some records: counts, and sort keys to find examples by. Cells are never shown.
pub(crate) struct Report<'a> {
    of: &'a ExportType,
    projection: Projection,
    records: usize,
    columns: Vec<Seen>,
    /// Records that `fixed` excludes.
    of_other_types: usize,
    /// By what is fixed: values that read the same and are of another type.
    fixed: Vec<Tally>,
    blank: Tally,
    undated: Tally,
    unreadable_time: Tally,
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
        let columns: Vec<&Column> = of.columns.iter().collect();
        Self {
            of,
            projection: Projection::new(of, &columns, &Selection::default()),
            records: 0,
            columns: vec![Seen::default(); of.columns.len()],
            of_other_types: 0,
            fixed: vec![Tally::default(); of.records.fixed.len()],
            blank: Tally::default(),
            undated: Tally::default(),
            unreadable_time: Tally::default(),
            wrong_type: Tally::default(),
            wrong_format: Tally::default(),
            other_time: Tally::default(),
        }
    }

    /// How many records were seen.
    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// The type as its records are looked at: every key is read, nothing is left out, and the sort key, the time of
    /// creation and what is fixed are columns too.
    pub(crate) fn sampled(&self) -> ExportType {
        let mut sampled = self.of.clone();
        let fixed = std::mem::take(&mut sampled.records.fixed);
        sampled.records.sort_format = SortFormat::ANY;
        let path = |name: &String| Path::new(name, []);
        let more = std::iter::once(path(&self.of.records.sort_key))
            .chain([self.of.created.clone()])
            .chain(fixed.iter().map(|(name, _)| path(name)));
        sampled.columns.extend(more.map(hidden));
        sampled
    }

    /// Looks at a record of [`sampled`](Self::sampled), and when it was created.
    pub(crate) fn record(&mut self, values: &[Value<'_>], created: Option<Timestamp>) {
        let (columns, more) = values.split_at(self.columns.len().min(values.len()));
        let [sort_key, created_value, fixed @ ..] = more else {
            return;
        };
        let key = sort_key.as_text().unwrap_or_default();
        self.records += 1;
        let constants = self.of.records.fixed.iter().map(|(_, constant)| constant);
        let compared: Vec<Fixed> = fixed
            .iter()
            .zip(constants)
            .map(|(value, constant)| is_fixed(value, constant))
            .collect();
        if compared.contains(&Fixed::Other) {
            self.of_other_types += 1;
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
            (true, _) => self.undated.note(key),
            (false, None) => self.unreadable_time.note(key),
            (false, Some(_)) => {}
        }
        for ((seen, column), value) in self.columns.iter_mut().zip(&self.of.columns).zip(columns) {
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
        match (format.instant(key), created) {
            (None, _) => self.wrong_format.note(key),
            (Some(time), Some(created)) if created.duration_since(time).abs() >= PRECISION => {
                self.other_time.note(key);
            }
            _ => {}
        }
    }

    /// Whether all records are as the entry says. A column that no record has may be one that is seldom filled.
    pub(crate) fn is_right(&self) -> bool {
        let are_found = self
            .findings()
            .iter()
            .any(|finding| finding.tally.count > 0);
        !are_found && self.of_other_types < self.records
    }

    /// All that can be wrong with some records, whether or not it is.
    fn findings(&self) -> Vec<Finding<'_>> {
        let finding = |what: &str, tally, problem: &str| Finding {
            what: what.to_owned(),
            tally,
            problem: problem.to_owned(),
        };
        let created = self.of.created.to_string();
        let mut findings = vec![
            finding(
                "key",
                &self.wrong_type,
                "are a text where `sort_format` is a number, or the other way round",
            ),
            finding("key", &self.wrong_format, "are not of the `sort_format`"),
            finding(
                "key",
                &self.other_time,
                "name another time than `created`, by which time ranges would miss them",
            ),
            finding(
                &created,
                &self.undated,
                "say nothing there, though it is `created`: a filter on the time would leave them out",
            ),
            finding(
                &created,
                &self.unreadable_time,
                "have no time there that can be read: RFC 3339 with a zone, or what `from` says",
            ),
            finding(
                "columns",
                &self.blank,
                "have none of the columns: they may be of another type",
            ),
        ];
        for ((name, _), tally) in self.of.records.fixed.iter().zip(&self.fixed) {
            findings.push(finding(
                name,
                tally,
                "are of another type than `fixed` says, and read the same",
            ));
        }
        for (seen, column) in self.columns.iter().zip(&self.of.columns) {
            let problem = format!("are no {}", column.kind.as_str());
            findings.push(finding(&column.key, &seen.of_another_kind, &problem));
            findings.push(finding(
                &column.key,
                &seen.not_listed,
                "are not among `values`",
            ));
        }
        findings
    }
}

/// Something that can be wrong with some records.
struct Finding<'a> {
    /// The column, or what else of the record.
    what: String,
    tally: &'a Tally,
    problem: String,
}

/// A value as one more column.
fn hidden(path: Path) -> Column {
    Column {
        key: path.to_string(),
        label: path.to_string(),
        kind: Kind::Text,
        origin: path.into(),
        stored: None,
        default: false,
        values: Vec::new(),
        hidden: true,
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
                // Keys come from outside; escaped, they cannot command a terminal.
                writeln!(
                    f,
                    "  {what}: {count} of {records} {problem}, the first at {first:?}"
                )?;
            }
        }
        match self.of_other_types {
            0 => {}
            all if all == records => {
                writeln!(f, "  fixed: none of {records} has what `fixed` says")?
            }
            some => writeln!(
                f,
                "  fixed: {some} of {records} are of other types, and left out"
            )?,
        }
        for (seen, column) in self.columns.iter().zip(&self.of.columns) {
            if seen.there == 0 {
                writeln!(f, "  {}: never there", column.key)?;
            }
        }
        if self.is_right() {
            writeln!(f, "  all as the entry says")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
