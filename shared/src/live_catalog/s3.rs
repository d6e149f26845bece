//! The catalog and the deployment file in a folder of a versioned bucket.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::DateTime;

use super::{CATALOG, CatalogVersion, DEPLOYMENT, LiveCatalogError, Look, Text, Texts};
use crate::aws::CallError;

/// How many versions of a file are tried at start, when the newest one cannot be used.
const VERSIONS: usize = 10;

/// A folder of S3.
#[derive(Debug)]
pub(super) struct Folder {
    s3: Client,
    bucket: String,
    /// What keys begin with: empty, or with a slash at its end.
    prefix: String,
}

/// What became of a file since its ETag was known.
enum Fetched {
    Unchanged,
    Changed(Text),
    Missing,
}

impl Folder {
    /// The folder at an address such as `s3://bucket/waybill`.
    pub(super) fn new(s3: Client, url: &str) -> Result<Self, LiveCatalogError> {
        let path = url.strip_prefix("s3://").ok_or(LiveCatalogError::Url)?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        if bucket.is_empty() {
            return Err(LiveCatalogError::Url);
        }
        let prefix = prefix.trim_end_matches('/');
        Ok(Self {
            s3,
            bucket: bucket.to_owned(),
            prefix: match prefix {
                "" => String::new(),
                prefix => format!("{prefix}/"),
            },
        })
    }

    /// The files, of which those with the same ETag are as `known`.
    pub(super) async fn changed(&self, known: &Texts) -> Result<Texts, LiveCatalogError> {
        let (catalog, deployment) = tokio::join!(
            self.refreshed(CATALOG, known.catalog.as_ref()),
            self.refreshed(DEPLOYMENT, known.deployment.as_ref())
        );
        Ok(Texts {
            catalog: Some(catalog?.ok_or(LiveCatalogError::Missing)?),
            deployment: deployment?,
        })
    }

    async fn refreshed(
        &self,
        name: &'static str,
        known: Option<&Text>,
    ) -> Result<Option<Text>, LiveCatalogError> {
        let etag = known.and_then(|text| text.etag.as_deref());
        Ok(match self.get(name, etag, None).await? {
            Fetched::Unchanged => known.cloned(),
            Fetched::Changed(text) => Some(text),
            Fetched::Missing => None,
        })
    }

    /// Looks for the newest files that are valid, so that all instances use the same, whenever they started, also after a
    /// mistake.
    pub(super) async fn newest_valid(
        &self,
        known: &Texts,
        reports: bool,
    ) -> Result<Look, LiveCatalogError> {
        let newest = self.changed(known).await?;
        if newest == *known {
            return Ok(Look::default());
        }
        let error = match CatalogVersion::checked(newest.clone(), reports) {
            Ok(version) => return Ok(Look::new(version)),
            Err(error) => error,
        };
        let mut version = None;
        for texts in self.older(&newest, &error).await? {
            if texts == *known {
                break;
            }
            if let Ok(older) = CatalogVersion::checked(texts, reports) {
                version = Some(older);
                break;
            }
        }
        Ok(Look {
            version,
            refused: Some(error),
        })
    }

    /// The newest files as they are, with invalid types out of service.
    pub(super) async fn newest(&self, reports: bool) -> Result<CatalogVersion, LiveCatalogError> {
        CatalogVersion::new(self.changed(&Texts::default()).await?, reports)
    }

    /// The same files, with earlier versions of the one that has the error.
    async fn older(
        &self,
        newest: &Texts,
        error: &LiveCatalogError,
    ) -> Result<Vec<Texts>, LiveCatalogError> {
        let is_deployment = matches!(error, LiveCatalogError::Deployment(_));
        let name = if is_deployment { DEPLOYMENT } else { CATALOG };
        let mut texts = Vec::new();
        for version in self.versions(name).await? {
            let Fetched::Changed(text) = self.get(name, None, Some(version)).await? else {
                continue;
            };
            texts.push(match is_deployment {
                true => Texts {
                    deployment: Some(text),
                    ..newest.clone()
                },
                false => Texts {
                    catalog: Some(text),
                    ..newest.clone()
                },
            });
        }
        Ok(texts)
    }

