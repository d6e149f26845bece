//! Schemas of request bodies, which are parsed field by field, and of the gateway's own answers.

use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use waybill::parent::ParentKinds;
use waybill::selection::MAX_SEARCH_LENGTH;

use super::kinds::nullable_id;

/// A reference to a schema by its name.
pub(super) fn named(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

fn nullable(name: &str) -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    OneOfBuilder::new().item(null).item(named(name)).into()
}

fn typed(kind: Type, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(kind)
        .description(Some(description))
}

fn text(description: &str) -> ObjectBuilder {
    typed(Type::String, description)
}

fn text_or_null(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
        .description(Some(description))
}

fn closed(object: ObjectBuilder) -> RefOr<Schema> {
    object
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        .into()
}

/// The schemas and their names.
pub(super) fn bodies(kinds: &ParentKinds) -> [(&'static str, RefOr<Schema>); 3] {
    [
        ("NewExport", new_export()),
        ("ParentDescription", parent_description(kinds)),
        ("GatewayMessage", gateway_message()),
    ]
}

fn new_export() -> RefOr<Schema> {
    let user = typed(
        Type::Object,
        "The user that receives the export. Only a token with the grant `service` may set it.",
    )
    .property("id", text("The `sub` of the person's tokens."))
    .property("name", text_or_null("The person's name."))
    .property("email", text_or_null("The address for the mail."))
    .required("id");
    let search = text_or_null("A text to find in any searched field, ignoring case.")
        .max_length(Some(MAX_SEARCH_LENGTH));
    let columns = ArrayBuilder::new()
        .items(ObjectBuilder::new().schema_type(Type::String))
        .min_items(Some(1))
        .unique_items(true)
        .description(Some(
            "The keys of the file's columns, in order; by default the type's own.",
        ));
    let export = typed(Type::Object, "What to export.")
        .property(
            "type",
            text("One of the catalog's types of this kind of parent."),
        )
        .property("format", named("Format"))
        .property("filters", nullable("Filters"))
        .property("search", search)
        .property("columns", columns)
        .property("profile", named("Profile"))
        .property("order", named("RowOrder"))
        .property(
            "time_zone",
            // Without `default`, which generators of clients take for a required field.
            text("The IANA name of a time zone; by default UTC."),
        )
        .property("user", closed(user))
        .required("type")
        .required("format");
    closed(export)
}

/// Not closed, since some kinds have further properties.
fn parent_description(kinds: &ParentKinds) -> RefOr<Schema> {
    let name = text("The name shown to people.");
    let root = kinds.root();
    let of_root = format!("The {} of another parent.", root.name.words());
    typed(Type::Object, "The description of a parent.")
        .property("name", name.max_length(Some(200)).min_length(Some(1)))
        .property(root.name.id_field(), nullable_id(root, &of_root))
        .required("name")
        .into()
}

fn gateway_message() -> RefOr<Schema> {
    let message = typed(
        Type::Object,
        "An answer of the gateway itself: 401, and at its own limits 413, 429 and 503.",
    );
    let message = message.property("message", ObjectBuilder::new().schema_type(Type::String));
    closed(message.required("message"))
}
