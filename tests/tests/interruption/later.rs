//! A worker of a later version, as today's version sees it: what it stores has attributes that are unknown today, and maybe
//! checkpoints of another version.

use serde_json::{Map, Value, json};
use waybill_testing::fake::{Answer, Call};

use crate::machine::Machine;

/// What the name of a later version's machine begins with.
pub(crate) const MACHINE: &str = "worker-later";
/// The tables in which a later version stores more.
const TABLES: [&str; 2] = ["exports", "work"];
/// The version of a later version's checkpoints, in place of today's.
const LATER_CHECKPOINT: &str = "99";
const CHECKPOINT: &str = "2";

/// When workers of a later version take turns with those of today's.
#[derive(Debug, Clone)]
pub(crate) struct LaterVersion {
    /// Whether the worker of this number, from 0, is of the later version.
    pub(crate) is_later: fn(usize) -> bool,
    /// Whether its checkpoints are of another version, which neither version knows of the other.
    pub(crate) has_other_checkpoints: bool,
}

impl LaterVersion {
    /// The call of a machine, as its version makes it.
    pub(crate) fn written(&self, machine: &Machine, call: Call) -> Call {
        let writes = ["DynamoDB.PutItem", "DynamoDB.TransactWriteItems"];
        if !is_later(machine) || !writes.contains(&call.operation.as_str()) {
            return call;
        }
        let mut body = call.json();
        let puts = match body["TransactItems"].as_array_mut() {
            Some(writes) => writes.iter_mut().map(|write| &mut write["Put"]).collect(),
            None => vec![&mut body],
        };
        for put in puts {
            let is_known = TABLES.iter().any(|table| put["TableName"] == *table);
            if let Some(item) = put["Item"].as_object_mut().filter(|_| is_known) {
                item.insert("of_a_later_version".into(), json!({"S": "unknown today"}));
                self.change_checkpoint(item, CHECKPOINT, LATER_CHECKPOINT);
            }
        }
        Call {
            body: body.to_string().into_bytes(),
            ..call
        }
    }

    /// An answer, as a machine's version reads it: a later one knows its own checkpoints, and not today's.
    pub(crate) fn read(&self, machine: &Machine, answer: Answer) -> Answer {
        let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else {
            return answer;
        };
        let Some(item) = body["Item"].as_object_mut().filter(|_| is_later(machine)) else {
            return answer;
        };
        let unknown = "98";
        self.change_checkpoint(item, CHECKPOINT, unknown);
        self.change_checkpoint(item, LATER_CHECKPOINT, CHECKPOINT);
        Answer {
            body: body.to_string().into_bytes(),
            ..answer
        }
    }

    fn change_checkpoint(&self, item: &mut Map<String, Value>, from: &str, to: &str) {
        let Some(checkpoint) = item
            .get_mut("checkpoint")
            .and_then(|of| of["M"].as_object_mut())
        else {
            return;
        };
        checkpoint.insert("of_a_later_version".into(), json!({"N": "1"}));
        let version = &mut checkpoint["v"]["N"];
        if self.has_other_checkpoints && *version == from {
            *version = to.into();
        }
    }
}

fn is_later(machine: &Machine) -> bool {
    machine.name.starts_with(MACHINE)
}
