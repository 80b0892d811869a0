from __future__ import annotations

import ssl
import stat
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from cryptography import x509

from nearkeep.server import tls_development
from nearkeep.server.tls_development import FOLDER, Development, certificate_for


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return folder


def parsed(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def names(certificate: x509.Certificate) -> set[str]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(name.value) for name in extension.value}


def test_it_is_for_this_machine_and_signed_by_its_authority(tmp_path: Path) -> None:
    made = certificate_for(tmp_path)
    certificate = parsed(made.certificate)
    assert names(certificate) == {"localhost", "127.0.0.1", "::1"}
    certificate.verify_directly_issued_by(parsed(made.authority))


def test_browsers_accept_how_long_it_lasts(tmp_path: Path) -> None:
    certificate = parsed(certificate_for(tmp_path).certificate)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(398)


def test_strict_clients_accept_it(tmp_path: Path) -> None:
    made = certificate_for(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.certificate)
    client = ssl.create_default_context(cafile=str(made.authority))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    for host in ("localhost", "127.0.0.1", "::1"):
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        one = client.wrap_bio(to_client, to_server, server_hostname=host)
        other = server.wrap_bio(to_server, to_client, server_side=True)
        for side in (one, other, one):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
        assert one.version() == "TLSv1.3"


def test_its_authority_may_sign_for_nothing_else(tmp_path: Path) -> None:
    authority = parsed(certificate_for(tmp_path).authority)
    extension = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert extension.critical
    assert {str(name.value) for name in extension.value.permitted_subtrees or ()} == {
        "localhost",
        "127.0.0.1/32",
        "::1/128",
    }
    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = certificate_for(tmp_path).folder
    for name in ("ca-key.pem", "server.pem"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_is_made_once(tmp_path: Path) -> None:
    first = certificate_for(tmp_path)
    before = (first.certificate.read_bytes(), first.authority.read_bytes())
    second = certificate_for(tmp_path / "another server")
    assert second == first
    assert (second.certificate.read_bytes(), second.authority.read_bytes()) == before


def test_it_is_renewed_in_time_by_the_same_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = certificate_for(tmp_path)
    before = (made.certificate.read_bytes(), made.authority.read_bytes())

    class Later:
        @staticmethod
        def now(zone: tzinfo) -> datetime:
            return datetime.now(zone) + timedelta(days=370)

    monkeypatch.setattr(tls_development, "datetime", Later)
    certificate_for(tmp_path)
    assert made.certificate.read_bytes() != before[0]
    assert made.authority.read_bytes() == before[1]
    parsed(made.certificate).verify_directly_issued_by(parsed(made.authority))


@pytest.mark.parametrize("damaged", ["ca.pem", "ca-key.pem", "server.pem"])
def test_what_is_damaged_is_made_anew(tmp_path: Path, damaged: str) -> None:
    made = certificate_for(tmp_path)
    (made.folder / damaged).write_text("nonsense")
    certificate_for(tmp_path)
    parsed(made.certificate).verify_directly_issued_by(parsed(made.authority))


def test_a_folder_beside_the_data_is_used_if_it_is_there(tmp_path: Path, home: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    assert certificate_for(tmp_path) == Development(tmp_path / FOLDER)
    assert list(home.iterdir()) == []


def test_a_folder_beside_the_data_is_made_if_there_is_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(no_folder))
    assert certificate_for(tmp_path).folder == tmp_path / FOLDER


def test_the_notes_say_where_the_authority_is_and_how_to_trust_it(tmp_path: Path) -> None:
    made = certificate_for(tmp_path)
    text = "\n".join(made.notes())
    assert f"redis-cli --tls --cacert {made.authority}" in text
    assert text.count(str(made.authority)) == 3
