"""Makes the certificate that a Syncthing device is known by, so that ids exist before the first start."""

from __future__ import annotations

import base64
import datetime
import hashlib
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_VALID_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_VALID_UNTIL = datetime.datetime(2049, 12, 31, tzinfo=datetime.UTC)
SHORT_ID_LENGTH = 7


def device_id(certificate_der: bytes) -> str:
    """Answer the printed device id of a certificate: 8 groups of 7, with a check letter per 13."""
    digest = hashlib.sha256(certificate_der).digest()
    plain = base64.b32encode(digest).decode().rstrip("=")
    parts = [plain[i : i + 13] for i in range(0, 52, 13)]
    checked = "".join(part + _check_letter(part) for part in parts)
    return "-".join(checked[i : i + 7] for i in range(0, 56, 7))


def _check_letter(text: str) -> str:
    """Luhn mod 32 as Syncthing counts it: the factor starts at 1 on the left."""
    total = 0
    for position, letter in enumerate(text):
        addend = _ALPHABET.index(letter) * (1 if position % 2 == 0 else 2)
        total += addend // 32 + addend % 32
    return _ALPHABET[(32 - total % 32) % 32]


def ensure_identity(home: Path) -> str:
    """Make `cert.pem` and `key.pem` in `home` unless they are there; answer the device id."""
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "cert.pem").exists():
        _write_identity(home)
    certificate = x509.load_pem_x509_certificate((home / "cert.pem").read_bytes())
    return device_id(certificate.public_bytes(serialization.Encoding.DER))


def _write_identity(home: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "syncthing")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_UNTIL)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("syncthing")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (home / "key.pem").write_bytes(pem)
    (home / "key.pem").chmod(0o600)
    (home / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
