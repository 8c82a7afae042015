"""Certificates for tests, made by openssl: an authority, and a server that it vouches for."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lacking import lacking


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: an authority's certificate, and the certificate and key of a server."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path, name: str = "IP:127.0.0.1") -> Certificates:
    """Make an authority and a certificate for one name; skip without openssl, or fail under CI."""
    program = shutil.which("openssl")
    if program is None:
        reason = "no openssl on PATH; `make servers` installs it"
        lacking(reason)
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _run(
        program,
        *new,
        *("-subj", "/CN=test authority", "-days", "2"),
        *("-keyout", str(folder / "ca.key"), "-out", str(made.authority)),
    )
    _run(
        program,
        *new,
        *("-subj", "/CN=test server", "-days", "2", "-addext", f"subjectAltName={name}"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-CA", str(made.authority), "-CAkey", str(folder / "ca.key")),
        *("-keyout", str(made.key), "-out", str(made.certificate)),
    )
    made.key.chmod(0o600)
    return made


def _run(program: str, *options: str) -> None:
    done = subprocess.run([program, *options], capture_output=True, check=False)
    if done.returncode:
        pytest.fail(f"openssl failed: {done.stderr.decode()}")
