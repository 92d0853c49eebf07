"""Joins the twin, the orders and the gateway: the uplink's thread hears and reports, the main thread decides.

A configuration from afar is kept before it is tried, so that a power cut during its trial ends it as well.
"""

from __future__ import annotations

import logging
import queue
from typing import TYPE_CHECKING

import msgspec

from edge_agent.remote import twin as twins
from edge_agent.remote.commands import is_due, obey, remembered
from edge_agent.remote.managed import CONFIG_BYTES_MAX, config_of, under
from edge_agent.remote.twin_file import Memory, TwinFile
from sheetal.contracts.problem import SettingProblem, WireProblem
from sheetal.contracts.seal import open_envelope, unseal
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import COMMANDS_REMEMBERED, Command, Desired, Reported, TwinState

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.remote.commands import Actions
    from edge_agent.remote.twin import Twin
    from edge_agent.settings.file import Settings

_log = logging.getLogger(__name__)
_desired = msgspec.json.Decoder(Desired)
_commands = msgspec.json.Decoder(Command)

HEARD_MAX = 50
TOO_LONG = "this configuration is too long to be told"


class Manager:
    """One for the process's life; `installed` are the settings file's words, `settings` what is to be run under now.

    `clock` is the gateway's timeline, `anchored_ms` the same where it is believed, else None: an order's end cannot be
    judged without it.
    """

    def __init__(
        self,
        installed: Settings,
        boot: int,
        actions: Actions,
        clock: Callable[[], int],
        anchored_ms: Callable[[], int | None],
    ) -> None:
        self.installed = installed
        self._boot = boot
        self._actions = actions
        self._clock = clock
        self._anchored_ms = anchored_ms
        self._file = TwinFile(installed.outbox.with_name(installed.outbox.name + ".twin.json"))
        self._heard: queue.Queue[Desired | Command] = queue.Queue(HEARD_MAX)
        self._orders: list[Command] = []
        self._wanted: Desired | None = None
        self._deadline_seconds = 0.0
        self._memory = self._file.load()
        self.revision = 0
        self.settings = self._begin()

    # Called by the uplink's thread

    def hear(self, channel: Channel, payload: bytes) -> bool:
        """Takes a sealed message for the main thread; False for one that must not be believed."""
        try:
            body = self._believed(channel, payload)
        except WireProblem as problem:
            _log.warning("ignored a %s that must not be believed: %s", channel.value, problem.facts.get("reason"))
            return False
        try:
            self._heard.put_nowait(body)
        except queue.Full:
            _log.warning("too many orders at once: one is let go")
        return True

    def reported(self) -> Reported:
        """The gateway as it is now."""
        memory, config = self._memory, config_of(self.settings)
        is_told = len(config) <= CONFIG_BYTES_MAX
        return Reported(
            gateway=self.installed.gateway,
            boot=self._boot,
            at_ms=self._clock(),
            version=memory.twin.version,
            state=memory.twin.state,
            problem=memory.twin.problem or ("" if is_told else TOO_LONG),
            config=msgspec.Raw(config if is_told else b"{}"),
            outcomes=list(memory.outcomes),
        )

    @property
    def is_on_trial(self) -> bool:
        """Whether the present configuration has yet to prove itself."""
        return bool(self._memory.twin.trial)

    # Called by the main thread

    def tick(self, acks: int, at_seconds: float) -> Settings | None:
        """Decides what was heard; gives the settings to run under from now on, None for no change.

        `acks` are the application acks since the gateway last changed its settings, `at_seconds` a monotonic clock.
        """
        self._sort()
        self._obey()
        if self.is_on_trial:
            return self._judge(acks, at_seconds)
        return self._decide(at_seconds)

    def cannot(self, problem: str) -> Settings:
        """The present settings cannot be run; gives those to go back to: the last good ones, or else the file's own."""
        if not self.is_on_trial:
            self._memory = msgspec.structs.replace(
                self._memory, twin=msgspec.structs.replace(self._memory.twin, good="")
            )
        return self._roll_back(problem)

    def _begin(self) -> Settings:
        awoken = twins.awoken(self._memory.twin)
        try:
            settings = under(self.installed, awoken.good)
        except SettingProblem as problem:
            awoken = msgspec.structs.replace(twins.rolled_back(awoken, problem.message), good="")
            settings = self.installed
        if awoken != self._memory.twin:
            _log.error("configuration %d from afar is given up: %s", awoken.version, awoken.problem)
            self._keep(awoken)
        if awoken.good:
            _log.info("sources and uplink are as configured from afar, not as in the settings file")
        return settings

    def _believed(self, channel: Channel, payload: bytes) -> Desired | Command:
        gateway, key = self.installed.gateway, self.installed.key
        sealed = open_envelope(payload)
        body: Desired | Command
        if channel is Channel.DESIRED:
            body = unseal(sealed, channel, gateway, key, _desired)
        else:
            body = unseal(sealed, channel, gateway, key, _commands)
        if body.gateway != gateway:
            raise WireProblem("it names another gateway", reason="foreign_gateway")
        return body

    def _sort(self) -> None:
        while True:
            try:
                body = self._heard.get_nowait()
            except queue.Empty:
                return
            if isinstance(body, Command):
                # Without a clock that is believed, orders wait; the oldest make room.
                self._orders = [*self._orders, body][-COMMANDS_REMEMBERED:]
            elif self._wanted is None or body.version > self._wanted.version:
                self._wanted = body

    def _obey(self) -> None:
        at_ms = self._anchored_ms()
        if at_ms is None:
            return
        orders, self._orders = self._orders, []
        for order in orders:
            if is_due(order, self._memory.outcomes, at_ms):
                outcome = obey(order, self._actions, at_ms)
                outcomes = remembered(self._memory.outcomes, outcome)
                self._keep_memory(msgspec.structs.replace(self._memory, outcomes=outcomes))

    def _decide(self, at_seconds: float) -> Settings | None:
        wanted, self._wanted = self._wanted, None
        if wanted is None or not twins.is_new(self._memory.twin, wanted.version):
            return None
        try:
            config = bytes(wanted.config).decode()
            settings = under(self.installed, config)
        except (SettingProblem, UnicodeDecodeError) as problem:
            _log.error("refused configuration %d from afar: %s", wanted.version, problem)
            self._keep(twins.refused(self._memory.twin, wanted.version, str(problem)))
            return None
        return self._try(twins.tried(self._memory.twin, wanted.version, config), settings, at_seconds)

    def _try(self, tried: Twin, settings: Settings, at_seconds: float) -> Settings | None:
        if settings == self.settings:
            self._keep(twins.proved(tried))
            return None
        before = self._memory.twin
        if not self._keep(tried):
            self._keep(twins.refused(before, tried.version, "it cannot be kept on the disk"))
            return None
        _log.info("trying configuration %d from afar", tried.version)
        self._deadline_seconds = at_seconds + self.installed.remote.trial_seconds
        self.settings = settings
        return settings

    def _judge(self, acks: int, at_seconds: float) -> Settings | None:
        twin = self._memory.twin
        if acks and self._keep(twins.proved(twin)):
            _log.info("configuration %d from afar holds", twin.version)
            return None
        if at_seconds < self._deadline_seconds:
            return None
        return self._roll_back(f"no answer from ingest within {self.installed.remote.trial_seconds:g} s under it")

    def _roll_back(self, problem: str) -> Settings:
        twin = twins.rolled_back(self._memory.twin, problem)
        _log.error("rolled configuration %d from afar back: %s", twin.version, problem)
        self._keep(twin)
        self.settings = under(self.installed, twin.good)
        return self.settings

    def _keep(self, twin: Twin) -> bool:
        return self._keep_memory(msgspec.structs.replace(self._memory, twin=twin))

    def _keep_memory(self, memory: Memory) -> bool:
        """Remembers, on the disk where it can be, and says so; what proves a trial counts only on the disk."""
        try:
            self._file.save(memory)
        except OSError as error:
            _log.error("the twin cannot be kept on the disk: %s", error.strerror)
            if memory.twin.state is TwinState.APPLIED and memory.twin != self._memory.twin:
                return False
            is_kept = False
        else:
            is_kept = True
        self._memory = memory
        self.revision += 1
        return is_kept
