from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.settings import BY_NAME, SettingError, Settings, UnknownSettingError
from nearkeep.engine.settings_kinds import memory
from nearkeep.engine.settings_table import SETTINGS


@pytest.fixture
def settings() -> Settings:
    return Settings()


def refusal(settings: Settings, *pairs: tuple[bytes, bytes], local: bool = True) -> SettingError:
    with pytest.raises(SettingError) as caught:
        settings.set_many(list(pairs), local=local)
    return caught.value


def test_every_setting_can_be_read_back_from_its_own_lines(settings: Settings) -> None:
    for setting in SETTINGS:
        lines = settings.lines(setting.name)
        words = [word for line in lines for word in line] if setting.kind.gathers else lines[0]
        assert settings.holds(setting.name, words), setting.name


def test_every_setting_has_a_sentence_about_it() -> None:
    for setting in SETTINGS:
        assert setting.help.endswith("."), setting.name
        assert setting.kind.expects, setting.name


def test_no_name_is_declared_twice() -> None:
    names = [name for setting in SETTINGS for name in (setting.name, *setting.aliases)]
    assert len(names) == len(set(names)) == len(BY_NAME)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (b"0", 0),
        (b"17", 17),
        (b"1b", 1),
        (b"1k", 1000),
        (b"1KB", 1024),
        (b"2m", 2_000_000),
        (b"2mb", 2 * 1024**2),
        (b"3g", 3_000_000_000),
        (b"3Gb", 3 * 1024**3),
        (b"", 0),
        (b"kb", 0),
        (b"18446744073709551615", -1),
        (b"20000000000gb", 20_000_000_000 * 1024**3 - 2**64),
        (b"1t", None),
        (b"-1", None),
        (b"1.5gb", None),
        (b"1 kb", None),
        (b"0x10", None),
    ],
)
def test_memory_has_redis_units(text: bytes, size: int | None) -> None:
    assert memory(text) == size


@given(st.integers(0, 2**40), st.sampled_from(["", "b", "k", "KB", "m", "mb", "g", "GB"]))
def test_memory_is_printed_in_bytes(number: int, unit: str) -> None:
    settings = Settings()
    factor = {"": 1, "b": 1, "k": 10**3, "kb": 2**10, "m": 10**6, "mb": 2**20}
    factor |= {"g": 10**9, "gb": 2**30}
    size = number * factor[unit.lower()]
    if size < 2**63:
        settings.set_many([(b"maxmemory", f"{number}{unit}".encode())])
        assert settings.text("maxmemory") == b"%d" % size


def test_values_have_the_types_that_the_engine_works_with(settings: Settings) -> None:
    assert settings.integer("port") == 6379
    assert settings.integer("client-query-buffer-limit") == 2**30
    assert settings.integer("notify-keyspace-events") == 0
    assert settings.flag("protected-mode") is True
    assert settings.string("appendfsync") == b"everysec"
    assert settings.strings("bind") == [b"127.0.0.1", b"-::1"]
    assert settings.integers("save") == [3600, 1, 300, 100, 60, 10000]
    assert settings.integers("client-output-buffer-limit")[3:6] == [2**28, 2**26, 60]
    assert settings.floats("latency-tracking-info-percentiles") == [50.0, 99.0, 99.9]


def test_a_value_of_another_type_is_a_mistake_of_the_caller(settings: Settings) -> None:
    with pytest.raises(TypeError, match="save"):
        settings.integer("save")
    with pytest.raises(TypeError, match="port"):
        settings.flag("port")


def test_an_alias_is_another_name_of_the_same_value(settings: Settings) -> None:
    settings.set_many([(b"hash-max-ziplist-entries", b"7")])
    assert settings.integer("hash-max-listpack-entries") == 7
    assert settings.text("hash-max-ziplist-entries") == b"7"


def test_names_are_read_in_any_case_and_shown_as_given_or_in_errors_in_lower_case(
    settings: Settings,
) -> None:
    settings.set_many([(b"MaxMemory", b"1kb")])
    assert settings.match([b"MAXMEMORY", b"maxmemory"]) == {b"MAXMEMORY": b"1024"}
    assert refusal(settings, (b"MaxMemory", b"x")).name == "maxmemory"


def test_patterns_find_settings_and_aliases_but_none_that_is_hidden(settings: Settings) -> None:
    found = settings.match([b"slave-*", b"maxmem[a-z]*y"])
    assert b"slave-priority" in found
    assert b"maxmemory" in found
    assert b"replica-priority" not in found
    assert settings.match([b"watchdog*"]) == {}
    assert settings.match([b"watchdog-period"]) == {b"watchdog-period": b"0"}


def test_all_are_set_or_none(settings: Settings) -> None:
    called: list[str] = []
    settings.on_change("maxmemory", lambda: called.append("maxmemory"))
    error = refusal(settings, (b"maxmemory", b"5"), (b"hz", b"many"))
    assert (error.name, error.value) == ("hz", b"many")
    assert error.message == "argument couldn't be parsed into an integer"
    assert error.expected == "a whole number from 0 on"
    assert settings.integer("maxmemory") == 0
    assert called == []


