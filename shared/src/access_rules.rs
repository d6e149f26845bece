//! Authorization: grants, the actions that they allow, and the caller that a token identifies.

use crate::export::Export;
use crate::grant_patterns::GrantPatterns;
use crate::parent::Parent;
use crate::parent::{ParentKinds, StoredKinds};
use crate::parent_profile::ParentProfile;
use crate::person::Person;

/// One action on a parent or its exports. A grant of the token allows it, or the host's grants function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Request an export.
    Create,
    /// List exports; a root's list includes those of all parents that belong to it.
    List,
    /// Read one export and its history.
    Read,
    /// List the records that an export would contain.
    ReadRecords,
    /// Download an export's file.
    Download,
    /// Cancel an export that the caller requested or receives.
    Cancel,
    /// Cancel another user's export.
    CancelAny,
    /// Delete the file of an export that the caller requested or receives.
    Delete,
    /// Delete the file of another user's export.
    DeleteAny,
    /// Read the network addresses in an export's history.
    ReadAddresses,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 10] = [
        Self::Create,
        Self::List,
        Self::Read,
        Self::ReadRecords,
        Self::Download,
        Self::Cancel,
        Self::CancelAny,
        Self::Delete,
        Self::DeleteAny,
        Self::ReadAddresses,
    ];

    /// The action's name in a question to the host's grants function.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::List => "list",
            Self::Read => "read",
            Self::ReadRecords => "read_records",
            Self::Download => "download",
            Self::Cancel => "cancel",
            Self::CancelAny => "cancel_any",
            Self::Delete => "delete",
            Self::DeleteAny => "delete_any",
            Self::ReadAddresses => "read_addresses",
        }
    }

    /// Whether the action is decided anew each time, and never by an answer that was kept: what it does cannot be undone.
    pub fn is_decided_anew(self) -> bool {
        matches!(self, Self::Download | Self::Delete | Self::DeleteAny)
    }

    /// Whether the grant `staff` allows the action everywhere. Staff read and cancel exports; they never read records,
    /// nor download or delete files.
    fn staff_may(self) -> bool {
        match self {
            Self::List | Self::Read | Self::Cancel | Self::CancelAny | Self::ReadAddresses => true,
            Self::Create | Self::ReadRecords | Self::Download | Self::Delete | Self::DeleteAny => {
                false
            }
        }
    }

    /// Whether the action needs a grant for the root; one for the parent itself is not enough.
    fn needs_root(self) -> bool {
        match self {
            Self::CancelAny | Self::DeleteAny | Self::ReadAddresses => true,
            Self::Create
            | Self::List
            | Self::Read
            | Self::ReadRecords
            | Self::Download
            | Self::Cancel
            | Self::Delete => false,
        }
    }
}

/// The target of an action: a parent, and the root that it belongs to, such as a project and its organization. For an
/// export, both come from the export itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The parent.
    pub parent: &'a Parent,
    /// The id of the root, if any. For a root, its own id.
    pub root_id: Option<&'a str>,
    /// The kinds of both.
    pub kinds: &'a StoredKinds,
}

impl<'a> From<&'a Export> for Scope<'a> {
    fn from(export: &'a Export) -> Self {
        Self {
            parent: &export.parent,
            root_id: export.root_id.as_deref(),
            kinds: &export.kinds,
        }
    }
}

impl<'a> From<&'a ParentProfile> for Scope<'a> {
    fn from(profile: &'a ParentProfile) -> Self {
        Self {
            parent: &profile.parent,
            root_id: profile.root_id.as_deref(),
            kinds: &profile.kinds,
        }
    }
}

/// One grant of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Grant {
    /// All actions on this parent, except those that need a grant for the root. A grant for a root allows all actions on it
    /// and on all parents that belong to it.
    Parent(Parent),
    /// List, read and cancel all exports, and `PUT` parents; never records or files.
    Staff,
    /// A backend of the host, which may set the user that receives an export.
    Service,
}

