//! Takes the body of an answer before the SDK parses it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::scan::ScanError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use crc32fast::Hasher;
use http_body::{Body, Frame};

use super::BufferPool;
use crate::records::dynamodb::budget::Budget;

/// An interceptor that takes the body of a successful answer as it arrives, and gives the SDK an empty object instead.
/// The SDK still parses errors, since it decides which of them to retry.
#[derive(Debug, Clone)]
pub(in crate::records::dynamodb) struct RawBody {
    body: Arc<Mutex<Vec<u8>>>,
    budget: Arc<Budget>,
    buffers: Arc<BufferPool>,
}

impl RawBody {
    pub(in crate::records::dynamodb) fn new(budget: Arc<Budget>, buffers: Arc<BufferPool>) -> Self {
        Self {
            body: Arc::default(),
            budget,
            buffers,
        }
    }

    /// The body of the last answer.
    pub(in crate::records::dynamodb) fn into_body(self) -> Vec<u8> {
        std::mem::take(&mut *self.body.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for RawBody {
    fn name(&self) -> &'static str {
        "RawBody"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if !response.status().is_success() {
            return Ok(());
        }
        let header = |name: &str| response.headers().get(name)?.parse().ok();
        let length: Option<usize> = header("content-length");
        let checksum = response
            .headers()
            .get("x-amz-crc32")
            .and_then(|text| text.parse().ok());
        let mut bytes = self.buffers.body();
        bytes.reserve(length.unwrap_or_default().min(MAX_AT_ONCE));
        let arriving = Arriving {
            bytes,
            hasher: Hasher::new(),
            checksum,
            kept: self.body.clone(),
            body: response.take_body(),
            is_over: false,
        };
        *response.body_mut() = SdkBody::from_body_1_x(arriving);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let error = context.output_or_error().and_then(Result::err);
        let error = error.and_then(|error| error.as_operation_error());
        let code = error.and_then(|error| {
            let of_query = error.downcast_ref::<QueryError>().map(QueryError::code);
            let of_scan = || error.downcast_ref::<ScanError>().map(ScanError::code);
            of_query.or_else(of_scan).flatten()
        });
        if code.is_some_and(is_throttling) {
            self.budget.slow_down();
        }
        Ok(())
    }
}

/// The most memory, in bytes, that is reserved by the `Content-Length` of an answer. DynamoDB's answers are 1 MB of
/// records, which is about 3 MB of JSON at most.
const MAX_AT_ONCE: usize = 4 << 20;

fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded"
    )
}

/// A body that is arriving.
struct Arriving {
    body: SdkBody,
    bytes: Vec<u8>,
    hasher: Hasher,
    /// The body's CRC-32 according to DynamoDB.
    checksum: Option<u32>,
    kept: Arc<Mutex<Vec<u8>>>,
    is_over: bool,
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(None);
        }
        while let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(context)) {
            if let Some(data) = frame?.data_ref() {
                this.hasher.update(data);
                this.bytes.extend_from_slice(data);
            }
        }
        this.is_over = true;
        let found = std::mem::take(&mut this.hasher).finalize();
        if this.checksum.is_some_and(|wanted| wanted != found) {
            return Poll::Ready(Some(Err("the answer does not match its CRC-32".into())));
        }
        let bytes = std::mem::take(&mut this.bytes);
        *this.kept.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{}")))))
    }
}
