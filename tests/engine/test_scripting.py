"""Scripts and functions: what they see, what they can't reach, and how they end.

What they reply is compared with Redis in tests/oracle/families/scripts.py.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from nearkeep.engine.keyspace import Clock
from nearkeep.engine.namespace import Host
from nearkeep.engine.scripting.bytecode import Chunk
from nearkeep.engine.scripting.scripts import MOST_EVALUATED
from nearkeep.engine.session import BUSY, Outlet, Session
from nearkeep.wire.reply import NO_REPLY, OK, Failure, Map, Reply, Status
from tests.engine.conftest import NOW, Client, strings


def run(client: Client, script: str | bytes, *words: bytes | str | int) -> Reply:
    """Runs a script without keys."""
    return client("EVAL", script, 0, *words)


def problem(reply: Reply) -> str:
    """What went wrong, without where."""
    assert isinstance(reply, Failure), reply
    return reply.message.decode().partition(" script: ")[0]


# ---- values


@pytest.mark.parametrize(
    ("script", "reply"),
    [
        ("return 3.99", 3),
        ("return -3.99", -3),
        ("return 'a\\0b'", b"a\0b"),
        ("return {1, 2, nil, 4}", [1, 2]),
        ("return {ok = 'a\\r\\nb'}", Status(b"a  b")),
        ("return {err = 'MY error'}", Failure(b"MY error")),
        ("return {double = 1.5}", 1.5),
        ("return true", 1),
        ("return false", None),
        ("redis.setresp(3) return false", False),
        ("return {1, {2, {3, false}}}", [1, [2, [3, None]]]),
        ("return redis.call('SET', 'k', 'v')", OK),
        ("return redis.call('GET', 'nosuch')", None),
        ("return {redis.call('INCR', 'n'), redis.call('PING')}", [1, Status(b"PONG")]),
        ("return tostring(cjson.null)", b"userdata: (nil)"),
    ],
)
def test_values_cross_the_border_as_in_redis(client: Client, script: str, reply: Reply) -> None:
    found = run(client, script)
    assert found == reply
    assert type(found) is type(reply)


def test_long_replies_and_results_cross_the_border_whole(client: Client) -> None:
    client("RPUSH", "l", *range(5000))
    numbers = [b"%d" % number for number in range(5000)]
    assert run(client, "return redis.call('LRANGE', 'l', 0, -1)") == numbers
    nested = run(client, "return {redis.call('LRANGE', 'l', 0, -1), 'end'}")
    assert nested == [numbers, b"end"]
    assert client("EVAL", "return #KEYS + #ARGV", 3000, *range(5000)) == 5000
    push = "local t = {} for i = 1, 7900 do t[i] = i end return redis.call('RPUSH', 'm', unpack(t))"
    assert run(client, push) == 7900


def test_a_map_is_a_table_of_pairs_in_the_third_protocol_alone(client: Client) -> None:
    client("HSET h f v")
    assert run(client, "redis.setresp(3) return redis.call('HGETALL', 'h').map.f") == b"v"
    assert run(client, "return redis.call('HGETALL', 'h')") == [b"f", b"v"]
    reply = run(client, "redis.setresp(3) return redis.call('HGETALL', 'h')")
    assert isinstance(reply, Map)


def test_a_reply_too_deep_ends_in_an_error(client: Client) -> None:
    reply = run(client, "local t = {} t[1] = t return t")
    while isinstance(reply, list):
        [reply] = reply
    assert reply == Failure(b"ERR reached lua stack limit")


# ---- errors


def test_errors_name_the_line_even_of_a_tail_call(client: Client) -> None:
    client("SET s x")
    reply = run(client, "local function f()\nreturn redis.call('INCR', 's')\nend\nreturn f()")
    assert isinstance(reply, Failure)
    assert reply.message.startswith(b"ERR value is not an integer or out of range script: ")
    assert reply.message.endswith(b", on @user_script:2.")


def test_an_error_is_counted_once(client: Client) -> None:
    client("SET s x")
    before = client.namespace.error_count
    run(client, "return redis.call('INCR', 's')")
    assert client.namespace.error_count == before + 1


def test_what_a_script_did_before_its_error_stays(client: Client) -> None:
    run(client, "redis.call('SET', 'k', 'v') error('oops')")
    assert client("GET k") == b"v"
    assert client.effects == [b"SET k v"]


# ---- the sandbox


GONE = (
    "io", "debug", "package", "require", "module", "dofile", "loadfile", "print", "newproxy",
    "getfenv", "setfenv", "python", "lupa", "os.execute", "os.getenv", "os.remove", "os.exit",
)  # fmt: skip


@pytest.mark.parametrize("name", GONE)
def test_a_script_has_no(client: Client, name: str) -> None:
    reply = run(client, f"return tostring({name})")
    if "." in name:
        assert reply == b"nil"
    else:
        assert "nonexistent global variable" in problem(reply)


@pytest.mark.parametrize(
    "script",
    [
        "x = 1",
        "redis = nil",
        "_G.x = 1",
        "string.upper = nil",
        "redis.call = nil",
        "cjson.encode = nil",
        "rawset(_G, 'x', 1)",
        "rawset(string, 'x', 1)",
        "setmetatable(_G, {})",
        "setmetatable(redis, nil)",
        "getmetatable(_G).__index = {}",
        "getmetatable('').__index = {}",
        "getmetatable('').__index.upper = 1",
        "loadstring('x = 1')()",
        "load(function() return nil end)() x = 1",
        "coroutine.wrap(function() x = 1 end)()",
    ],
)
def test_what_all_scripts_share_is_read_only(client: Client, script: str) -> None:
    assert problem(run(client, script)).endswith("Attempt to modify a readonly table")
    assert run(client, "return ('x'):upper() .. tostring(rawget(_G, 'x'))") == b"Xnil"


@pytest.mark.parametrize(
    "script",
    [
        # Compiled code
        "return tostring(loadstring(string.dump(function() end)))",
        "return tostring(loadstring('\\27Lua'))",
        "local n = 0 return tostring(load(function() n = n + 1 return n == 1 and '\\27Lua' or nil end))",
        # Objects of the host: none is to be found in any table that can be reached
        """
        local seen, found = {}, 'nil'
        local function look(value)
          if type(value) == 'userdata' and value ~= cjson.null then found = tostring(value) end
          if type(value) ~= 'table' or seen[value] then return end
          seen[value] = true
          for name, content in pairs(value) do look(name) look(content) end
          look(getmetatable(value))
        end
        look(_G) look(getmetatable('')) look(KEYS)
        return found
        """,
        # nor in errors
        "local fine, e = pcall(redis.call, {}) return type(e) == 'string' and 'nil'",
        "local fine, e = pcall(redis.call, cjson.null) return type(e) == 'string' and 'nil'",
        "local fine, e = pcall(redis.call, _G, redis.call) return type(e) == 'string' and 'nil'",
        "local fine, e = pcall(struct.unpack, 'I8', ('\\255'):rep(8)) return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(bit.band, 2^1023 * 2) return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(struct.pack, 'i8', 0/0) return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(struct.pack, 'f', 1e300) return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(struct.pack, ('i'):rep(9), {}) return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(math.randomseed, 1/0) return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(math.randomseed, 0/0) return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(bit.tohex, 1, {}) return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(bit.rol, '0x', 1) return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(bit.bnot, ' 0x1p4 ') return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(struct.unpack, 'i4', 'abcd', '0x1p4') return type(e) ~= 'userdata' and 'nil'",
        "local fine, e = pcall(cmsgpack.unpack_limit, 'x', 0/0) return type(e) ~= 'userdata' and 'nil'",
        "return tostring(getmetatable(cjson.null))",
        "return tostring(getmetatable(redis))",
    ],
)
def test_no_way_leads_out_of_the_sandbox(client: Client, script: str) -> None:
    assert run(client, script) == b"nil"


def test_one_script_leaves_nothing_to_the_next(client: Client) -> None:
    assert client("EVAL", "ARGV.x = 1 KEYS[9] = 1 return #ARGV", 1, "k", "a") == 1
    assert run(client, "return {ARGV.x, KEYS[9], #KEYS}") == []


def test_a_script_that_hoards_memory_is_ended(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nearkeep.engine.scripting.scripts.MOST_MEMORY", 1 << 24)
    reply = run(client, "local t = {} for i = 1, 1e8 do t[i] = {i} end")
    assert problem(reply) == "ERR not enough memory"
    assert run(client, "return 1") == 1


# ---- commands of scripts


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("'NOSUCH'", "ERR Unknown Redis command called from script"),
        ("'GET'", "ERR Wrong number of args calling Redis command from script"),
        ("'MULTI'", "ERR This Redis command is not allowed from script"),
        ("", "ERR Please specify at least one argument for this redis lib call"),
        ("{}", "ERR Lua redis lib command arguments must be strings or integers"),
    ],
)
def test_redis_call_refuses(client: Client, words: str, text: str) -> None:
    assert problem(run(client, f"redis.call({words})")) == text
    assert run(client, f"return redis.pcall({words}).err") == text.encode()


def test_a_read_only_script_may_not_write(client: Client) -> None:
    refused = "ERR Write commands are not allowed from read-only scripts."
    script = "return redis.call('SET', 'k', 'v')"
    assert problem(client("EVAL_RO", script, 0)) == refused
    assert problem(run(client, "#!lua flags=no-writes\n" + script)) == refused
    assert client("EXISTS k") == 0


def test_a_script_is_one_batch_of_what_its_commands_did(client: Client) -> None:
    batches: list[list[bytes]] = []
    client.namespace.stream.read(
        lambda _sequence, _now, batch: batches.append([b" ".join(words) for _, words in batch])
    )
    run(client, "redis.call('SET', 'a', 1) redis.call('INCR', 'a') return redis.call('GET', 'a')")
    assert batches == [[b"SET a 1", b"INCR a"]]
    run(client, "return redis.call('GET', 'a')")
    assert len(batches) == 1


def test_select_in_a_script_does_not_change_the_callers_database(client: Client) -> None:
    run(client, "redis.call('SELECT', 3) redis.call('SET', 'k', 'v')")
    assert client("GET k") is None
    client("SELECT 3")
    assert client("GET k") == b"v"


def test_time_stands_still_in_a_script(client: Client) -> None:
    script = """
    redis.call('SET', 'k', 'v', 'PX', 1)
    for i = 1, 1e6 do end
    return redis.call('PTTL', 'k')
    """
    assert run(client, script) == 1


# ---- the cache


def test_evalsha_runs_what_eval_or_script_load_cached(client: Client) -> None:
    digest = client("SCRIPT", "LOAD", "return ARGV[1]")
    assert isinstance(digest, bytes)
    assert client("EVALSHA", digest.upper(), 0, "x") == b"x"
    assert client("SCRIPT", "EXISTS", digest, "f" * 40) == [1, 0]
    client("SCRIPT FLUSH")
    assert problem(client("EVALSHA", digest, 0)).startswith("NOSCRIPT ")


def test_scripts_of_eval_leave_the_cache_and_loaded_ones_stay(client: Client) -> None:
    loaded = client("SCRIPT", "LOAD", "return 'kept'")
    assert isinstance(loaded, bytes)
    for number in range(MOST_EVALUATED + 5):
        run(client, f"return {number}")
    assert len(client.namespace.scripts.cache) == MOST_EVALUATED + 1
    assert client.namespace.scripts.evicted == 5
    assert client("EVALSHA", loaded, 0) == b"kept"


def test_a_script_without_loops_and_functions_is_straight() -> None:
    lua51 = pytest.importorskip("lupa.lua51")
    dump = lua51.LuaRuntime(encoding=None).eval(
        b"function(s) return string.dump(loadstring(s)) end"
    )
    assert Chunk(dump(b"if redis.call('GET', 'k') then return 1 else return {2, 'x'} end")).straight
    assert not Chunk(dump(b"while true do end")).straight
    assert not Chunk(dump(b"for i = 1, 2 do end")).straight
    assert not Chunk(dump(b"repeat until x")).straight
    assert not Chunk(dump(b"local function f() return f() end")).straight
    assert not Chunk(dump(b"return loadstring(ARGV[1])()")).straight


# ---- scripts that run for long


class Turns(Host):
    """A host that gives scripts their next turn when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.resume: Callable[[], None] | None = None

    def takes_turns(self) -> bool:
        return True

    def take_turn(self, resume: Callable[[], None]) -> None:
        self.resume = resume

    def turn(self) -> None:
        resume, self.resume = self.resume, None
        if resume is not None:
            resume()


