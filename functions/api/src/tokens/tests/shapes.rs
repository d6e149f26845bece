//! Tokens as the issuers of the documents make them: which claims they have, and how.

use super::*;

/// What the parameters say for an issuer, and what a token of it gives.
struct Shape {
    issuer: &'static str,
    algorithm: &'static str,
    audience: &'static str,
    grants: &'static str,
    from_claims: &'static str,
    claims: Value,
    /// The person's name and address, and the grants.
    expected: (
        Option<&'static str>,
        Option<&'static str>,
        &'static [&'static str],
    ),
}

fn shapes() -> Vec<Shape> {
    let usual = Shape {
        issuer: "",
        algorithm: "RS256",
        audience: AUDIENCE,
        grants: "scope",
        from_claims: "",
        claims: Value::Null,
        expected: (None, None, &[]),
    };
    vec![
        Shape {
            issuer: "Cognito, access token",
            audience: "3n4b5urk1ft4fl3mg5e62d9ado",
            grants: "cognito:groups",
            claims: json!({"client_id": "3n4b5urk1ft4fl3mg5e62d9ado", "token_use": "access", "version": 2,
                "scope": "openid email", "username": "ana", "cognito:groups": ["project:42", "editors"]}),
            expected: (None, None, &["project#42"]),
            ..usual
        },
        Shape {
            issuer: "Cognito, ID token",
            audience: "3n4b5urk1ft4fl3mg5e62d9ado",
            from_claims: "organization:{custom:org}",
            claims: json!({"aud": "3n4b5urk1ft4fl3mg5e62d9ado", "token_use": "id", "email": "ana@example.com",
                "email_verified": true, "name": "Ana", "custom:org": "acme"}),
            expected: (Some("Ana"), Some("ana@example.com"), &["organization#acme"]),
            ..usual
        },
        Shape {
            issuer: "Auth0",
            grants: "permissions",
            from_claims: "organization:{org_id} project:{https://acme.example/projects}",
            claims: json!({"aud": [AUDIENCE, "https://acme.eu.auth0.com/userinfo"], "azp": "abc", "scope": "openid",
                "permissions": ["project:7"], "org_id": "org_9", "https://acme.example/projects": [42, "43"]}),
            expected: (
                None,
                None,
                &[
                    "project#7",
                    "organization#org_9",
                    "project#42",
                    "project#43",
                ],
            ),
            ..usual
        },
        Shape {
            issuer: "Clerk",
            audience: "https://app.example",
            from_claims: "organization:{org_id} organization:{o.id}",
            claims: json!({"azp": "https://app.example", "sid": "sess_1", "org_id": null, "o": {"id": "org_2", "rol": "admin"}}),
            expected: (None, None, &["organization#org_2"]),
            ..usual
        },
        Shape {
            issuer: "Supabase",
            algorithm: "ES256",
            audience: "authenticated",
            from_claims: "organization:{app_metadata.org}",
            claims: json!({"aud": "authenticated", "role": "authenticated", "email": "ana@example.com",
                "app_metadata": {"provider": "email", "org": "acme"}, "user_metadata": {"org": "forged"}}),
            expected: (None, Some("ana@example.com"), &["organization#acme"]),
            ..usual
        },
        Shape {
            issuer: "Keycloak",
            audience: "waybill",
            grants: "resource_access.waybill.roles",
            claims: json!({"aud": ["waybill", "account"], "azp": "app", "name": "Ana Sousa", "email_verified": false,
                "resource_access": {"waybill": {"roles": ["project:42", "staff"]}}, "realm_access": {"roles": ["x"]}}),
            expected: (Some("Ana Sousa"), None, &["project#42", "staff"]),
            ..usual
        },
        Shape {
            issuer: "Entra",
            audience: "api://waybill",
            grants: "roles",
            from_claims: "organization:{tid}",
            claims: json!({"aud": "api://waybill", "tid": "9188040d-6c67-4c5b-b112-36a304b66dad", "ver": "2.0",
                "scp": "Exports.Read", "roles": ["project:42"]}),
            expected: (
                None,
                None,
                &[
                    "project#42",
                    "organization#9188040d-6c67-4c5b-b112-36a304b66dad",
                ],
            ),
            ..usual
        },
        Shape {
            issuer: "Google",
            audience: "123.apps.googleusercontent.com",
            from_claims: "organization:{hd}",
            claims: json!({"aud": "123.apps.googleusercontent.com", "azp": "123.apps.googleusercontent.com",
                "hd": "acme.example", "email": "ana@acme.example", "email_verified": true, "name": "Ana"}),
            expected: (
                Some("Ana"),
                Some("ana@acme.example"),
                &["organization#acme.example"],
            ),
            ..usual
        },
        Shape {
            issuer: "better-auth",
            algorithm: "EdDSA",
            audience: "http://localhost:3000",
            from_claims: "organization:{activeOrganizationId}",
            claims: json!({"aud": "http://localhost:3000", "name": "Ana", "email": "ana@example.com",
                "emailVerified": false, "activeOrganizationId": "acme"}),
            expected: (Some("Ana"), Some("ana@example.com"), &["organization#acme"]),
            ..usual
        },
    ]
}

#[tokio::test]
async fn tokens_of_known_issuers_are_accepted_as_they_come() {
    for shape in shapes() {
        let key = Key::new(shape.algorithm, "k");
        let server = KeyServer::start([key.public()]).await;
        let templates = shape
            .from_claims
            .split_whitespace()
            .map(GrantTemplate::parse);
        let tokens = Tokens::new(TokenConfig {
            audiences: vec![shape.audience.to_owned()],
            grants: shape.grants.to_owned(),
            from_claims: templates.map(Option::unwrap).collect(),
            ..tokens(&server.url).config
        });
        let tokens = tokens.unwrap();
        let claims = json!({"iss": server.url, "sub": "u-17", "exp": NOW + 60});
        let token = key.token(&with(claims.clone(), shape.claims.clone()));
        let identity = identified(&tokens, &token, &[], at(0)).await;
        let caller = identity
            .unwrap_or_else(|error| panic!("{}: {error:?}", shape.issuer))
            .caller;
        let (name, email, grants) = shape.expected;
        assert_eq!(
            (caller.name.as_deref(), caller.email.as_deref()),
            (name, email),
            "{}",
            shape.issuer
        );
        assert_eq!(words(&caller.grants), grants, "{}", shape.issuer);
        for (changes, refused) in [
            (json!({"exp": NOW - 100}), TokenError::Expired),
            (
                json!({"aud": "elsewhere", "client_id": null, "azp": null}),
                TokenError::Audience,
            ),
            (
                json!({"iss": "https://elsewhere.example"}),
                TokenError::Issuer,
            ),
        ] {
            let token = key.token(&with(with(claims.clone(), shape.claims.clone()), changes));
            assert_eq!(refusal(&tokens, &token).await, refused, "{}", shape.issuer);
        }
    }
}
