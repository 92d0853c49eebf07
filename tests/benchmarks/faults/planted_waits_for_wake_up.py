"""alerts with a planted fault: it judges only when it is woken. Imported by a child of the nursery."""

from __future__ import annotations

import alerts.engine

alerts.engine.ROUND_SECONDS = 3_600.0
