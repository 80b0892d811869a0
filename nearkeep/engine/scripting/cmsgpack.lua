-- MessagePack for scripts, with the functions and error texts of the module that Redis has.
-- Source: https://github.com/msgpack/msgpack/blob/master/spec.md

local host, raise, argument = ...

local type, select, next, rawget, unpack, tostring = type, select, next, rawget, unpack, tostring
local ipairs, tonumber = ipairs, tonumber
local byte, char, sub, concat, floor = string.byte, string.char, string.sub, table.concat, math.floor
local pack_float, read_float = host.pack_float, host.read_float

local DEEPEST = 16 -- tables within tables; what is deeper is nil

local function big_endian(value, width)
  local bytes = {}
  for index = width, 1, -1 do
    bytes[index] = char(value % 256)
    value = floor(value / 256)
  end
  return concat(bytes)
end

local function sized(size, small, kinds)
  if small and size <= small.limit then
    return char(small.code + size)
  end
  for _, kind in ipairs(kinds) do
    if size < 256 ^ kind.width then
      return char(kind.code) .. big_endian(size, kind.width)
    end
  end
end

local FIXED_STRING = { code = 0xA0, limit = 31 }
local STRINGS = { { code = 0xD9, width = 1 }, { code = 0xDA, width = 2 }, { code = 0xDB, width = 4 } }
local FIXED_ARRAY = { code = 0x90, limit = 15 }
local ARRAYS = { { code = 0xDC, width = 2 }, { code = 0xDD, width = 4 } }
local FIXED_MAP = { code = 0x80, limit = 15 }
local MAPS = { { code = 0xDE, width = 2 }, { code = 0xDF, width = 4 } }

local function number(value)
  if value ~= floor(value) or value >= 2 ^ 63 or value < -2 ^ 63 then
    return pack_float(value)
  elseif value >= 0 then
    if value < 128 then
      return char(value)
    elseif value < 256 then
      return char(0xCC, value)
    elseif value < 65536 then
      return "\205" .. big_endian(value, 2)
    elseif value < 2 ^ 32 then
      return "\206" .. big_endian(value, 4)
    end
    return "\207" .. big_endian(value, 8)
  elseif value >= -32 then
    return char(256 + value)
  elseif value >= -128 then
    return char(0xD0, 256 + value)
  elseif value >= -32768 then
    return "\209" .. big_endian(65536 + value, 2)
  elseif value >= -2 ^ 31 then
    return "\210" .. big_endian(2 ^ 32 + value, 4)
  end
  return host.pack_long(value)
end

local put

local function array_length(of)
  local longest, count = 0, 0
  for key in next, of do
    if type(key) ~= "number" or key < 1 or key ~= floor(key) then
      return nil
    end
    longest = key > longest and key or longest
    count = count + 1
  end
  return longest == count and count or nil
end

