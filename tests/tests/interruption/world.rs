//! A simulated deployment with the life of an export, from its request until nothing is left.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use fastrand::Rng;
use generate::handle;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use waybill::event::{Actor, Event, EventKind};
use waybill::export::Export;
use waybill::file::{Format, Profile};
use waybill::lifecycle::State;
use waybill::store::{CommitError, TypeEntries, to_item};
use waybill::work::Work;
use waybill_testing::fake::{Answer, Call, Cloud, Item, Table, plain};
use waybill_testing::{id, own_tables, timing, waiting};

use crate::data::{Case, KEYS, OTHERS, RECORDS, catalog, requested_at};
use crate::database::Database;
use crate::faults::Faults;
use crate::later;
use crate::machine::{Machine, OnMachine};
use crate::watch::Watch;

/// The end of the simulation: after the 48 hours for the file and its retention.
const END: Duration = Duration::from_secs(50 * 3600);
/// How often the queue delivers a message.
const RECEIVES: u8 = 5;
const SWEEP_TAKES: Duration = Duration::from_secs(50);

/// A simulated deployment.
pub(crate) struct World {
    pub(crate) cloud: Mutex<Cloud>,
    pub(crate) watch: Mutex<Watch>,
    pub(crate) faults: Faults,
    pub(crate) began: Instant,
    pub(crate) random: Mutex<Rng>,
    /// Decides which answers to conditional PUTs are lost.
    pub(crate) lost: Mutex<Rng>,
    pub(crate) exports_per_parent: usize,
    /// The requested exports with their filters.
    requests: Vec<(u64, Value)>,
    /// The database with the records; `None` where they are in DynamoDB.
    pub(crate) database: Option<Database>,
    queue: Mutex<Vec<Message>>,
    changed: Notify,
    machines: Mutex<usize>,
    /// The number of workers after which the deployment maps the records to another table.
    pub(crate) mapped_after: AtomicUsize,
    workers: AtomicUsize,
    invocations: AtomicUsize,
    pub(crate) part: usize,
    pub(crate) checkpoint_every: Duration,
    /// The time of the first sweep; further ones follow every minute.
    pub(crate) first_sweep: Duration,
}

#[derive(Debug, Clone)]
struct Message {
    at: Instant,
    body: String,
    received: u8,
}

impl World {
    /// A world with one new export.
    pub(crate) async fn new(case: &Case, format: Format, faults: Faults, seed: u64) -> Arc<Self> {
        let requests = vec![(7, case.filters.clone())];
        Self::with_requests(case, requests, 2, format, faults, seed).await
    }

    /// A world in which a case was requested several times with different filters, for one parent with this number of
    /// slots.
    pub(crate) async fn with_requests(
        case: &Case,
        requests: Vec<(u64, Value)>,
        exports_per_parent: usize,
        format: Format,
        faults: Faults,
        seed: u64,
    ) -> Arc<Self> {
        let world = Self::empty(
            requests,
            exports_per_parent,
            case.database.clone(),
            faults,
            seed,
        );
        case.load(&mut world.cloud.lock().unwrap().dynamodb);
        for (number, filters) in world.requests.clone() {
            world.request(number, case, filters, format).await;
        }
        world
    }

    /// A world that goes on where another was left, after this time of it, with what was stored and sent there.
    pub(crate) async fn going_on(
        stored: &Value,
        sent: &[String],
        after: Duration,
        database: Option<Database>,
        faults: Faults,
        seed: u64,
    ) -> Arc<Self> {
        let world = Self::empty(vec![(7, Value::Null)], 2, database, faults, seed);
        world.cloud.lock().unwrap().put_back(stored);
        tokio::time::advance(after).await;
        for body in sent {
            world.sent(body.clone(), 0);
        }
        world
    }