class Waiting(Outlet):
    """Keeps the reply of a script that took long."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Reply] = []

    def resume(self, reply: Reply) -> None:
        self.replies.append(reply)


class Ticking(Clock):
    """A millisecond passes whenever somebody looks."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW * 1000

    def microseconds(self) -> int:
        self.now += 1000
        return self.now


class Long:
    """A caller whose scripts give way at once, and another client."""

    def __init__(self, client: Client) -> None:
        pytest.importorskip("greenlet")
        self.client = client
        self.host = Turns()
        client.namespace.host = self.host
        client.namespace.settings.set("busy-reply-threshold", [b"1"])
        client.namespace.clock = Ticking()
        self.outlet = Waiting()
        self.caller = Session(client.namespace, self.outlet)

    def start(self, *words: str) -> None:
        """Calls, and sees that the script is still running."""
        assert self.caller.execute([word.encode() for word in words]) is NO_REPLY
        assert self.client.namespace.gate & BUSY

    def finish(self) -> Reply:
        """Gives turns until the script has ended; its reply."""
        while not self.outlet.replies:
            self.host.turn()
        assert not self.client.namespace.gate & BUSY
        return self.outlet.replies.pop()


@pytest.fixture
def long(client: Client) -> Long:
    return Long(client)


COUNT = "local n = 0 for i = 1, 1e6 do n = n + 1 end "


