//! AWS in memory, with the tables of the template, a table of records, and the host's grants function.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill_testing::fake::{Answer, Call, Carried, Cloud, Silent, Table, Wire, plain};
use waybill_testing::own_tables;

use super::RECORDS;

/// The name of the host's grants function.
pub(super) const HOST: &str = "host";
/// The number of records that a query scans, about DynamoDB's 1 MB of the tests' orders.
const PAGE: usize = 3000;

/// The outcome of an invocation of the host's grants function.
pub enum HostAnswer {
    /// The function's answer.
    Json(&'static str),
    /// The function's answers to several questions.
    Each(Vec<bool>),
    /// The function fails with this message.
    Error(&'static str),
    /// The invocation fails.
    Nothing,
}

type Host = Arc<dyn Fn(&Value) -> HostAnswer + Send + Sync>;

/// The services.
pub struct Services {
    cloud: Mutex<Cloud>,
    /// Messages with the time at which each becomes visible.
    queue: Mutex<Vec<(Timestamp, String)>>,
    /// Tables that fail, and `queue` if the queue does.
    down: Mutex<Vec<&'static str>>,
    /// Whether the queue accepts messages and never answers.
    is_queue_silent: AtomicBool,
    /// The code of the error that every query for records fails with.
    records_error: Mutex<Option<&'static str>>,
    /// The number of records that each query scanned.
    examined: Mutex<Vec<u64>>,
    host: Mutex<Option<Host>>,
    /// The questions to the host's grants function.
    asked: Mutex<Vec<Value>>,
}

impl Default for Services {
    fn default() -> Self {
        let records = (RECORDS, Table::new("pk", Some("sk")));
        let mut cloud = Cloud::new(own_tables().into_iter().chain([records]), 1);
        cloud.dynamodb.page = PAGE..=PAGE;
        Self {
            cloud: Mutex::new(cloud),
            queue: Mutex::default(),
            down: Mutex::default(),
            is_queue_silent: AtomicBool::default(),
            records_error: Mutex::default(),
            examined: Mutex::default(),
            host: Mutex::default(),
            asked: Mutex::default(),
        }
    }
}

impl Services {
    /// The state of the services.
    pub fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.cloud.lock().expect("the services")
    }

    /// How many items a table has.
    ///
    /// # Panics
    /// Where there is no such table.
    pub fn count(&self, table: &str) -> usize {
        self.cloud().dynamodb.tables[table].items.len()
    }

    /// Makes a table, or `queue`, fail every call.
    pub fn take_down(&self, name: &'static str) {
        self.down.lock().expect("what is down").push(name);
    }

    /// Makes the queue accept messages and never answer.
    pub fn silence_queue(&self) {
        self.is_queue_silent.store(true, Ordering::Relaxed);
    }

    /// Makes every query for records fail with this code.
    pub fn fail_records(&self, code: &'static str) {
        *self.records_error.lock().expect("the code") = Some(code);
    }

    /// Makes the items that `is_one` selects unreadable: their `attribute` gets a value of another form.
    ///
    /// # Panics
    /// Where there is no such table.
    pub fn spoil(&self, table: &str, attribute: &str, is_one: impl Fn(&Value) -> bool) {
        let mut cloud = self.cloud();
        let items = cloud
            .dynamodb
            .tables
            .get_mut(table)
            .expect("a table")
            .items
            .values_mut();
        for item in items.filter(|item| is_one(&plain(item))) {
            item.insert(attribute.to_owned(), json!({"S": "of another version"}));
        }
    }

    /// Adds the host's grants function. To be called before the first request.
    pub fn host(&self, says: impl Fn(&Value) -> HostAnswer + Send + Sync + 'static) {
        *self.host.lock().expect("the host") = Some(Arc::new(says));
    }

    /// The questions to the host's grants function since the last call of this function.
    pub fn asked(&self) -> Vec<Value> {
        std::mem::take(&mut *self.asked.lock().expect("the questions"))
    }

    /// How many records each query looked at since this was last called.
    pub fn examined(&self) -> Vec<u64> {
        std::mem::take(&mut *self.examined.lock().expect("the numbers"))
    }

    fn read_records(&self, call: &Call) -> Answer {
        if let Some(code) = *self.records_error.lock().expect("the code") {
            return refused(code);
        }
        let answer = self.cloud().answer(call);
        let page: Value = serde_json::from_slice(&answer.body).expect("an answer in JSON");
        let examined = page["ScannedCount"].as_u64().expect("a number of records");
        self.examined.lock().expect("the numbers").push(examined);
        answer
    }

    pub(super) fn has_host(&self) -> bool {
        self.host.lock().expect("the host").is_some()
    }

    /// The messages that are not held back any longer.
    pub(super) fn due(&self, now: Timestamp) -> Vec<String> {
        let mut queue = self.queue.lock().expect("the queue");
        for sent in std::mem::take(&mut self.cloud().sent) {
            let delay = SignedDuration::from_secs(sent.delay.try_into().expect("a delay"));
            queue.push((now + delay, sent.body));
        }
        let due = queue.extract_if(.., |(at, _)| *at <= now);
        due.map(|(_, body)| body).collect()
    }

    /// What `notify` is called with: the writes of the table of exports, and what the sweeper asks of it.
    pub(super) fn events_of_exports(&self) -> Vec<Value> {
        let mut cloud = self.cloud();
        let writes = std::mem::take(&mut cloud.dynamodb.stream).into_iter();
        let of_exports = writes.filter(|write| write.table == "exports");
        let records = of_exports.enumerate().map(|(number, write)| {
            json!({"Records": [{
                "eventID": "1", "eventName": "MODIFY", "awsRegion": "eu-west-1", "eventSource": "aws:dynamodb",
                "dynamodb": {"OldImage": write.before, "NewImage": write.after,
                    "SequenceNumber": number.to_string(), "SizeBytes": 9},
            }]})
        });
        let mut events: Vec<Value> = records.collect();
        events.append(&mut cloud.invoked);
        events
    }

    /// The keys of an export's objects and uploads, and `work` where something is left to be done for it.
    pub(crate) fn left_over(&self, id: u64) -> Vec<String> {
        let (cloud, prefix) = (self.cloud(), format!("exports/{id}/"));
        let objects = cloud.s3.objects.iter().map(|object| &object.key);
        let uploads = cloud.s3.uploads.values().map(|upload| &upload.key);
        let keys = objects
            .chain(uploads)
            .filter(|key| key.starts_with(&prefix));
        let mut left: Vec<String> = keys.cloned().collect();
        let mut work = cloud.dynamodb.tables["work"].items.values();
        let has_work = work.any(|item| item["id"]["S"] == id.to_string().as_str());
        left.extend(has_work.then(|| "work".to_owned()));
        left
    }

    /// Whether a call is for something that was taken down.
    fn is_down(&self, call: &Call) -> bool {
        let down = self.down.lock().expect("what is down");
        let body = String::from_utf8_lossy(&call.body);
        down.iter().any(|name| match *name {
            "queue" => call.operation.starts_with("SQS."),
            table => body.contains(&format!("\"TableName\":\"{table}\"")),
        })
    }

    fn ask_host(&self, call: &Call) -> Answer {
        let question = call.json();
        let host = self.host.lock().expect("the host").clone();
        let said = host.expect("a host is asked")(&question);
        self.asked.lock().expect("the questions").push(question);
        let answer = |headers, text: &str| Answer {
            status: 200,
            headers,
            body: text.as_bytes().to_vec(),
        };
        match said {
            HostAnswer::Json(json) => answer(Vec::new(), json),
            HostAnswer::Each(each) => answer(Vec::new(), &json!(each).to_string()),
            HostAnswer::Error(text) => {
                answer(vec![("x-amz-function-error", "Unhandled".to_owned())], text)
            }
            HostAnswer::Nothing => refused("AccessDeniedException"),
        }
    }
}

impl Wire for Services {
    fn carry(&self, call: Call) -> Carried {
        if self.is_queue_silent.load(Ordering::Relaxed) && call.operation.starts_with("SQS.") {
            return Silent.carry(call);
        }
        let answer = if self.is_down(&call) {
            refused("AccessDeniedException")
        } else if call.operation == "DynamoDB.Query" && call.json()["TableName"] == RECORDS {
            self.read_records(&call)
        } else if call.path == format!("2015-03-31/functions/{HOST}/invocations") {
            self.ask_host(&call)
        } else {
            self.cloud().answer(&call)
        };
        Box::pin(async { Ok(answer) })
    }
}

/// An error of this code, with a text that nobody else may see.
fn refused(code: &str) -> Answer {
    let body = json!({"__type": format!("com.amazonaws#{code}"), "message": "secret"});
    Answer::json(400, &body)
}
