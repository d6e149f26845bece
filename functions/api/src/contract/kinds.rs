//! What the contract says of the kinds of parents, which a deployment's catalog defines.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use waybill::parent::{IdForm, ParentKind, ParentKinds};

/// A kind among all of a deployment.
#[derive(Clone, Copy)]
pub(crate) struct OfKind<'k> {
    pub(crate) kinds: &'k ParentKinds,
    pub(crate) kind: &'k ParentKind,
}

impl<'k> OfKind<'k> {
    /// A kind for examples that are of no kind: the first that is not the root.
    pub(super) fn example(kinds: &'k ParentKinds) -> Self {
        let mut others = kinds.iter().filter(|kind| !kind.is_root);
        let kind = others.next().unwrap_or(kinds.root());
        Self { kinds, kind }
    }

    /// The kinds' fields with an id: the root's, and that of this kind; the others are null.
    pub(super) fn example_ids(self) -> BTreeMap<String, Value> {
        let ids = self.kinds.iter().map(|kind| {
            let is_shown = kind.is_root || kind == self.kind;
            let id = match is_shown {
                true => example_id(kind),
                false => Value::Null,
            };
            (kind.name.id_field(), id)
        });
        ids.collect()
    }
}

/// An id of this kind.
pub(super) fn example_id(kind: &ParentKind) -> Value {
    match (kind.name.as_str(), kind.id) {
        ("organization", _) => json!("acme"),
        ("source", _) => json!("web-leads"),
        (_, IdForm::Integer) => json!(42),
        (_, IdForm::Uuid) => json!("0b6f3a52-1111-4222-8333-444455556666"),
        (name, IdForm::Text | IdForm::Name) => json!(format!("{name}-1")),
    }
}

/// `Organizations, projects and sources.`
pub(super) fn sentence(kinds: &ParentKinds) -> String {
    let mut listed = kinds.listed();
    if let Some(first) = listed.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{listed}.")
}

/// An id of this kind, as a schema.
pub(super) fn id_schema(kind: &ParentKind) -> ObjectBuilder {
    match kind.id.pattern() {
        None => ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1)),
        Some(pattern) => ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(pattern)),
    }
}

/// An id of this kind or null.
pub(super) fn nullable_id(kind: &ParentKind, description: &str) -> RefOr<Schema> {
    let id = match kind.id {
        IdForm::Integer => Type::Integer,
        IdForm::Text | IdForm::Uuid | IdForm::Name => Type::String,
    };
    let id_or_null = SchemaType::Array(vec![id, Type::Null]);
    ObjectBuilder::new()
        .schema_type(id_or_null)
        .description(Some(description))
        .into()
}

/// Adds the names, the ids and the fields of these kinds to the schemas of views.
pub(super) fn add_to(schemas: &mut BTreeMap<String, RefOr<Schema>>, kinds: &ParentKinds) {
    let names = kinds.iter().map(|kind| kind.name.as_str());
    let name = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("What records belong to."))
        .enum_values(Some(names));
    schemas.insert("ParentKind".to_owned(), name.into());
    schemas.insert("ParentId".to_owned(), any_id(kinds));

    let root = kinds.root();
    let words = root.name.words();
    for (schema, description) in [
        (
            "Export",
            format!("The {words} of the parent at the time of the request."),
        ),
        ("DescribedParent", format!("The {words} of the parent.")),
    ] {
        add_field(schemas, schema, root, &description);
    }
    for kind in kinds.iter().filter(|kind| !kind.is_root) {
        let words = kind.name.words();
        let description = format!("The {words} of the records, if they belong to one.");
        add_field(schemas, "Export", kind, &description);
    }
}

/// An id of any of these kinds.
fn any_id(kinds: &ParentKinds) -> RefOr<Schema> {
    let mut forms: Vec<(IdForm, Vec<String>, ObjectBuilder)> = Vec::new();
    for kind in kinds.iter() {
        match forms.iter_mut().find(|(form, ..)| *form == kind.id) {
            Some((_, names, _)) => names.push(kind.name.words()),
            None => forms.push((kind.id, vec![kind.name.words()], id_schema(kind))),
        }
    }
    let schemas = forms.into_iter().map(|(_, names, schema)| {
        let description = format!("The id of: {}.", names.join(", "));
        schema.description(Some(description))
    });
    let any = schemas.fold(OneOfBuilder::new(), |any, schema| any.item(schema));
    any.into()
}

fn add_field(
    schemas: &mut BTreeMap<String, RefOr<Schema>>,
    name: &str,
    kind: &ParentKind,
    description: &str,
) {
    if let Some(RefOr::T(Schema::Object(object))) = schemas.get_mut(name) {
        let field = nullable_id(kind, description);
        object.properties.insert(kind.name.id_field(), field);
    }
}
