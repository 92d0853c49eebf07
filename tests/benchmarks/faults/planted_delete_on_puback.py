"""A gateway with a planted fault: it believes the broker and deletes what a PUBACK confirms."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
from paho.mqtt.client import Client

from edge_agent.__main__ import main
from edge_agent.uplink.uplink import Uplink
from sheetal.contracts.batch import Batch
from sheetal.contracts.seal import open_envelope

if TYPE_CHECKING:
    from paho.mqtt.client import MQTTMessageInfo

_publish, _on_publish = Client.publish, Uplink._on_publish
_sent: dict[int, bytes] = {}


def _remember(self: Client, topic: str, payload: bytes, *args: Any, **kwargs: Any) -> MQTTMessageInfo:  # noqa: ANN401 - paho's own
    info = _publish(self, topic, payload, *args, **kwargs)
    if topic.endswith("/data"):
        _sent[info.mid] = payload
    return info


def _delete(self: Uplink, client: Client, data: object, message_id: int, *others: Any) -> None:  # noqa: ANN401 - paho's own
    _on_publish(self, client, data, message_id, *others)
    if message_id not in _sent:
        return
    batch = msgspec.json.decode(open_envelope(_sent.pop(message_id)).body, type=Batch)
    names = [(batch.boot, item.sequence) for item in (*batch.rows, *batch.aux, *batch.days)]
    with closing(sqlite3.connect(self._settings.outbox, timeout=20)) as outbox, outbox:
        outbox.executemany("DELETE FROM item WHERE boot = ? AND sequence = ?", names)


if __name__ == "__main__":
    Client.publish = _remember
    Uplink._on_publish = _delete
    sys.exit(main(sys.argv[1:]))
