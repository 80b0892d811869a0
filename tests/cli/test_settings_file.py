from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nearkeep.engine.commands  # noqa: F401 - users are of commands
from nearkeep.cli.serve import gather
from nearkeep.cli.settings_file import GENERATED, LoadError, read, rewrite, rewritten
from nearkeep.cli.settings_sources import load
from nearkeep.engine.acl import Users
from nearkeep.engine.settings import Settings


def conf(folder: Path, text: str, name: str = "redis.conf") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def loaded(path: str) -> Settings:
    settings = Settings()
    load(settings, read(path))
    return settings


def problem(path: str) -> str:
    with pytest.raises(LoadError) as caught:
        loaded(path)
    return str(caught.value)


def test_comments_blank_lines_and_case_do_not_matter(tmp_path: Path) -> None:
    path = conf(tmp_path, "# port 1\n\n  \t# port 2\r\n  PORT   7000 \r\n")
    assert loaded(path).integer("port") == 7000


def test_words_are_quoted_as_in_redis(tmp_path: Path) -> None:
    path = conf(tmp_path, "requirepass \"a b\\x41\\\"\\n\"\nlogfile 'it\\'s \\n'\n")
    settings = loaded(path)
    assert settings.string("requirepass") == b'a bA"\n'
    assert settings.string("logfile") == b"it's \\n"


def test_the_last_line_of_a_setting_counts(tmp_path: Path) -> None:
    assert loaded(conf(tmp_path, "port 1\nport 2\n")).integer("port") == 2


def test_save_lines_add_up_in_place_of_the_default(tmp_path: Path) -> None:
    path = conf(tmp_path, "save 900 1\nsave 300 10 60 100\n")
    assert loaded(path).integers("save") == [900, 1, 300, 10, 60, 100]


def test_an_empty_save_forgets_those_before_it(tmp_path: Path) -> None:
    assert loaded(conf(tmp_path, 'save 900 1\nsave ""\n')).integers("save") == []
    assert loaded(conf(tmp_path, 'save ""\nsave 5 6\n')).integers("save") == [5, 6]


def test_output_limits_are_given_class_by_class(tmp_path: Path) -> None:
    path = conf(
        tmp_path,
        "client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit pubsub 1mb 2kb 6\n",
    )
    assert loaded(path).text("client-output-buffer-limit") == (
        b"normal 1 2 3 slave 268435456 67108864 60 pubsub 1048576 2048 6"
    )


def test_files_are_included_where_they_stand(tmp_path: Path) -> None:
    conf(tmp_path, "port 2\ntimeout 7\n", "b.conf")
    path = conf(tmp_path, f"port 1\ninclude {tmp_path}/b.conf\n")
    assert loaded(path).integer("port") == 2
    path = conf(tmp_path, f"include {tmp_path}/b.conf\nport 1\n")
    assert loaded(path).integer("port") == 1
    assert loaded(path).integer("timeout") == 7


def test_a_pattern_includes_all_that_fits_in_order_even_nothing(tmp_path: Path) -> None:
    conf(tmp_path, "port 1\n", "part-1.conf")
    conf(tmp_path, "port 2\n", "part-2.conf")
    path = conf(tmp_path, f"include {tmp_path}/part-*.conf\ninclude {tmp_path}/none-*.conf\n")
    assert loaded(path).integer("port") == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert problem(f"{tmp_path}/none.conf") == (
        f"can't read {tmp_path}/none.conf: No such file or directory"
    )
    assert "none.conf" in problem(conf(tmp_path, f"include {tmp_path}/none.conf\n"))


def test_files_that_include_one_another_are_noticed(tmp_path: Path) -> None:
    path = conf(tmp_path, f"include {tmp_path}/redis.conf\n")
    assert "deep" in problem(path)


