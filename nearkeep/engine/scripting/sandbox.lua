-- What a script sees, and how it is run. Loaded once per Lua state, with the host's functions.
--
-- Scripts see read-only tables alone: each is empty, and its metatable shows the content behind it.
-- So nothing that one script does to its globals reaches another, and nothing of the standard
-- library that is not named here, nor the host, can be reached at all.

local host, modules, version, version_number = ...

local error, type, select, rawget, unpack, tostring = error, type, select, rawget, unpack, tostring
local floor, concat = math.floor, table.concat
local setmetatable, getmetatable, rawset = setmetatable, getmetatable, rawset
local next, pairs, tonumber = next, pairs, tonumber
local pcall, xpcall, loadstring, setfenv = pcall, xpcall, loadstring, setfenv
local create, wrap, resume = coroutine.create, coroutine.wrap, coroutine.resume
local sethook, getinfo, dump = debug.sethook, debug.getinfo, string.dump
local execute, hash, random = host.execute, host.hash, host.random

local HERE = getinfo(1, "S").source
local READONLY = "Attempt to modify a readonly table"
local INSTRUCTIONS = 100000 -- between two looks at the clock

local resp = 2 -- what redis.setresp was told

-- Read-only tables

local behind = setmetatable({}, { __mode = "k" })

local function deny()
  error(READONLY, 2)
end

local function protect(content, shown)
  local front = {}
  behind[front] = content
  return setmetatable(front, {
    __index = content,
    __newindex = deny,
    __metatable = shown or false,
  })
end

local function copy(of)
  local result = {}
  for name, value in pairs(of) do
    result[name] = value
  end
  return result
end

local function harmless(problem)
  return type(problem) == "userdata" and "internal error" or problem
end

-- Numbers and strings as the standard library checks its arguments

local function bad(position, name, problem)
  error(("bad argument #%d to '%s' (%s)"):format(position, name, problem), 3)
end

local function kind_of(count, position, value)
  return position > count and "no value" or type(value)
end

-- The standard library, made safe

local base = {
  _VERSION = _VERSION,
  assert = assert,
  collectgarbage = collectgarbage,
  error = error,
  gcinfo = gcinfo,
  ipairs = ipairs,
  rawequal = rawequal,
  select = select,
  tonumber = tonumber,
  tostring = tostring,
  type = type,
  unpack = unpack,
  os = protect({ clock = os.clock }),
  table = protect(copy(table)),
}

function base.getmetatable(...)
  return getmetatable(...) or nil
end

function base.setmetatable(...)
  local of, meta = ...
  if type(of) ~= "table" then
    bad(1, "setmetatable", "table expected, got " .. kind_of(select("#", ...), 1, of))
  elseif meta ~= nil and type(meta) ~= "table" then
    bad(2, "setmetatable", "nil or table expected")
  elseif behind[of] then
    error(READONLY, 0)
  end
  local known = getmetatable(of)
  if known ~= nil and rawget(known == false and {} or known, "__metatable") ~= nil then
    error("cannot change a protected metatable", 2)
  end
  return setmetatable(of, meta)
end

function base.rawset(...)
  local of, key, value = ...
  if type(of) ~= "table" then
    bad(1, "rawset", "table expected, got " .. kind_of(select("#", ...), 1, of))
  elseif behind[of] then
    error(READONLY, 0)
  end
  return rawset(of, key, value)
end

function base.rawget(...)
  local of, key = ...
  if type(of) ~= "table" then
    bad(1, "rawget", "table expected, got " .. kind_of(select("#", ...), 1, of))
  end
  return rawget(behind[of] or of, key)
end

function base.next(...)
  local of, key = ...
  if type(of) ~= "table" then
    bad(1, "next", "table expected, got " .. kind_of(select("#", ...), 1, of))
  end
  return next(behind[of] or of, key)
end

function base.pairs(...)
  local of = ...
  if type(of) ~= "table" then
    bad(1, "pairs", "table expected, got " .. kind_of(select("#", ...), 1, of))
  end
  local content = behind[of]
  if content then
    return function(_, key) return next(content, key) end, of, nil
  end
  return next, of, nil
end

-- An error table is seen as its text, as in Redis; and an exception of the host, which there should
-- be none of, never as the object that it is.
local function outcome(fine, problem, ...)
  if not fine then
    if type(problem) == "table" and type(rawget(problem, "err")) == "string" then
      return false, rawget(problem, "err")
    end
    return false, harmless(problem)
  end
  return fine, problem, ...
end

function base.xpcall(...)
  local body, handler = ...
  return xpcall(body, function(problem) return handler(harmless(problem)) end)
end