def test_others_are_told_busy_and_the_script_goes_on(long: Long) -> None:
    long.start("EVAL", COUNT + "return n", "0")
    assert problem(long.client("GET k")).startswith("BUSY ")
    long.host.turn()
    assert problem(long.client("PING")).startswith("BUSY ")
    assert long.finish() == 1_000_000
    assert long.client("PING") == Status(b"PONG")
    assert long.caller.blocked is None


def test_a_long_script_is_one_batch_at_its_end(long: Long) -> None:
    long.start("EVAL", f"redis.call('SET', 'a', 1) {COUNT} redis.call('SET', 'b', 2)", "0")
    long.client.step()
    assert long.client.effects == []
    long.finish()
    assert long.client.effects == [b"SET a 1", b"SET b 2"]


@pytest.mark.parametrize(
    "script",
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function(e) return e end) end",
        "coroutine.wrap(function() while true do end end)()",
        "local c = coroutine.create(function() while true do end end) coroutine.resume(c) while true do end",
        "while true do redis.call('GET', 'k') end",
        "loadstring('while true do end')()",
    ],
)
def test_script_kill_ends_every_loop(long: Long, script: str) -> None:
    long.start("EVAL", script, "0")
    assert long.client("SCRIPT KILL") == OK
    assert problem(long.finish()) == "ERR Script killed by user with SCRIPT KILL..."
    assert run(long.client, "return 'next'") == b"next"
    assert problem(long.client("SCRIPT KILL")).startswith("NOTBUSY ")