impl Grant {
    /// Parses one word of a claim. `None` for words that are not Waybill's.
    pub fn parse(word: &str, kinds: &ParentKinds) -> Option<Self> {
        match word {
            "staff" => return Some(Self::Staff),
            "service" => return Some(Self::Service),
            _ => {}
        }
        let (kind, id) = word.split_once(':')?;
        kinds.get(kind)?.parent(id).ok().map(Self::Parent)
    }
}

/// The grants of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    named: Vec<Grant>,
    /// Those of an API key, which names parents by patterns.
    patterns: GrantPatterns,
}

impl Grants {
    /// Parses grants separated by spaces, as in OAuth's `scope` (RFC 6749, section 3.3). API Gateway writes a claim
    /// that is a list as `[a b]`, which is accepted too.
    pub fn parse(claim: &str, kinds: &ParentKinds) -> Self {
        let words = claim.trim();
        let words = words
            .strip_prefix('[')
            .and_then(|w| w.strip_suffix(']'))
            .unwrap_or(words);
        Self::of_words(words.split_whitespace(), kinds)
    }

    /// The grants that these words are. A word with a space in it is none.
    pub fn of_words<'a>(words: impl Iterator<Item = &'a str>, kinds: &ParentKinds) -> Self {
        let grants = words.filter_map(|word| Grant::parse(word, kinds));
        Self {
            named: grants.collect(),
            patterns: GrantPatterns::default(),
        }
    }

    /// The grants of an API key: what its patterns allow, and `staff` and `service` if they name these.
    pub fn of_patterns(patterns: &GrantPatterns) -> Self {
        let named = [("staff", Grant::Staff), ("service", Grant::Service)].into_iter();
        let named = named.filter(|(word, _)| patterns.allow(word));
        Self {
            named: named.map(|(_, grant)| grant).collect(),
            patterns: patterns.clone(),
        }
    }

    /// Whether the token has `grant`.
    pub fn has(&self, grant: &Grant) -> bool {
        self.named.contains(grant)
    }

    /// The parents that the token has grants for.
    pub fn parents(&self) -> impl Iterator<Item = &Parent> {
        self.named.iter().filter_map(|grant| match grant {
            Grant::Parent(parent) => Some(parent),
            Grant::Staff | Grant::Service => None,
        })
    }

    /// Whether the grant `staff` is present and allows the action everywhere.
    pub fn allow_everywhere(&self, action: Action) -> bool {
        action.staff_may() && self.has(&Grant::Staff)
    }

    /// Whether a grant for a parent allows the action on `scope`.
    pub fn allow_within(&self, action: Action, scope: Scope<'_>) -> bool {
        let is_named = self.named.iter().any(|grant| match grant {
            Grant::Parent(granted) => {
                let is_admin =
                    *granted.kind() == scope.kinds.root && Some(granted.id()) == scope.root_id;
                is_admin || (granted == scope.parent && !action.needs_root())
            }
            Grant::Staff | Grant::Service => false,
        });
        is_named || self.patterns_allow(action, scope)
    }

    fn patterns_allow(&self, action: Action, scope: Scope<'_>) -> bool {
        let allow = |kind: &str, id: &str| self.patterns.allow(&format!("{kind}:{id}"));
        let parent = scope.parent;
        let is_admin = scope
            .root_id
            .is_some_and(|id| allow(scope.kinds.root.as_str(), id));
        is_admin || (!action.needs_root() && allow(parent.kind().as_str(), parent.id()))
    }
}

/// What a caller has shown, and so what the grants are worth beside the host's grants function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A token of an issuer. Where the host has a grants function, that decides instead of the grants.
    Token,
    /// A session that a backend asked for. Both the grants, which are those of its key at most, and the function must allow.
    Session,
    /// An API key. Its grants decide, since the function knows persons only.
    ApiKey,
}

/// The authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's `sub`.
    pub sub: String,
    /// The token's issuer, its `iss`.
    pub issuer: String,
    /// Whether that is the deployment's own issuer, of which are the persons that were stored without one.
    pub is_of_own_issuer: bool,
    /// The person's name, from the claim that the deployment configures.
    pub name: Option<String>,
    /// The person's email address, from the configured claim.
    pub email: Option<String>,
    /// Whether the configured claim says that the email address is verified; false without the claim.
    pub email_verified: bool,
    /// The token's grants.
    pub grants: Grants,
    /// What the caller has shown.
    pub credential: Credential,
}

