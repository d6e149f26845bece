//! All fake services on one port of loopback, distinguished by path and headers.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::http::{Answer, Request, read_request, write_answer};
use crate::orders::orders;
use crate::pages::Pages;
use crate::runtime::Runtime;
use crate::sink::Sink;
use crate::tls::Certificate;

const AMZ_JSON: &str = "application/x-amz-json-1.0";

/// The records, the bucket, the queue and Lambda's Runtime API.
#[derive(Debug)]
pub struct Server {
    pages: Pages,
    records: &'static str,
    rows: AtomicU64,
    sink: Sink,
    runtime: Runtime,
    messages: Mutex<Vec<Value>>,
}

impl Server {
    /// A server with the benchmark's orders.
    pub fn new() -> Self {
        let (orders, records) = orders();
        Self {
            pages: Pages::new(orders),
            records,
            rows: AtomicU64::new(0),
            sink: Sink::default(),
            runtime: Runtime::default(),
            messages: Mutex::default(),
        }
    }

    /// Serves until the process ends, with a thread per connection; encrypted with a certificate.
    ///
    /// # Errors
    /// When no connection can be accepted any more.
    pub fn serve(
        self: &Arc<Self>,
        listener: &TcpListener,
        certificate: Option<&Arc<Certificate>>,
    ) -> io::Result<()> {
        loop {
            let (connection, _) = listener.accept()?;
            connection.set_nodelay(true)?;
            let (server, certificate) = (Arc::clone(self), certificate.cloned());
            // A broken connection ends with its client.
            thread::spawn(move || match certificate {
                None => server.connection(&connection, &connection),
                Some(certificate) => {
                    let encrypted = certificate.accept(connection)?;
                    server.connection(encrypted.clone(), encrypted)
                }
            });
        }
    }

    fn connection(&self, input: impl Read, output: impl Write) -> io::Result<()> {
        let mut input = BufReader::with_capacity(256 << 10, input);
        let mut output = BufWriter::new(output);
        while let Some(request) = read_request(&mut input, &mut output)? {
            let answer = self.answer(request);
            write_answer(&mut output, &answer)?;
        }
        Ok(())
    }

    fn answer(&self, request: Request) -> Answer {
        if let Some(command) = request.path.strip_prefix("/bench/") {
            return self.control(command, &request);
        }
        if request.path.starts_with("/2018-06-01/runtime/") {
            return self.runtime.answer(&request);
        }
        match request.header("x-amz-target") {
            Some("DynamoDB_20120810.Query") => {
                let question = serde_json::from_slice(&request.body).unwrap_or_default();
                let page = self
                    .pages
                    .answer(&question, self.rows.load(Ordering::Relaxed));
                let checksum = crc32fast::hash(&page).to_string();
                Answer::ok(AMZ_JSON, page).with("x-amz-crc32", checksum)
            }
            Some("AmazonSQS.SendMessage") => {
                let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
                messages.push(message["MessageBody"].clone());
                let taken = json!({"MessageId": messages.len().to_string()});
                Answer::ok(AMZ_JSON, taken.to_string())
            }
            Some(_) => Answer::status(501),
            None => self.sink.answer(request),
        }
    }

    /// Answers the commands of `bench.py`: `begin` a round, its `result`, and the `object` of the round.
    fn control(&self, command: &str, request: &Request) -> Answer {
        match command {
            "begin" => {
                let round: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                let rows = round["rows"].as_u64().unwrap_or(0);
                self.rows.store(rows, Ordering::Relaxed);
                self.sink.begin(round["keep"] == true);
                let events = round["events"].as_array().into_iter().flatten();
                self.runtime.begin(events.map(Value::to_string).collect());
                self.messages
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clear();
                Answer::status(204)
            }
            "result" => {
                let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
                let done = self.runtime.done();
                let stored = self.sink.only();
                let result = json!({
                    "records": self.records,
                    "size": stored.as_ref().map(|stored| stored.size),
                    "sha256": stored.as_ref().map(|stored| stored.sha256()),
                    "messages": *messages,
                    "microseconds": done.iter().map(|i| i.took.as_micros() as u64).collect::<Vec<_>>(),
                    "answers": done.iter().map(|i| i.answer.as_str()).collect::<Vec<_>>(),
                });
                Answer::ok("application/json", result.to_string())
            }
            "object" => match self.sink.only() {
                Some(stored) => Answer::ok("application/octet-stream", stored.bytes),
                None => Answer::status(404),
            },
            _ => Answer::status(404),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Job;

    /// A server with this number of records, and its URL.
    fn serving(rows: u64) -> (Arc<Server>, String) {
        let server = Arc::new(Server::new());
        server.rows.store(rows, Ordering::Relaxed);
        server.sink.begin(true);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = Arc::clone(&server);
        thread::spawn(move || serving.serve(&listener, None));
        (server, url)
    }

    #[tokio::test]
    async fn the_parts_of_a_file_are_joined_in_order() {
        let (server, url) = serving(50_000);
        Job::new(&url).await.csv().await.unwrap();
        let file = server.sink.only().unwrap();
        let text = String::from_utf8(file.bytes).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let numbers = reader.records().map(|row| {
            let id = row.unwrap()[0].to_owned();
            id[id.len() - 10..].parse::<u64>().unwrap()
        });
        assert!(numbers.eq(0..50_000));
    }
}
