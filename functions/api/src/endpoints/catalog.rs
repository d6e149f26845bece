//! `GET /v1/catalog`: the types and parents that the requester may use. `GET
//! /v1/{parents}/{id}/catalog`: the types of one parent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waybill::access_rules::{Action, Grant, Grants, Scope};
use waybill::catalog::{Catalog, Column, Delivery, ExportType};
use waybill::file::Format;
use waybill::parent::{KindName, Parent, ParentKinds};
use waybill::parent_profile::NamedParent;
use waybill::value::Kind;

use super::find_visible;
use super::unreadable;
use super::untyped_schemas::{ParentId, ParentKindName};
use crate::app::App;
use crate::http::answer;
use crate::http::error::ApiError;
use crate::http::path::PathParent;
use crate::http::query::{ListParameters, Pairs};
use crate::requester::Requester;

/// The scope of this list's cursors. A cursor grants nothing: permissions are checked again for each page.
const SCOPE: &str = "/v1/catalog";
/// The number of parents of a root that are read at a time.
const BATCH: usize = 100;

/// The types and parents that a token may use.
#[derive(Serialize, ToSchema)]
#[schema(as = Catalog)]
pub(crate) struct CatalogView<'a> {
    types: Vec<TypeView<'a>>,
    /// The parents that the token has grants for, and those that belong to its roots; or the requested one.
    parents: Vec<ParentView>,
    /// The cursor of the next page of parents; null at the end.
    next: Option<String>,
    /// The number of unreadable parents, which are left out of this page; only if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<usize>,
    /// The names of types that cannot be exported until an operator has mended them; only if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    out_of_service: Vec<&'a str>,
    /// What is wrong with the newest catalog, in words for the operator: why it is not used, and why types are out of
    /// service. For staff alone, and only if there is anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    mistakes: Vec<String>,
    /// Whether the token is one of staff, who are shown how files were made and at what cost; only if it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    staff: bool,
}

/// A type of records that can be exported.
#[derive(Serialize, ToSchema)]
#[schema(as = Type)]
struct TypeView<'a> {
    /// The name in requests.
    name: &'a str,
    /// The name shown to people.
    label: &'a str,
    #[schema(value_type = ParentKindName)]
    parent: &'a KindName,
    #[schema(value_type = Vec<Format>)]
    formats: [Format; 2],
    delivery: Delivery,
    columns: Vec<ColumnView<'a>>,
    /// The names of the filters.
    filters: &'a [String],
    /// The keys of the searched columns.
    search: &'a [String],
}

/// One column of a file.
#[derive(Serialize, ToSchema)]
#[schema(as = Column)]
struct ColumnView<'a> {
    /// The header in the file, and the name in requests.
    key: &'a str,
    /// The name shown to people.
    label: &'a str,
    kind: Kind,
    /// The only values of the column; empty for any value.
    values: &'a [String],
    /// What people see in place of a value, by value; only where the catalog has labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a BTreeMap<String, String>>,
    /// Whether the column is in a file whose request selects no columns.
    default: bool,
}

/// What records belong to.
#[derive(Serialize, ToSchema)]
#[schema(as = Parent)]
struct ParentView {
    #[schema(value_type = ParentKindName)]
    kind: KindName,
    #[schema(value_type = ParentId)]
    id: serde_json::Value,
    name: String,
}

/// The position of a cursor: the last parent of a page.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Position {
    /// A parent with a grant of its own.
    Granted(Parent),
    /// A parent (second) that belongs to a root with a grant (first).
    Within(Parent, Parent),
}

