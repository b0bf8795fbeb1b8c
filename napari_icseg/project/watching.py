"""Progress and cancelling of work that goes through many items."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# files are flushed to the disk one by one; only waiting for several at once is quick
NUM_THREADS = 8


class WorkCancelled(Exception):
    """Unwinds cancelled work. Imports and exports catch it and say so in their report."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told of progress, `progress(num_done, num_total)`, and who may say stop."""

    progress: Callable[[int, int], None] | None = None
    cancelled: Callable[[], bool] | None = None

    def over(self, items: Sequence[_Item]) -> Iterator[_Item]:
        """Yield the items; raise `WorkCancelled` before the next one once it was cancelled."""
        for number, item in enumerate(items, start=1):
            if self.cancelled is not None and self.cancelled():
                raise WorkCancelled
            yield item
            if self.progress is not None:
                self.progress(number, len(items))

    def map(self, work: Callable[[_Item], _Result], items: Sequence[_Item]) -> Iterator[_Result]:
        """Yield `work(item)` of each item in their order, done by several threads.

        `progress` and `cancelled` are called in the thread that iterates. On an error or a
        cancellation what has not begun never does, and what has begun is waited for.
        """
        with ThreadPoolExecutor(NUM_THREADS) as pool:
            try:
                futures = [pool.submit(work, item) for item in items]
                yield from (future.result() for future in self.over(futures))
            finally:
                pool.shutdown(cancel_futures=True)
