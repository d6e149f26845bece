//! The same job in a usual Rust program: the SDK's items, the `csv` crate, `rust_xlsxwriter`, the SDK's uploads.
//!
//! It does not have Waybill's leases and checkpoints, filters and search, the file's SHA-256, cells with lists and
//! maps, time zones, or the handling of values that a spreadsheet cannot hold.

use std::collections::HashMap;
use std::error::Error;
use std::io::{Read, Seek};

use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use tokio::task::JoinSet;
use waybill_tests::COLUMNS;

use crate::orders::{Order, Stored, orders};

type Item = HashMap<String, AttributeValue>;
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The part size in bytes, as in Waybill.
const PART: usize = 8 << 20;
/// The number of parts in flight, as in Waybill.
const IN_FLIGHT: usize = 2;
const DATES: [&str; 3] = ["created_at", "updated_at", "delivered_at"];
/// The maximum number of rows of a sheet.
const SHEET_ROWS: u32 = 1_048_576;

/// The clients and names for the job.
#[derive(Debug)]
pub struct Job {
    db: aws_sdk_dynamodb::Client,
    upload: Upload,
}

#[derive(Debug)]
struct Upload {
    s3: aws_sdk_s3::Client,
    id: Option<String>,
    count: i32,
    parts: Vec<CompletedPart>,
    in_flight: JoinSet<Result<CompletedPart>>,
}

impl Job {
    /// A job that uses a [`crate::Server`].
    pub async fn new(endpoint: &str) -> Self {
        let config = aws_config::from_env()
            .endpoint_url(endpoint)
            .region("eu-west-1")
            .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
            .load()
            .await;
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true);
        Self {
            db: aws_sdk_dynamodb::Client::new(&config),
            upload: Upload {
                s3: aws_sdk_s3::Client::from_conf(s3.build()),
                id: None,
                count: 0,
                parts: Vec::new(),
                in_flight: JoinSet::new(),
            },
        }
    }

    /// Writes the records as CSV, with a byte-order mark and no cell that would run as a formula.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn csv(mut self) -> Result<()> {
        let mut writer = csv_writer();
        writer.write_record(COLUMNS)?;
        let mut start = None;
        loop {
            let (items, next) = self.page(start).await?;
            for item in &items {
                for column in COLUMNS {
                    match item.get(column) {
                        Some(AttributeValue::S(text)) => {
                            let is_safe = DATES.contains(&column)
                                || !text.starts_with(['=', '+', '-', '@', '\t', '\r']);
                            if is_safe {
                                writer.write_field(text)?;
                            } else {
                                writer.write_field(format!("'{text}"))?;
                            }
                        }
                        Some(AttributeValue::N(digits)) => writer.write_field(digits)?,
                        _ => writer.write_field("")?,
                    }
                }
                writer.write_record(None::<&[u8]>)?;
            }
            writer.flush()?;
            if writer.get_ref().len() >= PART {
                let full =
                    std::mem::replace(&mut writer, more_csv(Vec::with_capacity(PART + PART / 8)));
                self.upload.part(full.into_inner()?).await?;
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
        self.upload.end(writer.into_inner()?).await
    }

    /// Writes the records as XLSX, in the constant memory of `rust_xlsxwriter`.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn xlsx(mut self) -> Result<()> {
        let mut sheets = Sheets::new()?;
        let mut start = None;
        loop {
            let (items, next) = self.page(start).await?;
            for item in &items {
                sheets.row(|column| match item.get(column)? {
                    AttributeValue::S(text) => Some(Cell::Text(text)),
                    AttributeValue::N(digits) => Some(Cell::Number(digits)),
                    _ => None,
                })?;
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
        let mut file = sheets.finish()?;
        loop {
            let mut part = Vec::with_capacity(PART);
            file.by_ref().take(PART as u64).read_to_end(&mut part)?;
            if part.len() < PART {
                return self.upload.end(part).await;
            }
            self.upload.part(part).await?;
        }
    }

    async fn page(&self, start: Option<Item>) -> Result<(Vec<Item>, Option<Item>)> {
        let mut query = self
            .db
            .query()
            .table_name("records")
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", "pk")
            .expression_attribute_values(":partition", AttributeValue::S("orders#42".to_owned()))
            .set_exclusive_start_key(start);
        let mut names = Vec::new();
        for (n, column) in COLUMNS.into_iter().enumerate() {
            query = query.expression_attribute_names(format!("#a{n}"), column);
            names.push(format!("#a{n}"));
        }
        let page = query.projection_expression(names.join(", ")).send().await?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key))
    }
}

fn csv_writer() -> csv::Writer<Vec<u8>> {
    let mut bytes = Vec::with_capacity(PART + PART / 8);
    bytes.extend_from_slice("\u{feff}".as_bytes());
    more_csv(bytes)
}

fn more_csv(bytes: Vec<u8>) -> csv::Writer<Vec<u8>> {
    let mut builder = csv::WriterBuilder::new();
    builder.terminator(csv::Terminator::CRLF).from_writer(bytes)
}

