//! SES: whether the account and the sender may send mails to anybody.

use std::error::Error;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::operation::get_account::GetAccountOutput;
use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityOutput;
use waybill::aws::CallError;

use super::{Finding, Found};
use crate::stack::Stack;

/// Mails in 24 hours below which a product soon reaches the account's limit. The sandbox has 200.
const FEW_MAILS: f64 = 1000.0;

pub(super) async fn look(stack: &Stack) -> Found {
    let ses = Client::new(&stack.sdk);
    let got = ses.get_account().send().await;
    let mut found = account(&got.map_err(|error| CallError::new("GetAccount", error))?);
    let sender = stack.parameter("Sender").ok_or("the stack has no Sender")?;
    found.extend(identity(&ses, sender).await?);
    let set = stack.output("ConfigurationSetName")?;
    let got = ses
        .get_configuration_set()
        .configuration_set_name(set)
        .send()
        .await;
    let got = got.map_err(|error| CallError::new("GetConfigurationSet", error))?;
    if got
        .sending_options()
        .is_some_and(|options| !options.sending_enabled())
    {
        found.push(Finding::wrong(
            format!("Sending is switched off for the configuration set {set}."),
            format!("aws sesv2 put-configuration-set-sending-options --configuration-set-name {set} --sending-enabled"),
        ));
    }
    if stack.parameter("AlarmTopic").is_none() {
        found.push(Finding::note(
            "Alarms tell nobody: AlarmTopic is empty.",
            "Give AlarmTopic the ARN of an SNS topic that somebody reads.",
        ));
    }
    Ok(found)
}

fn account(account: &GetAccountOutput) -> Vec<Finding> {
    let mut found = Vec::new();
    if !account.production_access_enabled() {
        found.push(Finding::wrong(
            "The account is in SES's sandbox: only verified addresses get mails.",
            "Request production access: aws sesv2 put-account-details --production-access-enabled … (https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html).",
        ));
    }
    if !account.sending_enabled() {
        let status = account.enforcement_status().unwrap_or("off");
        found.push(Finding::wrong(
            format!("SES sends nothing for the account (its status is {status})."),
            "SES's page for reputation says why; answer AWS's case there.",
        ));
    }
    let in_a_day = account.send_quota().map(|quota| quota.max24_hour_send());
    if let Some(limit) = in_a_day.filter(|limit| (0.0..FEW_MAILS).contains(limit)) {
        found.push(Finding::note(
            format!("SES sends at most {limit} mails in 24 hours for the account."),
            "Ask for more in Service Quotas (Simple Email Service, Sending quota).",
        ));
    }
    found
}

/// Whether the sender's address or its domain is verified.
async fn identity(ses: &Client, sender: &str) -> Result<Option<Finding>, Box<dyn Error>> {
    let domain = sender.rsplit('@').next().unwrap_or_default();
    let mut known = Vec::new();
    for name in [sender, domain] {
        match ses.get_email_identity().email_identity(name).send().await {
            Ok(identity) => known.push((name, identity)),
            Err(error) => {
                let error = CallError::new("GetEmailIdentity", error);
                if error.code != "NotFoundException" {
                    return Err(error.into());
                }
            }
        }
    }
    Ok(unverified(sender, domain, &known))
}

fn unverified(
    sender: &str,
    domain: &str,
    known: &[(&str, GetEmailIdentityOutput)],
) -> Option<Finding> {
    if known
        .iter()
        .any(|(_, identity)| identity.verified_for_sending_status())
    {
        return None;
    }
    Some(match known.first() {
        Some((name, _)) => Finding::wrong(
            format!("SES has not verified {name} yet, from which mails are sent."),
            "Follow the link in AWS's mail to the address, or publish the DNS records that SES shows for the domain.",
        ),
        None => Finding::wrong(
            format!("SES knows neither the address {sender} nor the domain {domain}."),
            format!(
                "aws sesv2 create-email-identity --email-identity {domain}, and publish the DNS records that it returns."
            ),
        ),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_sesv2::types::SendQuota;

    use super::*;

    #[test]
    fn the_sandbox_a_pause_and_a_small_quota_are_found() {
        let quota = |max: f64| SendQuota::builder().max24_hour_send(max).build();
        let fine = GetAccountOutput::builder()
            .production_access_enabled(true)
            .sending_enabled(true);
        assert_eq!(
            account(&fine.clone().send_quota(quota(50_000.0)).build()),
            []
        );
        // -1 is a quota without a limit.
        assert_eq!(account(&fine.clone().send_quota(quota(-1.0)).build()), []);
        assert_eq!(account(&fine.send_quota(quota(200.0)).build()).len(), 1);
        let sandbox = GetAccountOutput::builder().enforcement_status("PAUSED");
        assert_eq!(account(&sandbox.build()).len(), 2);
    }

    #[test]
    fn one_verified_identity_of_the_sender_is_enough() {
        let of = |verified: bool| {
            GetEmailIdentityOutput::builder()
                .verified_for_sending_status(verified)
                .build()
        };
        let found = |known: &[(&str, GetEmailIdentityOutput)]| {
            unverified("exports@shop.example", "shop.example", known)
        };
        let address = "exports@shop.example";
        assert_eq!(
            found(&[(address, of(false)), ("shop.example", of(true))]),
            None
        );
        assert_eq!(found(&[(address, of(true))]), None);
        assert!(found(&[("shop.example", of(false))]).is_some());
        assert!(found(&[]).is_some());
    }
}