    /// The ids of a file's versions before the newest one, the newest of them first.
    async fn versions(&self, name: &str) -> Result<Vec<String>, LiveCatalogError> {
        let key = self.key(name);
        let request = self.s3.list_object_versions();
        let listed = request.bucket(&self.bucket).prefix(&key).send().await;
        let listed = listed.map_err(|error| CallError::new("ListObjectVersions", error))?;
        let versions = listed.versions().iter();
        let of_file = versions.filter(|version| version.key() == Some(&key));
        let older = of_file.filter(|version| version.is_latest() != Some(true));
        let mut older: Vec<_> = older.collect();
        older.sort_by_key(|version| std::cmp::Reverse(version.last_modified().map(DateTime::secs)));
        Ok(older
            .into_iter()
            .filter_map(|version| version.version_id().map(str::to_owned))
            .take(VERSIONS)
            .collect())
    }

    /// A file, unless its ETag is still this.
    async fn get(
        &self,
        name: &'static str,
        etag: Option<&str>,
        version: Option<String>,
    ) -> Result<Fetched, LiveCatalogError> {
        let request = self
            .s3
            .get_object()
            .bucket(&self.bucket)
            .key(self.key(name));
        let request = request
            .set_if_none_match(etag.map(str::to_owned))
            .set_version_id(version);
        let object = match request.send().await {
            Ok(object) => object,
            Err(error) if status(&error) == Some(304) => return Ok(Fetched::Unchanged),
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(Fetched::Missing),
            Err(error) => return Err(CallError::new("GetObject", error).into()),
        };
        let etag = object.e_tag().map(str::to_owned);
        let body = object.body.collect().await;
        let body = body.map_err(|error| CallError::with_code("GetObject", "no answer", error))?;
        let content = String::from_utf8(body.into_bytes().into());
        let content = content.map_err(|_| LiveCatalogError::Encoding(name))?;
        Ok(Fetched::Changed(Text { content, etag }))
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

fn status<E>(error: &SdkError<E, aws_sdk_s3::config::http::HttpResponse>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::config::http::HttpResponse;
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_s3::operation::get_object::{GetObjectInput, GetObjectOutput};
    use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
    use aws_sdk_s3::primitives::ByteStream;
    use aws_sdk_s3::types::ObjectVersion;
    use aws_smithy_mocks::{
        MockResponseInterceptor, Rule, RuleMode, create_mock_http_client, mock,
    };

    use super::*;
    use crate::catalog::Catalog;

    const VALID: &str = include_str!("../../../infra/catalog.toml");
    const WRONG: &str = "[[type]]\nname = \n";

    fn folder(rules: &[&Rule]) -> Folder {
        Folder::new(client(rules), "s3://bucket/waybill/").unwrap()
    }

    fn client(rules: &[&Rule]) -> Client {
        let mut answers = MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny);
        for rule in rules {
            answers = answers.with_rule(rule);
        }
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("a", "b", None, None, "test"))
            .http_client(create_mock_http_client())
            .interceptor(answers);
        Client::from_conf(config.build())
    }

    /// A file with this ETag, of this version if the request is for one.
    fn file(
        key: &'static str,
        version: Option<&'static str>,
        content: &'static str,
        etag: &'static str,
    ) -> Rule {
        mock!(Client::get_object)
            .match_requests(move |request| {
                request.key() == Some(key) && request.version_id() == version
            })
            .then_output(move || {
                GetObjectOutput::builder()
                    .e_tag(etag)
                    .body(ByteStream::from_static(content.as_bytes()))
                    .build()
            })
    }

    fn missing(key: &'static str) -> Rule {
        answered(
            404,
            "<Error><Code>NoSuchKey</Code></Error>",
            move |request| request.key() == Some(key),
        )
    }

    fn unchanged(key: &'static str, etag: &'static str) -> Rule {
        answered(304, "", move |request| {
            request.key() == Some(key) && request.if_none_match() == Some(etag)
        })
    }

    /// An answer of S3 with this status to the requests of these.
    fn answered(
        status: u16,
        body: &'static str,
        is_asked: impl Fn(&GetObjectInput) -> bool + Send + Sync + 'static,
    ) -> Rule {
        let rule = mock!(Client::get_object).match_requests(is_asked);
        rule.then_http_response(move || HttpResponse::new(status.try_into().unwrap(), body.into()))
    }

