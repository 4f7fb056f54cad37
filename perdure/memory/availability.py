"""Whether a server that may be away is worth asking: after a failure nobody waits for it again until a pause is over."""

import time
from collections.abc import Callable


class Availability:
    """Present until it fails; then away, and after each pause one asker tries again."""

    def __init__(self, *, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause_s = pause_s
        self._clock = clock
        self._away = False
        self._try_at = 0.0

    @property
    def away(self) -> bool:
        """Whether the last who asked got no answer."""
        return self._away

    def may_ask(self) -> bool:
        """Whether to ask now; while it is away true for one asker after each pause."""
        if not self._away:
            return True
        now = self._clock()
        if now < self._try_at:
            return False
        self._try_at = now + self._pause_s
        return True

    def failed(self) -> bool:
        """Note that it did not answer; gives whether that is news."""
        news = not self._away
        self._away = True
        self._try_at = self._clock() + self._pause_s
        return news

    def answered(self) -> bool:
        """Note that it answered; gives whether that is news."""
        news = self._away
        self._away = False
        return news