def test_a_script_that_has_written_is_not_killed(long: Long) -> None:
    long.start("EVAL", f"redis.call('SET', 'k', 'v') {COUNT} return n", "0")
    assert problem(long.client("SCRIPT KILL")).startswith("UNKILLABLE ")
    assert long.finish() == 1_000_000


def test_a_function_is_killed_by_function_kill_alone(long: Long) -> None:
    code = "#!lua name=l\nredis.register_function('f', function() while true do end end)"
    assert long.client("FUNCTION", "LOAD", code) == b"l"
    long.start("FCALL", "f", "0")
    assert problem(long.client("SCRIPT KILL")).startswith("BUSY ")
    assert long.client("FUNCTION KILL") == OK
    assert "killed" in problem(long.finish())


def test_a_caller_may_leave_while_its_script_runs(long: Long) -> None:
    long.start("EVAL", COUNT + "redis.call('SET', 'k', n)", "0")
    long.caller.end()
    long.finish()
    assert long.client("GET k") == b"1000000"


def test_clients_that_wait_are_served_after_the_script(long: Long) -> None:
    outlet = Waiting()
    waiter = Session(long.client.namespace, outlet)
    assert waiter.execute([b"BLPOP", b"l", b"0"]) is NO_REPLY
    long.start("EVAL", f"redis.call('RPUSH', 'l', 'x') {COUNT}", "0")
    assert outlet.replies == []
    long.finish()
    assert outlet.replies == [[b"l", b"x"]]