/// The parents with grants of their own, followed by those that belong to each root among them.
struct ParentPage {
    parents: Vec<NamedParent>,
    limit: usize,
    /// The position of the last parent.
    last: Option<Position>,
    /// Whether there are more parents after it.
    more: bool,
    /// The number of unreadable parents.
    unreadable: usize,
}

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    requester: Requester,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let grants = &requester.caller.grants;
    let parameters = ListParameters::parse(&pairs).map_err(ApiError::Invalid)?;
    let position = match &parameters.cursor {
        Some(cursor) => Some(position(&app, cursor).await?),
        None => None,
    };
    let kinds = app.kinds();
    let page = parents(&app, &kinds, grants, position, parameters.limit).await?;
    let unreadable = page.unreadable;
    unreadable::report("parents", unreadable);
    let next = match page.last.filter(|_| page.more) {
        Some(position) => {
            let position = serde_json::to_string(&position);
            let position = position.map_err(|error| ApiError::Internal(error.into()))?;
            Some(app.cursors().await?.seal(SCOPE, &position)?)
        }
        None => None,
    };
    // The host's grants function may allow less than the token.
    let scopes = page.parents.iter().map(|named| Scope {
        parent: &named.parent,
        root_id: named.root_id.as_deref(),
        kinds: &named.kinds,
    });
    let listings: Vec<_> = scopes.map(|scope| (Action::List, scope)).collect();
    let permissions = &app.permissions;
    let allowed = permissions.allow_each(&requester, &listings).await?;
    let parents = page.parents.into_iter().zip(allowed);
    let parents = parents.filter_map(|(named, is_allowed)| is_allowed.then_some(named));
    let parents = parents.map(ParentView::new).collect();
    let current = app.catalog();
    let types = current.types().iter();
    let is_shown = |export_type: &&ExportType| {
        app.permissions.are_by_function() || may_be_usable(export_type, &kinds, grants)
    };
    let catalog = CatalogView {
        types: types.filter(is_shown).map(TypeView::new).collect(),
        parents,
        next,
        unreadable: unreadable::counted(unreadable),
        out_of_service: out_of_service(&current),
        mistakes: app.mistakes_for(grants),
        staff: grants.has(&Grant::Staff),
    };
    answer::json(StatusCode::OK, &catalog)
}

/// The columns include those that are currently defined for the parent.
pub(crate) async fn read_parent(
    State(app): State<Arc<App>>,
    requester: Requester,
    PathParent { parent, kind }: PathParent,
) -> Result<Response, ApiError> {
    let profile = find_visible::parent(&app, &requester, &parent).await?;
    let current = app.catalog();
    let types = current.types().iter();
    let types: Vec<ExportType> = types
        .filter(|export_type| export_type.parent == kind.name)
        .map(|export_type| export_type.with_definitions(&profile.definitions, parent.id()))
        .collect();
    let catalog = CatalogView {
        types: types.iter().map(TypeView::new).collect(),
        parents: vec![ParentView::new(profile.into())],
        next: None,
        unreadable: None,
        out_of_service: out_of_service(&current),
        mistakes: app.mistakes_for(&requester.caller.grants),
        staff: requester.caller.grants.has(&Grant::Staff),
    };
    answer::json(StatusCode::OK, &catalog)
}

fn out_of_service(catalog: &Catalog) -> Vec<&str> {
    let out = catalog.out_of_service().iter();
    out.map(|out| out.name.as_str()).collect()
}

/// Whether these grants may allow exports of this type: for a granted parent, for the parents of a root, or for staff.
fn may_be_usable(export_type: &ExportType, kinds: &ParentKinds, grants: &Grants) -> bool {
    grants.has(&Grant::Staff)
        || grants
            .parents()
            .any(|granted| *granted.kind() == export_type.parent || kinds.is_root(granted.kind()))
}

async fn position(app: &App, cursor: &str) -> Result<Position, ApiError> {
    let position = app.cursors().await?.open(SCOPE, cursor)?;
    serde_json::from_str(&position).map_err(|error| ApiError::Internal(error.into()))
}

