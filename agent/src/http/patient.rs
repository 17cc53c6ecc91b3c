//! A connection whose other end has to read what it asked for: otherwise it kept its place for ever.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// For so long nothing of an answer may be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stream on which no write waits longer than [`PATIENCE`].
pub(super) struct Patient<S> {
    stream: S,
    /// Since a write waits.
    waits: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, waits: None }
    }

    fn patience<T>(&mut self, cx: &mut Context<'_>, polled: Poll<Result<T>>) -> Poll<Result<T>> {
        if polled.is_ready() {
            self.waits = None;
            return polled;
        }
        let wait = self.waits.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
        wait.as_mut().poll(cx).map(|()| Err(Error::from(ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.patience(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.patience(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.patience(cx, polled)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_read_is_left() {
        let (mut reader, agent) = tokio::io::duplex(4);
        let (mut agent, begun) = (Patient::new(agent), Instant::now());
        agent.write_all(b"abcd").await.unwrap();
        assert_eq!(agent.write_all(b"e").await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), PATIENCE);
        let mut taken = [0; 4];
        reader.read_exact(&mut taken).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_slowly_is_answered() {
        let (mut reader, agent) = tokio::io::duplex(4);
        let mut agent = Patient::new(agent);
        let reading = tokio::spawn(async move {
            let mut taken = Vec::new();
            for _ in 0..4 {
                sleep(PATIENCE - Duration::from_secs(1)).await;
                let mut some = [0; 4];
                reader.read_exact(&mut some).await.unwrap();
                taken.extend(some);
            }
            taken
        });
        agent.write_all(b"0123456789abcdef").await.unwrap();
        assert_eq!(reading.await.unwrap(), b"0123456789abcdef");
    }
}
