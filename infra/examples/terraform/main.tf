# Deploys a release of Waybill as a CloudFormation stack of Terraform's. README.md says how.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "release" {
  description = "The folder of the release, which has template.yaml and the functions' zip files."
  type        = string
}

variable "bucket" {
  description = "A bucket of the same region, for the release's zip files and template. Not the bucket of the exports."
  type        = string
}

variable "stack_name" {
  description = "The name of the stack, which begins the names of its resources."
  type        = string
  default     = "waybill"
}

variable "parameters" {
  description = "The template's parameters, by name; lists are separated by commas. CloudFormation refuses an unknown one."
  type        = map(string)
}

locals {
  functions = toset(["api", "generate", "notify", "sweep"])

  # A prefix of its own for each release, so that CloudFormation sees new code by its address.
  prefix = "waybill/${filesha256("${var.release}/SHA256SUMS")}"

  # The template names the zip files beside it, and CloudFormation needs their addresses in S3.
  template = replace(
    file("${var.release}/template.yaml"),
    "/(?m)^      CodeUri: (\\w+)\\.zip$/",
    "      CodeUri: s3://${var.bucket}/${local.prefix}/$1.zip",
  )
}

data "aws_s3_bucket" "code" {
  bucket = var.bucket
}

resource "aws_s3_object" "functions" {
  for_each = local.functions

  bucket = var.bucket
  key    = "${local.prefix}/${each.key}.zip"
  source = "${var.release}/${each.key}.zip"
}

# The template is larger than what CloudFormation takes in a request, so that it is read from S3.
resource "aws_s3_object" "template" {
  bucket       = var.bucket
  key          = "${local.prefix}/template.yaml"
  content      = local.template
  content_type = "application/yaml"
}

resource "aws_cloudformation_stack" "waybill" {
  name         = var.stack_name
  template_url = "https://${data.aws_s3_bucket.code.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  parameters   = var.parameters

  # AUTO_EXPAND, since the template uses SAM's transform, and Terraform makes no change set.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  depends_on = [aws_s3_object.functions]
}

output "api_url" {
  description = "The API's own URL."
  value       = aws_cloudformation_stack.waybill.outputs["ApiUrl"]
}

output "public_url" {
  description = "The URL that links begin with."
  value       = aws_cloudformation_stack.waybill.outputs["PublicUrl"]
}