impl Caller {
    /// Who the caller is.
    pub fn person(&self) -> Person<'_> {
        Person {
            issuer: Some(&self.issuer),
            id: &self.sub,
        }
    }

    fn is(&self, stored: Person<'_>) -> bool {
        let is_same_issuer = stored
            .issuer
            .map_or(self.is_of_own_issuer, |issuer| issuer == self.issuer);
        is_same_issuer && stored.id == self.sub
    }

    /// The action that canceling `export` is for this caller: `Cancel` where they requested or receive it, else
    /// `CancelAny`.
    pub fn cancel_action(&self, export: &Export) -> Action {
        match self.has(export) {
            true => Action::Cancel,
            false => Action::CancelAny,
        }
    }

    /// The action that deleting the file of `export` is for this caller: `Delete` where they requested or receive it, else
    /// `DeleteAny`.
    pub fn delete_action(&self, export: &Export) -> Action {
        match self.has(export) {
            true => Action::Delete,
            false => Action::DeleteAny,
        }
    }

    /// Whether the caller requested the export or receives it.
    pub fn has(&self, export: &Export) -> bool {
        self.is(export.user.person()) || self.is(export.requester())
    }

    /// Whether the caller may `PUT` parents.
    pub fn may_put_parents(&self) -> bool {
        self.grants.has(&Grant::Staff)
    }

    /// Whether the caller may set the user that receives an export.
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
            built_in("openid project:42  staff"),
            built_in("[openid project:42 staff]"),
        ];
        for grants in both {
            assert_eq!(
                grants.named,
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
            assert_eq!(built_in(nothing), Grants::default(), "{nothing:?}");
        }
    }

    #[test]
    fn the_patterns_of_a_key_allow_parents() {
        let project = parent("project#42");
        let allow = |patterns: &str, action| {
            let scope = Scope {
                parent: &project,
                root_id: Some("acme"),
                kinds: &StoredKinds::default(),
            };
            let grants = Grants::of_patterns(&GrantPatterns::parse(patterns));
            grants.allow_everywhere(action) || grants.allow_within(action, scope)
        };
        for patterns in ["*", "project:*", "project:42", "organization:*"] {
            assert!(allow(patterns, Action::Create), "{patterns}");
        }
        for patterns in ["", "service", "project:43", "organization:other"] {
            assert!(!allow(patterns, Action::List), "{patterns}");
        }
        assert!(allow("organization:acme", Action::CancelAny));
        assert!(!allow("project:*", Action::CancelAny));
    }

    fn built_in(claim: &str) -> Grants {
        Grants::parse(claim, &ParentKinds::default())
    }

    /// The actions that `grants` allow on a parent of an organization; `*` marks those allowed everywhere.
    fn allowed(grants: &str, of: &str, root_id: Option<&str>) -> String {
        let grants = built_in(grants);
        let of = parent(of);
        let scope = Scope {
            parent: &of,
            root_id,
            kinds: &StoredKinds::default(),
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
        const ALL: &str = "create list read read_records download cancel cancel_any delete delete_any read_addresses";
        const OWN: &str = "create list read read_records download cancel delete";
        const STAFF: &str = "*list *read *cancel *cancel_any *read_addresses";
        let acme = Some("acme");
        for (grants, of, root_id, actions) in [
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
            // A source with the organization's id is not the organization.
            ("organization:acme", "source#acme", None, ""),
            ("project:42", "organization#acme", acme, ""),
            ("staff", "project#42", acme, STAFF),
            ("service", "project#42", acme, ""),
            ("service project:42", "project#42", acme, OWN),
            ("", "project#42", acme, ""),
        ] {
            assert_eq!(
                allowed(grants, of, root_id),
                actions,
                "{grants:?} for {of} of {root_id:?}"
            );
        }
        let both = allowed("staff project:42", "project#42", acme);
        assert_eq!(
            both,
            "create *list *read read_records download *cancel *cancel_any delete *read_addresses"
        );
    }
}
