//! `GET /v1/catalog`: what the requester may use. `GET /v1/{organizations|projects|sources}/{id}/catalog`: what can be
//! exported of one parent.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waybill::access::{Action, Grant, Grants, Scope};
use waybill::catalog::{Column, Delivery, ExportType, ParentKind};
use waybill::file::Format;
use waybill::parent::{NamedParent, Parent};
use waybill::value::Kind;

use super::access;
use super::shapes::ParentId;
use super::unreadable;
use crate::app::App;
use crate::http::answer;
use crate::http::caller::Requester;
use crate::http::error::ApiError;
use crate::http::path::PathParent;
use crate::http::query::{ListParameters, Pairs};

/// What a cursor of this list is bound to. It lets nobody in: grants are looked at anew for each page.
const SCOPE: &str = "/v1/catalog";
/// How many projects and sources of an organization are read at a time.
const BATCH: usize = 100;

/// What a token may use.
#[derive(Serialize, ToSchema)]
#[schema(as = Catalog)]
pub(crate) struct CatalogView<'a> {
    types: Vec<TypeView<'a>>,
    /// The parents that the token has grants for, and the projects and sources of its organizations; or the one asked for.
    parents: Vec<ParentView>,
    /// The cursor of the next page of parents; null at the end.
    next: Option<String>,
    /// How many parents of this page cannot be read, and are left out; only where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<usize>,
}

/// Something that can be exported.
#[derive(Serialize, ToSchema)]
#[schema(as = Type)]
struct TypeView<'a> {
    /// As requests name it.
    name: &'a str,
    /// For people.
    label: &'a str,
    parent: ParentKind,
    #[schema(value_type = Vec<Format>)]
    formats: [Format; 2],
    delivery: Delivery,
    columns: Vec<ColumnView<'a>>,
    /// What can be filtered.
    filters: &'a [String],
    /// The keys of the columns that a search looks into.
    search: &'a [String],
}

/// One column of a file.
#[derive(Serialize, ToSchema)]
#[schema(as = Column)]
struct ColumnView<'a> {
    /// Its header, and its name in requests.
    key: &'a str,
    /// For people.
    label: &'a str,
    kind: Kind,
    /// What it can be; empty where that is open.
    values: &'a [String],
    /// Whether a file has it whose request names no columns.
    default: bool,
}

/// An organization, a project or a source.
#[derive(Serialize, ToSchema)]
#[schema(as = Parent)]
struct ParentView {
    kind: ParentKind,
    #[schema(value_type = ParentId)]
    id: serde_json::Value,
    name: String,
}

/// The last parent of a page.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Position {
    /// One that a grant names.
    Granted(Parent),
    /// One that belongs to the first, an organization that a grant names.
    Within(Parent, Parent),
}

/// Parents that a grant names, then the projects and sources of each organization among them.
struct ParentPage {
    parents: Vec<NamedParent>,
    limit: usize,
    /// Of the last of the parents.
    last: Option<Position>,
    /// Whether there are others after it.
    more: bool,
    /// How many others cannot be read.
    unreadable: usize,
}

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    requester: Requester,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let grants = &requester.caller.grants;
    let asked = ListParameters::plain(&pairs).map_err(ApiError::Invalid)?;
    let position = match &asked.cursor {
        Some(cursor) => Some(position(&app, cursor).await?),
        None => None,
    };
    let page = parents(&app, grants, position, asked.limit).await?;
    let unreadable = page.unreadable;
    unreadable::report("parents", unreadable);
    let next = match page.last.filter(|_| page.more) {
        Some(position) => {
            let position = serde_json::to_string(&position);
            let position = position.map_err(|error| ApiError::Internal(error.into()))?;
            Some(app.cursors().await?.sign(SCOPE, &position)?)
        }
        None => None,
    };
    let mut parents = Vec::with_capacity(page.parents.len());
    for named in page.parents {
        let scope = Scope {
            parent: &named.parent,
            organization_id: named.organization_id.as_deref(),
        };
        // A host's function may know better than the token.
        if app
            .permissions
            .allow(&requester, Action::List, scope)
            .await?
        {
            parents.push(ParentView::new(named));
        }
    }
    let types = app.catalog.types().iter();
    let is_shown = |export_type: &&ExportType| {
        app.permissions.are_the_hosts() || is_of_use(export_type, grants)
    };
    let catalog = CatalogView {
        types: types.filter(is_shown).map(TypeView::new).collect(),
        parents,
        next,
        unreadable: unreadable::counted(unreadable),
    };
    answer::json(StatusCode::OK, &catalog)
}

