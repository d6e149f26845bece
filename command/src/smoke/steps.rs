//! The steps of the main job, each with what it must find.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};
use waybill::aws::{self, CallError};
use waybill::export::ExportId;
use waybill::objects::ObjectKey;

use super::api::Api;
use super::subject::Subject;
use crate::http;
use crate::stack::Stack;

/// How long the export may take: with a cold start of each function, and a queue that others wait in.
const FINISHED_WITHIN: Duration = Duration::from_mins(30);
/// How long the mail may take: after a failure the sweeper sends it again, with growing waits.
const MAILED_WITHIN: Duration = Duration::from_mins(5);
/// How long the deletion of a file may take: the sweeper does it, every minute.
const DELETED_WITHIN: Duration = Duration::from_mins(5);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// What the steps work with.
pub(super) struct Steps<'a> {
    pub(super) api: &'a Api,
    pub(super) http: &'a Client,
    pub(super) stack: &'a Stack,
    pub(super) subject: &'a Subject,
}

/// What anybody gets: the page and the contract, and nothing without a token.
pub(super) async fn anonymous(http: &Client, url: &str) -> Result<(), Box<dyn Error>> {
    for (path, status) in [("/", 200), ("/openapi.json", 200), ("/v1/catalog", 401)] {
        let answer = http::answered(http.get(format!("{url}{path}"))).await?;
        answer.expect(status, &format!("GET {url}{path} without a token"))?;
    }
    println!("  ok       {url} answers, and refuses a request without a token");
    Ok(())
}

impl Steps<'_> {
    /// Requests the export.
    pub(super) async fn request(&self) -> Result<ExportId, Box<dyn Error>> {
        let path = format!("{}/exports", self.subject.path());
        let body = json!({"type": self.subject.type_name, "format": "csv"});
        let answer = self.api.call(Method::POST, &path, Some(body)).await?;
        let export = answer.expect(201, &format!("POST {path}"))?.json();
        let id = export["id"].as_u64().ok_or("the new export has no id")?;
        Ok(ExportId::try_from(id)?)
    }

    /// Waits for the file.
    pub(super) async fn finished(&self, id: ExportId) -> Result<Value, Box<dyn Error>> {
        let since = Instant::now();
        loop {
            let export = self.export(id).await?;
            match export["status"].as_str().unwrap_or_default() {
                "succeeded" => {
                    self.check_rows(&export)?;
                    let (rows, size) = (&export["rows"], &export["size"]);
                    let seconds = since.elapsed().as_secs_f64();
                    println!("  ok       the export {id} has a file after {seconds:.1} s: {rows} rows, {size} bytes");
                    return Ok(export);
                }
                "waiting" | "processing" if since.elapsed() < FINISHED_WITHIN => sleep(PAUSE).await,
                "waiting" => return Err(format!(
                    "the export {id} waits since {} minutes: no function has begun it. See the queue, and the log of generate",
                    FINISHED_WITHIN.as_secs() / 60
                ).into()),
                status => {
                    let why = export["failure"]["message"].as_str().unwrap_or_default();
                    return Err(format!("the export {id} is {status}: {why}").into());
                }
            }
        }
    }

    fn check_rows(&self, export: &Value) -> Result<(), String> {
        match (self.subject.rows(), export["rows"].as_u64()) {
            (Some(made), Some(rows)) if made != rows => Err(format!(
                "the file has {rows} rows, but {made} records were written"
            )),
            _ => Ok(()),
        }
    }

    async fn export(&self, id: ExportId) -> Result<Value, Box<dyn Error>> {
        let path = format!("/v1/exports/{id}");
        let answer = self.api.get(&path).await?;
        Ok(answer.expect(200, &format!("GET {path}"))?.json())
    }

    /// Downloads the file by its link, and compares its bytes with what the export says of them.
    pub(super) async fn file(&self, export: &Value) -> Result<(), Box<dyn Error>> {
        let link = self.api.get(&link(export)?).await?;
        let link = link.expect(200, "the download link")?.json();
        let url = link["url"]
            .as_str()
            .ok_or("the download link leads nowhere")?;
        // Without the client's limit on a whole answer: a file may be large.
        let mut response = self.http.get(url).timeout(FINISHED_WITHIN).send().await?;
        if response.status() != 200 {
            let status = response.status();
            let said = response.text().await?;
            return Err(format!("S3 answered the download with {status}: {said}").into());
        }
        let (mut hash, mut size) = (Sha256::new(), 0);
        let mut file = Vec::new();
        while let Some(bytes) = response.chunk().await? {
            hash.update(&bytes);
            size += bytes.len() as u64;
            if self.subject.rows().is_some() {
                file.extend_from_slice(&bytes);
            }
        }
        let found = (waybill::hash::hex(&hash.finalize()), size);
        let said = &export["receipt"]["sha256"];
        if (found.0.as_str(), Some(found.1))
            != (said.as_str().unwrap_or_default(), export["size"].as_u64())
        {
            let size = &export["size"];
            return Err(format!(
                "the file has {} bytes and the SHA-256 {}, but the export says {size} and {said}",
                found.1, found.0
            )
            .into());
        }
        if let Some(rows) = self.subject.rows() {
            check_csv(&file, rows)?;
        }
        println!("  ok       the file was downloaded, and has the SHA-256 of the export");
        Ok(())
    }

    /// Waits until SES has accepted the mail.
    pub(super) async fn mail(&self, id: ExportId) -> Result<(), Box<dyn Error>> {
        let until = Instant::now() + MAILED_WITHIN;
        loop {
            let mail = self.export(id).await?["mail"].clone();
            match mail.as_str() {
                Some("sent") => break,
                Some("pending") | None if Instant::now() < until => sleep(PAUSE).await,
                Some("pending") | None => {
                    return Err(format!(
                        "SES has not accepted the mail within {} minutes: the log of notify says why, and `waybill doctor {}` \
                         what SES lacks",
                        MAILED_WITHIN.as_secs() / 60,
                        self.stack.name
                    )
                    .into());
                }
                Some(other) => {
                    return Err(
                        format!("the mail is {other}: the export's history says why").into(),
                    );
                }
            }
        }
        println!("  ok       SES accepted the mail");
        Ok(())
    }

    /// Deletes the file, and looks whether it is gone.
    pub(super) async fn deleted(&self, id: ExportId, export: &Value) -> Result<(), Box<dyn Error>> {
        let path = format!("/v1/exports/{id}/file");
        let answer = self.api.call(Method::DELETE, &path, None).await?;
        answer.expect(200, &format!("DELETE {path}"))?;
        let again = self.api.get(&link(export)?).await?;
        again.expect(410, "the download link of the deleted file")?;
        let until = Instant::now() + DELETED_WITHIN;
        while self.has_objects(id).await? {
            if Instant::now() >= until {
                return Err(format!(
                    "{} is still in the bucket: the sweeper should have deleted it",
                    ObjectKey::prefix(id)
                )
                .into());
            }
            sleep(PAUSE).await;
        }
        println!(
            "  ok       the file was deleted, and its link refuses ({})",
            Timestamp::now().strftime("%H:%M:%SZ")
        );
        Ok(())
    }

    async fn has_objects(&self, id: ExportId) -> Result<bool, Box<dyn Error>> {
        let list = aws::s3(&self.stack.sdk).list_objects_v2();
        let list = list
            .bucket(self.stack.output("BucketName")?)
            .prefix(ObjectKey::prefix(id));
        let listed = list
            .send()
            .await
            .map_err(|error| CallError::new("ListObjectsV2", error))?;
        Ok(!listed.contents().is_empty())
    }
}