async fn parents(
    app: &App,
    kinds: &ParentKinds,
    grants: &Grants,
    after: Option<Position>,
    limit: usize,
) -> Result<ParentPage, ApiError> {
    let granted: BTreeSet<&Parent> = grants.parents().collect();
    let mut page = ParentPage {
        parents: Vec::new(),
        limit,
        last: after.clone(),
        more: false,
        unreadable: 0,
    };
    let (mut from, mut member) = (None, None);
    match after {
        None => {
            page.add_granted(app, kinds, granted.iter().copied())
                .await?
        }
        Some(Position::Granted(last)) => {
            let rest = granted.iter().copied().filter(|parent| **parent > last);
            page.add_granted(app, kinds, rest).await?;
        }
        Some(Position::Within(root, last)) => {
            (from, member) = (Some(root), Some(last));
        }
    }
    let is_left = |parent: &&Parent| from.as_ref().is_none_or(|from| *parent >= from);
    let roots = granted
        .iter()
        .copied()
        .filter(|parent| kinds.is_root(parent.kind()));
    for root in roots.filter(is_left) {
        if page.more {
            break;
        }
        let after = member.take().filter(|_| from.as_ref() == Some(root));
        page.add_members(app, kinds, root, after, &granted).await?;
    }
    Ok(page)
}

impl ParentPage {
    async fn add_granted(
        &mut self,
        app: &App,
        kinds: &ParentKinds,
        granted: impl Iterator<Item = &Parent>,
    ) -> Result<(), ApiError> {
        let mut parents: Vec<Parent> = granted.take(self.limit + 1).cloned().collect();
        self.more = parents.len() > self.limit;
        parents.truncate(self.limit);
        let (profiles, unreadable) = app.parents.all(&parents, kinds).await?;
        self.unreadable += unreadable;
        self.parents = profiles.into_iter().map(NamedParent::from).collect();
        if let Some(last) = parents.pop() {
            self.last = Some(Position::Granted(last));
        }
        Ok(())
    }

    /// Adds the parents that belong to a root, after `after`, and have no grant of their own.
    async fn add_members(
        &mut self,
        app: &App,
        kinds: &ParentKinds,
        root: &Parent,
        after: Option<Parent>,
        granted: &BTreeSet<&Parent>,
    ) -> Result<(), ApiError> {
        let mut after = after.map(|parent| parent.to_string());
        loop {
            let members = app
                .parents
                .of_root(root.id(), kinds, after.as_deref(), BATCH)
                .await?;
            let is_last = members.len() < BATCH;
            for (text, member) in members {
                after = Some(text);
                let Some(member) = member else {
                    self.unreadable += 1;
                    continue;
                };
                let is_new =
                    !kinds.is_root(member.parent.kind()) && !granted.contains(&member.parent);
                if !is_new {
                    continue;
                }
                if self.parents.len() == self.limit {
                    self.more = true;
                    return Ok(());
                }
                let position = Position::Within(root.clone(), member.parent.clone());
                self.last = Some(position);
                self.parents.push(member);
            }
            if is_last {
                return Ok(());
            }
        }
    }
}

impl<'a> TypeView<'a> {
    fn new(export_type: &'a ExportType) -> Self {
        Self {
            name: &export_type.name,
            label: &export_type.label,
            parent: &export_type.parent,
            formats: Format::ALL,
            delivery: export_type.delivery,
            columns: export_type.visible_columns().map(ColumnView::new).collect(),
            filters: &export_type.filters,
            search: &export_type.search,
        }
    }
}

impl<'a> ColumnView<'a> {
    fn new(column: &'a Column) -> Self {
        Self {
            key: &column.key,
            label: &column.label,
            kind: column.kind,
            values: &column.values,
            labels: Some(&column.labels).filter(|labels| !labels.is_empty()),
            default: column.default,
        }
    }
}

impl ParentView {
    fn new(named: NamedParent) -> Self {
        Self {
            kind: named.parent.kind().clone(),
            id: named.kinds.id_in_json(&named.parent),
            name: named.name,
        }
    }
}
