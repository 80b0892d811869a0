"""Lua scripts and functions: a sandbox on lupa's Lua 5.1, and the way between it and commands.

    bytecode     what a compiled script looks like: tail calls, loops
    conversion   replies ⇄ Lua values
    interpreter  one Lua state: its sandbox, and the calls that cross the border
    scripts      the cache of scripts, and the one that runs
    libraries    functions: libraries that clients load
    *.lua        the sandbox, and the modules cjson, cmsgpack, bit and struct

Source: https://redis.io/docs/latest/develop/programmability/lua-api/
"""
