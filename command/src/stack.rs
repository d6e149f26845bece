//! A deployed stack: its outputs, and the functions as Lambda has them.

use std::collections::HashMap;
use std::error::Error;

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudformation::types::StackStatus;
use waybill::aws::{self, CallError};
use waybill::env;
use waybill::live_catalog::LiveCatalog;
use waybill::store::{Exports, Tables};

/// A deployed stack.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) name: String,
    /// `CREATE_COMPLETE`, or what a deployment has left.
    pub(crate) status: StackStatus,
    pub(crate) region: String,
    pub(crate) account: String,
    /// `aws`, or that of China or of the government's regions.
    pub(crate) partition: String,
    pub(crate) sdk: SdkConfig,
    outputs: HashMap<String, String>,
    parameters: HashMap<String, String>,
}

/// A function of the stack.
#[derive(Debug, Clone, Default)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The ARN of its role.
    pub(crate) role: String,
    variables: HashMap<String, String>,
}

/// Why there is no such stack.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StackError {
    #[error(
        "there is no stack {name} in {region}: its name is that of `sam deploy --stack-name`, the region that of the AWS CLI (AWS_REGION)"
    )]
    Missing { name: String, region: String },
    #[error("no region is set: set AWS_REGION, or `region` in the profile of AWS_PROFILE")]
    NoRegion,
    #[error(
        "the stack {stack} has no output {output}: it is of an earlier release than this command, or of another product"
    )]
    Output { stack: String, output: String },
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Stack {
    /// Finds the stack in the region and the account of the credentials.
    pub(crate) async fn find(name: &str) -> Result<Self, StackError> {
        let sdk = aws::config().await;
        let region = sdk.region().ok_or(StackError::NoRegion)?.to_string();
        let client = aws_sdk_cloudformation::Client::new(&sdk);
        let described = client.describe_stacks().stack_name(name).send().await;
        let missing = || StackError::Missing {
            name: name.to_owned(),
            region: region.clone(),
        };
        let described = described.map_err(|error| {
            let error = CallError::new("DescribeStacks", error);
            // CloudFormation's code for a name that no stack has.
            match error.code.as_str() {
                "ValidationError" => missing(),
                _ => error.into(),
            }
        })?;
        let stack = described.stacks().first().ok_or_else(missing)?;
        // arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/ID
        let arn: Vec<&str> = stack.stack_id().unwrap_or_default().split(':').collect();
        let of_arn = |place: usize| arn.get(place).copied().unwrap_or_default().to_owned();
        let outputs = stack.outputs().iter().filter_map(|output| {
            Some((
                output.output_key()?.to_owned(),
                output.output_value()?.to_owned(),
            ))
        });
        let parameters = stack.parameters().iter().filter_map(|parameter| {
            Some((
                parameter.parameter_key()?.to_owned(),
                parameter.parameter_value()?.to_owned(),
            ))
        });
        Ok(Self {
            name: name.to_owned(),
            status: stack
                .stack_status()
                .cloned()
                .unwrap_or_else(|| "UNKNOWN".into()),
            account: of_arn(4),
            partition: of_arn(1),
            outputs: outputs.collect(),
            parameters: parameters.collect(),
            region,
            sdk,
        })
    }

    /// An output of the stack, such as `ApiUrl`.
    pub(crate) fn output(&self, name: &str) -> Result<&str, StackError> {
        let missing = || StackError::Output {
            stack: self.name.clone(),
            output: name.to_owned(),
        };
        self.outputs
            .get(name)
            .map(String::as_str)
            .ok_or_else(missing)
    }

    /// A parameter of the stack; `None` where it is empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let value = self.parameters.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// The values of a parameter that is a list.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.parameter(name).unwrap_or_default().split(',');
        values.map(str::trim).filter(|value| !value.is_empty())
    }

    /// The function whose name is this output.
    pub(crate) async fn function(&self, output: &str) -> Result<Function, StackError> {
        let name = self.output(output)?;
        let lambda = aws_sdk_lambda::Client::new(&self.sdk);
        let got = lambda
            .get_function_configuration()
            .function_name(name)
            .send();
        let got = got
            .await
            .map_err(|error| CallError::new("GetFunctionConfiguration", error))?;
        let variables = got
            .environment()
            .and_then(|environment| environment.variables());
        Ok(Function {
            name: name.to_owned(),
            role: got.role().unwrap_or_default().to_owned(),
            variables: variables.cloned().unwrap_or_default(),
        })
    }

    /// The ARN of something in the stack's account and region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let Self {
            partition,
            region,
            account,
            ..
        } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The exports in the stack's tables.
    pub(crate) fn exports(&self) -> Result<Exports, StackError> {
        let tables = Tables {
            exports: self.output("ExportsTableName")?.to_owned(),
            work: self.output("WorkTableName")?.to_owned(),
            events: self.output("EventsTableName")?.to_owned(),
        };
        Ok(Exports::new(self.dynamodb(), tables))
    }

    /// DynamoDB with the host's tables: in a region of its own, and at `RECORDS_ENDPOINT_URL`, if set, as for the functions.
    pub(crate) fn records(&self, region: Option<&str>) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.sdk);
        if let Some(region) = region {
            config = config.region(Region::new(region.to_owned()));
        }
        if let Some(url) = env::optional("RECORDS_ENDPOINT_URL") {
            config = config.endpoint_url(url);
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// DynamoDB with Waybill's own tables.
    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.sdk)
    }

    /// The catalog that the functions use.
    pub(crate) async fn catalog(&self, api: &Function) -> Result<LiveCatalog, Box<dyn Error>> {
        Ok(LiveCatalog::load_of(&self.sdk, api.variable("CATALOG_URL")).await?)
    }
}

impl Function {
    /// An environment variable of the function; `None` where it is empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A stack of account 1 in eu-west-1, with these outputs and parameters.
    pub(crate) fn stack(outputs: &[(&str, &str)], parameters: &[(&str, &str)]) -> Stack {
        let owned = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        Stack {
            name: "waybill".to_owned(),
            status: StackStatus::CreateComplete,
            region: "eu-west-1".to_owned(),
            account: "1".to_owned(),
            partition: "aws".to_owned(),
            sdk: SdkConfig::builder().build(),
            outputs: owned(outputs),
            parameters: owned(parameters),
        }
    }
}
