//! One export from its request to the last trace of it, in a world of a seed's making.

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
use waybill::store::{CommitError, Entries, to_item};
use waybill::work::Work;
use waybill_testing::fake::{Answer, Call, Cloud, Item, Table, plain};
use waybill_testing::{id, own_tables, pace, waiting};

use crate::data::{Case, KEYS, OTHERS, RECORDS, catalog, requested_at};
use crate::machine::{Machine, On};
use crate::watch::Watch;
use crate::weather::Weather;

/// What is over by then: 48 hours for the file, and then its time.
const END: Duration = Duration::from_secs(50 * 3600);
/// How often the queue gives a message out.
const RECEIVES: u8 = 5;
const SWEEP_TAKES: Duration = Duration::from_secs(50);

/// The world.
pub(crate) struct World {
    pub(crate) cloud: Mutex<Cloud>,
    pub(crate) watch: Mutex<Watch>,
    pub(crate) weather: Weather,
    pub(crate) began: Instant,
    pub(crate) random: Mutex<Rng>,
    /// Decides which answers to conditional PUTs are lost.
    pub(crate) lost: Mutex<Rng>,
    pub(crate) exports_per_parent: usize,
    /// The exports that are requested, each with its filters.
    requests: Vec<(u64, Value)>,
    queue: Mutex<Vec<Message>>,
    changed: Notify,
    machines: Mutex<usize>,
    /// The deployment maps the records to another table after so many workers.
    pub(crate) mapped_after: AtomicUsize,
    workers: AtomicUsize,
    pub(crate) part: usize,
    pub(crate) checkpoint_every: Duration,
    /// When the sweeper first comes; then it comes every minute.
    pub(crate) first_sweep: Duration,
}

#[derive(Debug, Clone)]
struct Message {
    at: Instant,
    body: String,
    received: u8,
}

impl World {
    /// A world in which this has just been requested.
    pub(crate) async fn new(case: &Case, format: Format, weather: Weather, seed: u64) -> Arc<Self> {
        let requests = vec![(7, case.filters.clone())];
        Self::of_many(case, requests, 2, format, weather, seed).await
    }

    /// A world in which a case was requested several times, under different filters, for a parent of which so many
    /// exports are made at once.
    pub(crate) async fn of_many(
        case: &Case,
        requests: Vec<(u64, Value)>,
        exports_per_parent: usize,
        format: Format,
        weather: Weather,
        seed: u64,
    ) -> Arc<Self> {
        let mut random = Rng::with_seed(seed);
        // The SDK's own dice, for the lengths of its waits.
        fastrand::seed(seed);
        let records = Table::new("pk", Some("sk")).index("by_time", "ipk", "isk");
        let others = Table::new("pk", Some("sk")).index("by_time", "ipk", "isk");
        let records = [(RECORDS, records), (OTHERS, others)];
        let tables = own_tables().into_iter().chain(records);
        let mut cloud = Cloud::new(tables, seed);
        cloud.dynamodb.page = 1..=random.usize(weather.page.clone()).max(1);
        case.load(&mut cloud.dynamodb);
        let world = Arc::new(Self {
            part: random.usize(weather.part.clone()),
            checkpoint_every: Duration::from_secs(random.u64(weather.checkpoint.clone())),
            first_sweep: Duration::from_secs(random.u64(2..60)),
            cloud: Mutex::new(cloud),
            watch: Mutex::default(),
            weather,
            began: Instant::now(),
            random: Mutex::new(random),
            lost: Mutex::new(Rng::with_seed(seed ^ 0x1057)),
            exports_per_parent,
            requests,
            queue: Mutex::default(),
            changed: Notify::new(),
            machines: Mutex::new(0),
            mapped_after: AtomicUsize::new(usize::MAX),
            workers: AtomicUsize::new(0),
        });
        for (number, filters) in world.requests.clone() {
            world.request(number, case, filters, format).await;
        }
        world
    }

    /// What `api` writes and sends.
    async fn request(self: &Arc<Self>, number: u64, case: &Case, filters: Value, format: Format) {
        let State { export, .. } = waiting();
        let exports = self.exports(&self.machine("api", false), false);
        let catalog = catalog();
        let entry = catalog.get(case.type_name).unwrap();
        let entry = Entries::new(exports.clone()).keep(entry).await.unwrap();
        let export = Export {
            id: id(number),
            type_name: case.type_name.into(),
            entry,
            format,
            filters,
            search: case.search.map(str::to_owned),
            columns: KEYS.map(str::to_owned).into(),
            profile: Profile::Spreadsheet,
            created_at: requested_at(),
            ..export
        };
        let event = Event::new(&export, EventKind::Requested, requested_at()).by(Actor::default());
        let work = Work::new(export.id, requested_at() + pace().retry());
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

    /// A machine, with a clock that is as wrong as the weather lets it be.
    pub(crate) fn machine(&self, name: &str, is_exposed: bool) -> Arc<Machine> {
        let mut machines = self.machines.lock().unwrap();
        *machines += 1;
        let ahead = if is_exposed { self.ahead() } else { 0 };
        Machine::new(format!("{name}-{machines}"), self.began, ahead)
    }

    /// The table that the deployment maps the records to as the next worker starts.
    pub(crate) fn records_table(&self) -> &'static str {
        let workers = self.workers.fetch_add(1, Ordering::Relaxed);
        match workers < self.mapped_after.load(Ordering::Relaxed) {
            true => RECORDS,
            false => OTHERS,
        }
    }

