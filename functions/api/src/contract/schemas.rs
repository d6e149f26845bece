//! Schemas of request bodies, which are parsed field by field, and of the gateway's own answers.

use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use waybill::parent::ParentKinds;
use waybill::selection::MAX_SEARCH_LENGTH;

use super::kinds::nullable_id;
use crate::endpoints::create::MAX_LOCALE;

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
pub(super) fn bodies(kinds: &ParentKinds) -> [(&'static str, RefOr<Schema>); 4] {
    [
        ("NewExport", new_export()),
        ("ParentDescription", parent_description(kinds)),
        ("SessionRequest", session_request()),
        ("GatewayMessage", gateway_message()),
    ]
}

fn new_export() -> RefOr<Schema> {
    let user = user(
        "The user that receives the export. Only a token or an API key with the grant `service` may set it.",
    )
    .property(
        "issuer",
        text_or_null("The issuer of the person's tokens; by default that of the request's token, or of the key's sessions."),
    );
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
        .property("headers", named("Headers"))
        .property("order", named("RowOrder"))
        .property(
            "time_zone",
            // Without `default`, which generators of clients take for a required field.
            text("The IANA name of a time zone; by default UTC."),
        )
        .property(
            "locale",
            text("The recipient's language tag (BCP 47), for the mail; by default the token's claim `locale`, or the browser's language.")
                .max_length(Some(MAX_LOCALE)),
        )
        .property("user", closed(user))
        .required("type")
        .required("format");
    closed(export)
}

/// A person whom a backend names.
fn user(description: &str) -> ObjectBuilder {
    typed(Type::Object, description)
        .property("id", text("The person's id: the `sub` of their tokens."))
        .property("name", text_or_null("The person's name."))
        .property("email", text_or_null("The address for mails."))
        .required("id")
}

fn session_request() -> RefOr<Schema> {
    let grants = ArrayBuilder::new()
        .items(ObjectBuilder::new().schema_type(Type::String))
        .min_items(Some(1))
        .max_items(Some(100))
        .description(Some(
            "What the person may see: grants of parents, each within those of the key.",
        ));
    let minutes = typed(Type::Integer, "The length of the session; 60 by default.")
        .minimum(Some(1))
        .maximum(Some(60));
    let session = typed(Type::Object, "Whose session it is, and what it may do.")
        .property("user", closed(user("The person.")))
        .property("grants", grants)
        .property("minutes", minutes)
        .property(
            "path",
            text_or_null(
                "The path of the page that the URL opens, such as `/exports/123`; `/` by default.",
            ),
        )
        .required("user")
        .required("grants");
    closed(session)
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
