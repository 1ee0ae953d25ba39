"""Starting and ending other people's programs."""

import os
import shutil
import subprocess

import pytest


def needed(what: str, program: str, *check: str) -> str:
    """The program's path, if it is there and the check succeeds; otherwise the test is skipped, in CI it fails."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/lib/kannel/test")
    if path and (not check or subprocess.run([path, *check], capture_output=True).returncode == 0):
        return path
    reason = f"{what} is not installed: scripts/test-tools.sh"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI may not skip its tests")
    pytest.skip(reason)


def stop(process: subprocess.Popen) -> None:
    """Ends it, asking first."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
