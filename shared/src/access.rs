//! Who may do what: grants, and the person or program that a token speaks for.

use crate::export::Export;
use crate::parent::{Parent, ParentKind};

/// One thing that a token lets its bearer do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Grant {
    /// Everything for this parent; for an organization also for its projects and sources.
    Parent(Parent),
    /// What the exports are, cancel, and `PUT` of parents, everywhere; never records or files.
    Staff,
    /// A host's backend, which may name the user that an export is for.
    Service,
}

impl Grant {
    /// The grant that a word says, if it says one; other words are none of Waybill's business.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "staff" => return Some(Self::Staff),
            "service" => return Some(Self::Service),
            _ => {}
        }
        let (kind, id) = word.split_once(':')?;
        let kind = ParentKind::ALL.into_iter().find(|k| k.as_str() == kind)?;
        Parent::new(kind, id).ok().map(Self::Parent)
    }
}

/// The grants of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

impl Grants {
    /// Grants as words separated by spaces, as in OAuth's `scope` (RFC 6749, 3.3); API Gateway hands a claim
    /// that is a list on as `[a b]`, which is understood too.
    pub fn parse(claim: &str) -> Self {
        let words = claim.trim();
        let words = words
            .strip_prefix('[')
            .and_then(|w| w.strip_suffix(']'))
            .unwrap_or(words);
        Self(words.split_whitespace().filter_map(Grant::parse).collect())
    }

    /// Whether `grant` is among them.
    pub fn has(&self, grant: &Grant) -> bool {
        self.0.contains(grant)
    }

    /// The parents that are named in them.
    pub fn parents(&self) -> impl Iterator<Item = &Parent> {
        self.0.iter().filter_map(|grant| match grant {
            Grant::Parent(parent) => Some(parent),
            Grant::Staff | Grant::Service => None,
        })
    }

    /// Whether they let their bearer in to `parent`, which belongs to `organization_id`.
    pub fn reach(&self, parent: &Parent, organization_id: Option<&str>) -> bool {
        self.0.iter().any(|grant| match grant {
            Grant::Parent(granted) => {
                granted == parent
                    || granted
                        .id_as(ParentKind::Organization)
                        .is_some_and(|id| Some(id) == organization_id)
            }
            Grant::Staff | Grant::Service => false,
        })
    }
}

/// Whoever a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's `sub`.
    pub sub: String,
    /// The person's name, from the claim that a parameter names.
    pub name: Option<String>,
    /// The person's address, likewise.
    pub email: Option<String>,
    /// What the token lets them do.
    pub grants: Grants,
}

/// What a caller may know of an export and do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Whether they may know that it is there; where not, every answer is 404.
    pub see: bool,
    /// Whether they may take the file.
    pub download: bool,
    /// Whether they may stop it.
    pub cancel: bool,
    /// Whether its history shows them addresses.
    pub addresses: bool,
}

impl Caller {
    /// What they may do with `export`, by the organization, project and source written in it.
    pub fn access(&self, export: &Export) -> Access {
        let staff = self.grants.has(&Grant::Staff);
        let reach = self
            .grants
            .reach(&export.parent, export.organization_id.as_deref());
        let admin = export
            .organization_id
            .as_deref()
            .is_some_and(|id| self.administers(id));
        let own = export.user.id == self.sub || export.requested_by == self.sub;
        Access {
            see: reach || staff,
            download: reach,
            cancel: staff || admin || (reach && own),
            addresses: staff || admin,
        }
    }

    /// Whether they may create and list exports of `parent`, which belongs to `organization_id`.
    pub fn may_export(&self, parent: &Parent, organization_id: Option<&str>) -> bool {
        self.grants.reach(parent, organization_id)
    }

    /// Whether they may know what the exports of `parent` are.
    pub fn may_list(&self, parent: &Parent, organization_id: Option<&str>) -> bool {
        self.grants.has(&Grant::Staff) || self.may_export(parent, organization_id)
    }

    /// Whether they may describe parents.
    pub fn may_describe(&self) -> bool {
        self.grants.has(&Grant::Staff)
    }

    /// Whether they may name the user that an export is for.
    pub fn may_name_user(&self) -> bool {
        self.grants.has(&Grant::Service)
    }

    fn administers(&self, organization_id: &str) -> bool {
        Parent::new(ParentKind::Organization, organization_id)
            .is_ok_and(|organization| self.grants.has(&Grant::Parent(organization)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent(text: &str) -> Parent {
        text.parse().unwrap()
    }

    #[test]
    fn a_claim_is_words_or_a_list_and_unknown_words_grant_nothing() {
        let both = [
            Grants::parse("openid project:42  staff"),
            Grants::parse("[openid project:42 staff]"),
        ];
        for grants in both {
            assert_eq!(
                grants.0,
                [Grant::Parent(parent("project#42")), Grant::Staff]
            );
        }
        for nothing in [
            "",
            "[]",
            "project:",
            "project:0",
            "project:x",
            "team:1",
            "Staff",
            "project:42,staff",
        ] {
            assert_eq!(Grants::parse(nothing), Grants::default(), "{nothing:?}");
        }
    }

    #[test]
    fn an_organization_reaches_its_projects_and_no_others() {
        let grants = Grants::parse("organization:acme");
        assert!(grants.reach(&parent("project#42"), Some("acme")));
        assert!(!grants.reach(&parent("project#42"), Some("other")));
        assert!(!grants.reach(&parent("project#42"), None));
        assert!(grants.reach(&parent("organization#acme"), Some("acme")));
        assert!(!Grants::parse("staff service").reach(&parent("project#42"), Some("acme")));
    }
}