    pub(crate) fn ahead(&self) -> i64 {
        let most = self.weather.clocks;
        self.random.lock().unwrap().i64(-most..=most)
    }

    pub(crate) fn chance(&self, chance: f64) -> bool {
        self.random.lock().unwrap().f64() < chance
    }

    /// The queue takes a message: it comes once, or twice, or not.
    fn sent(&self, body: String, delay: u64) {
        let mut copies = usize::from(!self.chance(self.weather.lose));
        copies += usize::from(self.chance(self.weather.double));
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

    /// A service carries a call out, and everybody hears of it.
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

    /// One invocation of `generate`, until it ends or its machine does. Whether it is done with its message.
    async fn invoke(self: &Arc<Self>, body: &str) -> bool {
        let machine = self.machine("worker", true);
        let worker = self.worker(&machine).await;
        let seconds = self
            .random
            .lock()
            .unwrap()
            .u64(self.weather.invocation.clone());
        let time_left = Duration::from_secs(seconds);
        let life = self.random.lock().unwrap().u64(self.weather.life.clone());
        let event = json!({"Records": [{"messageId": "m", "body": body, "attributes": {}, "messageAttributes": {}}]});
        let event: SqsEvent = serde_json::from_value(event).unwrap();
        let work = On::new(machine.clone(), handle(&worker, event, time_left));
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
            _ = On::new(machine.clone(), sweep) => {}
        }
    }

    /// `notify`, when it is asked: the mail is sent once.
    async fn mail(self: &Arc<Self>) {
        let exports = self.exports(&self.machine("notify", false), false);
        for (number, _) in &self.requests {
            while let Some(state) = exports.state(id(*number)).await.unwrap() {
                if state.work.mail.is_none() {
                    break;
                }
                match exports.commit(state.settle_mail(None, self.now())).await {
                    Err(CommitError::Overtaken) => {}
                    settled => drop(settled.unwrap()),
                }
            }
        }
    }

    /// What has become of an export.
    pub(crate) fn export(&self, number: u64) -> Export {
        let cloud = self.cloud.lock().unwrap();
        let mut items = cloud.dynamodb.tables["exports"].items.values();
        let item = items.find(|item| item["id"]["N"] == number.to_string().as_str());
        serde_json::from_value(plain(item.unwrap())).unwrap()
    }

    /// Somebody cancels, as `api` does it.
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
                .commit(state.cancel(Actor::default(), self.now(), pace()))
                .await
            {
                Err(CommitError::Overtaken) => {}
                canceled => drop(canceled.unwrap()),
            }
        }
    }

    fn now(&self) -> Timestamp {
        requested_at() + SignedDuration::try_from(self.began.elapsed()).unwrap()
    }

    /// Lets time pass until nothing is left to be done for the export. Somebody cancels it after `cancel_after`.
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
                        let longest = Duration::from_secs(world.weather.invocation.end);
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
                // A sweep of nothing reads 16 empty shards; it is left out.
                if self.is_due() {
                    for _ in 0..1 + usize::from(self.chance(self.weather.double / 4.0)) {
                        let world = self.clone();
                        tokio::task::spawn_local(async move { world.sweep().await });
                    }
                }
                let asked = !std::mem::take(&mut self.cloud.lock().unwrap().invoked).is_empty();
                // The stream's way is lost as often as messages are.
                if asked
                    || (self.watch.lock().unwrap().is_mail_pending
                        && !self.chance(self.weather.lose))
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

    /// Whether somebody must look, by the most hurried of clocks.
    fn is_due(&self) -> bool {
        let cloud = self.cloud.lock().unwrap();
        let work = &cloud.dynamodb.tables["work"];
        let by = (self.now() + SignedDuration::from_millis(self.weather.clocks)).as_second();
        let due = |item: &Item| {
            item.get("due")
                .map(|due| due["N"].as_str().unwrap().parse::<i64>().unwrap())
        };
        work.items.values().filter_map(due).any(|due| due <= by)
    }

    /// Whether nothing is left to be done, and nobody is at it.
    fn is_over(&self) -> bool {
        let cloud = self.cloud.lock().unwrap();
        crate::watch::work_left(&cloud) == 0 && self.queue.lock().unwrap().is_empty()
    }
}
