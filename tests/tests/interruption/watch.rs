//! Checks invariants at every write, and records a run.

use std::time::Duration;

use serde_json::Value;
use waybill::export::{Export, Status};
use waybill_testing::fake::{Cloud, Item, Write, plain};

/// The observations of a world.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Violated invariants.
    pub(crate) wrongs: Vec<String>,
    /// Every call with its fault.
    pub(crate) trace: Vec<String>,
    /// How often a mail became pending.
    pub(crate) mails: usize,
    /// How often the export became final.
    pub(crate) ends: usize,
    pub(crate) is_mail_pending: bool,
    /// The number of attempts when the export failed.
    pub(crate) attempts_at_failure: Option<u64>,
    /// When the export was canceled.
    pub(crate) canceled_at: Option<Duration>,
    /// When a worker first requested a page of records.
    pub(crate) first_page: Option<Duration>,
    /// The number of pages of records requested after the cancel, and when the last one was.
    pub(crate) pages_after_cancel: usize,
    pub(crate) last_page_after_cancel: Option<Duration>,
    /// The numbers of rows shown as progress.
    pub(crate) progress: Vec<u64>,
    /// The number of records returned to workers, including repeated reads.
    pub(crate) records_read: u64,
    /// The number of records read at each checkpoint.
    pub(crate) checkpoints: Vec<u64>,
    /// The key and the bytes of the succeeded export's object.
    file: Option<(String, Vec<u8>)>,
    pub(crate) settled: Option<Settled>,
}

/// The state after the mail was sent and the bucket was clean.
///
/// Usually this is before the file expires. If cleaning fails for all of that time, the file is gone by then, and this
/// has the object at the time of success. ([`Watch::kept`] checks that it existed until it expired.)
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) export: Item,
    pub(crate) objects: Vec<(String, Vec<u8>)>,
    pub(crate) uploads: usize,
}

impl Watch {
    /// Checks the latest writes.
    pub(crate) fn look(&mut self, cloud: &mut Cloud, at: Duration) {
        for write in std::mem::take(&mut cloud.dynamodb.stream) {
            match write.table.as_str() {
                "exports" => self.export_written(cloud, &write, at),
                "work" if is_work(&write) => self.work_written(&write),
                _ => {}
            }
        }
        self.kept(cloud);
        self.settle(cloud);
    }

    fn wrong(&mut self, what: impl Into<String>) {
        self.wrongs.push(what.into());
    }

    fn export_written(&mut self, cloud: &Cloud, write: &Write, at: Duration) {
        let (Some(before), Some(after)) = (&write.before, &write.after) else {
            return;
        };
        let status = |item: &Item| Status::parse(text(item, "status")).unwrap();
        let (from, to) = (status(before), status(after));
        if from != to {
            if !from.may_become(to) {
                self.wrong(format!("{from:?} became {to:?}"));
            }
            self.ends += usize::from(to.is_final() && !from.is_final());
        }
        if from != to && to == Status::Succeeded {
            let object = cloud.s3.object(text(after, "object"));
            self.file = object.map(|bytes| (text(after, "object").to_owned(), bytes.to_vec()));
            let size = object.map(<[u8]>::len);
            if size.map(|size| size.to_string()).as_deref() != after["size"]["N"].as_str() {
                self.wrong("the export succeeded without its object");
            }
        }
        if from != to && to == Status::Failed {
            let work = work(cloud);
            self.attempts_at_failure = self.attempts_at_failure.or(work);
        }
        if to == Status::Canceled {
            self.canceled_at.get_or_insert(at);
        }
        let mail =
            |item: &Item| item.get("mail").and_then(|mail| mail["S"].as_str()) == Some("pending");
        self.mails += usize::from(mail(after) && !mail(before));
        self.is_mail_pending = mail(after);
    }

