"""TLS for the listeners, from the settings, and anew whenever they change.

Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/
"""

import os
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from nearkeep.engine.settings import SettingError, Settings

SETTINGS: Final = (
    "tls-cert-file", "tls-key-file", "tls-key-file-pass", "tls-ca-cert-file", "tls-ca-cert-dir",
    "tls-auth-clients", "tls-protocols", "tls-ciphers", "tls-ciphersuites",
    "tls-prefer-server-ciphers", "tls-session-caching",
)  # fmt: skip
"""What a context is made of."""

_VERSIONS: Final = {"tlsv1.2": ssl.TLSVersion.TLSv1_2, "tlsv1.3": ssl.TLSVersion.TLSv1_3}
_CLIENT_CERTIFICATES: Final = {
    b"no": ssl.CERT_NONE,
    b"optional": ssl.CERT_OPTIONAL,
    b"yes": ssl.CERT_REQUIRED,
}
_UNUSABLE: Final = "Unable to update TLS configuration. Check server logs."


def server_context(
    settings: Settings, protocols: Sequence[str] = ()
) -> tuple[ssl.SSLContext, list[str]]:
    """A context for all TLS listeners, and lines to tell the user.

    `protocols` are ALPN names, the preferred one first. Where no certificate is set, one for
    development is made. The context follows the settings: what CONFIG SET changes holds for the
    connections that come after it.

    Raises:
        SettingError: a setting won't do.
        OSError: a development certificate can't be written.
    """
    live, notes = _context(settings, protocols)
    current = [live]

    def present(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # Certificate and authorities are taken from the newest context. A connection has been made
        # from the live one by now, so what else there is in it is kept up to date there.
        if current[0] is not live:
            connection.context = current[0]

    def renew() -> None:
        try:
            fresh, _ = _context(settings, protocols)
        except (SettingError, OSError) as error:
            print(f"nearkeep: TLS stays as it was: {error}", flush=True)
            raise SettingError("tls-cert-file", b"", _UNUSABLE) from None
        _copy_policy(fresh, live)
        current[0] = fresh

    live.sni_callback = present
    for name in SETTINGS:
        settings.on_change(name, renew)
    return live, notes


def _context(settings: Settings, protocols: Sequence[str]) -> tuple[ssl.SSLContext, list[str]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_versions(context, settings)
    _set_ciphers(context, settings)
    notes = _load_certificate(context, settings)
    _set_client_certificates(context, settings, development=bool(notes))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if not settings.flag("tls-session-caching"):
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context, notes


def _set_versions(context: ssl.SSLContext, settings: Settings) -> None:
    names = _text(settings, "tls-protocols").lower().split()
    unknown = [name for name in names if name not in _VERSIONS]
    if unknown:
        raise _error(settings, "tls-protocols", "expected TLSv1.2, TLSv1.3 or both")
    versions = [_VERSIONS[name] for name in names or _VERSIONS]
    context.minimum_version = min(versions)
    context.maximum_version = max(versions)


def _set_ciphers(context: ssl.SSLContext, settings: Settings) -> None:
    ciphers = _text(settings, "tls-ciphers")
    if ciphers:
        try:
            context.set_ciphers(ciphers)
        except ssl.SSLError:
            raise _error(settings, "tls-ciphers", "OpenSSL knows none of these") from None
    suites = _text(settings, "tls-ciphersuites")
    if suites:
        set_suites = getattr(context, "set_ciphersuites", None)
        if set_suites is None:
            raise _error(
                settings, "tls-ciphersuites", "this Python can't choose ciphers for TLS 1.3"
            )
        try:
            set_suites(suites)
        except ssl.SSLError:
            raise _error(settings, "tls-ciphersuites", "OpenSSL knows none of these") from None
    if settings.flag("tls-prefer-server-ciphers"):
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE


def _load_certificate(context: ssl.SSLContext, settings: Settings) -> list[str]:
    """Loads the certificate; lines about it where it is a development certificate."""
    certificate = _existing(settings, "tls-cert-file")
    if certificate is None:
        if _text(settings, "tls-key-file"):
            raise _error(settings, "tls-key-file", "there is a key, but no tls-cert-file")
        from nearkeep.server.tls_development import certificate_for  # noqa: PLC0415 - rarely used

        development = certificate_for(Path(_text(settings, "dir")))
        context.load_cert_chain(development.certificate)
        return development.notes()
    key = _existing(settings, "tls-key-file")
    try:
        context.load_cert_chain(certificate, key, settings.string("tls-key-file-pass"))
    except ssl.SSLError as error:
        raise _error(
            settings,
            "tls-key-file" if key else "tls-cert-file",
            f"certificate and key can't be used together ({error.reason or error})",
        ) from None
    return []


def _set_client_certificates(
    context: ssl.SSLContext, settings: Settings, *, development: bool
) -> None:
    file = _existing(settings, "tls-ca-cert-file")
    folder = _existing(settings, "tls-ca-cert-dir")
    wanted = settings.string("tls-auth-clients")
    if file or folder:
        try:
            context.load_verify_locations(file, folder)
        except ssl.SSLError as error:
            raise _error(
                settings, "tls-ca-cert-file", f"there are no certificates in it ({error.reason})"
            ) from None
    elif development:
        wanted = b"no"
    elif wanted != b"no":
        raise _error(
            settings,
            "tls-auth-clients",
            "clients' certificates need tls-ca-cert-file; without them, set tls-auth-clients no",
        )
    context.verify_mode = _CLIENT_CERTIFICATES[wanted]


def _copy_policy(source: ssl.SSLContext, target: ssl.SSLContext) -> None:
    """Copies all that a connection takes from its context as soon as it is made."""
    target.verify_mode = source.verify_mode
    target.minimum_version = source.minimum_version
    target.maximum_version = source.maximum_version
    target.options = source.options
    target.num_tickets = source.num_tickets
    target.set_ciphers(":".join([cipher["name"] for cipher in source.get_ciphers()]))


def _text(settings: Settings, name: str) -> str:
    return os.fsdecode(settings.string(name))


def _existing(settings: Settings, name: str) -> str | None:
    """The path of a setting, if it is set.

    Raises:
        SettingError: it can't be read.
    """
    path = _text(settings, name)
    if not path:
        return None
    try:
        if Path(path).is_dir():
            os.scandir(path).close()
        else:
            Path(path).open("rb").close()
    except OSError as error:
        raise _error(settings, name, error.strerror or str(error)) from None
    return path


def _error(settings: Settings, name: str, message: str) -> SettingError:
    value = settings.string(name)
    return SettingError(name, value, f"{os.fsdecode(value)}: {message}")
