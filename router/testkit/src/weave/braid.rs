use super::SeededDice;
use super::ready::{Bell, Ready};
use futures::future::BoxFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Many futures as one, polled one at a time in an order drawn from a seed; made by [`super::Weave::braid`].
pub struct Braid<'a, T> {
    strands: Vec<Strand<'a, T>>,
    ready: Arc<Ready>,
    dice: SeededDice,
}

struct Strand<'a, T> {
    future: Option<BoxFuture<'a, T>>,
    bell: Arc<Bell>,
    result: Option<T>,
}

impl<T> std::fmt::Debug for Braid<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Braid({} strands)", self.strands.len())
    }
}

impl<'a, T> Braid<'a, T> {
    pub(super) fn new(futures: impl IntoIterator<Item = BoxFuture<'a, T>>, dice: SeededDice) -> Self {
        let ready = Arc::new(Ready::default());
        let strand = |(future, task)| {
            let bell = Bell::new(task, &ready);
            Waker::from(Arc::clone(&bell)).wake();
            Strand { future: Some(future), bell, result: None }
        };
        let strands = futures.into_iter().zip(0u64..).map(strand).collect();
        Self { strands, ready, dice }
    }

    fn poll_one(&mut self, above: &Waker) {
        let at = self.ready.take(self.dice.place(self.ready.len()));
        let strand = at.and_then(|at| self.strands.get_mut(usize::try_from(at).ok()?));
        let Some(strand) = strand else { return };
        strand.bell.hush();
        strand.bell.tell(above);
        let Some(future) = &mut strand.future else { return };
        let waker = Waker::from(Arc::clone(&strand.bell));
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            strand.future = None;
            strand.result = Some(result);
        }
    }
}

impl<T: Unpin> Future for Braid<'_, T> {
    type Output = Vec<T>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<T>> {
        // All bells, not only the polled one's: any of them may be rung before the next poll.
        self.strands.iter().for_each(|s| s.bell.tell(cx.waker()));
        // One at a time, so that the tasks around may come in between.
        self.poll_one(cx.waker());
        if self.strands.iter().all(|s| s.future.is_none()) {
            return Poll::Ready(self.strands.iter_mut().filter_map(|s| s.result.take()).collect());
        }
        if self.ready.len() > 0 {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
