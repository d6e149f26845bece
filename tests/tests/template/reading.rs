//! Parses `template.yaml`, with short tags in CloudFormation's long form, and gives tests access to it.

use std::fs;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are in the workspace")
        .to_owned()
}

/// The text of one of the project's files.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("{path} cannot be read: {error}"))
}

/// The whole template.
pub(crate) struct Template(Value);

impl Template {
    pub(crate) fn read() -> Self {
        Self::of("template.yaml")
    }

    /// The template in another of the project's files.
    pub(crate) fn of(path: &str) -> Self {
        let text = text(path);
        let documents = Yaml::load_from_str(&text).expect("a template is YAML");
        assert_eq!(documents.len(), 1, "{path} is one document");
        Self(long_form(&documents[0]))
    }

    /// A part of the template by JSON pointer; null if it does not exist.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    pub(crate) fn resource(&self, name: &str) -> &Value {
        let resource = self.at(&format!("/Resources/{name}"));
        assert!(resource.is_object(), "template.yaml has no resource {name}");
        resource
    }

    pub(crate) fn properties(&self, name: &str) -> &Value {
        &self.resource(name)["Properties"]
    }

    /// The names and properties of the resources of a type, such as `AWS::SQS::Queue`.
    pub(crate) fn resources_of_type(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self
            .at("/Resources")
            .as_object()
            .expect("Resources is a mapping");
        let of_kind = resources
            .iter()
            .filter(|(_, resource)| resource["Type"] == kind);
        of_kind
            .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
            .collect()
    }

    pub(crate) fn functions(&self) -> Vec<Function<'_>> {
        let functions = self.resources_of_type("AWS::Serverless::Function");
        functions
            .into_iter()
            .map(|(name, properties)| Function {
                template: self,
                name,
                properties,
            })
            .collect()
    }

    pub(crate) fn function(&self, name: &str) -> Function<'_> {
        let functions = self.functions();
        functions
            .into_iter()
            .find(|function| function.name == name)
            .unwrap_or_else(|| panic!("no function {name}"))
    }

    /// The queues that feed a function.
    pub(crate) fn queues_feeding(&self, function: &str) -> Vec<&str> {
        let mappings = self.resources_of_type("AWS::Lambda::EventSourceMapping");
        let sources = mappings
            .iter()
            .filter(|(_, mapping)| refers_to(&mapping["FunctionName"]) == Some(function))
            .filter_map(|(_, mapping)| refers_to(&mapping["EventSourceArn"]));
        sources
            .filter(|source| self.resource(source)["Type"] == "AWS::SQS::Queue")
            .collect()
    }

    /// The parameter's default.
    pub(crate) fn default(&self, parameter: &str) -> &Value {
        self.at(&format!("/Parameters/{parameter}/Default"))
    }
}

/// One of the functions.
#[derive(Clone, Copy)]
pub(crate) struct Function<'a> {
    template: &'a Template,
    pub(crate) name: &'a str,
    pub(crate) properties: &'a Value,
}

impl<'a> Function<'a> {
    /// The package of the function, which is also its folder under `functions`.
    pub(crate) fn package(&self) -> &'a str {
        let binary = &self.template.resource(self.name)["Metadata"]["BuildProperties"]["Binary"];
        binary
            .as_str()
            .unwrap_or_else(|| panic!("{} names no Binary", self.name))
    }

    /// The timeout in seconds; for a parameter, its default.
    pub(crate) fn timeout(&self) -> u64 {
        let timeout = &self.properties["Timeout"];
        let timeout = timeout["Ref"]
            .as_str()
            .map_or(timeout, |parameter| self.template.default(parameter));
        timeout
            .as_u64()
            .unwrap_or_else(|| panic!("{} has no Timeout", self.name))
    }

    /// The names and values of the function's variables, including the global ones.
    pub(crate) fn variables(&self) -> Map<String, Value> {
        let globals = self.template.at("/Globals/Function/Environment/Variables");
        let mut variables = globals.as_object().expect("Globals has variables").clone();
        let own = self.properties["Environment"]["Variables"].as_object();
        variables.extend(own.expect("a function has variables").clone());
        variables
    }

    pub(crate) fn role(&self) -> &'a str {
        refers_to(&self.properties["Role"])
            .unwrap_or_else(|| panic!("{} has no role of this template", self.name))
    }

    pub(crate) fn log_group(&self) -> &'a str {
        let group = &self.properties["LoggingConfig"]["LogGroup"];
        refers_to(group)
            .unwrap_or_else(|| panic!("{} has no log group of this template", self.name))
    }

    pub(crate) fn statements(&self) -> Vec<Statement> {
        statements(self.template, self.role())
    }

    /// Whether the function's role allows the action on that resource or on a part of it.
    pub(crate) fn may(&self, action: &str, resource: &str) -> bool {
        self.statements().iter().any(|statement| {
            statement.actions.iter().any(|allowed| allowed == action)
                && statement
                    .resources
                    .iter()
                    .any(|value| refers_to(value) == Some(resource))
        })
    }
}

