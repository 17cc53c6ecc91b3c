//! What goes back over HTTP.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

pub(super) type Answer = Response<Content>;

/// A body that is sent whole, or ends in the middle and its connection with it.
#[derive(Debug)]
pub(super) struct Content {
    bytes: Option<Bytes>,
    length: usize,
    after: After,
}

/// What comes once the bytes are on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    End,
    Flush,
    Break,
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        let bytes = bytes.into();
        Self { length: bytes.len(), bytes: Some(bytes), after: After::End }
    }
}

/// Half of these bytes, under the length of all.
pub(super) fn cut(mut bytes: Vec<u8>) -> Content {
    let length = bytes.len();
    bytes.truncate(length / 2);
    Content { bytes: Some(bytes.into()), length, after: After::Flush }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.after {
            After::End => Poll::Ready(None),
            // The server writes out what it has before it asks again.
            After::Flush => {
                self.after = After::Break;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            After::Break => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && self.after == After::End
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.length).unwrap_or(u64::MAX))
    }
}

pub(super) fn octets(content: Content) -> Answer {
    typed(content, "application/octet-stream")
}

pub(super) fn json(text: String) -> Answer {
    typed(text.into(), "application/json")
}

pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = typed(Content::from(text), "text/plain; charset=utf-8");
    *answer.status_mut() = status;
    answer
}

pub(super) fn not_allowed(method: &'static str) -> Answer {
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, format!("this page takes {method} only\n"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    answer
}

fn typed(content: Content, kind: &'static str) -> Answer {
    let mut answer = Response::new(content);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
