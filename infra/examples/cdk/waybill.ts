import { join } from "node:path";

import { type CfnParameter, Stack, Validations } from "aws-cdk-lib";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { CfnFunction } from "aws-cdk-lib/aws-sam";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { Construct } from "constructs";

import type { Parameters } from "./parameters.ts";

export interface WaybillProps {
  /** The folder of a release, which has template.yaml and the functions' zip files. */
  readonly release: string;
  readonly parameters: Parameters;
}

/**
 * A release of Waybill in a stack. Resources keep the template's logical ids, so that a stack that the SAM CLI has deployed
 * can be deployed from here, and keeps its tables.
 */
export class Waybill extends Construct {
  readonly template: CfnInclude;

  constructor(scope: Construct, id: string, props: WaybillProps) {
    super(scope, id);
    const templateFile = join(props.release, "template.yaml");
    const values = valuesOf(props.parameters);
    check(templateFile, values);
    this.template = new CfnInclude(this, "Template", { templateFile, parameters: values });

    // The template names the zip files beside it. `cdk deploy` puts them into the CDK's own bucket of the account.
    for (const part of this.template.node.findAll()) {
      if (part instanceof CfnFunction && typeof part.codeUri === "string") {
        const zip = new Asset(part, "Zip", { path: join(props.release, part.codeUri) });
        part.codeUri = { bucket: zip.s3BucketName, key: zip.s3ObjectKey };
      }
    }

    Validations.of(Stack.of(this)).acknowledge(
      { id: "CloudFormation-Validate::W1030", reason: "An empty parameter means none: the template leaves the property out then." },
      { id: "CloudFormation-Validate::W8003", reason: "A condition about a parameter that is given is always true, or never." },
    );
  }

  /** The value of one of the template's outputs, such as ApiUrl. */
  output(name: string): string {
    return String(this.template.getOutput(name).value);
  }
}

type Value = string | string[];

/** The parameters that are given, as CloudFormation takes them: a number is a text, too. */
function valuesOf(parameters: Parameters): Record<string, Value> {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, Array.isArray(value) ? [...value] : String(value)]));
}

/**
 * Throws where a value is not one that the template takes. CfnInclude replaces a parameter that is given by its value, so that
 * CloudFormation no longer compares the value with the parameter's rules.
 */
function check(templateFile: string, values: Record<string, Value>): void {
  const template = new CfnInclude(new Stack(), "Template", { templateFile });
  for (const [name, value] of Object.entries(values)) {
    const mistake = mistakeOf(template.getParameter(name), [value].flat().join(","));
    if (mistake !== undefined) {
      throw new Error(`Waybill's parameter ${name}: ${mistake}`);
    }
  }
}

function mistakeOf(parameter: CfnParameter, value: string): string | undefined {
  const { allowedPattern, allowedValues, maxLength, maxValue, minLength, minValue } = parameter;
  if (allowedPattern !== undefined && !new RegExp(`^(?:${allowedPattern})$`).test(value)) {
    return `"${value}" does not match ${allowedPattern}`;
  }
  if (allowedValues !== undefined && !allowedValues.map(String).includes(value)) {
    return `"${value}" is none of ${allowedValues.join(", ")}`;
  }
  if (value.length < (minLength ?? 0) || value.length > (maxLength ?? Infinity)) {
    return `"${value}" has ${value.length} characters`;
  }
  if (parameter.type === "Number" && !(Number(value) >= (minValue ?? -Infinity) && Number(value) <= (maxValue ?? Infinity))) {
    return `${value} is not between ${minValue} and ${maxValue}`;
  }
  return undefined;
}