/// Writes rows from memory as XLSX, with `rust_xlsxwriter` in constant memory, to a temporary file; returns its size.
///
/// # Errors
/// When the file cannot be written.
pub fn xlsx_alone(rows: usize) -> Result<u64> {
    let (orders, _) = orders();
    let orders: Vec<Vec<Option<Cell<'_>>>> = orders.iter().map(cells).collect();
    let mut sheets = Sheets::new()?;
    for cells in orders.iter().cycle().take(rows) {
        let mut cells = cells.iter();
        sheets.row(|_| cells.next().copied().flatten())?;
    }
    Ok(sheets.finish()?.metadata()?.len())
}

fn cells(order: &Order) -> Vec<Option<Cell<'_>>> {
    let cell = |column: &str| {
        let (_, stored) = order.iter().find(|(name, _)| *name == column)?;
        Some(match stored {
            Stored::Text(text) => Cell::Text(text),
            Stored::Number(digits) => Cell::Number(digits),
        })
    };
    COLUMNS.into_iter().map(cell).collect()
}

#[derive(Clone, Copy)]
enum Cell<'a> {
    Text(&'a str),
    Number(&'a str),
}

/// A workbook whose sheets are filled one after the other.
struct Sheets {
    workbook: Workbook,
    header: Format,
    date: Format,
    count: usize,
    rows: u32,
}

impl Sheets {
    fn new() -> Result<Self> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(std::env::temp_dir())?;
        let mut sheets = Self {
            workbook,
            header: Format::new().set_bold(),
            date: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            count: 0,
            rows: 0,
        };
        sheets.begin()?;
        Ok(sheets)
    }

    fn begin(&mut self) -> std::result::Result<(), XlsxError> {
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_freeze_panes(1, 0)?;
        for (place, column) in (0..).zip(COLUMNS) {
            if DATES.contains(&column) {
                sheet.set_column_width(place, 19)?;
            }
            sheet.write_string_with_format(0, place, column, &self.header)?;
        }
        self.count += 1;
        self.rows = 1;
        Ok(())
    }

    fn end(&mut self) -> std::result::Result<(), XlsxError> {
        let sheet = self.workbook.worksheet_from_index(self.count - 1)?;
        sheet.autofilter(0, 0, self.rows - 1, COLUMNS.len() as u16 - 1)?;
        Ok(())
    }

    fn row<'a>(&mut self, mut cell: impl FnMut(&str) -> Option<Cell<'a>>) -> Result<()> {
        if self.rows == SHEET_ROWS {
            self.end()?;
            self.begin()?;
        }
        let sheet = self.workbook.worksheet_from_index(self.count - 1)?;
        for (place, column) in (0..).zip(COLUMNS) {
            match cell(column) {
                None => {}
                Some(Cell::Number(digits)) => {
                    sheet.write_number(self.rows, place, digits.parse::<f64>()?)?;
                }
                Some(Cell::Text(text)) if DATES.contains(&column) => {
                    date(sheet, self.rows, place, text, &self.date)?;
                }
                Some(Cell::Text(text)) => {
                    sheet.write_string(self.rows, place, text)?;
                }
            }
        }
        self.rows += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<std::fs::File> {
        self.end()?;
        let mut file = tempfile::tempfile()?;
        self.workbook
            .save_to_writer(std::io::BufWriter::new(&mut file))?;
        file.rewind()?;
        Ok(file)
    }
}

fn date(sheet: &mut Worksheet, row: u32, place: u16, text: &str, format: &Format) -> Result<()> {
    let date = ExcelDateTime::parse_from_str(text.trim_end_matches('Z'))?;
    sheet.write_datetime_with_format(row, place, &date, format)?;
    Ok(())
}

impl Upload {
    async fn part(&mut self, bytes: Vec<u8>) -> Result<()> {
        let id = match &self.id {
            Some(id) => id.clone(),
            None => {
                let begun = self
                    .s3
                    .create_multipart_upload()
                    .bucket("files")
                    .key("file");
                let id = begun.send().await?.upload_id.ok_or("no upload")?;
                self.id.insert(id).clone()
            }
        };
        while self.in_flight.len() >= IN_FLIGHT {
            self.settle().await?;
        }
        self.count += 1;
        let (s3, number) = (self.s3.clone(), self.count);
        self.in_flight.spawn(async move {
            let part = s3.upload_part().bucket("files").key("file").upload_id(id);
            let body = ByteStream::from(bytes);
            let sent = part.part_number(number).body(body).send().await?;
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag)
                .build())
        });
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
        if let Some(part) = self.in_flight.join_next().await {
            self.parts.push(part??);
        }
        Ok(())
    }

    async fn end(mut self, bytes: Vec<u8>) -> Result<()> {
        if self.id.is_none() {
            let put = self.s3.put_object().bucket("files").key("file");
            put.body(ByteStream::from(bytes)).send().await?;
            return Ok(());
        }
        if !bytes.is_empty() {
            self.part(bytes).await?;
        }
        while !self.in_flight.is_empty() {
            self.settle().await?;
        }
        self.parts.sort_by_key(|part| part.part_number);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.parts));
        let complete = self
            .s3
            .complete_multipart_upload()
            .bucket("files")
            .key("file");
        let complete = complete
            .set_upload_id(self.id)
            .multipart_upload(parts.build());
        complete.send().await?;
        Ok(())
    }
}