# ---- functions


def library(name: str, code: str) -> str:
    return f"#!lua name={name}\n{code}"


def test_a_library_keeps_its_own_state_and_sees_only_registration_while_it_loads(
    client: Client,
) -> None:
    code = library(
        "l", "local n = 0\nredis.register_function('f', function() n = n + 1 return n end)"
    )
    client("FUNCTION", "LOAD", code)
    assert [client("FCALL", "f", 0), client("FCALL", "F", 0)] == [1, 2]
    reply = client("FUNCTION", "LOAD", library("m", "redis.call('SET', 'k', 'v')"))
    assert "nonexistent global variable 'call'" in problem(reply)
    reply = client("FUNCTION", "LOAD", library("m", "while true do end"))
    assert problem(reply) == "ERR Error registering functions: ERR FUNCTION LOAD timeout"


def test_functions_get_keys_and_arguments_and_no_globals_of_scripts(client: Client) -> None:
    code = "redis.register_function('f', function(k, a) return {k[1], a[1], #k, #a} end)"
    client("FUNCTION", "LOAD", library("l", code))
    assert client("FCALL", "f", 1, "k", "a", "b") == [b"k", b"a", 1, 2]
    code = "redis.register_function('g', function() return KEYS end)"
    client("FUNCTION", "LOAD", library("m", code))
    assert "nonexistent global variable 'KEYS'" in problem(client("FCALL", "g", 0))


def test_restore_loads_all_that_dump_returned_or_nothing(client: Client) -> None:
    for name in ("a", "b"):
        client(
            "FUNCTION",
            "LOAD",
            library(name, f"redis.register_function('{name}', function() return '{name}' end)"),
        )
    payload = client("FUNCTION DUMP")
    assert isinstance(payload, bytes)
    client("FUNCTION DELETE a")
    assert problem(client("FUNCTION", "RESTORE", payload)) == "ERR Library b already exists"
    assert problem(client("FCALL", "a", 0)) == "ERR Function not found"
    assert client("FUNCTION", "RESTORE", payload, "REPLACE") == OK
    assert client("FCALL", "a", 0) == b"a"
    assert client("FUNCTION", "RESTORE", payload, "FLUSH") == OK
    assert problem(client("FUNCTION", "RESTORE", payload[:-1] + b"x")).startswith(
        "ERR DUMP payload"
    )


def test_loading_and_deleting_a_library_is_told_to_the_stream(client: Client) -> None:
    code = library("l", "redis.register_function('f', function() return 1 end)")
    client("FUNCTION", "LOAD", code)
    client("FUNCTION DELETE l")
    assert client.effects == [b"FUNCTION LOAD " + code.encode(), b"FUNCTION DELETE l"]


# ---- modules


