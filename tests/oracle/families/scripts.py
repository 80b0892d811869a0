"""https://redis.io/docs/latest/commands/?group=scripting"""

from __future__ import annotations

import hashlib

from tests.oracle.comparisons import help_text, unordered
from tests.oracle.family import Family
from tests.oracle.values import pool

SCRIPTS = [
    "return 1",
    "return 3.99",
    "return 'x'",
    "return true",
    "return false",
    "return nil",
    "return",
    "return {1,2,{3,'x',false},nil,4}",
    "return {ok='fine'}",
    "return {err='BAD thing'}",
    "return redis.status_reply('fine')",
    "return redis.error_reply('MY own error')",
    "return redis.error_reply('-MY own error')",
    "return {double=1.5}",
    "return {map={a=1}}",
    "return {set={a=true}}",
    "return {big_number='123456789012345678901234567890'}",
    "return {verbatim_string={format='txt', string='hi'}}",
    "return KEYS",
    "return ARGV",
    "return {KEYS[1], ARGV[1], #KEYS, #ARGV}",
    "return redis.call('GET', KEYS[1])",
    "return redis.pcall('GET', KEYS[1])",
    "return redis.call('SET', KEYS[1], ARGV[1])",
    "return redis.call('INCR', KEYS[1])",
    "return redis.call('INCRBYFLOAT', KEYS[1], 1.5)",
    "redis.call('SET', KEYS[1], 'before'); return redis.call('LPUSH', KEYS[1], 'x')",
    "return redis.pcall('LPUSH', KEYS[1], 'x', 'y')",
    "local e = redis.pcall('LPOP', KEYS[1], 'x'); return e.err",
    "return redis.call('RPUSH', KEYS[1], 1, 2.5, 'x')",
    "return redis.call('HGETALL', KEYS[1])",
    "redis.setresp(3); return redis.call('HGETALL', KEYS[1])",
    "redis.setresp(3); return redis.call('GET', 'nosuch')",
    "redis.setresp(4)",
    "return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')",
    "redis.setresp(3); return redis.call('ZSCORE', KEYS[1], ARGV[1])",
    "return redis.call('NOSUCH')",
    "return redis.pcall('NOSUCH')",
    "return redis.call('GET')",
    "return redis.call()",
    "return redis.call({})",
    "return redis.call('GET', KEYS[1], {})",
    "return redis.call('MULTI')",
    "return redis.call('SUBSCRIBE', 'x')",
    "return redis.call('BLPOP', KEYS[1], 0)",
    "return redis.call('EVAL', 'return 1', 0)",
    "return redis.call('SELECT', 1)",
    "return redis.call('PING')",
    "return redis.call('TYPE', KEYS[1])",
    "error('thrown')",
    "error({err='thrown table'})",
    "error()",
    "return nosuchvariable",
    "global = 1",
    "return redis.nosuch()",
    "return 1 +",
    "x = ",
    "return redis.sha1hex('x')",
    "return redis.sha1hex()",
    "return {redis.LOG_DEBUG, redis.LOG_WARNING, redis.REPL_ALL}",
    "return redis.log(redis.LOG_WARNING, 'x')",
    "return redis.log('x')",
    "return redis.set_repl(redis.REPL_ALL)",
    "return redis.replicate_commands()",
    "return redis.acl_check_cmd('SET', 'a', 'b')",
    "return redis.acl_check_cmd('NOSUCH')",
    "return cjson.encode({1,2,{a='b'}})",
    "return cjson.encode({})",
    "return cjson.encode(1.5)",
    'return cjson.decode(\'[1,"x",null,true,{"a":1.5}]\')[2]',
    "return cjson.decode('{')",
    "return cmsgpack.pack({1,2,'x'})",
    "return cmsgpack.unpack(cmsgpack.pack({1,2,'x'}))",
    "return bit.band(12, 10)",
    "return bit.tohex(255)",
    "return struct.pack('>I2', 258)",
    "return {struct.unpack('>I2', 'ab')}",
    "return string.format('%5.2f|%s|%d', 3.14159, 'x', 7)",
    "return tostring(1e15)",
    "return tostring(0.1)",
    "return tonumber('0x10')",
    "return math.floor(3.7)",
    "return #ARGV[1]",
    "return type(os.clock())",
    "return os.time",
    "return loadstring('return 5')()",
    "return load",
    "return require",
    "return print",
    "return {string.find('abc', 'b(.)')}",
    "return table.concat({1,2,3}, ',')",
    "return table.getn({1,2})",
    "return {unpack({1,2,3})}",
    "return pcall(error, 'x')",
    "return {pcall(redis.call, 'NOSUCH')}",
    "return _VERSION",
    "return {1, 2, 3.7, -3.7, 1e20, 2^53}",
    "return -0",
    "return 1/0",
    "#!lua\nreturn 1",
    "#!lua flags=no-writes\nreturn redis.call('SET', KEYS[1], 'x')",
    "#!lua flags=allow-stale,no-cluster\nreturn redis.call('GET', KEYS[1])",
    "#!lua flags=nosuch\nreturn 1",
    "#!lua name=x\nreturn 1",
    "#!python\nreturn 1",
    "#!lua",
]

