//! Creates exports in states that pass too fast, or come too late, for a test to observe.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use waybill::event::{Actor, Event, EventKind};
use waybill::export::{Export, ExportId, Failure, Mail, Status};
use waybill::file::{Format, Warning, WarningCode};
use waybill::store::{Exports, Tables, to_item};
use waybill::work::Work;
use waybill_tests::Stack;

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const TWO_DAYS: SignedDuration = SignedDuration::from_hours(48);

/// Copies of one real export, each in another state. No step is due for them, so they stay unchanged unless a test acts
/// on one.
pub(crate) struct Moments {
    exports: Exports,
    original: Export,
    copies: u64,
}

impl Moments {
    /// Copies of a succeeded export.
    pub(crate) async fn new(stack: &Stack, id: u64) -> Self {
        let tables = Tables {
            exports: stack.output("exports_table").to_owned(),
            work: stack.output("work_table").to_owned(),
            events: stack.output("events_table").to_owned(),
        };
        let exports = Exports::new(stack.aws().await.dynamodb, tables);
        let of = exports.export(export_id(id)).await.unwrap();
        Self {
            exports,
            original: of.expect("an export"),
            copies: 0,
        }
    }

    /// Only requested.
    pub(crate) async fn waiting(&mut self) -> u64 {
        let export = self.copy(Status::Waiting);
        self.put(export, &[EventKind::Requested]).await
    }

    /// Processing, with many rows written.
    pub(crate) async fn processing(&mut self) -> u64 {
        let mut export = self.copy(Status::Processing);
        export.started_at = self.original.started_at;
        let mut work = Work::new(export.id, export.created_at);
        // Never due, so that no sweep finds it.
        (work.due, work.shard, work.progress) = (None, None, 1_234_567);
        let work = to_item("work", &work).unwrap();
        self.put_item(&self.exports.tables().work, work).await;
        self.put(export, &[EventKind::Requested, EventKind::Started])
            .await
    }

    /// Half done thirty seconds after the start.
    pub(crate) async fn half_done(&mut self) -> u64 {
        let mut export = self.copy(Status::Processing);
        export.started_at = self.original.started_at;
        let mut work = Work::new(export.id, export.created_at);
        (work.due, work.shard, work.progress) = (None, None, 1_234_567);
        let half_a_minute = SignedDuration::from_secs(30);
        (work.permille, work.permille_at) =
            (Some(500), export.started_at.map(|at| at + half_a_minute));
        let work = to_item("work", &work).unwrap();
        self.put_item(&self.exports.tables().work, work).await;
        self.put(export, &[EventKind::Requested, EventKind::Started])
            .await
    }

    /// Requested two days ago and never begun: the next sweep fails it.
    pub(crate) async fn overdue(&mut self) -> u64 {
        let mut export = self.copy(Status::Waiting);
        export.created_at -= TWO_DAYS;
        let work = to_item("work", &Work::new(export.id, export.created_at)).unwrap();
        self.put_item(&self.exports.tables().work, work).await;
        self.put(export, &[EventKind::Requested]).await
    }

    /// Canceled by its requester; the mail bounced.
    pub(crate) async fn canceled(&mut self) -> u64 {
        let mut export = self.copy(Status::Canceled);
        export.ended_at = Some(export.created_at);
        export.mail = Some(Mail::Refused);
        let history = [
            EventKind::Requested,
            EventKind::Canceled,
            EventKind::Mailed,
            EventKind::MailFailed,
        ];
        self.put(export, &history).await
    }

    /// Failed, with a reason.
    pub(crate) async fn failed(&mut self) -> u64 {
        let mut export = self.copy(Status::Failed);
        export.started_at = self.original.started_at;
        export.ended_at = Some(export.created_at);
        export.mail = Some(Mail::Failed);
        export.failure = Some(Failure {
            code: "gave_up".to_owned(),
            message: "The file could not be made in 5 attempts. Please start the export again later; if it fails again, contact \
                support."
                .to_owned(),
            retryable: true,
        });
        let history = [
            EventKind::Requested,
            EventKind::Started,
            EventKind::Failed,
            EventKind::MailFailed,
        ];
        self.put(export, &history).await
    }

    /// Completed a week ago, with the file deleted.
    pub(crate) async fn expired(&mut self) -> u64 {
        let mut export = self.complete(Status::Expired);
        export.expires_at = self.original.completed_at;
        let history = [
            EventKind::Requested,
            EventKind::Started,
            EventKind::Succeeded,
            EventKind::Mailed,
            EventKind::Downloaded,
            EventKind::Expired,
            EventKind::Deleted,
        ];
        self.put(export, &history).await
    }

    /// Completed, with a week until expiry; a workbook with warnings.
    pub(crate) async fn completed(&mut self) -> u64 {
        let mut export = self.complete(Status::Succeeded);
        export.expires_at = self.original.completed_at.map(|at| at + WEEK);
        // A CSV file has no such warnings.
        if export.format == Format::Xlsx {
            export.warnings = vec![
                Warning::for_column(WarningCode::NumberAsText, "id", 1_203),
                Warning::for_column(WarningCode::CellCut, "name", 2),
            ];
        }
        let history = [
            EventKind::Requested,
            EventKind::Started,
            EventKind::Resumed,
            EventKind::Succeeded,
            EventKind::Mailed,
            EventKind::Downloaded,
        ];
        self.put(export, &history).await
    }

    /// A new copy, as requested, with this status and another id.
    fn copy(&mut self, status: Status) -> Export {
        self.copies += 1;
        Export {
            id: export_id(self.original.id.get() + self.copies),
            status,
            started_at: None,
            completed_at: None,
            ended_at: None,
            expires_at: None,
            file: None,
            mail: None,
            ..self.original.clone()
        }
    }

    fn complete(&mut self, status: Status) -> Export {
        Export {
            id: self.copy(status).id,
            status,
            ..self.original.clone()
        }
    }

    async fn put(&self, export: Export, history: &[EventKind]) -> u64 {
        let tables = self.exports.tables();
        let person = Actor {
            id: export.user.id.clone(),
            name: export.user.name.clone(),
            ..Actor::default()
        };
        for (n, &what) in (0..).zip(history) {
            let at: Timestamp = export.created_at + SignedDuration::from_secs(n);
            let event = Event::new(&export, what, at);
            let event = match what {
                EventKind::Requested | EventKind::Canceled | EventKind::Downloaded => {
                    event.by(person.clone())
                }
                EventKind::MailFailed if export.mail == Some(Mail::Refused) => {
                    event.with_detail("bounced")
                }
                _ => event,
            };
            let event = self.exports.event_item(&event).unwrap();
            self.put_item(&tables.events, event).await;
        }
        let item = to_item(&tables.exports, &export).unwrap();
        self.put_item(&tables.exports, item).await;
        export.id.get()
    }

    async fn put_item(&self, table: &str, item: HashMap<String, AttributeValue>) {
        let put = self.exports.client().put_item().table_name(table);
        put.set_item(Some(item)).send().await.unwrap();
    }
}

fn export_id(id: u64) -> ExportId {
    id.to_string().parse().expect("an export's id")
}
