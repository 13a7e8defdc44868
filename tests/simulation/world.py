"""Virtual time, one random generator and all that is going to happen: what a seed decides, it decides here.

Processes are event loops in this world. A process that is killed runs no further step, as after a SIGKILL.
"""

import asyncio
import contextvars
import heapq
import random
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")

MAX_STEPS = 100_000
"""More than ten times what the longest run takes: who is not at rest by then never will be."""


class BrokenPromiseError(AssertionError):
    """The server did what it promised not to do."""


class Step:
    """A call that is going to happen. Stands in for ``asyncio.TimerHandle``."""

    __slots__ = ("_arguments", "_call", "_context", "_process", "_when_s", "dropped")

    def __init__(
        self,
        when_s: float,
        call: Callable[..., object],
        arguments: tuple[object, ...],
        process: "Process | None" = None,
        context: contextvars.Context | None = None,
    ) -> None:
        self._when_s = when_s
        self._call = call
        self._arguments = arguments
        self._process = process
        self._context = context
        self.dropped = False

    def cancel(self) -> None:
        self.dropped = True

    def when(self) -> float:
        return self._when_s

    def run(self) -> None:
        process = self._process
        if process is None:
            self._call(*self._arguments)
        elif process.alive:
            asyncio._set_running_loop(process)
            try:
                if self._context is None:
                    self._call(*self._arguments)
                else:
                    self._context.run(self._call, *self._arguments)
            finally:
                asyncio._set_running_loop(None)


class World:
    """Everything that one seed decides."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_s = 0.0
        self.steps = 0
        self._notes: list[tuple[float, tuple[object, ...]]] = []
        self.broken = ""
        # asyncio promises first in, first out; who relies on it without need is found by the other half of the seeds.
        self._shuffled = self.chance(0.5)
        self._ready: list[Step] = []
        self._later: list[tuple[float, int, Step]] = []
        self._numbers = count()

    def chance(self, probability: float) -> bool:
        """Whether something happens that happens so often."""
        return self.random.random() < probability

    def note(self, *what: object) -> None:
        """Write a line of the transcript."""
        self._notes.append((self.now_s, what))

    def transcript(self) -> str:
        """All that was noted, a line each."""
        return "\n".join(f"{at_s:.6f} {' '.join(map(str, what))}" for at_s, what in self._notes)

    def work(self) -> None:
        """Let time pass while a process runs: without it no fan-out would take long, and none be cut into slices."""
        if self.chance(0.5):
            self.now_s += self.random.random() ** 3 * 0.02
        elif self.chance(0.01):
            self.now_s += self.random.random()  # the machine had something else to do

    def fail(self, what: str) -> None:
        """A promise is broken. Ends the run after this step: an exception could be caught by the code under test."""
        self.note("BROKEN", what)
        self.broken = self.broken or what

    def soon(self, step: Step) -> Step:
        """Let ``step`` happen now, after what is being done."""
        self._ready.append(step)
        return step

    def at(self, step: Step) -> Step:
        """Let ``step`` happen at its time."""
        heapq.heappush(self._later, (step.when(), next(self._numbers), step))
        return step

    def after(self, delay_s: float, call: Callable[..., object], *arguments: object) -> Step:
        """Call something that belongs to no process, such as the network or a client, after so many seconds."""
        return self.at(Step(self.now_s + delay_s, call, arguments))

    def step(self) -> None:
        """Let one thing happen. Raises ``BrokenPromiseError`` if it broke a promise."""
        later, ready = self._later, self._ready
        if not ready:
            self.now_s = max(self.now_s, later[0][0])
        while later and later[0][0] <= self.now_s:
            ready.append(heapq.heappop(later)[2])
        place = int(self.random.random() * len(ready)) if self._shuffled else 0
        step = ready.pop(place)
        if not step.dropped:
            self.steps += 1
            step.run()
        if self.steps > MAX_STEPS:
            self.fail("I9: it never comes to rest")
        if self.broken:
            raise BrokenPromiseError(self.broken)

    def run_until(self, done: Callable[[], bool]) -> None:
        """Let things happen until ``done``."""
        while not done():
            self.step()


class Clock:
    """The clocks of a process."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.jumped_ms = 0

    def now_ms(self) -> int:
        return 1_790_000_000_000 + self.jumped_ms + int(self._world.now_s * 1000)

    def monotonic_s(self) -> float:
        self._world.work()
        return self._world.now_s


class Process(asyncio.AbstractEventLoop):
    """An operating system process, as far as asyncio code sees one: an event loop in virtual time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: list[asyncio.Task[Any]] = []
        self.alive = True

    def kill(self) -> None:
        """Stop in the middle of whatever it does."""
        self.alive = False
        for task in self._tasks:
            # It is dead, so nothing that its clean-up does has an effect; this is only for Python's books.
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            coroutine = task.get_coro()
            if coroutine is not None:
                coroutine.close()
        self._tasks.clear()

    def time(self) -> float:
        return self._world.now_s

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self.alive

    def is_closed(self) -> bool:
        return not self.alive

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Step:
        step = Step(self._world.now_s, callback, args, self, context)
        return self._world.soon(step) if self.alive else step

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Step:
        return self.call_at(self._world.now_s + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Step:
        step = Step(when, callback, args, self, context)
        return self._world.at(step) if self.alive else step

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: contextvars.Context | None = None
    ) -> asyncio.Task[T]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self.alive:
            self._world.fail(f"nobody hears of {context.get('exception')!r} ({context.get('message')})")