/// The path of an export's download link.
fn link(export: &Value) -> Result<String, &'static str> {
    let url = export["url"].as_str().unwrap_or_default();
    let at = url
        .find("/v1/downloads/")
        .ok_or("the export has no download link")?;
    Ok(url[at..].to_owned())
}

/// Whether another reader of CSV finds the header and as many rows.
fn check_csv(file: &[u8], rows: u64) -> Result<(), Box<dyn Error>> {
    let mut reader = csv::Reader::from_reader(file);
    let mut found = 0;
    for record in reader.records() {
        record?;
        found += 1;
    }
    match found == rows {
        true => Ok(()),
        false => Err(
            format!("a reader of CSV finds {found} rows in the file, in place of {rows}").into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_another_reader() {
        let file = b"id,name\n1,\"'=1+1,\"\"waybill\"\"\nsmoke 1\"\n2,x\n";
        check_csv(file, 2).unwrap();
        let said = check_csv(file, 3).unwrap_err().to_string();
        assert_eq!(
            said,
            "a reader of CSV finds 2 rows in the file, in place of 3"
        );
        // A row with another number of cells.
        assert!(check_csv(b"id,name\n1,a,b\n", 1).is_err());
    }

    #[test]
    fn a_link_is_below_any_url_of_the_deployment() {
        let export = json!({"url": "https://exports.example/base/v1/downloads/7b1e"});
        assert_eq!(link(&export).unwrap(), "/v1/downloads/7b1e");
        assert!(link(&json!({"url": null})).is_err());
    }
}
