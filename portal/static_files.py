"""Static files under addresses that change with their content, so that browsers may keep them for a year."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

STATIC_FOLDER = Path(__file__).parent / "static"
VENDOR_MANIFEST = "vendor/manifest.json"
DIGEST_CHARACTERS = 12
KEPT = "public, max-age=31536000, immutable"
ASKED_AGAIN = "no-cache"


@dataclass
class StaticNames:
    """The addresses of static files, worked out once per process."""

    folder: Path = STATIC_FOLDER
    known: dict[str, str] = field(default_factory=dict)

    def own(self, name: str) -> str:
        """The address of one of our own files."""
        if name not in self.known:
            digest = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()[:DIGEST_CHARACTERS]
            self.known[name] = f"/static/{name}?v={digest}"
        return self.known[name]

    def vendor(self, name: str) -> str | None:
        """The address of an installed npm file; None before `python -m portal.vendor` has run."""
        if f"vendor/{name}" not in self.known:
            manifest = self.folder / VENDOR_MANIFEST
            if not manifest.exists():
                return None
            files: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))["files"]
            self.known |= {f"vendor/{key}": f"/static/vendor/{file}" for key, file in files.items()}
        return self.known.get(f"vendor/{name}")


class KeptFiles(StaticFiles):
    """Serves the folder; only an address that carries a digest may be kept without asking again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file with its lifetime."""
        response = await super().get_response(path, scope)
        has_digest = scope["query_string"].startswith(b"v=") or path.startswith("vendor/")
        response.headers["Cache-Control"] = KEPT if has_digest else ASKED_AGAIN
        return response