SCRIPTING = Family(
    "scripts",
    """
    EVAL script 1 key [value ...]
    EVAL script 1 key value
    EVAL script 0
    EVAL script integer key ... [value ...]
    EVAL_RO script 1 key value
    EVALSHA digest 1 key value
    EVALSHA digest 0
    EVALSHA_RO digest 1 key
    SCRIPT LOAD script
    SCRIPT EXISTS digest ...
    SCRIPT FLUSH [ASYNC | SYNC]
    SCRIPT KILL
    SCRIPT HELP
    GET key
    TYPE key
    """,
    setup="""
    SET key value
    HSET key field value
    ZADD key score member
    SCRIPT LOAD script
    """,
    pools={
        "script": pool(SCRIPTS),
        "field": pool("f g h"),
        "digest": pool(
            [hashlib.sha1(script.encode()).hexdigest() for script in SCRIPTS],
            ["", "abc", "f" * 40, hashlib.sha1(b"return 1").hexdigest().upper()],
        ),
    },
    comparisons={"SCRIPT HELP": help_text},
    reset=((b"SCRIPT", b"FLUSH"),),
)

LIBRARIES = [
    "#!lua name=lib\nredis.register_function('f', function(keys, args) return {#keys, args[1]} end)",
    "#!lua name=lib\nredis.register_function('g', function(keys) return redis.call('INCR', keys[1]) end)",
    """#!lua name=other
redis.register_function{function_name='h', description='reads', flags={'no-writes'},
  callback=function(keys) return redis.call('GET', keys[1]) end}""",
    "#!lua name=other\nredis.register_function{function_name='f', callback=function() return 1 end}",
    """#!lua name=lib
redis.register_function{function_name='w', flags={'no-writes'},
  callback=function(keys) return redis.call('SET', keys[1], 'x') end}""",
    "#!lua name=lib\nredis.register_function('f', 'x')",
    "#!lua name=lib\nredis.register_function('f')",
    "#!lua name=lib\nredis.register_function{}",
    "#!lua name=lib\nredis.register_function('bad name', function() end)",
    "#!lua name=lib\nredis.register_function{function_name='f', callback=function() end, flags={'x'}}",
    "#!lua name=lib\nredis.call('GET', 'x')",
    "#!lua name=lib\nreturn 1",
    "#!lua name=lib\nsyntax error",
    "#!lua name=bad-name\nredis.register_function('f', function() end)",
    "#!lua\nreturn 1",
    "#!lua name=lib extra=1\nreturn 1",
    "#!python name=lib\nx",
    "no header",
    "",
]

# Without FUNCTION FLUSH: after it Redis 8.2.3 frees a client twice and ends.
FUNCTIONS = Family(
    "functions",
    """
    FUNCTION LOAD [REPLACE] library
    FUNCTION LOAD [REPLACE] library
    FCALL function 1 key value
    FCALL function 0 [value ...]
    FCALL function integer key ...
    FCALL_RO function 1 key
    FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
    FUNCTION DELETE name
    FUNCTION KILL
    FUNCTION HELP
    FUNCTION RESTORE value [FLUSH | APPEND | REPLACE]
    GET key
    """,
    setup="""
    FUNCTION LOAD REPLACE library
    SET key integer
    """,
    pools={
        "library": pool(LIBRARIES[:4] * 4 + LIBRARIES),
        "function": pool("f g h w", ["nosuch", "", "F"]),
        "name": pool("lib other", ["nosuch", "", "LIB"]),
    },
    comparisons={"FUNCTION HELP": help_text, "FUNCTION LIST": unordered},
    reset=((b"FUNCTION", b"DELETE", b"lib"), (b"FUNCTION", b"DELETE", b"other")),
)