    fn empty(
        requests: Vec<(u64, Value)>,
        exports_per_parent: usize,
        database: Option<Database>,
        faults: Faults,
        seed: u64,
    ) -> Arc<Self> {
        let mut random = Rng::with_seed(seed);
        // The SDK's own generator, for the lengths of its waits.
        fastrand::seed(seed);
        let records = Table::new("pk", Some("sk")).index("by_time", "ipk", "isk");
        let others = Table::new("pk", Some("sk")).index("by_time", "ipk", "isk");
        let records = [(RECORDS, records), (OTHERS, others)];
        let tables = own_tables().into_iter().chain(records);
        let mut cloud = Cloud::new(tables, seed);
        cloud.dynamodb.page = 1..=random.usize(faults.page.clone()).max(1);
        Arc::new(Self {
            part: random.usize(faults.part.clone()),
            checkpoint_every: Duration::from_secs(random.u64(faults.checkpoint.clone())),
            first_sweep: Duration::from_secs(random.u64(2..60)),
            cloud: Mutex::new(cloud),
            watch: Mutex::default(),
            faults,
            began: Instant::now(),
            random: Mutex::new(random),
            lost: Mutex::new(Rng::with_seed(seed ^ 0x1057)),
            exports_per_parent,
            requests,
            database,
            queue: Mutex::default(),
            changed: Notify::new(),
            machines: Mutex::new(0),
            mapped_after: AtomicUsize::new(usize::MAX),
            workers: AtomicUsize::new(0),
            invocations: AtomicUsize::new(0),
        })
    }

    /// Requests an export, as `api` does.
    async fn request(self: &Arc<Self>, number: u64, case: &Case, filters: Value, format: Format) {
        let State { export, .. } = waiting();
        let exports = self.exports(&self.machine("api", false), false);
        let catalog = catalog();
        let entry = catalog.get(case.type_name).unwrap();
        let entry = TypeEntries::new(exports.clone()).keep(entry).await.unwrap();
        let export = Export {
            id: id(number),
            type_name: case.type_name.into(),
            entry,
            format,
            filters,
            search: case.search.map(str::to_owned),
            order: case.order,
            columns: KEYS.map(str::to_owned).into(),
            profile: Profile::Spreadsheet,
            created_at: requested_at(),
            ..export
        };
        let event = Event::new(&export, EventKind::Requested, requested_at()).by(Actor::default());
        let work = Work::new(export.id, requested_at() + timing().wait_unit());
        for (table, item) in [
            ("exports", to_item("exports", &export).unwrap()),
            ("work", to_item("work", &work).unwrap()),
            ("events", exports.event_item(&event).unwrap()),
        ] {
            let put = exports.client().put_item().table_name(table);
            put.set_item(Some(item)).send().await.unwrap();
        }
        self.sent(format!("{{\"export_id\":{number}}}"), 0);
    }

    /// A machine with a random clock error.
    pub(crate) fn machine(&self, name: &str, has_faults: bool) -> Arc<Machine> {
        let mut machines = self.machines.lock().unwrap();
        *machines += 1;
        let ahead = if has_faults { self.ahead() } else { 0 };
        Machine::new(format!("{name}-{machines}"), self.began, ahead)
    }

