from __future__ import annotations

import pytest

from nearkeep.cli.settings_file import LoadError
from nearkeep.cli.settings_sources import from_environment, from_flags, load
from nearkeep.engine.settings import Settings


def by_flags(*words: str) -> Settings:
    settings = Settings()
    load(settings, from_flags(words))
    return settings


def by_environment(**variables: str) -> Settings:
    settings = Settings()
    load(settings, from_environment(variables))
    return settings


def test_a_flag_is_a_name_and_its_words() -> None:
    settings = by_flags("--port", "7000", "--bind", "127.0.0.1", "-::1", "--MAXMEMORY", "1mb")
    assert settings.integer("port") == 7000
    assert settings.strings("bind") == [b"127.0.0.1", b"-::1"]
    assert settings.integer("maxmemory") == 1 << 20


def test_a_flag_may_have_an_equals_sign() -> None:
    settings = by_flags("--port=7000", "--requirepass=--a=b", "--save=")
    assert settings.integer("port") == 7000
    assert settings.string("requirepass") == b"--a=b"
    assert settings.integers("save") == []


def test_repeated_save_flags_add_up() -> None:
    assert by_flags("--save", "60", "1", "--save", "300", "10").integers("save") == [60, 1, 300, 10]
    assert by_flags("--save", "60 1 300 10").integers("save") == [60, 1, 300, 10]
    assert by_flags("--save", "").integers("save") == []


def test_a_negative_number_is_a_word() -> None:
    assert by_flags("--list-max-listpack-size", "-3").integer("list-max-listpack-size") == -3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("port", "1"), "a flag begins with two dashes"),
        (("-p", "1"), "a flag begins with two dashes"),
        (("--",), "a flag begins with two dashes"),
        (("--port",), "wrong number of arguments"),
        (("--prot", "1"), "did you mean port?"),
        (("--port", "70000"), "expected a whole number from 0 to 65535"),
    ],
)
def test_a_wrong_flag_is_explained(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(LoadError) as caught:
        by_flags(*words)
    assert str(caught.value).startswith(f"command line: {' '.join(words)}\n")
    assert message in str(caught.value)


def test_variables_name_settings_with_underscores() -> None:
    settings = by_environment(
        NEARKEEP_TLS_PORT="7001", NEARKEEP_SAVE="60 1", NEARKEEP_REQUIREPASS="a b", PORT="1"
    )
    assert settings.integer("tls-port") == 7001
    assert settings.integers("save") == [60, 1]
    assert settings.string("requirepass") == b"a b"
    assert settings.integer("port") == 6379


def test_variables_of_others_are_left_alone() -> None:
    settings = by_environment(
        NEARKEEP_ENGINE="interpreted",
        NEARKEEP_OPT_LEVEL="0",
        NEARKEEP_PORT="tcp://10.0.0.1:6379",
        NEARKEEP_SERVICE_HOST="10.0.0.1",
        NEARKEEP_PORT_6379_TCP_ADDR="10.0.0.1",
    )
    assert settings.integer("port") == 6379


def test_a_misspelt_variable_is_noticed() -> None:
    with pytest.raises(LoadError, match="did you mean maxmemory"):
        by_environment(NEARKEEP_MAXMEMROY="1gb")


def test_a_later_source_overrides_an_earlier_one() -> None:
    settings = Settings()
    load(settings, from_environment({"NEARKEEP_PORT": "1", "NEARKEEP_SAVE": "1 1"}))
    load(settings, from_flags(["--port", "2", "--save", "2", "2"]))
    assert settings.integer("port") == 2
    assert settings.integers("save") == [2, 2]