local function put_table(parts, of, depth)
  local length = array_length(of)
  if length then
    parts[#parts + 1] = sized(length, FIXED_ARRAY, ARRAYS)
    for index = 1, length do
      put(parts, rawget(of, index), depth)
    end
    return
  end
  local count = 0
  for _ in next, of do
    count = count + 1
  end
  parts[#parts + 1] = sized(count, FIXED_MAP, MAPS)
  for key, value in next, of do
    put(parts, key, depth)
    put(parts, value, depth)
  end
end

function put(parts, value, depth)
  local kind = type(value)
  if kind == "string" then
    parts[#parts + 1] = sized(#value, FIXED_STRING, STRINGS)
    parts[#parts + 1] = value
  elseif kind == "number" then
    parts[#parts + 1] = number(value)
  elseif kind == "boolean" then
    parts[#parts + 1] = value and "\195" or "\194"
  elseif kind == "table" and depth < DEEPEST then
    put_table(parts, value, depth + 1)
  else
    parts[#parts + 1] = "\192"
  end
end

local module = {
  _NAME = "cmsgpack",
  _VERSION = "lua-cmsgpack 0.4.0",
  _COPYRIGHT = "Copyright (C) 2012, Salvatore Sanfilippo",
  _DESCRIPTION = "MessagePack C implementation for Lua",
}

function module.pack(...)
  if select("#", ...) == 0 then
    argument(0, "pack", "MessagePack pack needs input.")
  end
  local parts = {}
  for index = 1, select("#", ...) do
    put(parts, (select(index, ...)), 0)
  end
  return concat(parts)
end

local function short(data, at, count)
  if at + count - 1 > #data then
    raise("Missing bytes in input.")
  end
end

local function unsigned(data, at, width)
  short(data, at, width)
  local value = 0
  for index = at, at + width - 1 do
    value = value * 256 + byte(data, index)
  end
  return value, at + width
end

local function signed(data, at, width)
  if width == 8 then
    short(data, at, 8)
    return host.read_long(sub(data, at, at + 7)), at + 8
  end
  local value, behind = unsigned(data, at, width)
  return value >= 256 ^ width / 2 and value - 256 ^ width or value, behind
end

local function text(data, at, size)
  short(data, at, size)
  return sub(data, at, at + size - 1), at + size
end

local read

local function items(data, at, count)
  local result = {}
  for index = 1, count do
    result[index], at = read(data, at)
  end
  return result, at
end

local function entries(data, at, count)
  local result = {}
  for _ = 1, count do
    local key, value
    key, at = read(data, at)
    value, at = read(data, at)
    if key == nil or key ~= key then
      raise("Bad data format in input.")
    end
    result[key] = value
  end
  return result, at
end

local function float(width)
  return function(data, at)
    short(data, at, width)
    return read_float(sub(data, at, at + width - 1)), at + width
  end
end

local function of_size(width, rest)
  return function(data, at)
    local size, behind = unsigned(data, at, width)
    return rest(data, behind, size)
  end
end

local function of_width(integer, width)
  return function(data, at) return integer(data, at, width) end
end

local readers = {
  [0xC0] = function(_, at) return nil, at end,
  [0xC2] = function(_, at) return false, at end,
  [0xC3] = function(_, at) return true, at end,
  [0xCA] = float(4),
  [0xCB] = float(8),
  [0xCC] = of_width(unsigned, 1),
  [0xCD] = of_width(unsigned, 2),
  [0xCE] = of_width(unsigned, 4),
  [0xCF] = of_width(unsigned, 8),
  [0xD0] = of_width(signed, 1),
  [0xD1] = of_width(signed, 2),
  [0xD2] = of_width(signed, 4),
  [0xD3] = of_width(signed, 8),
  [0xD9] = of_size(1, text),
  [0xDA] = of_size(2, text),
  [0xDB] = of_size(4, text),
  [0xDC] = of_size(2, items),
  [0xDD] = of_size(4, items),
  [0xDE] = of_size(2, entries),
  [0xDF] = of_size(4, entries),
}

function read(data, at)
  short(data, at, 1)
  local code = byte(data, at)
  at = at + 1
  if code < 0x80 then
    return code, at
  elseif code >= 0xE0 then
    return code - 256, at
  elseif code < 0x90 then
    return entries(data, at, code - 0x80)
  elseif code < 0xA0 then
    return items(data, at, code - 0x90)
  elseif code < 0xC0 then
    return text(data, at, code - 0xA0)
  end
  local reader = readers[code]
  if not reader then
    raise("Bad data format in input.")
  end
  return reader(data, at)
end

local function input(name, count, data)
  if type(data) == "number" then
    return tostring(data)
  elseif type(data) ~= "string" then
    argument(1, name, "string expected, got " .. (count == 0 and "no value" or type(data)))
  end
  return data
end

-- Reads up to `limit` values behind `offset` bytes, and tells in front of them where it ended, -1
-- for the end of the input. Where both are 0 it reads all, and tells nothing.
local function unpacked(data, limit, offset)
  if limit < 0 or offset < 0 then
    raise(("Invalid request to unpack with offset of %d and limit of %d."):format(offset, #data))
  elseif offset > #data then
    raise(("Start offset %d greater than input length %d."):format(offset, #data))
  end
  local all = limit == 0 and offset == 0
  local found, count, at = {}, 0, offset + 1
  while at <= #data and (all or count < limit) do
    count = count + 1
    found[count], at = read(data, at)
  end
  if all then
    return unpack(found, 1, count)
  end
  return at > #data and -1 or at - 1, unpack(found, 1, count)
end

function module.unpack(...)
  return unpacked(input("unpack", select("#", ...), (...)), 0, 0)
end

function module.unpack_one(...)
  local data, offset = ...
  return unpacked(input("unpack_one", select("#", ...), data), 1, tonumber(offset) or 0)
end

function module.unpack_limit(...)
  local data, limit, offset = ...
  data = input("unpack_limit", select("#", ...), data)
  if not tonumber(limit) then
    argument(2, "unpack_limit", "number expected, got "
      .. (select("#", ...) < 2 and "no value" or type(limit)))
  end
  return unpacked(data, tonumber(limit), tonumber(offset) or 0)
end

return module
