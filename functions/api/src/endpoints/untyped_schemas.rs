//! Schemas of JSON without a Rust type, since its form depends on the catalog or on the kind of parent.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

/// The id of a parent of any kind. The contract replaces this schema by that of a deployment's kinds.
pub(crate) struct ParentId;

impl ToSchema for ParentId {
    fn name() -> Cow<'static, str> {
        "ParentId".into()
    }
}

impl PartialSchema for ParentId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().into()
    }
}

/// The name of a kind of parents. The contract replaces this schema by that of a deployment's kinds.
pub(crate) struct ParentKindName;

impl ToSchema for ParentKindName {
    fn name() -> Cow<'static, str> {
        "ParentKind".into()
    }
}

impl PartialSchema for ParentKindName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().into()
    }
}

/// The filters of an export, which depend on its type.
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
        let range = typed(Type::Object, "The range of the records' creation times.")
            .property(
                "from",
                bound("Inclusive: an instant, a date, or a time ago (`-30d`, `-12h`)."),
            )
            .property("to", bound("Exclusive: in the same forms."))
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        let one = SchemaType::from_iter([Type::String, Type::Number, Type::Boolean, Type::Null]);
        let values = || {
            OneOfBuilder::new()
                .item(ObjectBuilder::new().schema_type(one.clone()))
                .item(ArrayBuilder::new().min_items(Some(1)))
        };
        let attributes = typed(
            Type::Object,
            "By attribute: `true` for records that have it, else one value or a list of accepted values.",
        )
        .additional_properties(Some(RefOr::T(Schema::from(values()))));
        // Objects are among the values, since a generated TypeScript client has `created_at` and `attributes` among them.
        let object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)));
        let values = values().item(object);
        typed(
            Type::Object,
            "Filters on the records, all of which must match. The catalog lists the filters of a type.",
        )
        .property("created_at", range)
        .property("attributes", attributes)
        .additional_properties(Some(RefOr::T(Schema::from(values))))
        .into()
    }
}

fn typed(kind: Type, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(kind)
        .description(Some(description))
}
