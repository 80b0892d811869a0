"""Handshakes against a context of the server, in memory and over a socket."""

from __future__ import annotations

import ssl
import stat
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from nearkeep.engine.settings import SettingError, Settings
from nearkeep.server.tls import server_context
from tests.servers import start_nearkeep

HOST = "localhost"


class Certificates:
    """An authority's files, as a user would have them."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        server = self.authority.issue_cert(HOST)
        self.certificate = str(folder / "server.pem")
        self.key = str(folder / "server-key.pem")
        self.ca = str(folder / "ca.pem")
        folder.mkdir(parents=True, exist_ok=True)
        server.cert_chain_pems[0].write_to_path(self.certificate)
        server.private_key_pem.write_to_path(self.key)
        self.authority.cert_pem.write_to_path(self.ca)

    def client(self, *, presents: trustme.CA | None = None) -> ssl.SSLContext:
        """A client that trusts this authority and presents a certificate of another, if one."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if presents is not None:
            presents.issue_cert("client").configure_cert(context)
        return context


@pytest.fixture
def ours(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "theirs")


def settings_of(certificates: Certificates, **more: str) -> Settings:
    settings = Settings()
    chosen = {
        "tls-cert-file": certificates.certificate,
        "tls-key-file": certificates.key,
        "tls-auth-clients": "no",
    }
    for name, value in chosen.items():
        settings.set(name, [value.encode()])
    for name, value in more.items():
        settings.set(name.replace("_", "-"), [value.encode()])
    return settings


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """The client's side of a finished handshake.

    Raises:
        ssl.SSLError: one side refused the other.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=HOST)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (one, other):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    # In TLS 1.3 a server that minds the client's certificate says so only after the handshake.
    with suppress(ssl.SSLWantReadError):
        one.read(1)
    return one


def refusal(settings: Settings) -> SettingError:
    with pytest.raises(SettingError) as caught:
        server_context(settings)
    return caught.value


def test_a_client_that_trusts_the_authority_gets_through(ours: Certificates) -> None:
    context, notes = server_context(settings_of(ours))
    assert handshake(context, ours.client()).version() == "TLSv1.3"
    assert notes == []


def test_a_stranger_is_refused_by_the_client(ours: Certificates, theirs: Certificates) -> None:
    context, _ = server_context(settings_of(ours))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(context, theirs.client())


@pytest.mark.parametrize(
    ("wanted", "without", "with_one"),
    [("yes", False, True), ("optional", True, True), ("no", True, True)],
)
def test_clients_need_a_certificate_if_that_is_wanted(
    ours: Certificates, wanted: str, without: bool, with_one: bool
) -> None:
    context, _ = server_context(
        settings_of(ours, tls_ca_cert_file=ours.ca, tls_auth_clients=wanted)
    )
    for client, may in (
        (ours.client(), without),
        (ours.client(presents=ours.authority), with_one),
    ):
        if may:
            handshake(context, client)
        else:
            with pytest.raises(ssl.SSLError):
                handshake(context, client)


def test_a_certificate_of_another_authority_is_refused_even_if_optional(
    ours: Certificates, theirs: Certificates
) -> None:
    context, _ = server_context(
        settings_of(ours, tls_ca_cert_file=ours.ca, tls_auth_clients="optional")
    )
    with pytest.raises(ssl.SSLError):
        handshake(context, ours.client(presents=theirs.authority))


def test_only_the_chosen_versions_are_spoken(ours: Certificates) -> None:
    context, _ = server_context(settings_of(ours, tls_protocols="TLSv1.2"))
    assert handshake(context, ours.client()).version() == "TLSv1.2"
    context, _ = server_context(settings_of(ours, tls_protocols="TLSv1.3"))
    old = ours.client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        handshake(context, old)


def test_old_versions_are_never_spoken(ours: Certificates) -> None:
    assert server_context(settings_of(ours))[0].minimum_version == ssl.TLSVersion.TLSv1_2
    error = refusal(settings_of(ours, tls_protocols="TLSv1.1 TLSv1.2"))
    assert error.name == "tls-protocols"
    assert "expected TLSv1.2, TLSv1.3 or both" in error.message


def test_ciphers_are_chosen(ours: Certificates) -> None:
    cipher = "ECDHE-RSA-AES256-GCM-SHA384"
    settings = settings_of(ours, tls_ciphers=cipher, tls_protocols="TLSv1.2")
    context, _ = server_context(settings)
    names = {entry["name"] for entry in context.get_ciphers() if entry["protocol"] != "TLSv1.3"}
    assert names == {cipher}
    assert refusal(settings_of(ours, tls_ciphers="none-such")).name == "tls-ciphers"


@pytest.mark.parametrize(("setting", "prefers"), [("yes", True), ("no", False)])
def test_the_order_of_ciphers_is_the_servers_if_that_is_wanted(
    ours: Certificates, setting: str, prefers: bool
) -> None:
    context, _ = server_context(settings_of(ours, tls_prefer_server_ciphers=setting))
    assert bool(context.options & ssl.OP_CIPHER_SERVER_PREFERENCE) is prefers


def test_sessions_are_not_resumed_if_that_is_not_wanted(ours: Certificates) -> None:
    context, _ = server_context(settings_of(ours, tls_session_caching="no"))
    assert context.num_tickets == 0


def test_protocols_are_negotiated_in_the_servers_order(ours: Certificates) -> None:
    context, _ = server_context(settings_of(ours), ("redis", "http/1.1"))
    client = ours.client()
    client.set_alpn_protocols(["http/1.1"])
    assert handshake(context, client).selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("name", ["tls-cert-file", "tls-key-file", "tls-ca-cert-file"])
def test_a_missing_file_is_named(ours: Certificates, name: str) -> None:
    error = refusal(settings_of(ours, **{name: "/none.pem"}))
    assert error.name == name
    assert error.message == "/none.pem: No such file or directory"


def test_a_key_of_another_certificate_is_noticed(ours: Certificates, theirs: Certificates) -> None:
    error = refusal(settings_of(ours, tls_key_file=theirs.key))
    assert error.name == "tls-key-file"
    assert "can't be used together" in error.message


def test_a_certificate_of_ones_own_needs_an_authority_for_clients(ours: Certificates) -> None:
    error = refusal(settings_of(ours, tls_auth_clients="yes"))
    assert error.name == "tls-auth-clients"
    assert "set tls-auth-clients no" in error.message


def test_a_changed_certificate_holds_for_the_next_connection(
    ours: Certificates, theirs: Certificates
) -> None:
    settings = settings_of(ours)
    context, _ = server_context(settings)
    settings.set_many(
        [
            (b"tls-cert-file", theirs.certificate.encode()),
            (b"tls-key-file", theirs.key.encode()),
        ]
    )
    handshake(context, theirs.client())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(context, ours.client())


def test_changed_authorities_hold_for_the_next_connection(
    ours: Certificates, theirs: Certificates
) -> None:
    settings = settings_of(ours, tls_ca_cert_file=ours.ca, tls_auth_clients="yes")
    context, _ = server_context(settings)
    settings.set_many([(b"tls-ca-cert-file", theirs.ca.encode())])
    handshake(context, ours.client(presents=theirs.authority))
    with pytest.raises(ssl.SSLError):
        handshake(context, ours.client(presents=ours.authority))


def test_changed_demands_hold_for_the_next_connection(ours: Certificates) -> None:
    settings = settings_of(ours)
    context, _ = server_context(settings)
    settings.set_many([(b"tls-protocols", b"TLSv1.2")])
    assert handshake(context, ours.client()).version() == "TLSv1.2"
    settings.set_many([(b"tls-ca-cert-file", ours.ca.encode()), (b"tls-auth-clients", b"yes")])
    with pytest.raises(ssl.SSLError):
        handshake(context, ours.client())


def test_a_change_that_will_not_do_changes_nothing(
    ours: Certificates, theirs: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(ours)
    context, _ = server_context(settings)
    with pytest.raises(SettingError, match="Unable to update TLS configuration"):
        settings.set_many([(b"tls-key-file", theirs.key.encode())])
    assert settings.string("tls-key-file") == ours.key.encode()
    assert "can't be used together" in capsys.readouterr().out
    handshake(context, ours.client())


@pytest.fixture
def development(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def test_without_a_certificate_there_is_one_for_development(development: Path) -> None:
    settings = Settings()
    settings.set("dir", [str(development).encode()])
    context, notes = server_context(settings)
    (authority,) = development.rglob("ca.pem")
    assert str(authority) in notes[0]
    handshake(context, ssl.create_default_context(cafile=str(authority)))


def test_a_server_speaks_tls_with_a_development_certificate(development: Path) -> None:
    with start_nearkeep(tls_port=0) as server:
        (authority,) = development.rglob("ca.pem")
        assert server.has_logged(str(authority))
        with server.raw(tls=ssl.create_default_context(cafile=str(authority))) as connection:
            assert connection.value("PING") == "PONG"
        keys = [*development.rglob("ca-key.pem"), *development.rglob("server.pem")]
        assert {stat.S_IMODE(file.stat().st_mode) for file in keys} == {0o600}
