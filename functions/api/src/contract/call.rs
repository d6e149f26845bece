//! A builder for the operations of the contract: parameters, answers and errors.

use serde_json::Value;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr, Required};

use super::{SECURITY, problems, schemas};

pub(super) const JSON: &str = "application/json";

/// A builder of one operation.
pub(super) struct Call(OperationBuilder);

impl Call {
    /// An operation that needs a token.
    pub(super) fn new(id: &str, summary: &str, description: &str) -> Self {
        Self::open(id, summary, description).with(|call| {
            call.security(SecurityRequirement::new(SECURITY, [] as [&str; 0]))
                .response("401", Ref::from_response_name(problems::GATEWAY_401))
        })
    }

    /// An operation without authentication.
    pub(super) fn open(id: &str, summary: &str, description: &str) -> Self {
        let none: [SecurityRequirement; 0] = [];
        let call = OperationBuilder::new()
            .securities(Some(none))
            .operation_id(Some(id))
            .summary(Some(summary))
            .description(Some(description));
        Self(call).fails(&[500, 503])
    }

    pub(super) fn with(self, change: impl FnOnce(OperationBuilder) -> OperationBuilder) -> Self {
        Self(change(self.0))
    }

    pub(super) fn takes(self, parameters: Vec<Parameter>) -> Self {
        let add = |call: Self, parameter| call.with(|c| c.parameter(parameter));
        parameters.into_iter().fold(self, add)
    }

    pub(super) fn body(self, schema: &str, example: Value) -> Self {
        let content = ContentBuilder::new()
            .schema(Some(schemas::named(schema)))
            .example(Some(example));
        let body = RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content(JSON, content.build());
        self.with(|call| call.request_body(Some(body.build())))
            .fails(&[400, 413, 415, 422])
    }

    pub(super) fn answers(self, description: &str, schema: &str, example: Value) -> Self {
        let answer = json_answer(description, schema, example);
        self.with(|call| call.response("200", answer))
    }

    /// Adds the problems with these statuses.
    pub(super) fn fails(self, statuses: &[u16]) -> Self {
        let add = |call: Self, status: &u16| {
            let problem = Ref::from_response_name(problems::name(*status));
            call.with(|c| c.response(status.to_string(), problem))
        };
        statuses.iter().fold(self, add)
    }

    pub(super) fn build(self) -> Operation {
        self.0.build()
    }
}

pub(super) fn json_answer(description: &str, schema: &str, example: Value) -> ResponseBuilder {
    let content = ContentBuilder::new()
        .schema(Some(schemas::named(schema)))
        .example(Some(example));
    ResponseBuilder::new()
        .description(description)
        .content(JSON, content.build())
}

pub(super) fn header(description: &str) -> utoipa::openapi::header::Header {
    HeaderBuilder::new().description(Some(description)).build()
}

pub(super) fn parameter(
    place: ParameterIn,
    name: &str,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
) -> Parameter {
    let required = match place {
        ParameterIn::Path => Required::True,
        _ => Required::False,
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

pub(super) fn query(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Query, name, description, schema)
}

pub(super) fn repeatable(
    name: &str,
    description: &str,
    items: impl Into<RefOr<Schema>>,
) -> Parameter {
    query(name, description, ArrayBuilder::new().items(items.into()))
}
