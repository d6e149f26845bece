//! The operations of the contract, which the routes refer to.

use http::StatusCode;
use serde_json::json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::ObjectBuilder;
use waybill::parent::{ParentKind, ParentKinds};

use super::call::{Call, JSON, header, json_answer, parameter, query, repeatable, text};
use super::examples;
use super::kinds::{self, OfKind};
use super::parameters::{
    export_id, if_none_match, of_exports, of_records, page, parent_id, selection,
};

/// `createProjectExport` for `create`, a project and `Export`.
fn operation_id(verb: &str, kind: &ParentKind, what: &str) -> String {
    let words = kind.name.as_str().split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    format!("{verb}{}{what}", words.collect::<String>())
}

pub(crate) fn contract() -> Operation {
    let unchanged = ResponseBuilder::new().description("The client's copy is current.");
    let document = ContentBuilder::new().schema(Some(ObjectBuilder::new()));
    let answer = ResponseBuilder::new()
        .description("This document.")
        .content(JSON, document.build());
    Call::open(
        "readContract",
        "Read this contract",
        "OpenAPI 3.1, open to all.",
    )
    .takes(vec![if_none_match()])
    .with(|call| call.response("200", answer).response("304", unchanged))
    .build()
}

pub(crate) fn catalog(kinds: &ParentKinds) -> Operation {
    Call::new(
        "readCatalog",
        "Read the catalog",
        "The types and parents that the token may use.",
    )
    .takes(page())
    .answers(
        "Types, and a page of parents.",
        "Catalog",
        examples::parent_catalog(OfKind::example(kinds)),
    )
    .fails(&[422])
    .build()
}

pub(crate) fn parent_catalog(of: OfKind<'_>) -> Operation {
    let kind = of.kind;
    let words = kind.name.words();
    let description = match kind.custom {
        true => format!("The types of the {words}, with the columns of its definitions."),
        false => "The types of this kind of parent.".to_owned(),
    };
    Call::new(
        &operation_id("read", kind, "Catalog"),
        &format!("Read the catalog of the {words}"),
        &description,
    )
    .takes(vec![parent_id(kind)])
    .answers(
        "The types, and the parent itself.",
        "Catalog",
        examples::parent_catalog(of),
    )
    .fails(&[404])
    .build()
}

pub(crate) fn create(of: OfKind<'_>) -> Operation {
    let kind = of.kind;
    let description = "The file is built in the background; the user gets a mail when it is ready. With an \
        `Idempotency-Key`, repeating the request within 24 hours returns the current state of the same export.";
    let key = text().min_length(Some(1)).max_length(Some(255));
    let key = parameter(
        ParameterIn::Header,
        "Idempotency-Key",
        "1 to 255 visible ASCII characters; scoped to the person and the path.",
        key,
    );
    let created = json_answer(
        "The new export, with the status `waiting`.",
        "Export",
        examples::waiting(of),
    )
    .header("Location", header("The URL of the export."))
    .header(
        "Idempotency-Replayed",
        header("`true` if the export was created by an earlier request with the same key."),
    );
    Call::new(
        &operation_id("create", kind, "Export"),
        "Request an export",
        description,
    )
    .takes(vec![parent_id(kind), key])
    .body("NewExport", examples::request(of))
    .with(|call| call.response("201", created))
    .fails(&[403, 404, 429])
    .build()
}

pub(crate) fn list(of: OfKind<'_>) -> Operation {
    let kind = of.kind;
    let others = of.kinds.iter().filter(|kind| !kind.is_root);
    let others: Vec<&str> = others.map(|kind| kind.plural.as_str()).collect();
    let description = match kind.is_root && !others.is_empty() {
        true => format!(
            "Newest first, including those of its {}.",
            others.join(" and ")
        ),
        false => "Newest first.".to_owned(),
    };
    let list = json_answer("Exports.", "ExportList", examples::exports(of))
        .header("ETag", header("The version of this answer."));
    let unchanged = ResponseBuilder::new().description("The client's copy is current.");
    let mut parameters = vec![parent_id(kind)];
    parameters.extend(page());
    parameters.extend(of_exports());
    parameters.push(if_none_match());
    Call::new(
        &operation_id("list", kind, "Exports"),
        "List exports",
        &description,
    )
    .takes(parameters)
    .with(|call| call.response("200", list).response("304", unchanged))
    .fails(&[404, 422])
    .build()
}

pub(crate) fn summarize(of: OfKind<'_>) -> Operation {
    let kind = of.kind;
    let bound =
        "An instant, a date, or a time ago (`-30d`, `-12h`); whole days in UTC, at most 92.";
    Call::new(
        &operation_id("summarize", kind, "Exports"),
        "Summarize exports",
        "Totals of exports and downloads by day and by person.",
    )
    .takes(vec![
        parent_id(kind),
        query(
            "from",
            &format!("Inclusive; 30 days before `to` by default. {bound}"),
            text(),
        ),
        query(
            "to",
            &format!("Exclusive; the end of today by default. {bound}"),
            text(),
        ),
    ])
    .answers("The totals.", "Summary", examples::summary())
    .fails(&[404, 422])
    .build()
}

