-- Errors of the host's own modules, as those of a C function: they name the line that called it.

local error, format = error, string.format
local getinfo = debug.getinfo
local HERE = getinfo(1, "S").source

local function raise(problem)
  local level = 2
  local info = getinfo(level, "Sl")
  while info and (info.source == HERE or info.what == "tail") do
    level = level + 1
    info = getinfo(level, "Sl")
  end
  if info and info.currentline > 0 then
    problem = format("%s:%d: %s", info.short_src, info.currentline, problem)
  end
  error(problem, 0)
end

local function argument(position, name, problem)
  raise(format("bad argument #%d to '%s' (%s)", position, name, problem))
end

return raise, argument
