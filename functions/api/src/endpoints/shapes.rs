//! Schemas of JSON that no type has, since its shape depends on the catalog or on the kind of parent.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

/// The pattern of the ids of organizations and sources.
pub(crate) const TEXT_ID: &str = "^[A-Za-z0-9_.-]{1,128}$";

/// The id of a parent of any kind.
pub(crate) struct ParentId;

impl ToSchema for ParentId {
    fn name() -> Cow<'static, str> {
        "ParentId".into()
    }
}

impl PartialSchema for ParentId {
    fn schema() -> RefOr<Schema> {
        let project = of_type(Type::Integer, "A project's.").minimum(Some(1));
        let other = of_type(Type::String, "An organization's or a source's.");
        OneOfBuilder::new()
            .item(project)
            .item(other.pattern(Some(TEXT_ID)))
            .into()
    }
}

/// The filters of an export. Which there are depends on its type.
pub(crate) struct Filters;

impl ToSchema for Filters {
    fn name() -> Cow<'static, str> {
        "Filters".into()
    }
}

impl PartialSchema for Filters {
    fn schema() -> RefOr<Schema> {
        let bound = |description| {
            ObjectBuilder::new()
                .schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
                .description(Some(description))
        };
        let range = of_type(Type::Object, "When the records were created.")
            .property(
                "from",
                bound("Inclusive: an instant, a date, or how long ago (`-30d`, `-12h`)."),
            )
            .property("to", bound("Exclusive: likewise."))
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        let attributes = of_type(
            Type::Object,
            "By attribute: `true` where it must be there, else one value or a list of which it must be one.",
        );
        let one = SchemaType::from_iter([Type::String, Type::Number, Type::Boolean, Type::Null]);
        let values = OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(one))
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
}

fn of_type(kind: Type, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(kind)
        .description(Some(description))
}