    fn versions(key: &'static str, ids: &'static [&'static str]) -> Rule {
        mock!(Client::list_object_versions).then_output(move || {
            let versions = ids.iter().enumerate().map(|(n, id)| {
                let version = ObjectVersion::builder().key(key).version_id(*id);
                version.is_latest(n == 0).build()
            });
            let output = ListObjectVersionsOutput::builder();
            output.set_versions(Some(versions.collect())).build()
        })
    }

    #[test]
    fn an_address_is_a_bucket_and_a_folder() {
        let key =
            |url| Folder::new(client(&[]), url).map(|folder| (folder.key(CATALOG), folder.bucket));
        let of = |key: &str| (key.to_owned(), "bucket".to_owned());
        assert_eq!(key("s3://bucket").unwrap(), of("catalog.toml"));
        assert_eq!(key("s3://bucket/").unwrap(), of("catalog.toml"));
        assert_eq!(key("s3://bucket/a/b/").unwrap(), of("a/b/catalog.toml"));
        for url in ["bucket/a", "https://bucket/a", "s3://", "s3:///a"] {
            assert!(matches!(key(url), Err(LiveCatalogError::Url)), "{url}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_unchanged_is_kept_and_one_that_is_gone_is_not() {
        let (catalog, gone) = (
            file("waybill/catalog.toml", None, VALID, "\"1\""),
            missing("waybill/deployment.toml"),
        );
        let texts = folder(&[&catalog, &gone])
            .changed(&Texts::default())
            .await
            .unwrap();
        assert_eq!(
            texts.catalog.as_ref().unwrap().etag.as_deref(),
            Some("\"1\"")
        );
        assert_eq!(texts.deployment, None);

        let (same, new) = (
            unchanged("waybill/catalog.toml", "\"1\""),
            file("waybill/deployment.toml", None, "[deployment]", "\"2\""),
        );
        let next = folder(&[&same, &new]).changed(&texts).await.unwrap();
        assert_eq!(next.catalog, texts.catalog);
        assert_eq!(next.deployment.unwrap().content, "[deployment]");

        let (no_catalog, no_file) = (
            missing("waybill/catalog.toml"),
            missing("waybill/deployment.toml"),
        );
        let error = folder(&[&no_catalog, &no_file])
            .changed(&texts)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "there is no catalog.toml at CATALOG_URL");
    }

    /// A new instance must use what the others still use.
    #[tokio::test]
    async fn at_start_the_newest_version_that_can_be_used_is_used() {
        let rules = [
            file("waybill/catalog.toml", None, WRONG, "\"3\""),
            file("waybill/catalog.toml", Some("2"), WRONG, "\"2\""),
            file("waybill/catalog.toml", Some("1"), VALID, "\"1\""),
            missing("waybill/deployment.toml"),
            versions("waybill/catalog.toml", &["3", "2", "1"]),
        ];
        let rules: Vec<&Rule> = rules.iter().collect();
        let look = folder(&rules).newest_valid(&Texts::default(), false).await;
        let Look { version, refused } = look.unwrap();
        let version = version.unwrap();
        assert!(refused.is_some());
        assert_eq!(
            version.catalog.types(),
            Catalog::built_in().unwrap().types()
        );

        let rules = [
            file("waybill/catalog.toml", None, VALID, "\"1\""),
            file("waybill/deployment.toml", None, "[deploy]", "\"2\""),
            file(
                "waybill/deployment.toml",
                Some("1"),
                "[deployment]\ntables.a = \"b\"",
                "\"1\"",
            ),
            versions("waybill/deployment.toml", &["2", "1"]),
        ];
        let rules: Vec<&Rule> = rules.iter().collect();
        let look = folder(&rules).newest_valid(&Texts::default(), false).await;
        let Look { version, refused } = look.unwrap();
        let version = version.unwrap();
        assert!(refused.is_some());
        assert_eq!(version.deployment.table("a").as_deref(), Some("b"));

        let rules = [
            file("waybill/catalog.toml", None, WRONG, "\"1\""),
            missing("waybill/deployment.toml"),
            versions("waybill/catalog.toml", &["1"]),
        ];
        let rules: Vec<&Rule> = rules.iter().collect();
        let folder = folder(&rules);
        let look = folder.newest_valid(&Texts::default(), false).await.unwrap();
        assert!(matches!(look.refused, Some(LiveCatalogError::Catalog(_))));
        assert!(look.version.is_none());
        let version = folder.newest(false).await.unwrap();
        assert_eq!(version.catalog.types(), []);
        assert_eq!(version.catalog.out_of_service().len(), 1);
    }
}