/// The columns of a source's own definitions are those of its next export.
pub(crate) async fn of_parent(
    State(app): State<Arc<App>>,
    requester: Requester,
    PathParent(parent): PathParent,
) -> Result<Response, ApiError> {
    let profile = access::parent(&app, &requester, &parent).await?;
    let types = app.catalog.types().iter();
    let types: Vec<ExportType> = types
        .filter(|export_type| export_type.parent == parent.kind())
        .map(|export_type| export_type.of(&profile.definitions, parent.id()))
        .collect();
    let catalog = CatalogView {
        types: types.iter().map(TypeView::new).collect(),
        parents: vec![ParentView::new(profile.into())],
        next: None,
        unreadable: None,
    };
    answer::json(StatusCode::OK, &catalog)
}

/// Whether somebody with these grants may have to do with exports of this type: of their own parents, of an
/// organization's projects and sources, or, as staff, of all. Where a host's function decides, anybody may.
fn is_of_use(export_type: &ExportType, grants: &Grants) -> bool {
    grants.has(&Grant::Staff)
        || grants.parents().any(|granted| {
            granted.kind() == export_type.parent || granted.kind() == ParentKind::Organization
        })
}

async fn position(app: &App, cursor: &str) -> Result<Position, ApiError> {
    let position = app.cursors().await?.open(SCOPE, cursor)?;
    serde_json::from_str(&position).map_err(|error| ApiError::Internal(error.into()))
}

async fn parents(
    app: &App,
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
        None => page.add_granted(app, granted.iter().copied()).await?,
        Some(Position::Granted(last)) => {
            let rest = granted.iter().copied().filter(|parent| **parent > last);
            page.add_granted(app, rest).await?;
        }
        Some(Position::Within(organization, last)) => {
            (from, member) = (Some(organization), Some(last));
        }
    }
    let is_left = |parent: &&Parent| from.as_ref().is_none_or(|from| *parent >= from);
    for organization in granted.iter().copied().filter(is_left) {
        if page.more {
            break;
        }
        if organization.kind() == ParentKind::Organization {
            let after = member
                .take()
                .filter(|_| from.as_ref() == Some(organization));
            page.add_members(app, organization, after, &granted).await?;
        }
    }
    Ok(page)
}

impl ParentPage {
    async fn add_granted(
        &mut self,
        app: &App,
        granted: impl Iterator<Item = &Parent>,
    ) -> Result<(), ApiError> {
        let mut parents: Vec<Parent> = granted.take(self.limit + 1).cloned().collect();
        self.more = parents.len() > self.limit;
        parents.truncate(self.limit);
        let (profiles, unreadable) = app.parents.all(&parents).await?;
        self.unreadable += unreadable;
        self.parents = profiles.into_iter().map(NamedParent::from).collect();
        if let Some(last) = parents.pop() {
            self.last = Some(Position::Granted(last));
        }
        Ok(())
    }

    /// Adds the projects and sources of an organization, past `after`, that no grant names by themselves.
    async fn add_members(
        &mut self,
        app: &App,
        organization: &Parent,
        after: Option<Parent>,
        granted: &BTreeSet<&Parent>,
    ) -> Result<(), ApiError> {
        let mut after = after.map(|parent| parent.to_string());
        loop {
            let id = organization.id();
            let members = app
                .parents
                .of_organization(id, after.as_deref(), BATCH)
                .await?;
            let is_last = members.len() < BATCH;
            for (text, member) in members {
                after = Some(text);
                let Some(member) = member else {
                    self.unreadable += 1;
                    continue;
                };
                let is_new = member.parent.kind() != ParentKind::Organization
                    && !granted.contains(&member.parent);
                if !is_new {
                    continue;
                }
                if self.parents.len() == self.limit {
                    self.more = true;
                    return Ok(());
                }
                let position = Position::Within(organization.clone(), member.parent.clone());
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
            parent: export_type.parent,
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
            default: column.default,
        }
    }
}

impl ParentView {
    fn new(named: NamedParent) -> Self {
        Self {
            kind: named.parent.kind(),
            id: named.parent.id_in_json(),
            name: named.name,
        }
    }
}
