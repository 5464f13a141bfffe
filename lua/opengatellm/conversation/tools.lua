--- Sets of tools: joined, scoped, and loaded from files at run time.
--
--   local set = assert(ogl.tools.load("tools", { env = { string = string } }))
--   set = ogl.tools.join(ogl.tools.scope(set, { prefix = "fs_" }), { weather })
--
-- A set is a list of tools, and goes into a request or a conversation as any list does. The functions here make new lists; tools that the
-- server runs itself pass unchanged.
--
-- @module opengatellm.conversation.tools
local requests = require "opengatellm.request"
local tool_files = require "opengatellm.conversation.tool_files"
local tools = require "opengatellm.conversation.tool"

local M = {}

-- By the tool: the file that it came from, for messages.
local origins = setmetatable({}, { __mode = "k" })

local function is_of_server(tool) return type(tool) == "table" and tool.type ~= nil and tool.type ~= "function" end

local function where(place, tool)
  local path = origins[tool]
  return path and ("%s (%s)"):format(place, path) or place
end

-- Adds a tool to a set whose names and their places are known; gives what is wrong.
local function add(set, places, tool, place)
  local problem = not is_of_server(tool) and tools.problem(tool)
  if problem then return place .. ": " .. problem end
  if not is_of_server(tool) then tool = tools.of(tool) end
  local name = tool.name
  if name and places[name] then return ("two tools have the name %s: %s, and %s"):format(name, places[name], where(place, tool)) end
  if name then places[name] = where(place, tool) end
  set[#set + 1] = tool
end

local function list_problem(list)
  if type(list) ~= "table" then return "expected a list of tools, got " .. type(list) end
  if list.name or list.run then return "expected a list of tools, got one tool: write { tool }" end
end

-- Joining and scoping -----------------------------------------------------------------------------------------------------

--- Joins lists of tools into one set, in their order. Raises where two tools have one name, and names both places.
---@param ... ogl.ConversationTool[]|table[]
---@return ogl.ConversationTool[]
function M.join(...)
  local set, places = {}, {}
  for i = 1, select("#", ...) do
    local list = select(i, ...)
    local problem = list_problem(list)
    if problem then error(("ogl.tools.join: argument %d: %s"):format(i, problem), 2) end
    for n, tool in ipairs(list) do
      problem = add(set, places, tool, ("argument %d, tool %d"):format(i, n))
      if problem then error("ogl.tools.join: " .. problem, 2) end
    end
  end
  return set
end

-- A copy of a tool under another name. The scope's metadata goes before the tool's own: the host has the last word about a file's tools.
local function scoped(tool, options)
  local fields = requests.merge(tool, { name = (options.prefix or "") .. tool.name })
  if options.metadata then fields.metadata = requests.merge(tool.metadata, options.metadata) end
  local problem = tools.problem(fields)
  if problem then return nil, problem end
  local copy = tools.of(fields)
  origins[copy] = origins[tool]
  return copy
end

--- Makes a set whose tools have a prefix before their names, and more metadata. Raises mistakes.
---@param set ogl.ConversationTool[]|table[]
---@param options {prefix?: string, metadata?: table} of one key, this metadata counts and not the tool's own
---@return ogl.ConversationTool[]
function M.scope(set, options)
  local problem = list_problem(set)
    or type(options) ~= "table" and "expected options, got " .. type(options)
    or requests.check_fields(options, { prefix = "string", metadata = "table" })
  if problem then error("ogl.tools.scope: " .. problem, 2) end
  local out, places = {}, {}
  for i, tool in ipairs(set) do
    local copy = tool
    if not is_of_server(tool) then
      problem = tools.problem(tool)
      if not problem then copy, problem = scoped(tools.of(tool), options) end
    end
    problem = problem and ("tool %d: %s"):format(i, problem) or add(out, places, copy, "tool " .. i)
    if problem then error("ogl.tools.scope: " .. problem, 2) end
  end
  return out
end

-- Loading -----------------------------------------------------------------------------------------------------------------

-- Adds what a file returned; nil and an error where it is no tool, or one of a name that is there.
local function add_file(set, places, path, value)
  local list = (value.name ~= nil or value.type ~= nil) and { value } or value
  if list[1] == nil then return tool_files.refuse(path, "expected that it returns a tool, or a list of tools; the table has none") end
  for i, fields in ipairs(list) do
    local place = #list == 1 and path or ("%s, tool %d"):format(path, i)
    local problem = add(set, places, fields, place)
    if problem then return tool_files.refuse(path, problem) end
    origins[set[#set]] = path
  end
  return true
end

local function load_problem(source, options)
  local problem = type(source) ~= "string" and type(source) ~= "table" and "expected a folder, or a list of files, got " .. type(source)
    or options ~= nil and type(options) ~= "table" and "expected options, got " .. type(options)
    or options and requests.check_fields(options, { env = "table" })
  if problem then return problem end
  for i, path in ipairs(type(source) == "table" and source or {}) do
    if type(path) ~= "string" then return ("[%d]: expected the path of a file, got %s"):format(i, type(path)) end
  end
end

--- Loads tools from Lua files, each of which returns a tool or a list of tools: those of a folder sorted by name, or those of a list in
--- its order.
---@param source string|string[] a folder, or files
---@param options? {env?: table} what the files read as their globals; default: the program's own globals
---@return ogl.ConversationTool[]? set
---@return ogl.Error? err `config`: what a file returned or raised; `file`: it cannot be read; the message names it
function M.load(source, options)
  local problem = load_problem(source, options)
  if problem then error("ogl.tools.load: " .. problem, 2) end
  local paths, err = source, nil
  if type(source) == "string" then paths, err = tool_files.of_folder(source) end
  if not paths then return nil, err end
  local set, places = {}, {}
  for _, path in ipairs(paths) do
    local value, fine
    value, err = tool_files.run(path, options and options.env or _G)
    if value == nil then return nil, err end
    fine, err = add_file(set, places, path, value)
    if not fine then return nil, err end
  end
  return set
end

return M
