//! What must hold at every moment, and what is remembered of a run.

use std::time::Duration;

use serde_json::Value;
use waybill::export::{Export, Status};
use waybill_testing::fake::{Cloud, Item, Write, plain};

/// What is seen of a world.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// What must never be, and was.
    pub(crate) wrongs: Vec<String>,
    /// Every call, with what became of it.
    pub(crate) trace: Vec<String>,
    /// How often a mail became due.
    pub(crate) mails: usize,
    /// How often the export came to a final state.
    pub(crate) ends: usize,
    pub(crate) is_mail_pending: bool,
    /// How many attempts had been made when it failed.
    pub(crate) attempts_at_failure: Option<u64>,
    /// When it was canceled.
    pub(crate) canceled_at: Option<Duration>,
    /// When a worker first asked for a page of records.
    pub(crate) first_page: Option<Duration>,
    /// Pages of records that a worker asked for after the cancel, and when the last one.
    pub(crate) pages_after_cancel: usize,
    pub(crate) last_page_after_cancel: Option<Duration>,
    /// The rows that the person saw.
    pub(crate) progress: Vec<u64>,
    /// How many records workers were given, those that were read again counted again.
    pub(crate) records_read: u64,
    /// How many records had been read at each checkpoint.
    pub(crate) checkpoints: Vec<u64>,
    /// The key and the bytes of the object of the export that succeeded.
    file: Option<(String, Vec<u8>)>,
    pub(crate) settled: Option<Settled>,
}

/// What there was once the mail was sent and the bucket was clean.
///
/// That is before the file expires, unless whoever is to remove what lies around it fails for all of that time: then the
/// file is gone by now, and stands here as it was when the export succeeded. (Until it expired it was there: see
/// [`Watch::kept`].)
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) export: Item,
    pub(crate) objects: Vec<(String, Vec<u8>)>,
    pub(crate) uploads: usize,
}

impl Watch {
    /// Looks at what has just been written.
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
                self.wrong("it succeeded without its object");
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
        // What the sweeper puts off is no change of the export, and has no sequence of its own.
        let is_put_off = ["failures", "retry_at", "shard"];
        let of_the_export = |item: &Item| {
            let mut item = item.clone();
            item.retain(|name, _| !is_put_off.contains(&name.as_str()));
            item
        };
        let misses_another = number(after, "sequence") != number(before, "sequence") + 1;
        if misses_another && of_the_export(before) != of_the_export(after) {
            self.wrong("a write of the work that missed another");
        }
        if text_of(after, "lease").is_some() && number(after, "attempts") > 5 {
            self.wrong("a sixth attempt");
        }
    }

    /// A succeeded export's object is there.
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

    /// The export, as it was once all was settled.
    pub(crate) fn export(&self) -> Export {
        let settled = self.settled.as_ref().unwrap();
        serde_json::from_value(plain(&settled.export)).unwrap()
    }

    /// A worker asks for a page of records.
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

/// The export, as it is.
pub(crate) fn export(cloud: &Cloud) -> Option<&Item> {
    cloud.dynamodb.tables["exports"].items.values().next()
}

/// How many items there are of exports' work and its parts. A parent's slots stay.
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

/// An attribute that is there and not null.
fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a Value> {
    item.get(name).filter(|value| value.get("NULL").is_none())
}

fn number(item: &Item, name: &str) -> u64 {
    item[name]["N"].as_str().unwrap().parse().unwrap()
}
