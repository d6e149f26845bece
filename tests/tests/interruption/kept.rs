//! Exports under way, as a release has left them: kept as files when the version changes, and completed by the code of today.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use waybill::file::{Format, Warning};
use waybill_tests::Stack;

use crate::data::{Case, OTHERS};
use crate::database::Database;
use crate::faults::Faults;
use crate::judge::Reference;
use crate::world::World;

/// An export under way.
pub(crate) struct Kept(Value);

impl Kept {
    /// Leaves an export of this case after some checkpoints, as if all machines died at once.
    pub(crate) async fn left(case: &Case, format: Format, reference: &Reference) -> Self {
        let faults = Faults {
            page: 10..11,
            page_takes: 900..901,
            checkpoint: 2..3,
            part: 4_000..4_001,
            ..Faults::none()
        };
        let world = World::new(case, format, faults, 1).await;
        let is_far_enough = async {
            while world.watch.lock().unwrap().checkpoints.len() < 3 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            () = world.run(None) => panic!("{}: the export ended", case.name),
            () = is_far_enough => {}
        }
        let mut stored = world.cloud.lock().unwrap().kept();
        // What nothing of the export is in.
        stored["tables"].as_object_mut().unwrap().remove(OTHERS);
        Self(json!({
            "case": case.name,
            "after_ms": u64::try_from(world.began.elapsed().as_millis()).unwrap(),
            "sent": world.queued(),
            "stored": stored,
            "file": {
                "bytes": BASE64_STANDARD.encode(&reference.bytes),
                "rows": reference.rows,
                "read": reference.read,
                "warnings": reference.warnings,
            },
        }))
    }

    /// Completes the export. Returns what is wrong at the end, and how many records were read for it.
    pub(crate) async fn completed(
        &self,
        database: Option<Database>,
        faults: Faults,
        seed: u64,
    ) -> (Vec<String>, u64) {
        let after = Duration::from_millis(self.0["after_ms"].as_u64().unwrap());
        let sent: Vec<String> = serde_json::from_value(self.0["sent"].clone()).unwrap();
        let world = World::going_on(&self.0["stored"], &sent, after, database, faults, seed).await;
        world.run(None).await;
        let watch = world.watch.lock().unwrap();
        (self.file().wrongs(&world, &watch), watch.records_read)
    }

    /// The file that the export shall have.
    pub(crate) fn file(&self) -> Reference {
        let file = &self.0["file"];
        let warnings: Vec<Warning> = serde_json::from_value(file["warnings"].clone()).unwrap();
        Reference {
            bytes: BASE64_STANDARD
                .decode(file["bytes"].as_str().unwrap())
                .unwrap(),
            rows: file["rows"].as_u64().unwrap(),
            read: file["read"].as_u64().unwrap(),
            warnings,
        }
    }

    /// Writes the export into the folder of today's version.
    pub(crate) fn write(&self, name: &str) {
        let folder = releases().join(env!("CARGO_PKG_VERSION")).join("under-way");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.json")), format!("{}\n", self.0)).unwrap();
    }
}

/// The folder with what each release has left.
fn releases() -> PathBuf {
    Stack::root().join("tests/data/releases")
}

/// The exports under way of every version, today's included, each with the name of its file.
pub(crate) fn all() -> Vec<(String, Arc<Kept>)> {
    let entries = |folder: &Path| {
        let read =
            fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = read.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let folders = entries(&releases())
        .into_iter()
        .map(|release| release.join("under-way"));
    let files = folders.flat_map(|folder| entries(&folder));
    files
        .map(|file| {
            let kept = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            (file.display().to_string(), Arc::new(Kept(kept)))
        })
        .collect()
}
