//! The local stack's mailbox.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::Stack;

impl Stack {
    /// The mails to this address, newest first, whole: attachments have their bytes, as base64 in `content`.
    ///
    /// # Panics
    /// Where the mailbox does not answer as it should.
    pub async fn mails(&self, address: &str) -> Vec<Value> {
        let mailbox = self.output("mailbox_url");
        let list = format!("{mailbox}/mails.json?to={}", address.replace('+', "%2B"));
        let listed = self
            .ask(Method::GET, &list, None)
            .await
            .expect_status(200)
            .json();
        let mut mails = Vec::new();
        for summary in listed.as_array().expect("a list of mails") {
            let id = summary["id"].as_str().expect("a mail's id");
            let mail = self
                .ask(Method::GET, &format!("{mailbox}/mails/{id}.json"), None)
                .await;
            mails.push(mail.expect_status(200).json());
        }
        mails
    }

    /// Makes the mailbox refuse every mail with this status (`400`, `429`, `500`, `503`), or no more (`none`).
    ///
    /// # Panics
    /// Where the mailbox does not take it.
    pub async fn refuse_mails(&self, fault: &str) {
        let url = format!("{}/faults", self.output("mailbox_url"));
        self.ask(Method::POST, &url, Some(json!({"refuse": fault})))
            .await
            .expect_status(200);
    }

    /// How many mails the mailbox has refused since it was last told to.
    ///
    /// # Panics
    /// Where the mailbox does not answer as it should.
    pub async fn refused_mails(&self) -> u64 {
        let url = format!("{}/faults", self.output("mailbox_url"));
        let faults = self
            .ask(Method::GET, &url, None)
            .await
            .expect_status(200)
            .json();
        faults["refused"]
            .as_u64()
            .expect("a number of refused mails")
    }
}
