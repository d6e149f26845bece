//! What the test exports: records of its own, or those that a parent has.

use std::fmt;

use jiff::Timestamp;
use waybill::aws::CallError;
use waybill::catalog::{Catalog, ExportType};
use waybill::live_catalog::CatalogVersion;
use waybill::parent::Parent;

use super::arguments::Smoke;
use super::records::{COUNT, OwnRecords, first_makeable, own_parent};
use crate::stack::Function;

/// The records that are exported.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) type_name: String,
    pub(super) parent: Parent,
    /// The kind's name in paths of the API.
    plural: String,
    own: Option<OwnRecords>,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (of_type, kind, id) = (&self.type_name, self.parent.kind(), self.parent.id());
        match self.own.is_some() {
            true => write!(
                f,
                "{COUNT} new records of {of_type} for the {} {id}",
                kind.words()
            ),
            false => write!(f, "the records of {of_type} of the {} {id}", kind.words()),
        }
    }
}

impl Subject {
    /// What these arguments ask for, in this catalog.
    pub(super) fn choose(
        smoke: &Smoke,
        version: &CatalogVersion,
        api: &Function,
    ) -> Result<Self, String> {
        let catalog = &version.catalog;
        if let Some((name, id)) = &smoke.existing {
            let export_type = catalog.get(name);
            let export_type = export_type.ok_or_else(|| unknown(catalog, name))?;
            let kind = catalog.kinds().get(export_type.parent.as_str());
            let kind = kind.ok_or("the type's kind of parents is not in the catalog")?;
            let parent = kind.parent(id).map_err(|error| error.to_string())?;
            return Ok(Self::new(export_type, parent, kind.plural.clone(), None));
        }
        if let Some(name) = api.variable("GRANTS_FUNCTION") {
            return Err(format!(
                "the stack asks the function {name} who may see what, which knows no parent of a test: give --type, --parent \
                 and --person, with a person who may see the parent"
            ));
        }
        let export_type = first_makeable(catalog).ok_or(
            "there is no type of which the command can make records: give --type and --parent, with a parent that has records",
        )?;
        let table = export_type.records.dynamodb().map(|spec| &spec.table);
        let name = table.ok_or("the type is not in DynamoDB")?;
        let table = version.deployment.table(name);
        let table = table.or_else(|| api.variable(name).map(str::to_owned));
        let table = table.ok_or_else(|| format!("the deployment file maps no table to {name}"))?;
        let no_kind = "the type's kind of parents is not in the catalog";
        let parent = own_parent(catalog, export_type).ok_or(no_kind)?;
        let kind = catalog.kinds().get(parent.kind().as_str()).ok_or(no_kind)?;
        let own = OwnRecords::new(export_type, table, &parent, Timestamp::now())?;
        Ok(Self::new(
            export_type,
            parent,
            kind.plural.clone(),
            Some(own),
        ))
    }

    fn new(
        export_type: &ExportType,
        parent: Parent,
        plural: String,
        own: Option<OwnRecords>,
    ) -> Self {
        Self {
            type_name: export_type.name.clone(),
            parent,
            plural,
            own,
        }
    }

    /// Writes the records of the test's own.
    pub(super) async fn write(&self, db: &aws_sdk_dynamodb::Client) -> Result<(), CallError> {
        match &self.own {
            Some(own) => own.write(db).await,
            None => Ok(()),
        }
    }

    /// The records of the test's own.
    pub(super) fn own_records(&self) -> Option<OwnRecords> {
        self.own.clone()
    }

    /// The parent, where it is the test's own.
    pub(super) fn own_parent(&self) -> Option<Parent> {
        self.own.is_some().then(|| self.parent.clone())
    }

    /// The rows that the file should have, where the test made them.
    pub(super) fn rows(&self) -> Option<u64> {
        self.own.is_some().then_some(COUNT as u64)
    }

    /// The path of the parent in the API.
    pub(super) fn path(&self) -> String {
        format!("/v1/{}/{}", self.plural, self.parent.id())
    }

    /// The grant for the parent.
    pub(super) fn grant(&self) -> String {
        format!("{}:{}", self.parent.kind(), self.parent.id())
    }
}

/// Why a type is not there.
fn unknown(catalog: &Catalog, name: &str) -> String {
    if catalog.is_out_of_service(name) {
        return format!("the type {name} is out of service: `waybill doctor` says why");
    }
    let names: Vec<&str> = catalog
        .types()
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    format!(
        "there is no type {name}; the catalog has {}",
        names.join(", ")
    )
}