    /// The table that the deployment maps the records to for the next worker.
    pub(crate) fn records_table(&self) -> &'static str {
        let workers = self.workers.fetch_add(1, Ordering::Relaxed);
        match workers < self.mapped_after.load(Ordering::Relaxed) {
            true => RECORDS,
            false => OTHERS,
        }
    }

    pub(crate) fn ahead(&self) -> i64 {
        let most = self.faults.clocks;
        self.random.lock().unwrap().i64(-most..=most)
    }

    pub(crate) fn chance(&self, chance: f64) -> bool {
        self.random.lock().unwrap().f64() < chance
    }

    /// The queue accepts a message and delivers it once, twice or never.
    fn sent(&self, body: String, delay: u64) {
        let mut copies = usize::from(!self.chance(self.faults.lose));
        copies += usize::from(self.chance(self.faults.double));
        for copy in 0..copies {
            let late = self
                .random
                .lock()
                .unwrap()
                .u64(10..=10 + copy as u64 * 90_000);
            let at = Instant::now() + Duration::from_secs(delay) + Duration::from_millis(late);
            let (body, received) = (body.clone(), 0);
            self.queue
                .lock()
                .unwrap()
                .push(Message { at, body, received });
        }
        self.changed.notify_one();
    }

    /// Executes a call, and passes its effects on.
    pub(crate) fn carry_out(&self, call: &Call) -> Answer {
        let mut cloud = self.cloud.lock().unwrap();
        let answer = cloud.answer(call);
        self.watch
            .lock()
            .unwrap()
            .look(&mut cloud, self.began.elapsed());
        let sent = std::mem::take(&mut cloud.sent);
        drop(cloud);
        for message in sent {
            self.sent(message.body, message.delay);
        }
        answer
    }

    /// Runs an invocation of `generate` until it ends or its machine dies. Returns whether the message is done.
    async fn invoke(self: &Arc<Self>, body: &str) -> bool {
        let invocation = self.invocations.fetch_add(1, Ordering::Relaxed);
        let later = self.faults.later.as_ref();
        let is_later = later.is_some_and(|later| (later.is_later)(invocation));
        let machine = self.machine(if is_later { later::MACHINE } else { "worker" }, true);
        let worker = self.worker(&machine).await;
        let seconds = self
            .random
            .lock()
            .unwrap()
            .u64(self.faults.invocation.clone());
        let time_left = Duration::from_secs(seconds);
        let life = self.random.lock().unwrap().u64(self.faults.life.clone());
        let event = json!({"Records": [{"messageId": "m", "body": body, "attributes": {}, "messageAttributes": {}}]});
        let event: SqsEvent = serde_json::from_value(event).unwrap();
        let work = OnMachine::new(machine.clone(), handle(&worker, event, time_left));
        tokio::select! {
            biased;
            () = machine.death() => false,
            () = tokio::time::sleep(time_left.min(Duration::from_secs(life))) => {
                machine.kill();
                false
            }
            response = work => response.unwrap().batch_item_failures.is_empty(),
        }
    }

    async fn sweep(self: &Arc<Self>) {
        let machine = self.machine("sweeper", true);
        let sweeper = self.sweeper(&machine);
        let sweep = sweeper.sweep(machine.now(), Instant::now() + SWEEP_TAKES);
        tokio::select! {
            biased;
            () = machine.death() => {}
            () = tokio::time::sleep(SWEEP_TAKES) => machine.kill(),
            _ = OnMachine::new(machine.clone(), sweep) => {}
        }
    }

    /// Simulates an invocation of `notify`: the mail is sent once.
    async fn mail(self: &Arc<Self>) {
        let exports = self.exports(&self.machine("notify", false), false);
        for (number, _) in &self.requests {
            while let Some(state) = exports.state(id(*number)).await.unwrap() {
                if state.work.mail.is_none() {
                    break;
                }
                match exports
                    .commit(state.record_mail_outcome(None, self.now()))
                    .await
                {
                    Err(CommitError::Conflict) => {}
                    settled => drop(settled.unwrap()),
                }
            }
        }
    }

    /// The bodies of the messages that the queue has not delivered.
    pub(crate) fn queued(&self) -> Vec<String> {
        let queue = self.queue.lock().unwrap();
        queue.iter().map(|message| message.body.clone()).collect()
    }

    /// The current export.
    pub(crate) fn export(&self, number: u64) -> Export {
        let cloud = self.cloud.lock().unwrap();
        let mut items = cloud.dynamodb.tables["exports"].items.values();
        let item = items.find(|item| item["id"]["N"] == number.to_string().as_str());
        serde_json::from_value(plain(item.unwrap())).unwrap()
    }

    /// Cancels the export, as `api` does.
    async fn cancel(self: &Arc<Self>) {
        let exports = self.exports(&self.machine("api", false), false);
        while let Some(state) = exports.state(id(7)).await.unwrap() {
            if state.export.status.is_final() {
                let woken = exports.leave_line(&state.export, self.now()).await.unwrap();
                for next in woken {
                    self.sent(format!("{{\"export_id\":{next}}}"), 0);
                }
                return;
            }
            match exports
                .commit(state.cancel(Actor::default(), self.now(), timing()))
                .await
            {
                Err(CommitError::Conflict) => {}
                canceled => drop(canceled.unwrap()),
            }
        }
    }

    fn now(&self) -> Timestamp {
        requested_at() + SignedDuration::try_from(self.began.elapsed()).unwrap()
    }

    /// Runs until nothing is left to do for the export. Cancels it after `cancel_after`.
    pub(crate) async fn run(self: &Arc<Self>, cancel_after: Option<Duration>) {
        let mut cancel_at = cancel_after.map(|after| self.began + after);
        let mut minute = self.began + self.first_sweep;
        loop {
            let now = Instant::now();
            let mut due = Vec::new();
            self.queue.lock().unwrap().retain(|message| {
                let waits = message.at > now;
                if !waits {
                    due.push(message.clone());
                }
                waits
            });
            for message in due {
                let world = self.clone();
                tokio::task::spawn_local(async move {
                    let is_done = world.invoke(&message.body).await;
                    if !is_done && message.received + 1 < RECEIVES {
                        let longest = Duration::from_secs(world.faults.invocation.end);
                        world.queue.lock().unwrap().push(Message {
                            at: now + longest * 6,
                            received: message.received + 1,
                            ..message
                        });
                        world.changed.notify_one();
                    }
                });
            }
            if cancel_at.is_some_and(|at| at <= now) {
                cancel_at = None;
                let world = self.clone();
                tokio::task::spawn_local(async move { world.cancel().await });
            }
            if minute <= now {
                minute += Duration::from_secs(60);
                if self.is_over() || self.began.elapsed() > END {
                    return;
                }
                // A sweep with nothing due only reads 16 empty shards, so it is skipped.
                if self.is_due() {
                    for _ in 0..1 + usize::from(self.chance(self.faults.double / 4.0)) {
                        let world = self.clone();
                        tokio::task::spawn_local(async move { world.sweep().await });
                    }
                }
                let asked = !std::mem::take(&mut self.cloud.lock().unwrap().invoked).is_empty();
                // Invocations by the stream are lost as often as messages.
                if asked
                    || (self.watch.lock().unwrap().is_mail_pending
                        && !self.chance(self.faults.lose))
                {
                    let world = self.clone();
                    tokio::task::spawn_local(async move { world.mail().await });
                }
            }
            let queued = self
                .queue
                .lock()
                .unwrap()
                .iter()
                .map(|message| message.at)
                .min();
            let next = [queued, cancel_at]
                .into_iter()
                .flatten()
                .fold(minute, Instant::min);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(next) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Whether anything is due, by the fastest clock.
    fn is_due(&self) -> bool {
        let cloud = self.cloud.lock().unwrap();
        let work = &cloud.dynamodb.tables["work"];
        let by = (self.now() + SignedDuration::from_millis(self.faults.clocks)).as_second();
        let due = |item: &Item| {
            item.get("due")
                .map(|due| due["N"].as_str().unwrap().parse::<i64>().unwrap())
        };
        work.items.values().filter_map(due).any(|due| due <= by)
    }

    /// Whether nothing is left to do and no worker is running.
    fn is_over(&self) -> bool {
        let cloud = self.cloud.lock().unwrap();
        crate::watch::work_left(&cloud) == 0 && self.queue.lock().unwrap().is_empty()
    }
}