function base.pcall(...)
  return outcome(pcall(...))
end

local globals -- the table that scripts know as _G

-- Source text only: compiled code could read and write anywhere in memory.
local function compile(source, name, environment)
  local chunk, problem = loadstring(source:byte() == 27 and " " .. source or source, name)
  if not chunk then
    return nil, problem
  end
  local code, straight = host.untail(dump(chunk))
  return setfenv(loadstring(code), environment), straight
end

function base.loadstring(...)
  local source, name = ...
  if type(source) == "number" then
    source = tostring(source)
  elseif type(source) ~= "string" then
    bad(1, "loadstring", "string expected, got " .. kind_of(select("#", ...), 1, source))
  end
  local chunk, problem = compile(source, type(name) == "string" and name or source, globals)
  if chunk then
    return chunk
  end
  return nil, problem
end

function base.load(...)
  local read, name = ...
  if type(read) ~= "function" then
    bad(1, "load", "function expected, got " .. kind_of(select("#", ...), 1, read))
  end
  local pieces = {}
  local piece = read()
  while piece ~= nil and piece ~= "" do
    if type(piece) ~= "string" then
      return nil, "reader function must return a string"
    end
    pieces[#pieces + 1] = piece
    piece = read()
  end
  local chunk, problem =
    compile(concat(pieces), type(name) == "string" and name or "=(load)", globals)
  if chunk then
    return chunk
  end
  return nil, problem
end

local text = protect(copy(string))
base.string = text
local strings = getmetatable("")
strings.__index = text
strings.__metatable = protect({ __index = text })

local arithmetic = copy(math)

function arithmetic.random(...)
  local count, low, high = select("#", ...), ...
  local drawn = random()
  if count == 0 then
    return drawn
  elseif count > 2 then
    error("wrong number of arguments", 2)
  end
  local from, to = tonumber(low), tonumber(high)
  if not from or count == 2 and not to then
    local position = from and 2 or 1
    bad(position, "random", "number expected, got " .. kind_of(count, position, from and high or low))
  end
  if count == 1 then
    from, to = 1, from
  end
  from, to = from >= 0 and floor(from) or -floor(-from), to >= 0 and floor(to) or -floor(-to)
  if from > to then
    bad(count, "random", "interval is empty")
  end
  return floor(drawn * (to - from + 1)) + from
end

function arithmetic.randomseed(...)
  local seed = tonumber((...))
  if not seed then
    bad(1, "randomseed", "number expected, got " .. kind_of(select("#", ...), 1, (...)))
  end
  host.seed(seed)
end

base.math = protect(arithmetic)

-- Scripts that run too long

local function look()
  local fatal = host.breathe()
  if fatal then
    sethook(look, "l") -- so that no pcall holds it up
    error({ err = fatal, fatal = true }, 0)
  end
end

local function watched(body)
  if type(body) ~= "function" then
    return body -- the standard library says what is wrong with it
  end
  return function(...)
    sethook(look, "", INSTRUCTIONS)
    return body(...)
  end
end

local routines = copy(coroutine)

local function resumed(fine, first, ...)
  if not fine then
    return false, harmless(first)
  end
  return fine, first, ...
end

function routines.resume(...)
  return resumed(resume(...))
end

function routines.create(body)
  return create(watched(body))
end

function routines.wrap(body)
  return wrap(watched(body))
end

base.coroutine = protect(routines)

-- Replies of commands, as values (see conversion.py for what the host hands over)

local STATUS, FAILURE, FLAT, NESTED, LONG = 1, 2, 3, 4, 5
local ARRAY, OK, ERROR, DOUBLE, MAP, SET, BIG, VERBATIM, TRUE, FALSE = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10

local build

local builders = {
  [ARRAY] = function(tokens, at)
    local items = {}
    local count = tokens[at]
    at = at + 1
    for index = 1, count do
      items[index], at = build(tokens, at)
    end
    return items, at
  end,
  [OK] = function(tokens, at) return { ok = tokens[at] }, at + 1 end,
  [ERROR] = function(tokens, at) return { err = tokens[at] }, at + 1 end,
  [DOUBLE] = function(tokens, at) return { double = tokens[at] }, at + 1 end,
  [MAP] = function(tokens, at)
    local map = {}
    local count = tokens[at]
    at = at + 1
    for _ = 1, count do
      local key, value
      key, at = build(tokens, at)
      value, at = build(tokens, at)
      if key ~= nil then
        map[key] = value
      end
    end
    return { map = map }, at
  end,
  [SET] = function(tokens, at)
    local set = {}
    local count = tokens[at]
    at = at + 1
    for _ = 1, count do
      local item
      item, at = build(tokens, at)
      if item ~= nil then
        set[item] = true
      end
    end
    return { set = set }, at
  end,
  [BIG] = function(tokens, at) return { big_number = tokens[at] }, at + 1 end,
  [VERBATIM] = function(tokens, at)
    return { verbatim_string = { format = tokens[at], string = tokens[at + 1] } }, at + 2
  end,
  [TRUE] = function(_, at) return true, at end,
  [FALSE] = function(_, at) return false, at end,
}

function build(tokens, at)
  local token = tokens[at]
  if token == true then
    return builders[tokens[at + 1]](tokens, at + 2)
  elseif token == false and resp == 3 then
    return nil, at + 1
  end
  return token, at + 1
end

local function gather(tokens, ...)
  local count = #tokens
  for index = 1, select("#", ...) do
    tokens[count + index] = (select(index, ...))
  end
end

local function fetched()
  local tokens = {}
  local count = 0
  local some = { host.fetch() }
  while #some > 0 do
    for index = 1, #some do
      tokens[count + index] = some[index]
    end
    count = count + #some
    some = { host.fetch() }
  end
  return (build(tokens, 1))
end

local function received(value, kind, ...)
  if kind == nil then
    return value
  elseif kind == STATUS then
    return { ok = value }
  elseif kind == FLAT then
    return { ... }
  elseif kind == NESTED then
    return (build({ ... }, 1))
  elseif kind == LONG then
    return fetched()
  end
  error({ err = value, ignore_error_stats_update = true }, 0)
end

local function received_quietly(value, kind, ...)
  if kind == FAILURE then
    return { err = value, ignore_error_stats_update = true }
  end
  return received(value, kind, ...)
end

-- The module `redis`

local function fail(problem)
  error({ err = "ERR " .. problem }, 0)
end

local functions = {
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REDIS_VERSION = version, REDIS_VERSION_NUM = version_number,
}

local function executed(...)
  local count = select("#", ...)
  if count <= 200 then
    return execute(...)
  end
  local words = { ... }
  for from = 1, count, 1000 do
    host.more_words(unpack(words, from, from + 999 < count and from + 999 or count))
  end
  return execute()
end

function functions.call(...)
  return received(executed(...))
end

function functions.pcall(...)
  return received_quietly(executed(...))
end

function functions.log(...)
  local level = ...
  if select("#", ...) < 2 then
    fail("redis.log() requires two arguments or more.")
  elseif type(level) ~= "number" then
    fail("First argument must be a number (log level).")
  elseif level < 0 or level > 3 then
    fail("Invalid log level.")
  end
  local words = {}
  for index = 2, select("#", ...) do
    local word = select(index, ...)
    if type(word) == "string" or type(word) == "number" then
      words[#words + 1] = word
    end
  end
  host.log(floor(level), concat(words, " "))
end

function functions.setresp(...)
  if select("#", ...) ~= 1 then
    fail("redis.setresp() requires one argument.")
  end
  local wanted = tonumber((...))
  if wanted ~= 2 and wanted ~= 3 then
    fail("RESP version must be 2 or 3.")
  end
  resp = wanted
  host.setresp(wanted)
end

local function a_text(...)
  local value = ...
  if select("#", ...) ~= 1 or type(value) ~= "string" then
    return nil
  end
  return value
end

function functions.error_reply(...)
  local message = a_text(...)
  if not message then
    return { err = "ERR wrong number or type of arguments" }
  end
  if message:byte() == 45 then
    message = message:sub(2)
  end
  if not message:find(" ", 1, true) then
    message = "ERR " .. message
  end
  return { err = message }
end

function functions.status_reply(...)
  local message = a_text(...)
  if not message then
    return { err = "ERR wrong number or type of arguments" }
  end
  return { ok = message }
end

function functions.sha1hex(...)
  if select("#", ...) ~= 1 then
    fail("wrong number of arguments")
  end
  local value = ...
  if type(value) == "number" then
    value = tostring(value)
  end
  return hash(type(value) == "string" and value or "")
end

function functions.acl_check_cmd(...)
  local allowed, problem = host.acl_check(...)
  if problem then
    error({ err = problem }, 0)
  end
  return allowed
end

function functions.set_repl(...)
  if select("#", ...) ~= 1 then
    fail("redis.set_repl() requires one argument.")
  end
  local flags = tonumber((...)) or 0
  if flags < 0 or flags > 3 then
    fail("Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
  end
end

functions.REPL_NONE, functions.REPL_AOF, functions.REPL_SLAVE = 0, 1, 2
functions.REPL_REPLICA, functions.REPL_ALL = 2, 3

local for_functions = copy(functions)

-- Only for EVAL

function functions.replicate_commands()
  return true
end

function functions.breakpoint()
  return false
end

function functions.debug() end

-- The environment

for name, module in pairs(modules) do
  base[name] = protect(module)
end

local function missing(_, name)
  error(("Script attempted to access nonexistent global variable '%s'"):format(tostring(name)), 2)
end

local function environment(content)
  setmetatable(content, { __index = missing })
  local front = protect(content, protect({ __index = missing, __newindex = deny }))
  content._G = front
  return front
end

base.redis = protect(functions)
globals = environment(base)

-- Results of scripts, as a row of tokens (see conversion.py)

local DEEPEST = 200 -- tables within tables; no client reads more
local out, size

local function put(value)
  size = size + 1
  out[size] = value
end

local flatten

local function put_pairs(code, content, with_values)
  put(true)
  put(code)
  put(0)
  local at, count = size, 0
  for key, value in next, content do
    flatten(key, 1)
    if with_values then
      flatten(value, 1)
    end
    count = count + 1
  end
  out[at] = count
end

local function put_table(value, depth)
  local known = rawget(value, "err")
  if type(known) == "string" then
    put(true) put(ERROR) put(known)
    return
  end
  known = rawget(value, "ok")
  if type(known) == "string" then
    put(true) put(OK) put(known)
    return
  end
  known = rawget(value, "double")
  if type(known) == "number" then
    put(true) put(DOUBLE) put(known)
    return
  end
  known = rawget(value, "map")
  if type(known) == "table" then
    return put_pairs(MAP, known, true)
  end
  known = rawget(value, "set")
  if type(known) == "table" then
    return put_pairs(SET, known, false)
  end
  known = rawget(value, "big_number")
  if type(known) == "string" then
    put(true) put(BIG) put(known)
    return
  end
  known = rawget(value, "verbatim_string")
  if type(known) == "table" then
    local format, content = rawget(known, "format"), rawget(known, "string")
    if type(format) == "string" and type(content) == "string" then
      put(true) put(VERBATIM) put(format) put(content)
      return
    end
  end
  put(true) put(ARRAY) put(0)
  local at, index = size, 1
  local item = rawget(value, 1)
  while item ~= nil do
    flatten(item, depth + 1)
    index = index + 1
    item = rawget(value, index)
  end
  out[at] = index - 1
end

function flatten(value, depth)
  local kind = type(value)
  if kind == "string" or kind == "number" then
    put(value)
  elseif kind == "table" then
    if depth > DEEPEST then
      put(true) put(ERROR) put("ERR reached lua stack limit")
    else
      put_table(behind[value] or value, depth)
    end
  elseif kind == "boolean" then
    if resp == 3 then
      put(true) put(value and TRUE or FALSE)
    else
      put(value and 1)
    end
  else
    put(false)
  end
end

-- The length of an array of nothing but strings and numbers that may cross the border at once, or 0.
local function plain_items(of)
  if behind[of] or rawget(of, "err") or rawget(of, "double") or rawget(of, "map")
      or rawget(of, "set") or rawget(of, "big_number") or rawget(of, "verbatim_string") then
    return 0
  end
  local count = 0
  local item = rawget(of, 1)
  while item ~= nil do
    local kind = type(item)
    if kind ~= "string" and kind ~= "number" or count == 1000 then
      return 0
    end
    count = count + 1
    item = rawget(of, count + 1)
  end
  return count
end

local function finish(fine, value)
  if not fine then
    return false, value.err, value.source, value.line, value.counted
  end
  local kind = type(value)
  if kind == "string" or kind == "number" then
    return value
  elseif kind ~= "table" and (kind ~= "boolean" or resp == 2) then
    return value == true and 1 or nil
  end
  if kind == "table" then
    local status = rawget(value, "ok")
    if type(status) == "string" and rawget(value, "err") == nil then
      return true, true, OK, status
    end
    local count = plain_items(value)
    if count > 0 then
      return nil, unpack(value, 1, count)
    end
  end
  out, size = {}, 0
  flatten(value, 1)
  local tokens = out
  out = nil
  if size <= 1000 then
    return true, unpack(tokens, 1, size)
  end
  for from = 1, size, 1000 do
    host.take(unpack(tokens, from, from + 999 < size and from + 999 or size))
  end
  return true
end

-- Where an error came from: the innermost function that is not of this file.
local function explain(problem)
  local level = 2
  local info = getinfo(level, "Sl")
  if info and info.what == "C" then
    level = 3
    info = getinfo(level, "Sl")
  end
  while info and (info.source == HERE or info.what == "tail") do
    level = level + 1
    info = getinfo(level, "Sl")
  end
  local message, counted
  if type(problem) == "table" then
    if rawget(problem, "fatal") then
      sethook(look, "", INSTRUCTIONS)
    end
    message, counted = rawget(problem, "err"), rawget(problem, "ignore_error_stats_update")
    if type(message) ~= "string" then
      message = "ERR unknown error"
    end
  else
    message = "ERR " .. tostring(problem)
  end
  return {
    err = message,
    source = info and info.source,
    line = info and info.currentline,
    counted = counted and true,
  }
end

-- What the host calls

local entry = {}

function entry.compile(source, name)
  return compile(source, name, globals)
end

function entry.run(script, key_count, ...)
  local keys, arguments = { ... }, {}
  if key_count == 0 then
    keys, arguments = arguments, keys
  else
    for index = key_count + 1, select("#", ...) do
      arguments[index - key_count] = keys[index]
      keys[index] = nil
    end
  end
  resp = 2
  base.KEYS, base.ARGV = keys, arguments
  return finish(xpcall(script, explain))
end

function entry.run_many(script, keys, arguments)
  resp = 2
  base.KEYS, base.ARGV = keys, arguments
  return finish(xpcall(script, explain))
end

-- Functions are given keys and arguments, and see none of them as globals.
function entry.call(callback, keys, arguments)
  resp = 2
  return finish(xpcall(function() return callback(keys, arguments) end, explain))
end

-- Libraries: while their code runs they see nothing but what registers functions; then all.

local library_content = copy(base)
library_content.redis = protect(for_functions)
library_content._G = nil
environment(library_content)

local function function_name(name)
  if not name:find("^[%w_]+$") then
    fail("Library names can only contain letters, numbers, or underscores(_) and must be at least"
      .. " one character long")
  end
  return name
end

local function as_text(value)
  local kind = type(value)
  return kind == "string" and value or kind == "number" and tostring(value) or nil
end

local function flag_bits(flags)
  local bits = 0
  if type(flags) ~= "table" then
    fail("flags argument to redis.register_function must be a table representing function flags")
  end
  for index = 1, #flags do
    local bit = host.flag(flags[index])
    if not bit then
      fail("unknown flag given")
    end
    bits = bits + bit
  end
  return bits
end

local named = {
  function_name = function(value)
    return as_text(value)
      or fail("function_name argument given to redis.register_function must be a string")
  end,
  description = function(value)
    return as_text(value)
      or fail("description argument given to redis.register_function must be a string")
  end,
  callback = function(value)
    return type(value) == "function" and value
      or fail("callback argument given to redis.register_function must be a function")
  end,
  flags = flag_bits,
}

local function named_arguments(given)
  if type(given) ~= "table" then
    fail("calling redis.register_function with a single argument is only applicable to Lua table"
      .. " (representing named arguments).")
  end
  local found = {}
  for key, value in next, given do
    local read = named[key]
    if not read then
      fail("unknown argument given to redis.register_function")
    end
    found[key] = read(value)
  end
  if not found.function_name then
    fail("redis.register_function must get a function name argument")
  elseif not found.callback then
    fail("redis.register_function must get a callback argument")
  end
  return found.function_name, found.callback, found.description, found.flags
end

local function register(...)
  local count = select("#", ...)
  local name, callback, description, flags = ...
  if count < 1 or count > 2 then
    fail("wrong number of arguments to redis.register_function")
  elseif count == 1 then
    name, callback, description, flags = named_arguments(name)
  else
    name, description, flags = as_text(name), nil, nil
    if not name then
      fail("first argument to redis.register_function must be a string")
    elseif type(callback) ~= "function" then
      fail("second argument to redis.register_function must be a function")
    end
  end
  local _, straight = host.untail(dump(callback))
  local problem = host.register(function_name(name), callback, description, flags or 0, straight)
  if problem then
    fail(problem)
  end
end

-- Runs a library's code, in which functions are registered; what was wrong, if anything.
function entry.load(source, name)
  local api = setmetatable({
    register_function = register, log = functions.log,
    LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
    REDIS_VERSION = version, REDIS_VERSION_NUM = version_number,
  }, { __index = missing })
  local content = { redis = protect(api) }
  local front = environment(content)
  local chunk, problem = compile(source, name, front)
  if not chunk then
    return "ERR Error compiling function: " .. problem
  end
  local fine, why = xpcall(chunk, explain)
  if not fine then
    return "ERR Error registering functions: " .. why.err
  end
  content.redis = nil
  setmetatable(content, { __index = library_content })
  behind[front] = library_content
end

sethook(look, "", INSTRUCTIONS)

return entry
