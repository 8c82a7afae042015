"""Run tests that failed beside others once more, alone: `make test` does it for a few of them.

A test that passes alone has failed because of what ran beside it, often for want of time. It is
named, so that somebody mends it, but it does not stop a release. Files are counted and not tests,
because all tests of a file fail if the server that they share does not start in time.
"""

import json
import subprocess
import sys
from pathlib import Path

MOST = 4
FAILED = Path(".pytest_cache/v/cache/lastfailed")


def verdict(failed: list[str]) -> str | None:
    """Say why these tests are not run again, or return None if they are."""
    if not failed:
        return "The run has ended before its tests did."
    files = {test.partition("::")[0] for test in failed}
    if len(files) > MOST:
        return (
            f"{len(failed)} tests of {len(files)} files have failed, which is not by chance: they "
            "are not run again."
        )
    return None


def main() -> int:
    """Run what the last run has written down, and return the exit code."""
    failed = sorted(json.loads(FAILED.read_text("utf-8"))) if FAILED.exists() else []
    if why := verdict(failed):
        print(why)
        return 1
    print(f"Failed beside others, now alone: {', '.join(failed)}", flush=True)
    alone = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *failed]
    returned = subprocess.run(alone, check=False).returncode
    if returned == 0:
        print(f"Passed alone, and failed beside others: {', '.join(failed)}. Please mend them.")
    return returned


if __name__ == "__main__":
    sys.exit(main())
