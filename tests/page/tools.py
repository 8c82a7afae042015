"""The tools that check the page: node, and the packages of `package-lock.json`."""

import shutil
import subprocess
from pathlib import Path

from tests.lacking import lacking

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"


def node() -> str:
    """Return the path of node, or skip; where all must be tested, fail."""
    found = shutil.which("node")
    if found is None:
        lacking("no node; install it: apt-get install nodejs npm")
    return str(found)


def packages() -> Path:
    """Return the folder of the packages, and install them if they are missing or old."""
    lock, installed = HERE / "package-lock.json", PACKAGES / ".package-lock.json"
    if installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return PACKAGES
    npm = shutil.which("npm")
    if npm is None:
        lacking("no npm; install it: apt-get install npm")
    done = subprocess.run([str(npm), "ci", "--silent"], cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        lacking(f"npm ci failed: {done.stderr or done.stdout}")
    return PACKAGES