def test_a_follower_hears_of_changes_only(settings: Settings) -> None:
    heard: list[int] = []
    settings.on_change("maxmemory", lambda: heard.append(settings.integer("maxmemory")))
    settings.set_many([(b"maxmemory", b"5")])
    settings.set_many([(b"maxmemory", b"5")])
    settings.set_many([(b"maxmemory", b"5b"), (b"hz", b"11")])
    settings.set_many([(b"maxmemory", b"6")])
    assert heard == [5, 6]


def test_a_follower_of_several_settings_is_called_once(settings: Settings) -> None:
    heard: list[int] = []

    def follow() -> None:
        heard.append(settings.integer("hz"))

    settings.on_change("maxmemory", follow)
    settings.on_change("hz", follow)
    settings.set_many([(b"maxmemory", b"5"), (b"hz", b"20")])
    assert heard == [20]


def test_a_follower_that_refuses_undoes_everything(settings: Settings) -> None:
    copies = {"maxmemory": 0}

    def copy() -> None:
        copies["maxmemory"] = settings.integer("maxmemory")

    def refuse() -> None:
        if settings.integer("port") != 6379:
            raise SettingError("port", b"", "Unable to listen on this port. Check server logs.")

    settings.on_change("maxmemory", copy)
    settings.on_change("port", refuse)
    error = refusal(settings, (b"maxmemory", b"5"), (b"port", b"1"))
    assert error.name == "port"
    assert settings.integer("port") == 6379
    assert settings.integer("maxmemory") == copies["maxmemory"] == 0


def test_the_first_wrong_name_is_the_one_complained_about(settings: Settings) -> None:
    error = refusal(settings, (b"port", b"many"), (b"Nope", b"1"), (b"aclfile", b"x"))
    assert isinstance(error, UnknownSettingError)
    assert error.name == "Nope"
    assert refusal(settings, (b"aclfile", b"x"), (b"nope", b"1")).message == (
        "can't set immutable config"
    )


def test_a_name_can_be_given_once(settings: Settings) -> None:
    error = refusal(settings, (b"hz", b"1"), (b"hz", b"2"))
    assert error.message == "duplicate parameter"


def test_what_is_for_the_start_can_be_set_before_it_only(settings: Settings) -> None:
    settings.set("databases", [b"3"])
    assert settings.integer("databases") == 3
    assert refusal(settings, (b"databases", b"4")).message == "can't set immutable config"


@pytest.mark.parametrize(
    ("allowed", "local", "may"),
    [
        (b"no", True, False),
        (b"local", True, True),
        (b"local", False, False),
        (b"yes", False, True),
    ],
)
def test_the_folder_is_protected(
    settings: Settings, allowed: bytes, local: bool, may: bool
) -> None:
    settings.set("enable-protected-configs", [allowed])
    if may:
        settings.set_many([(b"dir", b"/")], local=local)
        assert settings.string("dir") == b"/"
    else:
        error = refusal(settings, (b"dir", b"/"), local=local)
        assert error.message == "can't set protected config"


def test_output_limits_change_for_the_classes_that_are_named(settings: Settings) -> None:
    settings.set("client-output-buffer-limit", [b"replica", b"1kb", b"2", b"3"])
    settings.set_many([(b"client-output-buffer-limit", b"pubsub 4 5 6")])
    assert (
        settings.text("client-output-buffer-limit") == b"normal 0 0 0 slave 1024 2 3 pubsub 4 5 6"
    )


def test_no_save_points_are_an_empty_text(settings: Settings) -> None:
    settings.set("save", [b""])
    assert settings.integers("save") == []
    assert settings.text("save") == b""
    assert settings.lines("save") == [[b""]]


def test_a_letter_stands_for_most_event_classes(settings: Settings) -> None:
    settings.set_many([(b"notify-keyspace-events", b"KEg$lshzxetd")])
    assert settings.text("notify-keyspace-events") == b"AKE"
    settings.set_many([(b"notify-keyspace-events", b"Kn")])
    assert settings.text("notify-keyspace-events") == b"nK"


def test_what_nearkeep_lacks_is_refused_and_not_swallowed(settings: Settings) -> None:
    settings.set("replicaof", [b"no", b"one"])
    with pytest.raises(SettingError, match="replication"):
        settings.set("replicaof", [b"10.0.0.1", b"6379"])
    with pytest.raises(SettingError, match="cluster mode"):
        settings.set("cluster-enabled", [b"yes"])
    assert settings.text("replicaof") == b""
    assert settings.text("cluster-enabled") == b"no"


@given(st.sampled_from(sorted(BY_NAME)), st.binary(max_size=20))
def test_any_text_is_taken_or_refused(name: str, value: bytes) -> None:
    settings = Settings()
    settings.set("enable-protected-configs", [b"yes"])
    before = settings.text(name)
    try:
        settings.set_many([(name.encode(), value)])
    except SettingError:
        assert settings.text(name) == before
    else:
        again = Settings()
        setting = BY_NAME[name]
        lines = settings.lines(name)
        again.set(
            name, [word for line in lines for word in line] if setting.kind.gathers else lines[0]
        )
        assert again.text(name) == settings.text(name)
