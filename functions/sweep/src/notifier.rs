//! The invocation of `notify`.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use waybill::aws::{CallError, best_effort_call};
use waybill::export::ExportId;
use waybill::queue::Message;

/// Invokes the function `notify`, which sends mails.
#[derive(Debug, Clone)]
pub struct Notifier {
    /// The Lambda client.
    pub lambda: aws_sdk_lambda::Client,
    /// The function's name.
    pub function: String,
}

impl Notifier {
    /// Invokes `notify` for an export, without waiting for the mail to be sent.
    pub(crate) async fn ask(&self, export_id: ExportId) -> Result<(), CallError> {
        let payload = Message::new(export_id).body();
        let invoked = self
            .lambda
            .invoke()
            .function_name(&self.function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(payload))
            .send();
        best_effort_call("Invoke", invoked).await?;
        Ok(())
    }
}