    fn work_written(&mut self, write: &Write) {
        let (Some(before), Some(after)) = (&write.before, &write.after) else {
            return;
        };
        let (was, is) = (number(before, "progress"), number(after, "progress"));
        if is < was {
            self.wrong(format!("progress went from {was} to {is}"));
        }
        if self.progress.last() != Some(&is) {
            self.progress.push(is);
        }
        if let Some(checkpoint) = text_of(after, "checkpoint") {
            let read = number(checkpoint["M"].as_object().unwrap(), "read");
            if self.checkpoints.last() != Some(&read) {
                self.checkpoints.push(read);
            }
        }
        // A backoff by the sweeper is no change of the export, and does not increment the sequence.
        let is_put_off = ["failures", "retry_at", "shard"];
        let of_the_export = |item: &Item| {
            let mut item = item.clone();
            item.retain(|name, _| !is_put_off.contains(&name.as_str()));
            item
        };
        let misses_another = number(after, "sequence") != number(before, "sequence") + 1;
        if misses_another && of_the_export(before) != of_the_export(after) {
            self.wrong("a write of the work that overwrote another");
        }
        if text_of(after, "lease").is_some() && number(after, "attempts") > 5 {
            self.wrong("a sixth attempt");
        }
    }

    /// Checks that a succeeded export's object exists.
    fn kept(&mut self, cloud: &Cloud) {
        let Some(export) = export(cloud) else {
            return;
        };
        if text(export, "status") == "succeeded"
            && cloud.s3.object(text(export, "object")).is_none()
        {
            self.wrong("a succeeded export's object is gone");
        }
    }

    fn settle(&mut self, cloud: &Cloud) {
        let Some(export) = export(cloud).filter(|_| self.settled.is_none()) else {
            return;
        };
        let status = Status::parse(text(export, "status")).unwrap();
        if !status.is_final() {
            return;
        }
        let work = cloud.dynamodb.tables["work"]
            .items
            .values()
            .find(|item| item.contains_key("sequence"));
        let is_left = |name| work.is_some_and(|work| text_of(work, name).is_some());
        if is_left("mail") || is_left("clean_at") {
            return;
        }
        self.settled = Some(Settled {
            export: export.clone(),
            objects: match status {
                Status::Expired => self.file.clone().into_iter().collect(),
                _ => cloud
                    .s3
                    .objects
                    .iter()
                    .map(|o| (o.key.clone(), o.bytes.clone()))
                    .collect(),
            },
            uploads: cloud.s3.uploads.len(),
        });
    }

    /// The export in the settled state.
    pub(crate) fn export(&self) -> Export {
        let settled = self.settled.as_ref().unwrap();
        serde_json::from_value(plain(&settled.export)).unwrap()
    }

    /// Records a worker's request for a page of records.
    pub(crate) fn page_asked(&mut self, at: Duration) {
        self.first_page.get_or_insert(at);
        if self.canceled_at.is_some() {
            self.pages_after_cancel += 1;
            self.last_page_after_cancel = Some(at);
        }
    }
}

fn is_work(write: &Write) -> bool {
    let item = write.after.as_ref().or(write.before.as_ref());
    item.is_some_and(|item| item.contains_key("sequence"))
}

/// The current export.
pub(crate) fn export(cloud: &Cloud) -> Option<&Item> {
    cloud.dynamodb.tables["exports"].items.values().next()
}

/// The number of items of work and parts; a parent's slots are not counted.
pub(crate) fn work_left(cloud: &Cloud) -> usize {
    let items = cloud.dynamodb.tables["work"].items.values();
    items
        .filter(|item| {
            !["slots#", "entry#"]
                .iter()
                .any(|kind| text(item, "id").starts_with(kind))
        })
        .count()
}

fn work(cloud: &Cloud) -> Option<u64> {
    let mut items = cloud.dynamodb.tables["work"].items.values();
    items.find_map(|item| item.get("attempts")?["N"].as_str()?.parse().ok())
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap()
}

/// An attribute that exists and is not null.
fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a Value> {
    item.get(name).filter(|value| value.get("NULL").is_none())
}

fn number(item: &Item, name: &str) -> u64 {
    item[name]["N"].as_str().unwrap().parse().unwrap()
}
