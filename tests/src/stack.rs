//! The deployed stack that the tests run against.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::http::{Answer, Caller, client};

pub(crate) const VARIABLE: &str = "WAYBILL_STACK";

/// Where everything of a deployed stack is, as its deployment wrote it down.
#[derive(Debug, Clone)]
pub struct Stack {
    outputs: Value,
    http: reqwest::Client,
}

impl Stack {
    /// The stack that `WAYBILL_STACK` names.
    ///
    /// # Panics
    /// Where there is none: these tests are of a deployed stack, and cannot pass without one.
    pub fn get() -> Self {
        let file = std::env::var(VARIABLE).unwrap_or_else(|_| {
            panic!(
                "{VARIABLE} is not set: run `make test`, or set it to the outputs.json of a stack deployed with \
                 the Makefile's TEST_PARAMETERS"
            )
        });
        Self::of(Path::new(&file))
    }

    /// The local stack whose first port is this one.
    ///
    /// # Panics
    /// Where there is none.
    pub fn on_port(port: u16) -> Self {
        Self::of(&Self::root().join(format!(".local/stack-{port}/outputs.json")))
    }

    /// The deployment beside that stack which asks the sample host's function for permissions.
    ///
    /// # Panics
    /// Where the stack was not deployed with `--host`.
    pub fn asking_host(&self) -> Self {
        let file = std::env::var(VARIABLE).expect("the stack's own outputs were found by it");
        Self::of(&Path::new(&file).with_file_name("outputs-host.json"))
    }

    fn of(file: &Path) -> Self {
        let name = file.display();
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let outputs: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let api_url = outputs["api_url"].as_str().expect("api_url in the outputs");
        let http = client(api_url);
        Self { outputs, http }
    }

    /// One of the outputs that not every stack has.
    pub fn optional_output(&self, name: &str) -> Option<&str> {
        self.outputs[name].as_str()
    }

    /// One of the outputs, such as `api_url`, `bucket` or `generate_function`.
    ///
    /// # Panics
    /// Where the deployment wrote no such text.
    pub fn output(&self, name: &str) -> &str {
        self.outputs[name]
            .as_str()
            .unwrap_or_else(|| panic!("the stack's outputs have no {name}"))
    }

    /// A number among the template's parameters that the stack was deployed with.
    ///
    /// # Panics
    /// Where the stack has the template's default, which is too long for a test.
    pub fn seconds(&self, parameter: &str) -> u64 {
        let value = self.outputs["parameters"][parameter]
            .as_str()
            .and_then(|text| text.parse().ok());
        value.unwrap_or_else(|| {
            panic!("deploy the test stack with {parameter}, as the Makefile's TEST_PARAMETERS do")
        })
    }

    /// The first of the stack's ports.
    ///
    /// # Panics
    /// Where the outputs do not say.
    pub fn port(&self) -> u16 {
        self.outputs["port"]
            .as_u64()
            .and_then(|port| port.try_into().ok())
            .expect("a port in the outputs")
    }

    /// What the links in mails and answers begin with.
    pub fn public_url(&self) -> &str {
        self.output("public_url")
    }

    /// The SDK's clients for the stack's AWS services.
    pub async fn aws(&self) -> Aws {
        Aws::new(self).await
    }

    /// A caller of the API with this bearer token.
    pub fn caller(&self, token: &str) -> Caller {
        Caller::new(
            self.http.clone(),
            self.output("api_url"),
            Some(token.to_owned()),
        )
    }

    /// A caller of the API without a token.
    pub fn stranger(&self) -> Caller {
        Caller::new(self.http.clone(), self.output("api_url"), None)
    }

    /// An access token from the development issuer. `fields` are those of its `POST /dev/token`: `sub`, `name`,
    /// `email`, `grants`, `expires_in`, `audience`, `claims`.
    ///
    /// # Panics
    /// Where the issuer refuses.
    pub async fn token(&self, fields: Value) -> String {
        let issuer = Caller::new(self.http.clone(), self.output("issuer_url"), None);
        let answer = issuer.post("/dev/token", fields).await.expect_status(200);
        answer.json()["access_token"]
            .as_str()
            .expect("an access token")
            .to_owned()
    }

    /// A token of a person of this name who is nobody else's, with these grants.
    pub async fn token_with(&self, sub: &str, grants: &str) -> String {
        self.token(json!({"sub": sub, "name": sub, "email": format!("{sub}@example.com"), "grants": grants})).await
    }

    /// Asks something else of the stack than the API, by its whole URL: the mailbox, a presigned URL, a page.
    pub async fn ask(&self, method: Method, url: &str, body: Option<Value>) -> Answer {
        Caller::new(self.http.clone(), "", None)
            .call(method, url, body)
            .await
    }

    /// The root of the checkout.
    ///
    /// # Panics
    /// Never: this crate lies in it.
    pub fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the crate lies in the workspace")
            .to_owned()
    }
}