@pytest.mark.parametrize(
    ("script", "reply"),
    [
        ("return cjson.encode({1, 'x', {a = true}, cjson.null})", b'[1,"x",{"a":true},null]'),
        ("return cjson.encode(cjson.decode(ARGV[1]))", b'[1,2.5,"\xc3\xa9\\n"]'),
        (
            "return cmsgpack.pack({1, -1, 'x', {a = 1.5}})",
            b"\x94\x01\xff\xa1x\x81\xa1a\xca?\xc0\0\0",
        ),
        ("return struct.pack('>I2sc0', 258, 'x', 'yz')", b"\x01\x02x\0yz"),
        ("return {struct.unpack('>I2s', '\\1\\2x\\0')}", [258, b"x", 5]),
        ("return bit.tohex(bit.bxor(0xff00ff00, 0x0ff00ff0))", b"f0f0f0f0"),
    ],
)
def test_modules_work(client: Client, script: str, reply: Reply) -> None:
    assert run(client, script, '[1,2.5,"\\u00e9\\n"]') == reply


def test_what_cmsgpack_packs_it_unpacks(client: Client) -> None:
    script = """
    local values = {0, 127, 128, 65535, 65536, 2^32, 2^53, -1, -32, -33, -128, -129, -32769, -2^31,
      -2^31 - 1, -2^53, 1.5, 0.1, -1e300, '', ('x'):rep(40), ('y'):rep(300), ('z'):rep(70000), true}
    for _, value in ipairs(values) do
      assert(cmsgpack.unpack(cmsgpack.pack(value)) == value, tostring(value))
    end
    local long = {} for i = 1, 70000 do long[i] = i end
    assert(cmsgpack.unpack(cmsgpack.pack(long))[70000] == 70000)
    return 'fine'
    """
    assert run(client, script) == b"fine"


# ---- without Lua


def test_without_lupa_all_works_but_scripts() -> None:
    code = """
import sys
sys.modules["lupa"] = None
sys.modules["greenlet"] = None
from tests.engine.conftest import Client
client = Client()
print(client("SET k v"), client("EVAL", "return 1", 0))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Status(b'OK')" in done.stdout
    assert "Lua is missing" in done.stdout


def test_all_keys_and_fields_of_info_are_there(client: Client) -> None:
    run(client, "return 1")
    info = client("INFO")
    assert b"number_of_cached_scripts:1" in (info.text if hasattr(info, "text") else b"")


def test_strings_of_a_script_are_bytes(client: Client) -> None:
    assert strings(client("EVAL", "return {KEYS[1], ARGV[1]}", 1, b"\xff\0", b"\xfe")) == [
        b"\xff\0",
        b"\xfe",
    ]


@pytest.mark.parametrize(
    ("script", "runs"),
    [
        ("#!lua flags=no-writes\nreturn 1", True),
        ("#!lua\nreturn 1", False),
        ("return 1", False),
    ],
)
@pytest.mark.parametrize("how", ["EVAL", "EVALSHA", "EXEC"])
def test_a_pause_of_the_writes_spares_scripts_that_declare_not_to_write(
    client: Client, script: str, runs: bool, how: str
) -> None:
    digest = client("SCRIPT", "LOAD", script)
    assert isinstance(digest, bytes)
    other = Session(client.namespace, Outlet())
    if how == "EXEC":
        client("MULTI")
        client("EVAL", script, 0)
    other.execute([b"CLIENT", b"PAUSE", b"1000", b"WRITE"])
    if how == "EXEC":
        assert client("EXEC") == ([1] if runs else NO_REPLY)
    else:
        assert client(how, script if how == "EVAL" else digest, 0) == (1 if runs else NO_REPLY)


def test_the_flag_that_upstash_libraries_set_is_taken(client: Client) -> None:
    assert run(client, "#!lua flags=allow-key-locking\nreturn 1") == 1


def test_a_status_may_be_deep_in_a_reply(client: Client) -> None:
    script = "local t = redis.status_reply('deep') for _ = 1, 100 do t = {t} end return t"
    for _ in range(20):
        reply = run(client, script)
        for _ in range(100):
            assert isinstance(reply, list)
            (reply,) = reply
        assert reply == Status(b"deep")