/// One statement of a role's policy.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Vec<Value>,
    pub(crate) condition: Value,
}

/// The statements of a role.
pub(crate) fn statements(template: &Template, role: &str) -> Vec<Statement> {
    let policies = template.properties(role)["Policies"]
        .as_array()
        .expect("a role has policies");
    let documents = policies
        .iter()
        .map(|policy| &policy["PolicyDocument"]["Statement"]);
    documents.flat_map(statements_of).collect()
}

/// The statements of a policy, which only allow.
pub(crate) fn statements_of(statements: &Value) -> Vec<Statement> {
    let all = statements.as_array().expect("a policy has statements");
    // Conditional statements count as if their condition were true.
    let all = all
        .iter()
        .map(|statement| statement.pointer("/Fn::If/1").unwrap_or(statement));
    all.map(|statement| {
        assert_eq!(statement["Effect"], "Allow", "a policy only allows");
        let actions = list(&statement["Action"])
            .into_iter()
            .map(|action| string(&action));
        Statement {
            actions: actions.collect(),
            resources: list(&statement["Resource"]),
            condition: statement["Condition"].clone(),
        }
    })
    .collect()
}

/// The resource or parameter that a `Ref`, a `Fn::GetAtt`, a `Fn::Sub` that begins with a variable, or a `Fn::Select`
/// of these refers to.
pub(crate) fn refers_to(value: &Value) -> Option<&str> {
    for part in ["/Fn::Sub/1/Name", "/Fn::Select/1", "/Fn::Split/1"] {
        if let Some(part) = value.pointer(part) {
            return refers_to(part);
        }
    }
    if let Some(name) = value["Ref"].as_str() {
        return Some(name);
    }
    if let Some(name) = value["Fn::GetAtt"][0].as_str() {
        return Some(name);
    }
    let (name, _) = value["Fn::Sub"]
        .as_str()?
        .strip_prefix("${")?
        .split_once('}')?;
    Some(name.split_once('.').map_or(name, |(name, _)| name))
}

/// One value or a list of them, as a list.
pub(crate) fn list(value: &Value) -> Vec<Value> {
    value
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![value.clone()])
}

pub(crate) fn string(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// The node as JSON, `!GetAtt A.B` as `{"Fn::GetAtt": ["A", "B"]}`.
fn long_form(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => json!(value),
        Yaml::Sequence(items) => items.iter().map(long_form).collect(),
        Yaml::Mapping(entries) => {
            let entry =
                |(key, value): (&Yaml<'_>, &Yaml<'_>)| (string(&long_form(key)), long_form(value));
            Value::Object(entries.iter().map(entry).collect())
        }
        Yaml::Tagged(tag, node) => match (tag.suffix.as_str(), long_form(node)) {
            (name @ ("Ref" | "Condition"), value) => json!({ name: value }),
            ("GetAtt", Value::String(path)) => {
                let (name, attribute) = path.split_once('.').expect("GetAtt names an attribute");
                json!({ "Fn::GetAtt": [name, attribute] })
            }
            (name, value) => json!({ format!("Fn::{name}"): value }),
        },
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            panic!("template.yaml: {node:?}")
        }
    }
}
