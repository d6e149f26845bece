//! A parent's own columns: custom fields, attributes, and one column for all other values.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{ATTRIBUTES, CREATED_AT, Column, ExportType, Origin, Others, Path};
use crate::parent::KindName;
use crate::value::Kind;

/// The map in a record that holds its parent's custom fields. A field may also be an attribute of the record itself.
pub const CUSTOM: &str = "custom";

/// The key of the column for values under undefined keys.
pub const OTHER: &str = "other";

/// The keys of the last columns of a file with custom fields, in order, for a kind of parents: that of sources ends with
/// `source_id`.
pub(super) fn last_keys(kind: &KindName) -> [String; 3] {
    [
        CREATED_AT.to_owned(),
        "updated_at".to_owned(),
        kind.id_field(),
    ]
}

/// The columns that staff defined for a parent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Definitions {
    /// The custom fields, in the file's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<Definition>,
    /// The attributes, in the file's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Definition>,
}

/// One column that staff defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
pub struct Definition {
    /// The header in the file, and the key of the values in records.
    pub key: String,
    /// The name shown to people.
    pub label: String,
    /// What the values are.
    pub kind: Kind,
}

impl Definitions {
    /// Whether nothing is defined.
    pub fn is_empty(&self) -> bool {
        self.custom_fields.is_empty() && self.attributes.is_empty()
    }
}

impl ExportType {
    /// This type with the columns that are defined for a parent. A definition whose key the catalog has taken since is
    /// left out; its values are in the column [`OTHER`].
    pub fn with_definitions(&self, definitions: &Definitions, parent_id: &str) -> Self {
        let mut of = self.clone();
        if !self.custom {
            return of;
        }
        let last_keys = last_keys(&self.parent);
        let mut last = of.columns.split_off(of.columns.len() - last_keys.len());
        let id_field = self.parent.id_field();
        for column in &mut last {
            if let (true, Origin::Paths { otherwise, .. }) =
                (column.key == id_field, &mut column.origin)
            {
                *otherwise = Some(parent_id.to_owned());
            }
        }
        let own = self.own_paths();
        let roots: HashSet<&str> = own.iter().map(Path::root).collect();
        let mut taken: HashSet<&str> = self.columns.iter().map(|c| c.key.as_str()).collect();
        taken.insert(OTHER);
        let within = |map: &str, key: &str| Path::new(map, [key.to_owned()]);
        for field in &definitions.custom_fields {
            if !taken.insert(&field.key) {
                continue;
            }
            let mut paths = vec![within(CUSTOM, &field.key)];
            if !roots.contains(field.key.as_str()) {
                paths.push(Path::new(&field.key, []));
            }
            of.columns.push(field.column(paths));
        }
        for attribute in &definitions.attributes {
            if taken.insert(&attribute.key) {
                let path = within(ATTRIBUTES, &attribute.key);
                of.columns.push(attribute.column(vec![path]));
            }
        }
        let of_columns = of.columns.iter().flat_map(|column| match &column.origin {
            Origin::Paths { paths, .. } => paths.clone(),
            Origin::Others(_) => Vec::new(),
        });
        let others = Others {
            known: of_columns.chain(own).collect(),
            maps: [CUSTOM, ATTRIBUTES].map(str::to_owned).into(),
        };
        of.columns.push(Column {
            label: "Other".to_owned(),
            ..Column::new(OTHER, Kind::Text, Origin::Others(others))
        });
        of.columns.append(&mut last);
        of
    }

    /// The paths of the catalog's own columns and of the record's key.
    fn own_paths(&self) -> Vec<Path> {
        let columns = self.columns.iter().flat_map(|column| match &column.origin {
            Origin::Paths { paths, .. } => paths.clone(),
            Origin::Others(_) => Vec::new(),
        });
        let records = &self.records;
        let fixed = records.fixed().iter().map(|(name, _)| name.as_str());
        let keys = records.key_names().into_iter().chain(fixed);
        let keys = keys.map(|name| Path::new(name, []));
        columns.chain(keys).chain(self.created.clone()).collect()
    }
}

impl Definition {
    fn column(&self, paths: Vec<Path>) -> Column {
        let origin = Origin::Paths {
            paths,
            otherwise: None,
        };
        Column {
            label: self.label.clone(),
            ..Column::new(&self.key, self.kind, origin)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn definition(key: &str, kind: Kind) -> Definition {
        Definition {
            key: key.to_owned(),
            label: key.to_owned(),
            kind,
        }
    }

    fn keys(export_type: &ExportType) -> Vec<&str> {
        export_type
            .default_columns()
            .iter()
            .map(|c| c.key.as_str())
            .collect()
    }

    #[test]
    fn a_sources_own_columns_stand_between_the_system_fields_and_the_last_three() {
        let catalog = Catalog::built_in().unwrap();
        let leads = catalog.get("leads").unwrap();
        let definitions = Definitions {
            custom_fields: vec![
                definition("emp.var.rate", Kind::Decimal),
                definition("job", Kind::Text),
                definition("address", Kind::Text),
            ],
            attributes: vec![definition("vip", Kind::Boolean)],
        };
        let of = leads.with_definitions(&definitions, "web");
        let keys = keys(&of);
        let (_, own) = keys.split_at(keys.len() - 8);
        assert_eq!(
            own,
            [
                "emp.var.rate",
                "job",
                "address",
                "vip",
                "other",
                "created_at",
                "updated_at",
                "source_id"
            ]
        );
        let paths = |key: &str| match &of.column(key).unwrap().origin {
            Origin::Paths { paths, .. } => paths.iter().map(|p| p.names().to_vec()).collect(),
            Origin::Others(_) => Vec::new(),
        };
        assert_eq!(
            paths("emp.var.rate"),
            [vec!["custom", "emp.var.rate"], vec!["emp.var.rate"]]
        );
        assert_eq!(
            paths("address"),
            [vec!["custom", "address"]],
            "the record's own map is not the field's value"
        );
        assert_eq!(paths("vip"), [vec!["attributes", "vip"]]);
        let Origin::Paths { otherwise, .. } = &of.column("source_id").unwrap().origin else {
            panic!()
        };
        assert_eq!(otherwise.as_deref(), Some("web"));
    }

    #[test]
    fn a_definition_whose_key_the_catalog_has_taken_is_left_out() {
        let catalog = Catalog::built_in().unwrap();
        let leads = catalog.get("leads").unwrap();
        let definitions = Definitions {
            custom_fields: ["email", "other", "job", "job"]
                .map(|key| definition(key, Kind::Text))
                .into(),
            attributes: vec![definition("job", Kind::Text)],
        };
        let of = leads.with_definitions(&definitions, "web");
        let count = |key| keys(&of).iter().filter(|k| **k == key).count();
        assert_eq!([count("email"), count("other"), count("job")], [1, 1, 1]);
    }

    #[test]
    fn a_type_without_custom_fields_is_the_same_for_every_parent() {
        let catalog = Catalog::built_in().unwrap();
        let orders = catalog.get("orders").unwrap();
        let definitions = Definitions {
            custom_fields: vec![definition("job", Kind::Text)],
            attributes: Vec::new(),
        };
        assert_eq!(&orders.with_definitions(&definitions, "42"), orders);
    }
}
