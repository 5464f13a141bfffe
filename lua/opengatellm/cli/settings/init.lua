--- Settings: the files that `ogl bench` and `ogl compat` read, and where those lie.
--
--   local values, problem = settings.load { names = { "llm-compat" }, rules = RULES, path = arguments.config }
--   if not values then return common.fail("ogl: " .. problem, 2) end
--
-- Without a path, the first file of these names in the user's own folder ($XDG_CONFIG_HOME/opengatellm, else ~/.config/opengatellm) is
-- read, and the first in the current folder over it: a project names models and cases, its user the servers and keys. A folder that
-- somebody else has filled must not send the user's key anywhere, so what a rule calls `own` is refused in the current folder.
--
-- @module opengatellm.cli.settings
local reader = require "opengatellm.cli.settings.reader"
local rules = require "opengatellm.cli.settings.rules"
local system = require "opengatellm.system"

local M = {}

---@class ogl.settings.Wanted
---@field names string[] of files, without .lua, the first wins
---@field rules table<string, ogl.settings.Rule> the keys of the file
---@field path? string the file that the user named with -c: it alone is read

-- The user's own folder; nil where the environment names none. A relative one does not count, says the XDG base directory specification.
local function own_folder()
  local base, home = os.getenv "XDG_CONFIG_HOME", os.getenv "HOME"
  if not base or base:sub(1, 1) ~= "/" then base = home and home .. "/.config" end
  return base and base .. "/opengatellm"
end

-- The names of the files in a folder, as a set. Pipes and devices are none: who reads one may wait for ever.
local function files_in(folder)
  local set = {}
  for _, entry in ipairs(system.list(folder) or {}) do
    if entry.kind == "file" then set[entry.name] = true end
  end
  return set
end

local function not_toml(path)
  return ("%s: ogl reads no TOML; write %s instead (`config` makes an example)"):format(path, (path:gsub("%.toml$", ".lua")))
end

-- The first of the files in a folder: its path, or nil; and the problem, where TOML stands in its place.
local function first_in(folder, prefix, names)
  local files = files_in(folder)
  for _, name in ipairs(names) do
    if files[name .. ".lua"] then return prefix .. name .. ".lua" end
  end
  for _, name in ipairs(names) do
    if files[name .. ".toml"] then return nil, not_toml(prefix .. name .. ".toml") end
  end
end

-- Reads and checks one file.
local function checked(path, fields, home)
  if path:find "%.toml$" then return nil, not_toml(path) end
  local values, lines = reader.read(path)
  if not values then return nil, lines end
  local problem = rules.problem(fields, values, lines, path, home)
  if problem then return nil, problem end
  return values
end

-- Lays a table over another: tables by name are joined, all else is replaced.
local function laid_over(below, above)
  for key, value in pairs(above) do
    local under = below[key]
    local both = type(value) == "table" and type(under) == "table" and value[1] == nil and under[1] == nil
    below[key] = both and laid_over(under, value) or value
  end
  return below
end

-- The files that count, the lowest first: { path, home? }; `home` stands where a file may not set what is the user's own.
local function found(names)
  local own, list = own_folder(), {}
  local path, problem
  if own then path, problem = first_in(own, own .. "/", names) end
  if problem then return nil, problem end
  if path then list[1] = { path } end
  if os.getenv "PWD" == own then return list end
  path, problem = first_in(".", "", names)
  if problem then return nil, problem end
  if path then list[#list + 1] = { path, (own or "~/.config/opengatellm") .. "/" .. names[1] .. ".lua" } end
  return list
end

--- Reads what the user set in files.
---@param wanted ogl.settings.Wanted
---@return table? values empty where there is no file
---@return string[]|string paths_or_problem the files that were read; else one line, and the command ends with status 2
function M.load(wanted)
  local list, problem = { { wanted.path } }, nil
  if not wanted.path then list, problem = found(wanted.names) end
  if not list then return nil, problem end
  local values, paths = {}, {}
  for i, place in ipairs(list) do
    local one
    one, problem = checked(place[1], wanted.rules, place[2])
    if not one then return nil, problem end
    values, paths[i] = laid_over(values, one), place[1]
  end
  return values, paths
end

--- Writes an example. Its owner alone may read the file, for a key may come to stand in it; one that is there stays as it is.
---@param path string
---@param text string
---@return true?
---@return string? problem in one line
function M.write(path, text)
  local made, problem = system.write_private(path, text)
  if not made then return nil, ("%s: %s"):format(path, problem) end
  return true
end

return M
