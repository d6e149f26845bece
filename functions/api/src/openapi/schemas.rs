//! Schemas of what the views take over from the model as it is, and of bodies, which are read field by field.

use serde::Serialize;
use serde_json::json;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, Object, ObjectBuilder, OneOfBuilder, Schema,
    SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use waybill::catalog::Delivery;
use waybill::event::What;
use waybill::export::{Format, Mail, Status};
use waybill::file::{Profile, WarningCode};
use waybill::parent::ParentKind;
use waybill::selection::MAX_SEARCH_LENGTH;
use waybill::value::Kind;

type Named = (&'static str, RefOr<Schema>);

/// A reference to a schema by its name.
pub(crate) fn named(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

macro_rules! references {
    ($($function:ident => $name:literal,)*) => {
        $(pub(crate) fn $function() -> RefOr<Schema> { named($name) })*
    };
}

references! {
    status => "Status",
    format => "Format",
    profile => "Profile",
    event => "EventKind",
    parent_kind => "ParentKind",
    parent_id => "ParentId",
    delivery => "Delivery",
    kind => "Kind",
    user => "User",
}

pub(crate) fn filters() -> RefOr<Schema> {
    nullable("Filters")
}

pub(crate) fn receipt() -> RefOr<Schema> {
    nullable("Receipt")
}

pub(crate) fn failure() -> RefOr<Schema> {
    nullable("Failure")
}

pub(crate) fn mail() -> RefOr<Schema> {
    nullable("Mail")
}

pub(crate) fn warnings() -> RefOr<Schema> {
    list(named("Warning"))
}

pub(crate) fn formats() -> RefOr<Schema> {
    list(named("Format"))
}

pub(crate) fn field_errors() -> RefOr<Schema> {
    list(named("FieldError"))
}

fn nullable(name: &str) -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    OneOfBuilder::new().item(null).item(named(name)).into()
}

fn list(items: RefOr<Schema>) -> RefOr<Schema> {
    ArrayBuilder::new().items(items).into()
}

/// One of these words.
fn words<T: Serialize>(description: &str, words: &[T]) -> RefOr<Schema> {
    // Every one has a word as its JSON.
    let words = words.iter().map(|word| json!(word));
    text(description).enum_values(Some(words)).into()
}

fn of_type(kind: Type, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(kind)
        .description(Some(description))
}

fn text(description: &str) -> ObjectBuilder {
    of_type(Type::String, description)
}

fn count(description: &str) -> ObjectBuilder {
    of_type(Type::Integer, description).minimum(Some(0))
}

fn or_null(kind: Type, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![kind, Type::Null]))
        .description(Some(description))
}