def test_users_and_renamed_commands_are_kept_for_the_server(tmp_path: Path) -> None:
    path = conf(tmp_path, 'user ann on >x ~*\nrename-command FLUSHALL ""\nrename-command A B\n')
    settings = loaded(path)
    assert settings.users == [[b"ann", b"on", b">x", b"~*"]]
    assert settings.renamed == [(b"FLUSHALL", b""), (b"A", b"B")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "port 1\nmaxmemroy 100mb\n",
            "{path}, line 2: maxmemroy 100mb\n    there is no such setting\n"
            "    did you mean maxmemory?",
        ),
        (
            "maxmemory 100zb\n",
            "{path}, line 1: maxmemory 100zb\n"
            "    expected a number of bytes, such as 512, 64kb, 100mb or 2gb\n"
            "    (argument must be a memory value)",
        ),
        (
            "appendfsync sometimes\n",
            "{path}, line 1: appendfsync sometimes\n    expected one of everysec, always, no\n"
            "    (argument(s) must be one of the following: everysec, always, no)",
        ),
        (
            'dir "/x\n',
            "{path}, line 1: dir \"/x\n    quotes don't balance, or no space follows a closing one",
        ),
        (
            "port 1 2\n",
            "{path}, line 1: port 1 2\n    expected a whole number from 0 to 65535\n"
            "    (wrong number of arguments)",
        ),
        (
            "requirepass a secret\n",
            "{path}, line 1: requirepass …\n    expected text\n    (wrong number of arguments)",
        ),
        (
            "loadmodule x.so\n",
            "{path}, line 1: loadmodule x.so\n    Nearkeep loads no modules: leave the line out",
        ),
        (
            "replicaof a 1\n",
            "{path}, line 1: replicaof a 1\n"
            "    replication from a Redis server is not there: import its data instead",
        ),
    ],
)
def test_an_error_says_where_what_and_what_would_be_right(
    tmp_path: Path, text: str, message: str
) -> None:
    path = conf(tmp_path, text)
    assert problem(path) == message.format(path=path)


def test_a_rewrite_keeps_what_is_still_right(tmp_path: Path) -> None:
    text = "# mine\nmaxmemory 100mb # no comment\n".replace(" # no comment", "")
    text += "slave-priority 7\n\nport 1\nport 2\nuser ann on\n"
    settings = loaded(conf(tmp_path, text))
    settings.set_many([(b"port", b"3"), (b"requirepass", b"a b")])
    assert rewritten(text.encode(), settings) == (
        b"# mine\nmaxmemory 100mb\nslave-priority 7\n\nport 3\nuser ann on\n"
        b'%s\nrequirepass "a b"\n' % GENERATED
    )


def test_a_second_rewrite_changes_nothing(tmp_path: Path) -> None:
    settings = loaded(conf(tmp_path, "port 1\n"))
    settings.set("save", [b"1", b"2", b"3", b"4"])
    once = rewritten(b"port 1\n", settings)
    assert once == b"port 1\n%s\nsave 1 2\nsave 3 4\n" % GENERATED
    assert rewritten(once, settings) == once


def test_a_default_is_written_only_over_a_line_of_the_file(tmp_path: Path) -> None:
    settings = loaded(conf(tmp_path, "port 1\n"))
    settings.set_many([(b"port", b"6379")])
    assert rewritten(b"port 1\n", settings) == b"port 6379\n"
    assert rewritten(b"", settings) == b"\n"


def test_a_rewrite_replaces_the_file_and_keeps_its_mode(tmp_path: Path) -> None:
    path = conf(tmp_path, "port 1\n")
    Path(path).chmod(0o640)
    settings = loaded(path)
    settings.set_many([(b"port", b"5")])
    rewrite(path, settings)
    assert Path(path).read_text() == "port 5\n"
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["redis.conf"]


def test_a_rewrite_that_fails_leaves_the_file_alone(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        rewrite(str(tmp_path / "none.conf"), Settings())
    assert list(tmp_path.iterdir()) == []


@given(st.binary(min_size=1, max_size=30))
def test_any_password_survives_a_rewrite(password: bytes) -> None:
    settings = Settings()
    settings.set("requirepass", [password])
    text = rewritten(b"", settings)
    again = Settings()
    lines = [line for line in text.split(b"\n") if line.startswith(b"requirepass")]
    assert len(lines) == 1
    from nearkeep.wire.request import split_words

    words = split_words(lines[0])
    assert words is not None
    again.set("requirepass", words[1:])
    assert again.string("requirepass") == password


def test_a_rewrite_keeps_the_users(tmp_path: Path) -> None:
    text = b"user ann on >secret ~a* +get\n# mine\nuser gone on\nport 1234\nuser bob off\n"
    file = tmp_path / "redis.conf"
    file.write_bytes(text)
    settings = gather(str(file), [])
    users = Users(settings)
    users.configure(settings.users)
    del users.named[b"gone"]
    users.named[b"ann"].apply(b"&news:*")
    users.named[b"eve"] = users.new(b"eve")
    users.named[b"eve"].apply(b"(+@read ~x)")
    before = users.lines()
    settings.users = users.configured()
    rewrite(str(file), settings)
    written = file.read_bytes().splitlines()
    assert written[0].startswith(b"user ann on ")
    assert written[1:3] == [b"# mine", b"port 1234"]
    assert b"gone" not in file.read_bytes()

    again = gather(str(file), [])
    reread = Users(again)
    reread.configure(again.users)
    assert reread.lines() == before


def test_a_rewrite_says_nothing_of_users_where_there_is_but_the_default() -> None:
    settings = Settings()
    settings.users = Users(settings).configured()
    assert rewritten(b"# mine\n", settings) == b"# mine\n"
