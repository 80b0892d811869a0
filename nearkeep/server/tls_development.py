"""A certificate for development: signed by an authority of one's own, trusted once, for localhost.

The authority is kept in the user's data folder, or in `tls-dev` of the server's folder where that is
there already or the user has no folder that can be written to. Its name constraints allow it to sign
for localhost and nothing else, so that to trust it is no risk to other sites (RFC 5280, 4.2.1.10).
"""

import contextlib
import fcntl
import getpass
import ipaddress
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nearkeep.server.folders import data_folder

FOLDER: Final = "tls-dev"
AUTHORITY: Final = "ca.pem"
AUTHORITY_KEY: Final = "ca-key.pem"
CERTIFICATE: Final = "server.pem"
"""The server's key and certificate, in one file so that they always belong together."""

HOST: Final = "localhost"
ADDRESSES: Final = ("127.0.0.1", "::1")

AUTHORITY_DAYS: Final = 3650
CERTIFICATE_DAYS: Final = 397
"""Longer, and browsers refuse it."""
RENEW_DAYS: Final = 30
"""How long before its end a certificate is made anew."""

_PRIVATE: Final = 0o600
_EARLIER: Final = timedelta(hours=1)
"""Certificates begin a little in the past, for clocks that are slow."""


@dataclass(frozen=True, slots=True)
class Development:
    """Where a development certificate and its authority are."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """File with the server's key and certificate."""
        return self.folder / CERTIFICATE

    @property
    def authority(self) -> Path:
        """File with the authority's certificate, for clients."""
        return self.folder / AUTHORITY

    def notes(self) -> list[str]:
        """What to tell the user."""
        return [
            f"TLS has a development certificate for {HOST}. Its authority: {self.authority}",
            f"  for one client:   redis-cli --tls --cacert {_quoted(self.authority)}",
            f"  for this machine: {_how_to_trust(self.authority)}",
        ]


def certificate_for(directory: Path) -> Development:
    """The development certificate for a server in `directory`; made where there is none.

    Raises:
        OSError: it can't be written.
    """
    local = Development(directory / FOLDER)
    if local.folder.is_dir():
        _complete(local)
        return local
    own = Development(data_folder() / FOLDER)
    try:
        _complete(own)
    except OSError:
        _complete(local)
        return local
    return own


def _complete(development: Development) -> None:
    """Makes what is missing or about to end."""
    development.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = datetime.now(UTC)
    with _alone_in(development.folder):
        try:
            authority, authority_key = _authority(development.folder)
        except (OSError, ValueError):
            _make_authority(development.folder, now)
            authority, authority_key = _authority(development.folder)
        if not _is_good(development.certificate, authority, now):
            _make_certificate(development.certificate, authority, authority_key, now)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keeps out other servers that start at the same time."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The authority, from its files.

    Raises:
        OSError: they can't be read.
        ValueError: they are no certificate and key, not each other's, or too old.
    """
    certificate = x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes())
    key = load_pem_private_key((folder / AUTHORITY_KEY).read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{AUTHORITY_KEY} is of another kind")  # noqa: TRY004 - a file's content
    if key.public_key() != certificate.public_key():
        raise ValueError(f"{AUTHORITY_KEY} is another certificate's")
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    if left < timedelta(days=CERTIFICATE_DAYS):
        raise ValueError(f"{AUTHORITY} ends too soon")
    return certificate, key


def _is_good(file: Path, authority: x509.Certificate, now: datetime) -> bool:
    """Whether there is a certificate of this authority that lasts."""
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is made anew
        return False
    return certificate.not_valid_after_utc - now > timedelta(days=RENEW_DAYS)


def _make_authority(folder: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Nearkeep development CA ({_user()}@{platform.node()})")
    addresses = [
        x509.IPAddress(ipaddress.ip_network(f"{address}/{32 if '.' in address else 128}"))
        for address in ADDRESSES
    ]
    builder = (
        _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(
            x509.NameConstraints([x509.DNSName(HOST), *addresses], None),
            critical=True,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
    )
    certificate = builder.sign(key, hashes.SHA256())
    _write(folder / AUTHORITY_KEY, _key_bytes(key), _PRIVATE)
    _write(folder / AUTHORITY, certificate.public_bytes(Encoding.PEM), 0o644)


def _make_certificate(
    file: Path,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [
        x509.DNSName(HOST),
        *[x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES],
    ]
    builder = (
        _builder(_name(HOST), authority.subject, key.public_key(), now, CERTIFICATE_DAYS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
    )
    certificate = builder.sign(authority_key, hashes.SHA256())
    _write(file, _key_bytes(key) + certificate.public_bytes(Encoding.PEM), _PRIVATE)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now - _EARLIER + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(file: Path, content: bytes, mode: int) -> None:
    """Writes a file that is there as a whole or not at all, and never readable to others before."""
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as draft:
        draft.write(content)
    Path(draft.name).chmod(mode)
    Path(draft.name).replace(file)


def _user() -> str:
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return "unknown"


def _how_to_trust(authority: Path) -> str:
    path = _quoted(authority)
    if sys.platform == "darwin":
        return f"security add-trusted-cert -k ~/Library/Keychains/login.keychain-db {path}"
    return (
        f"sudo cp {path} /usr/local/share/ca-certificates/nearkeep-dev.crt"
        " && sudo update-ca-certificates"
    )


def _quoted(path: Path) -> str:
    return f"'{path}'" if " " in str(path) else str(path)
