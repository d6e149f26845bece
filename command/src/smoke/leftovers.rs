//! What the test has made, and its removal.

use std::error::Error;

use waybill::export::ExportId;
use waybill::parent::Parent;
use waybill::store::ApiKeys;

use super::records::OwnRecords;
use crate::stack::Stack;

/// What the test has made until now.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    pub(super) records: Option<OwnRecords>,
    /// The parent, where nobody else has it.
    pub(super) own_parent: Option<Parent>,
    pub(super) export: Option<ExportId>,
    /// Whether the export may have a file.
    pub(super) has_file: bool,
    /// The id of the API key.
    pub(super) api_key: Option<String>,
}

impl Leftovers {
    /// Removes everything, and says what could not be. An export of a parent of somebody else stays in its list.
    pub(super) async fn remove(self, stack: &Stack) -> bool {
        let mut removed = true;
        if let Some(records) = &self.records {
            let deleted = records.delete(&stack.records(None)).await;
            let what = format!("the records in the table {}", records.table());
            removed &= is_done(&what, deleted.map_err(Into::into));
        }
        if let Some(id) = &self.api_key {
            removed &= is_done("the API key `smoke`", delete_key(stack, id).await);
        }
        match (self.export, &self.own_parent) {
            (Some(id), Some(_)) if self.has_file => {
                println!(
                    "  remains  the export {id}, whose file the sweeper deletes when it expires"
                );
                removed = false;
            }
            (Some(id), Some(parent)) => {
                removed &= is_done("the export", erase(stack, id, parent).await);
            }
            (Some(id), None) => println!("  remains  the export {id} in the list of its parent"),
            (None, _) => {}
        }
        if removed {
            println!("  ok       what the test made is removed");
        }
        removed
    }
}

/// Whether something was removed; says what remains otherwise.
fn is_done(what: &str, result: Result<(), Box<dyn Error>>) -> bool {
    if let Err(error) = &result {
        println!("  remains  {what}: {error}");
    }
    result.is_ok()
}

async fn delete_key(stack: &Stack, id: &str) -> Result<(), Box<dyn Error>> {
    let table = stack.output("ApiKeysTableName")?.to_owned();
    Ok(ApiKeys::new(stack.dynamodb(), table).delete(id).await?)
}

async fn erase(stack: &Stack, id: ExportId, parent: &Parent) -> Result<(), Box<dyn Error>> {
    let exports = stack.exports()?;
    exports.erase(id).await?;
    exports.erase_parent(parent).await?;
    Ok(())
}
