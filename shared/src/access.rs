//! Who may do what: grants, the actions that they allow, and the person or program that a token speaks for.

use crate::catalog::ParentKind;
use crate::export::Export;
use crate::parent::{Parent, ParentProfile};

/// One thing to do about a parent and its exports. Grants allow it, or a host's function that is asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start an export.
    Create,
    /// See which exports there are; an organization's list holds those of its projects and sources.
    List,
    /// See one export and its history.
    Read,
    /// See the records that an export would hold.
    ReadRecords,
    /// Take an export's file.
    Download,
    /// Stop an export that one has asked for, or that is for oneself.
    Cancel,
    /// Stop an export of somebody else's.
    CancelAny,
    /// See from which addresses people did what a history tells.
    ReadAddresses,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::List,
        Self::Read,
        Self::ReadRecords,
        Self::Download,
        Self::Cancel,
        Self::CancelAny,
        Self::ReadAddresses,
    ];

    /// The word for it in what a host's function is asked.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::List => "list",
            Self::Read => "read",
            Self::ReadRecords => "read_records",
            Self::Download => "download",
            Self::Cancel => "cancel",
            Self::CancelAny => "cancel_any",
            Self::ReadAddresses => "read_addresses",
        }
    }

    /// Whether `staff` do it everywhere: they see what exports are, and stop them, but reach no records and no files.
    fn is_of_staff(self) -> bool {
        match self {
            Self::List | Self::Read | Self::Cancel | Self::CancelAny | Self::ReadAddresses => true,
            Self::Create | Self::ReadRecords | Self::Download => false,
        }
    }

    /// Whether a grant for the project or source does not do, but only one for its organization.
    fn is_of_admins(self) -> bool {
        match self {
            Self::CancelAny | Self::ReadAddresses => true,
            Self::Create
            | Self::List
            | Self::Read
            | Self::ReadRecords
            | Self::Download
            | Self::Cancel => false,
        }
    }
}

/// What an action is about: a parent, and the organization that it belongs to. For an export, both as written in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The parent.
    pub parent: &'a Parent,
    /// Its organization, if it has one; an organization's is itself.
    pub organization_id: Option<&'a str>,
}

impl<'a> From<&'a Export> for Scope<'a> {
    fn from(export: &'a Export) -> Self {
        Self {
            parent: &export.parent,
            organization_id: export.organization_id.as_deref(),
        }
    }
}

impl<'a> From<&'a ParentProfile> for Scope<'a> {
    fn from(profile: &'a ParentProfile) -> Self {
        Self {
            parent: &profile.parent,
            organization_id: profile.organization_id.as_deref(),
        }
    }
}

/// One thing that a token lets its bearer do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Grant {
    /// Everything for this parent but what is an organization's admins' alone; for an organization that too, and for
    /// its projects and sources.
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

    /// Whether `staff` among them allows the action, whatever it is about.
    pub fn allow_everywhere(&self, action: Action) -> bool {
        action.is_of_staff() && self.has(&Grant::Staff)
    }

    /// Whether those for parents among them allow the action for `scope`.
    pub fn allow_within(&self, action: Action, scope: Scope<'_>) -> bool {
        self.0.iter().any(|grant| match grant {
            Grant::Parent(granted) => {
                let organization = granted.id_as(ParentKind::Organization);
                let is_admin = organization.is_some() && organization == scope.organization_id;
                is_admin || (granted == scope.parent && !action.is_of_admins())
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
    /// Whether the token says that the address is verified, likewise; a token that says nothing says no.
    pub email_verified: bool,
    /// What the token lets them do.
    pub grants: Grants,
}

impl Caller {
    /// What stopping `export` is for them: an export is the person's who asked for it, and the one's whom it is for.
    pub fn canceling(&self, export: &Export) -> Action {
        if export.user.id == self.sub || export.requested_by == self.sub {
            Action::Cancel
        } else {
            Action::CancelAny
        }
    }

    /// Whether they may describe parents.
    pub fn may_describe(&self) -> bool {
        self.grants.has(&Grant::Staff)
    }

    /// Whether they may name the user that an export is for.
    pub fn may_name_user(&self) -> bool {
        self.grants.has(&Grant::Service)
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

    /// The actions that grants allow for a parent of an organization, `*` for those that they allow everywhere.
    fn allowed(grants: &str, of: &str, organization_id: Option<&str>) -> String {
        let grants = Grants::parse(grants);
        let of = parent(of);
        let scope = Scope {
            parent: &of,
            organization_id,
        };
        let words = Action::ALL.into_iter().filter_map(|action| {
            if grants.allow_everywhere(action) {
                Some(format!("*{}", action.as_str()))
            } else {
                grants
                    .allow_within(action, scope)
                    .then(|| action.as_str().to_owned())
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_grant_allows_what_the_contract_says() {
        const ALL: &str = "create list read read_records download cancel cancel_any read_addresses";
        const OWN: &str = "create list read read_records download cancel";
        const STAFF: &str = "*list *read *cancel *cancel_any *read_addresses";
        let acme = Some("acme");
        for (grants, of, organization_id, actions) in [
            ("project:42", "project#42", acme, OWN),
            ("project:42", "project#42", None, OWN),
            ("project:42", "project#43", acme, ""),
            ("project:42", "source#42", acme, ""),
            ("source:web-leads", "source#web-leads", acme, OWN),
            ("organization:acme", "organization#acme", acme, ALL),
            ("organization:acme", "project#42", acme, ALL),
            ("organization:acme", "source#web-leads", acme, ALL),
            ("organization:acme", "project#42", Some("other"), ""),
            ("organization:acme", "project#42", None, ""),
            // A source that is called as the organization is not the organization.
            ("organization:acme", "source#acme", None, ""),
            ("project:42", "organization#acme", acme, ""),
            ("staff", "project#42", acme, STAFF),
            ("service", "project#42", acme, ""),
            ("service project:42", "project#42", acme, OWN),
            ("", "project#42", acme, ""),
        ] {
            assert_eq!(
                allowed(grants, of, organization_id),
                actions,
                "{grants:?} for {of} of {organization_id:?}"
            );
        }
        let both = allowed("staff project:42", "project#42", acme);
        assert_eq!(
            both,
            "create *list *read read_records download *cancel *cancel_any *read_addresses"
        );
    }
}