pub(crate) fn records(of: OfKind<'_>) -> Operation {
    let kind = of.kind;
    let description = "The records that an export with the same filters and search would contain, newest first. A call ends at \
        `limit`, 5 MB examined or 2 s: a page may be short or empty and still have a `next`. Other filters of the type \
        are parameters with their names; `attributes.NAME` is one or several values, or `true` for records that have it.";
    let mut parameters = of_records(kind).to_vec();
    parameters.extend(page());
    let [search, status, from, to, time_zone] = selection();
    let columns = "The keys of the columns to show; by default the type's own.";
    let columns = repeatable("columns", columns, text());
    parameters.extend([search, status, from, to, columns, time_zone]);
    Call::new(
        &operation_id("list", kind, "Records"),
        "List records",
        description,
    )
    .takes(parameters)
    .answers("Records.", "RecordList", examples::records(of))
    .fails(&[403, 404, 409, 422])
    .build()
}

pub(crate) fn count(of: OfKind<'_>) -> Operation {
    let kind = of.kind;
    let description = "How many records an export with the same filters and search would have. Records are counted for 2 s: then \
        `value` is what was found, and `exact` is false. The records of one parent are counted at most 60 times in a minute.";
    let mut parameters = of_records(kind).to_vec();
    parameters.extend(selection());
    Call::new(
        &operation_id("count", kind, "Records"),
        "Count records",
        description,
    )
    .takes(parameters)
    .answers(
        "The number.",
        "Count",
        json!({"value": 1234, "exact": true}),
    )
    .fails(&[403, 404, 409, 422, 429])
    .build()
}

pub(crate) fn describe(of: OfKind<'_>) -> Operation {
    let kind = of.kind;
    let mut whole = json!({"name": examples::parent_name(kind)});
    if !kind.is_root {
        let root = of.kinds.root();
        whole[root.name.id_field()] = kinds::example_id(root);
    }
    let kind_name = kind.name.words();
    Call::new(
        &operation_id("describe", kind, ""),
        &format!("Describe the {kind_name}"),
        "Replaces the description; for staff only.",
    )
    .takes(vec![parent_id(kind)])
    .body("ParentDescription", whole)
    .answers(
        "The new description.",
        "DescribedParent",
        examples::parent(of),
    )
    .fails(&[403, 404])
    .build()
}

pub(crate) fn read(kinds: &ParentKinds) -> Operation {
    Call::new(
        "readExport",
        "Read an export",
        "The current state, with progress.",
    )
    .takes(vec![export_id()])
    .answers(
        "The export.",
        "Export",
        examples::succeeded(OfKind::example(kinds)),
    )
    .fails(&[404])
    .build()
}

pub(crate) fn cancel(kinds: &ParentKinds) -> Operation {
    Call::new(
        "cancelExport",
        "Cancel an export",
        "For an export that is waiting or processing. Canceling again changes nothing.",
    )
    .takes(vec![export_id()])
    .answers(
        "The export, canceled.",
        "Export",
        examples::canceled(OfKind::example(kinds)),
    )
    .fails(&[403, 404, 409])
    .build()
}

pub(crate) fn delete_file(kinds: &ParentKinds) -> Operation {
    Call::new(
        "deleteExportFile",
        "Delete the file of an export",
        "For an export that has succeeded: its link ends at once, and its object is gone within a minute. Deleting again changes \
         nothing.",
    )
    .takes(vec![export_id()])
    .answers(
        "The export, without its file.",
        "Export",
        examples::deleted(OfKind::example(kinds)),
    )
    .fails(&[403, 404, 409])
    .build()
}

pub(crate) fn events() -> Operation {
    let mut parameters = vec![export_id()];
    parameters.extend(page());
    Call::new(
        "listEvents",
        "Read the history of an export",
        "Oldest first. The history outlives the file.",
    )
    .takes(parameters)
    .answers("Events.", "EventList", examples::events())
    .fails(&[404, 422])
    .build()
}

pub(crate) fn download() -> Operation {
    let description = "Checks the permission again, records the download, and returns a URL that needs no token and \
        is valid for five minutes. A program that follows the redirect must not send `Authorization` with it. A HEAD only \
        checks the link: it records nothing, and its answer has no URL.";
    let redirect = ResponseBuilder::new()
        .description("A redirect to the file.")
        .header("Location", header("The URL that needs no token."));
    let uuid = parameter(
        ParameterIn::Path,
        "uuid",
        "The last part of the export's `url`.",
        text(),
    );
    let accept = parameter(
        ParameterIn::Header,
        "Accept",
        "With `application/json` the answer is 200 with the URL in the body.",
        text(),
    );
    Call::new("download", "Download the file", description)
        .takes(vec![uuid, accept])
        .answers("The URL, for a page.", "Link", examples::link())
        .with(|call| call.response(StatusCode::FOUND.as_str(), redirect))
        .fails(&[403, 404, 409, 410])
        .build()
}

pub(crate) fn open_session(kinds: &ParentKinds) -> Operation {
    let description = "For a host's backend, with an API key: a session for a person, whose token the elements send, and a URL \
        that opens the page. The grants of a session are within those of its key, and never `staff` or `service`. Where \
        API Gateway verifies tokens, there are no sessions.";
    let opened = json_answer("The new session.", "NewSession", examples::new_session());
    Call::new("openSession", "Open a session", description)
        .body("SessionRequest", examples::session_request(kinds))
        .with(|call| call.response("201", opened))
        .fails(&[403])
        .build()
}
