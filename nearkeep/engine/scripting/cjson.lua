-- JSON for scripts, with the functions and error texts of the module `cjson` that Redis has.
-- Source: https://redis.io/docs/latest/develop/programmability/lua-api/#cjson-library

local _, raise, argument = ...

local select, type, next = select, type, next
local rawget, tonumber, tostring = rawget, tonumber, tostring
local find, sub, byte, char, gsub, format = string.find, string.sub, string.byte, string.char, string.gsub, string.format
local floor, huge, concat = math.floor, math.huge, table.concat

local null = newproxy(true)
getmetatable(null).__tostring = function() return "userdata: (nil)" end
getmetatable(null).__metatable = false

local function new()
  local max_encode_depth, max_decode_depth, precision = 1000, 1000, 14
  local invalid_encoded, invalid_decoded, keep_buffer = false, true, true
  local sparse_converts, sparse_ratio, sparse_safe = false, 2, 10
  local number_format = "%.14g"

  -- Encoding

  local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["/"] = "\\/", ["\b"] = "\\b", ["\f"] = "\\f",
    ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\127"] = "\\u007f" }
  for code = 0, 31 do
    escapes[char(code)] = escapes[char(code)] or format("\\u%04x", code)
  end

  local function quoted(text)
    if find(text, '[%c"\\/]') then
      text = gsub(text, '[%c"\\/]', escapes)
    end
    return '"' .. text .. '"'
  end

  local function unfit(kind, reason)
    raise(format("Cannot serialise %s: %s", kind, reason))
  end

  local function number(value)
    if value ~= value or value == huge or value == -huge then
      if invalid_encoded == "null" then
        return "null"
      elseif not invalid_encoded then
        unfit("number", "must not be NaN or Inf")
      end
      return value ~= value and "nan" or value > 0 and "inf" or "-inf"
    end
    return format(number_format, value)
  end

  -- The length of an array, or nil for an object.
  local function array_length(of)
    local longest, count = 0, 0
    for key in next, of do
      if type(key) ~= "number" or key < 1 or key ~= floor(key) then
        return nil
      end
      if key > longest then
        longest = key
      end
      count = count + 1
    end
    if sparse_ratio > 0 and longest > count * sparse_ratio and longest > sparse_safe then
      if not sparse_converts then
        unfit("table", "excessively sparse array")
      end
      return nil
    end
    return count > 0 and longest or nil
  end

  local put

  local function put_table(parts, at, value, depth)
    if depth > max_encode_depth then
      raise(format("Cannot serialise, excessive nesting (%d)", depth))
    end
    local length = array_length(value)
    if length then
      parts[at + 1] = "["
      at = at + 1
      for index = 1, length do
        if index > 1 then
          at = at + 1
          parts[at] = ","
        end
        at = put(parts, at, rawget(value, index), depth)
      end
      parts[at + 1] = "]"
      return at + 1
    end
    local before = "{"
    for key, item in next, value do
      local kind = type(key)
      if kind == "string" then
        parts[at + 1] = before .. quoted(key) .. ":"
      elseif kind == "number" then
        parts[at + 1] = before .. '"' .. number(key) .. '":'
      else
        unfit(kind, "table key must be a number or string")
      end
      at = put(parts, at + 1, item, depth)
      before = ","
    end
    parts[at + 1] = before == "{" and "{}" or "}"
    return at + 1
  end

  function put(parts, at, value, depth)
    local kind = type(value)
    if kind == "string" then
      parts[at + 1] = quoted(value)
    elseif kind == "number" then
      parts[at + 1] = number(value)
    elseif kind == "table" then
      return put_table(parts, at, value, depth + 1)
    elseif kind == "boolean" then
      parts[at + 1] = value and "true" or "false"
    elseif value == nil or value == null then
      parts[at + 1] = "null"
    else
      unfit(kind, "type not supported")
    end
    return at + 1
  end

  local module = { null = null, new = new, _NAME = "cjson", _VERSION = "2.1.0" }

  function module.encode(...)
    if select("#", ...) ~= 1 then
      argument(1, "encode", "expected 1 argument")
    end
    local parts = {}
    return concat(parts, "", 1, put(parts, 0, (...), 0))
  end

  -- Decoding

  local function at_number(text, at)
    local from, to = find(text, "^[+-]?0[xX]%x+", at)
    if not from then
      from, to = find(text, "^[+-]?%d+", at)
      if not from then
        from, to = find(text, "^[+-]%.%d+", at)
      else
        local _, fraction = find(text, "^%.%d*", to + 1)
        to = fraction or to
      end
      if from then
        local _, exponent = find(text, "^[eE][+-]?%d+", to + 1)
        to = exponent or to
      end
    end
    if from then
      local digits = sub(text, from, to)
      return tonumber(byte(digits) == 43 and sub(digits, 2) or digits), to + 1
    end
    local word = sub(text, at, at + 8):lower()
    local sign, rest = word:match("^([+-]?)(.*)")
    local value, length
    if sub(rest, 1, 8) == "infinity" then
      value, length = huge, 8
    elseif sub(rest, 1, 3) == "inf" then
      value, length = huge, 3
    elseif sub(rest, 1, 3) == "nan" then
      value, length = -(0 / 0), 3
    end
    if value then
      return sign == "-" and -value or value, at + #sign + length
    end
  end

  local single = { ["{"] = "T_OBJ_BEGIN", ["}"] = "T_OBJ_END", ["["] = "T_ARR_BEGIN",
    ["]"] = "T_ARR_END", [","] = "T_COMMA", [":"] = "T_COLON", ['"'] = "T_STRING", [""] = "T_END",
    ["\0"] = "T_END" }

  local function strange(text, at, expected, found)
    if not found then
      local start = sub(text, at, at)
      found = single[start]
      if found then
        -- as it is
      elseif sub(text, at, at + 3) == "true" or sub(text, at, at + 4) == "false" then
        found = "T_BOOLEAN"
      elseif sub(text, at, at + 3) == "null" then
        found = "T_NULL"
      elseif find(start, "[%d+-]") then
        found = at_number(text, at) and "T_NUMBER" or "invalid number"
      elseif invalid_decoded and find(start, "[iInN]") and at_number(text, at) then
        found = "T_NUMBER"
      else
        found = "invalid token"
      end
    end
    raise(format("Expected %s but found %s at character %d", expected, found, at))
  end

  local function utf8(code)
    if code < 0x80 then
      return char(code)
    elseif code < 0x800 then
      return char(0xC0 + floor(code / 64), 0x80 + code % 64)
    elseif code < 0x10000 then
      return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
    end
    return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64,
      0x80 + floor(code / 64) % 64, 0x80 + code % 64)
  end

  local plain = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r",
    t = "\t" }

  local function hex(text, at)
    local digits = sub(text, at, at + 3)
    return find(digits, "^%x%x%x%x$") and tonumber(digits, 16)
  end

  local function unicode(text, at)
    local code = hex(text, at + 2)
    if code and code >= 0xD800 and code < 0xE000 then
      local low = code < 0xDC00 and sub(text, at + 6, at + 7) == "\\u" and hex(text, at + 8)
      if low and low >= 0xDC00 and low < 0xE000 then
        return utf8(0x10000 + (code - 0xD800) * 1024 + low - 0xDC00), at + 12
      end
      code = nil
    end
    if not code then
      strange(text, at, "value", "invalid unicode escape code")
    end
    return utf8(code), at + 6
  end

  local escaped = false -- whether there is a backslash or NUL in the text that is being decoded

  -- The text of a string that begins behind a quote, and where it goes on behind the closing one.
  local function string_at(text, at)
    if not escaped then
      local stop = find(text, '"', at, true)
      if stop then
        return sub(text, at, stop - 1), stop + 1
      end
    end
    local stop = find(text, '["\\%z]', at)
    if stop and byte(text, stop) == 34 then
      return sub(text, at, stop - 1), stop + 1
    end
    local parts, count = {}, 0
    while stop do
      local mark = byte(text, stop)
      parts[count + 1] = sub(text, at, stop - 1)
      count = count + 1
      if mark == 34 then
        return concat(parts, "", 1, count), stop + 1
      elseif mark == 0 then
        break
      end
      local code = sub(text, stop + 1, stop + 1)
      local piece = plain[code]
      if piece then
        at = stop + 2
      elseif code == "u" then
        piece, at = unicode(text, stop)
      else
        strange(text, stop, "value", "invalid escape code")
      end
      parts[count + 1] = piece
      count = count + 1
      stop = find(text, '["\\%z]', at)
    end
    strange(text, stop or #text + 1, "value", "unexpected end of string")
  end

  local function past_space(text, at)
    local mark = byte(text, at)
    if mark and mark > 32 then
      return at
    end
    return find(text, "[^ \t\r\n]", at) or #text + 1
  end

  local value_at

  local function deeper(depth, at)
    if depth > max_decode_depth then
      raise(format("Found too many nested data structures (%d) at character %d", depth, at))
    end
  end

  local function array_at(text, at, depth)
    deeper(depth, at)
    local result, count = {}, 0
    at = past_space(text, at + 1)
    if byte(text, at) == 93 then
      return result, at + 1
    end
    while true do
      local item
      item, at = value_at(text, at, depth)
      count = count + 1
      result[count] = item
      at = past_space(text, at)
      local mark = byte(text, at)
      if mark == 93 then
        return result, at + 1
      elseif mark ~= 44 then
        strange(text, at, "comma or array end")
      end
      at = past_space(text, at + 1)
    end
  end

  local function object_at(text, at, depth)
    deeper(depth, at)
    local result = {}
    at = past_space(text, at + 1)
    if byte(text, at) == 125 then
      return result, at + 1
    end
    while true do
      if byte(text, at) ~= 34 then
        strange(text, at, "object key string")
      end
      local key, item
      key, at = string_at(text, at + 1)
      at = past_space(text, at)
      if byte(text, at) ~= 58 then
        strange(text, at, "colon")
      end
      item, at = value_at(text, past_space(text, at + 1), depth)
      result[key] = item
      at = past_space(text, at)
      local mark = byte(text, at)
      if mark == 125 then
        return result, at + 1
      elseif mark ~= 44 then
        strange(text, at, "comma or object end")
      end
      at = past_space(text, at + 1)
    end
  end

  function value_at(text, at, depth)
    local mark = byte(text, at)
    if mark == 34 then
      return string_at(text, at + 1)
    elseif mark == 123 then
      return object_at(text, at, depth + 1)
    elseif mark == 91 then
      return array_at(text, at, depth + 1)
    elseif mark == 116 and sub(text, at, at + 3) == "true" then
      return true, at + 4
    elseif mark == 102 and sub(text, at, at + 4) == "false" then
      return false, at + 5
    elseif mark == 110 and sub(text, at, at + 3) == "null" then
      return null, at + 4
    elseif mark and (mark > 47 and mark < 58 or mark == 45) then
      local _, to = find(text, "^-?%d+%.?%d*[eE]?[+-]?%d*", at)
      local following = to and byte(text, to + 1)
      local value = to and following ~= 120 and following ~= 88 and tonumber(sub(text, at, to))
      if value and invalid_decoded then
        return value, to + 1
      end
    end
    if mark and find(char(mark), "[%d+%-iInN]") then
      local value, behind = at_number(text, at)
      if value and (invalid_decoded
          or value == value and value ~= huge and value ~= -huge
            and not find(text, "^[+-]?0[%dxX]", at)) then
        return value, behind
      end
      if value then
        strange(text, at, "value", find(char(mark), "[%d+-]") and "invalid number" or "invalid token")
      end
    end
    strange(text, at, "value")
  end

  function module.decode(...)
    local text = ...
    if select("#", ...) ~= 1 then
      argument(1, "decode", "expected 1 argument")
    elseif type(text) == "number" then
      text = tostring(text)
    elseif type(text) ~= "string" then
      argument(1, "decode", "string expected, got " .. type(text))
    end
    if #text > 1 and (byte(text, 1) == 0 or byte(text, 2) == 0) then
      raise("JSON parser does not support UTF-16 or UTF-32")
    end
    escaped = find(text, "\\", 1, true) ~= nil or find(text, "%z") ~= nil
    local value, at = value_at(text, past_space(text, 1), 0)
    at = past_space(text, at)
    if at <= #text and byte(text, at) ~= 0 then
      strange(text, at, "the end")
    end
    return value
  end

  -- Settings: with no argument, or nil, they tell how they are set.

  local function whole(name, position, value, low, high)
    local wanted = tonumber(value)
    if not wanted then
      argument(position, name, "number expected, got " .. type(value))
    elseif wanted < low or wanted > high then
      argument(position, name, format("expected integer between %d and %d", low, high))
    end
    return floor(wanted)
  end

  local function flag(name, position, value, extra)
    if type(value) == "boolean" then
      return value
    elseif value == "on" or value == "off" then
      return value == "on"
    elseif value == extra and extra then
      return value
    end
    argument(position, name, format("invalid option '%s'", tostring(value)))
  end

  function module.encode_max_depth(value)
    if value ~= nil then
      max_encode_depth = whole("encode_max_depth", 1, value, 1, 2147483647)
    end
    return max_encode_depth
  end

  function module.decode_max_depth(value)
    if value ~= nil then
      max_decode_depth = whole("decode_max_depth", 1, value, 1, 2147483647)
    end
    return max_decode_depth
  end

  function module.encode_number_precision(value)
    if value ~= nil then
      precision = whole("encode_number_precision", 1, value, 1, 14)
      number_format = "%." .. precision .. "g"
    end
    return precision
  end

  function module.encode_keep_buffer(value)
    if value ~= nil then
      keep_buffer = flag("encode_keep_buffer", 1, value)
    end
    return keep_buffer
  end

  function module.encode_invalid_numbers(value)
    if value ~= nil then
      invalid_encoded = flag("encode_invalid_numbers", 1, value, "null")
    end
    return invalid_encoded
  end

  function module.decode_invalid_numbers(value)
    if value ~= nil then
      invalid_decoded = flag("decode_invalid_numbers", 1, value)
    end
    return invalid_decoded
  end

  function module.encode_sparse_array(converts, ratio, safe)
    if converts ~= nil then
      sparse_converts = flag("encode_sparse_array", 1, converts)
    end
    if ratio ~= nil then
      sparse_ratio = whole("encode_sparse_array", 2, ratio, 0, 2147483647)
    end
    if safe ~= nil then
      sparse_safe = whole("encode_sparse_array", 3, safe, 0, 2147483647)
    end
    return sparse_converts, sparse_ratio, sparse_safe
  end

  return module
end

return new()
