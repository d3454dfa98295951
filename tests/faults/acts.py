"""How each fault is done.

Rule: a fault lasts as long as it was planned, in a thread of its own, and leaves behind
what a supervisor would: a worker that ended is started again. One that finds its worker
in other hands, or the proxy in use, is skipped; the broker is waited for.
"""

import asyncio
import threading
import time
from collections.abc import Callable

from tests.faults.crew import Crew
from tests.faults.plan import Fault
from tests.faults.producer import fence
from tests.faults.proxy import Proxy
from tests.support.kafka import KafkaServer

UNHEARD_SECONDS = 2.0
"""So long a worker isn't answered before it is paused for long: it has begun a
transaction by then, and can't have ended it."""


class Acts:
    """Does the faults of a plan to the workers of `app`."""

    def __init__(
        self, app: str, crew: Crew, broker: KafkaServer, proxy: Proxy, workers: int
    ) -> None:
        """`workers` is how many belong to the crew when nobody joins it."""
        self._app = app
        self._crew = crew
        self._broker = broker
        self._proxy = proxy
        self._workers = workers
        self._broker_lock = threading.Lock()
        self._proxy_lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def begin(self, fault: Fault) -> None:
        thread = threading.Thread(target=self._do, args=(fault,))
        thread.start()
        self._threads.append(thread)

    @property
    def are_over(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def end(self) -> None:
        """Wait for what is still under way; the broker can be reached then."""
        for thread in self._threads:
            thread.join()
        self._proxy.heal()

    def _do(self, fault: Fault) -> None:
        name = f"cut: {fault.detail}" if fault.detail else fault.what
        try:
            do: Callable[[Fault], bool] = getattr(self, f"_{fault.what}")
            done = do(fault)
        except Exception as error:  # noqa: BLE001 - the verdict tells
            self._crew.strange.append(f"{fault}: {error!r}")
            return
        self._crew.done[name if done else "skipped"] += 1

    # -- workers ---------------------------------------------------------------------

    def _kill(self, fault: Fault) -> bool:
        with self._crew.hold(fault.slot) as held:
            if not held or not self._crew.running(fault.slot):
                return False
            self._crew.kill(fault.slot)
            time.sleep(fault.seconds)
            self._crew.start(fault.slot)
            return True

    def _stop(self, fault: Fault) -> bool:
        with self._crew.hold(fault.slot) as held:
            if not held or not self._crew.running(fault.slot):
                return False
            self._crew.end(fault.slot)
            time.sleep(fault.seconds)
            self._crew.start(fault.slot)
            return True

    def _zombie(self, fault: Fault) -> bool:
        with self._crew.hold(fault.slot) as held:
            worker = self._crew.running(fault.slot)
            if not held or worker is None:
                return False
            worker.pause()
            time.sleep(fault.seconds)
            worker.go_on()
            return True

    _nap = _zombie

    def _long_zombie(self, fault: Fault) -> bool:
        """A zombie in the middle of a transaction, for longer than that may take."""
        if not self._proxy_lock.acquire(blocking=False):
            return False
        try:
            self._proxy.harm("mute")
            time.sleep(UNHEARD_SECONDS)
            return self._zombie(fault)
        finally:
            self._proxy.heal()
            self._proxy_lock.release()

    def _join_and_leave(self, fault: Fault) -> bool:
        """One worker more, and one that leaves while the group still reassigns."""
        extra = self._workers + fault.slot
        with self._crew.hold(extra) as mine, self._crew.hold(fault.slot) as held:
            if not mine or not held or not self._crew.running(fault.slot):
                return False
            self._crew.start(extra)
            time.sleep(2.0 + fault.seconds / 3)
            self._crew.end(fault.slot)
            self._crew.start(fault.slot)
            time.sleep(fault.seconds)
            self._crew.end(extra)
            return True

    # -- what workers need -----------------------------------------------------------

    def _cut(self, fault: Fault) -> bool:
        if not self._proxy_lock.acquire(blocking=False):
            return False
        try:
            self._proxy.harm(fault.detail)
            time.sleep(fault.seconds)
            self._proxy.heal()
            return True
        finally:
            self._proxy_lock.release()

    def _fence(self, fault: Fault) -> bool:
        owner = f"{self._app}-contacts-{fault.slot}"
        with self._broker_lock:
            asyncio.run(fence(self._broker.bootstrap, owner))
        return True

    def _broker_stop(self, fault: Fault) -> bool:
        return self._restart(self._broker.stop, fault.seconds)

    def _broker_kill(self, fault: Fault) -> bool:
        return self._restart(self._broker.kill, fault.seconds)

    def _restart(self, end: Callable[[], None], seconds: float) -> bool:
        with self._broker_lock:
            end()
            time.sleep(seconds)
            self._broker.start()
        return True