fn instant(description: &str) -> ObjectBuilder {
    text(description).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

/// An object in which every one of these fields is there, and no other.
fn object<const N: usize>(description: &str, fields: [(&str, RefOr<Schema>); N]) -> RefOr<Schema> {
    let mut object = of_type(Type::Object, description);
    for (name, schema) in fields {
        object = object.property(name, schema).required(name);
    }
    closed(object).into()
}

fn closed(object: ObjectBuilder) -> ObjectBuilder {
    object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

/// What the views refer to.
pub(super) fn of_the_model() -> Vec<Named> {
    vec![
        (
            "Status",
            words("Where an export is in its life.", &Status::ALL),
        ),
        ("Format", words("The kind of file.", &Format::ALL)),
        (
            "Profile",
            words(
                "Whom a CSV file is for: a spreadsheet, in which no cell may run, or a program.",
                &[Profile::Spreadsheet, Profile::Data],
            ),
        ),
        (
            "EventKind",
            words(
                "What happened.",
                &[
                    What::Requested,
                    What::Started,
                    What::Resumed,
                    What::Succeeded,
                    What::Failed,
                    What::Canceled,
                    What::Mailed,
                    What::MailFailed,
                    What::Downloaded,
                    What::Refused,
                    What::Expired,
                    What::Deleted,
                ],
            ),
        ),
        (
            "ParentKind",
            words("What records belong to.", &ParentKind::ALL),
        ),
        ("ParentId", parent_id_of_any_kind()),
        (
            "Delivery",
            words(
                "What the mail brings: a link, or the file too where it is small enough.",
                &[Delivery::Link, Delivery::Attachment],
            ),
        ),
        (
            "Kind",
            words(
                "What a column's values are.",
                &[
                    Kind::Text,
                    Kind::Integer,
                    Kind::Decimal,
                    Kind::Boolean,
                    Kind::Date,
                    Kind::Timestamp,
                    Kind::Email,
                    Kind::Phone,
                ],
            ),
        ),
        (
            "Mail",
            words(
                "What became of the mail.",
                &[Mail::Pending, Mail::Sent, Mail::Failed],
            ),
        ),
        (
            "User",
            object(
                "The recipient of an export.",
                [
                    ("id", text("The `sub` of the person's tokens.").into()),
                    ("name", or_null(Type::String, "The person's name.").into()),
                    (
                        "email",
                        or_null(Type::String, "Where the mail goes.").into(),
                    ),
                ],
            ),
        ),
        (
            "Failure",
            object(
                "Why there is no file.",
                [
                    ("code", text("A stable word for programs.").into()),
                    ("message", text("What happened and what to do.").into()),
                    (
                        "retryable",
                        of_type(
                            Type::Boolean,
                            "Whether the same may succeed when asked for again.",
                        )
                        .into(),
                    ),
                ],
            ),
        ),
        (
            "Warning",
            object(
                "What could not be written as it was.",
                [
                    (
                        "code",
                        words("What happened to the cells.", &WarningCode::ALL),
                    ),
                    ("column", text("The key of the column.").into()),
                    ("count", count("How many cells.").into()),
                ],
            ),
        ),
        (
            "FieldError",
            object(
                "What is wrong with one field.",
                [
                    (
                        "field",
                        text("Its path in the body, or its name in the query string.").into(),
                    ),
                    (
                        "message",
                        text("What is wrong, and what would be right.").into(),
                    ),
                ],
            ),
        ),
        ("Receipt", receipt_of_a_file()),
        ("Filters", filters_of_a_request()),
    ]
}

fn parent_id_of_any_kind() -> RefOr<Schema> {
    OneOfBuilder::new()
        .item(of_type(Type::Integer, "A project's.").minimum(Some(1)))
        .item(text("An organization's or a source's.").pattern(Some("^[A-Za-z0-9_.-]{1,128}$")))
        .into()
}

fn receipt_of_a_file() -> RefOr<Schema> {
    let number = |description| of_type(Type::Number, description).minimum(Some(0)).into();
    object(
        "What shows that a file is complete.",
        [
            ("read", count("Records that were read.").into()),
            (
                "matched",
                count("Records that filters and search let through.").into(),
            ),
            ("written", count("Rows of the file.").into()),
            (
                "as_of",
                instant("Later records are not in the file.").into(),
            ),
            ("consistency", text("How the records were read.").into()),
            (
                "sha256",
                text("Of the whole file.")
                    .pattern(Some("^[0-9a-f]{64}$"))
                    .into(),
            ),
            (
                "attempts",
                count("Beginnings, planned continuations not counted.").into(),
            ),
            ("invocations", count("Of the worker.").into()),
            ("seconds", number("From the first start to the end.")),
            ("read_units", number("DynamoDB's, for reading the records.")),
            ("estimated_cost_usd", number("At AWS's list prices.")),
        ],
    )
}

/// Which filters there are depends on the type.
fn filters_of_a_request() -> RefOr<Schema> {
    let bound = |description: &str| -> RefOr<Schema> { or_null(Type::String, description).into() };
    let range = closed(
        of_type(Type::Object, "When the records were created.")
            .property(
                "from",
                bound("Inclusive: an instant, a date, or how long ago (`-30d`, `-12h`)."),
            )
            .property("to", bound("Exclusive: likewise.")),
    );
    let attributes = of_type(
        Type::Object,
        "By attribute: `true` where it must be there, else one value or a list of which it must be one.",
    );
    let values = OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(SchemaType::from_iter([
            Type::String,
            Type::Number,
            Type::Boolean,
            Type::Null,
        ])))
        .item(ArrayBuilder::new().min_items(Some(1)));
    of_type(
        Type::Object,
        "What must hold of a record, all of it; the catalog names a type's filters.",
    )
    .property("created_at", range)
    .property("attributes", attributes)
    .additional_properties(Some(RefOr::T(Schema::from(values))))
    .into()
}

/// The bodies of requests.
pub(super) fn of_bodies() -> Vec<Named> {
    let user = closed(
        of_type(
            Type::Object,
            "Whom the export is for; only a token with the grant `service` may say so.",
        )
        .property("id", text("The `sub` of the person's tokens."))
        .property("name", or_null(Type::String, "The person's name."))
        .property("email", or_null(Type::String, "Where the mail goes."))
        .required("id"),
    );
    let search = or_null(
        Type::String,
        "A text in any searched field, in any spelling of upper and lower case.",
    )
    .max_length(Some(MAX_SEARCH_LENGTH));
    let columns = ArrayBuilder::new()
        .items(ObjectBuilder::new().schema_type(Type::String))
        .min_items(Some(1))
        .unique_items(true)
        .description(Some(
            "The keys of the file's columns, in order; without it, the type's own.",
        ));
    let export = of_type(Type::Object, "What to export.")
        .property(
            "type",
            text("One of the catalog's types of this kind of parent."),
        )
        .property("format", named("Format"))
        .property("filters", nullable("Filters"))
        .property("search", search)
        .property("columns", columns)
        .property("profile", named("Profile"))
        .property(
            "time_zone",
            text("The IANA name of a time zone.").default(Some(json!("UTC"))),
        )
        .property("user", user)
        .required("type")
        .required("format");
    let parent = of_type(
        Type::Object,
        "What is known of an organization, a project or a source.",
    )
    .property(
        "name",
        text("What people call it.")
            .max_length(Some(200))
            .min_length(Some(1)),
    )
    .property(
        "organization_id",
        or_null(Type::String, "Whom a project or a source belongs to."),
    )
    .required("name");
    let described = of_type(Type::Object, "What is known now.")
        .property("id", named("ParentId"))
        .property("kind", named("ParentKind"))
        .property("name", ObjectBuilder::new().schema_type(Type::String))
        .property(
            "organization_id",
            or_null(Type::String, "Whom it belongs to."),
        );
    let described = ["id", "kind", "name", "organization_id"]
        .into_iter()
        .fold(described, |object, name| object.required(name));
    vec![
        ("NewExport", closed(export).into()),
        // Both are open: a source has more of its own.
        ("ParentDescription", parent.into()),
        ("DescribedParent", described.into()),
        (
            "GatewayMessage",
            object(
                "How the gateway itself answers, before a request comes to the service: 401, and at its own limits 413, 429 and 503.",
                [("message", Object::with_type(Type::String).into())],
            ),
        ),
    ]
}
