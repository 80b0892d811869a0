-- The modules `bit` and `struct`: arguments are checked here, the host does the work.
-- Source: https://redis.io/docs/latest/develop/programmability/lua-api/#bit-library

local host, raise, argument = ...

local select, tonumber, type = select, tonumber, type

local function checked(name, least, of)
  return function(...)
    local count = select("#", ...)
    for index = 1, count < least and least or count do
      local value = (select(index, ...))
      if type(value) ~= "number" and not tonumber(value) then
        argument(index, name,
          "number expected, got " .. (index > count and "no value" or type(value)))
      end
    end
    return of(...)
  end
end

local bit = {}
for name, least in pairs({ tobit = 1, bnot = 1, band = 1, bor = 1, bxor = 1, lshift = 2,
  rshift = 2, arshift = 2, rol = 2, ror = 2, bswap = 1, tohex = 1 }) do
  bit[name] = checked(name, least, host[name])
end

local function given(name, fine, ...)
  if fine == false then
    local problem, position = ...
    if position then
      argument(position, name, problem)
    end
    raise(problem)
  end
  return fine, ...
end

local struct = {}
for name, work in pairs({ pack = host.struct_pack, unpack = host.struct_unpack,
  size = host.struct_size }) do
  struct[name] = function(...)
    local wanted = name == "unpack" and 2 or 1
    for index = 1, wanted do
      local value = (select(index, ...))
      if type(value) ~= "string" and type(value) ~= "number" then
        argument(index, name, "string expected, got "
          .. (index > select("#", ...) and "no value" or type(value)))
      end
    end
    return given(name, work(...))
  end
end

return bit, struct
