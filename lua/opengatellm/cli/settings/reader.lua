--- Reads a settings file as data: `return { … }` with constants in it, and nothing that runs.
--
--   local values, lines = reader.read("llm-compat.lua")
--   print(values.settings.timeout_seconds, lines[values.settings].timeout_seconds)      30    4
--
-- A chunk that runs in an empty environment is no data: ("x"):rep(3e8) runs in one. So this takes texts, numbers, booleans, nil, tables of
-- them and comments; calls, operators (but a minus before a number), variables and bytecode are refused where they stand.
--
-- @module opengatellm.cli.settings.reader
local files = require "opengatellm.base.file"
local lexers = require "opengatellm.cli.settings.lexer"

local M = {}

--- Bytes that a file may have: a thousand times more than the example.
M.MOST_BYTES = 2 ^ 20
--- Levels of tables in one another: the reader calls itself once for each.
M.MOST_LEVELS = 24
--- Keys in all tables together: who checks them sorts them.
M.MOST_KEYS = 20000

---@alias ogl.settings.Lines table<table, table<any, integer>> a table of the file -> its key -> the line on which that is set

---@class ogl.settings.Job
---@field lexer ogl.settings.Lexer
---@field lines ogl.settings.Lines
---@field levels integer
---@field keys integer

local read_table

local CONSTANTS = { ["true"] = true, ["false"] = false }

-- Reads the constant that begins with the current word, and the word behind it: true and the value, or nil.
local function read_constant(job)
  local lexer = job.lexer
  local kind, value = lexer.kind, lexer.value
  if kind == "{" then return read_table(job) end
  if kind == "-" then
    if lexer:next() ~= "number" then return lexer:expected "a number behind the minus" end
    value = -lexer.value
  elseif CONSTANTS[kind] ~= nil then value = CONSTANTS[kind]
  elseif kind ~= "text" and kind ~= "number" and kind ~= "nil" then
    return lexer:expected "a text in quotes, a number, true, false, nil or a table"
  end
  lexer:next()
  return true, value
end

-- Reads `[key]`: the key, or nil.
local function key_in_brackets(job)
  local lexer = job.lexer
  if lexer:next() ~= "text" and lexer.kind ~= "number" then return lexer:expected "a text or a number as the key" end
  local key = lexer.value
  if lexer:next() ~= "]" then return lexer:expected "] behind the key" end
  lexer:next()
  return key
end

-- Reads `key =`: the key, false for a field without one, or nil.
local function read_key(job)
  local lexer, key = job.lexer, job.lexer.value
  if lexer.kind == "[" then
    key = key_in_brackets(job)
    if key == nil then return nil end
    if lexer.kind ~= "=" then return lexer:expected "= behind the key" end
  elseif lexer.kind == "name" then
    local line = lexer.line
    if lexer:next() ~= "=" then return lexer:fail("expected a constant; a text stands in quotes, and = stands behind a key", line) end
  else return false end
  lexer:next()
  return key
end

-- Reads a field into a table: true, and whether it took the next position; or nil.
local function read_field(job, into, position)
  local lexer = job.lexer
  local line, key = lexer.line, read_key(job)
  if key == nil then return nil end
  local is_positional = key == false
  if is_positional then key = position end
  local fine, value = read_constant(job)
  if not fine then return nil end
  job.keys = job.keys + 1
  if job.keys > M.MOST_KEYS then return lexer:fail(("expected at most %d keys in all tables"):format(M.MOST_KEYS)) end
  if job.lines[into][key] then return lexer:fail(("this key is already set on line %d"):format(job.lines[into][key]), line) end
  into[key], job.lines[into][key] = value, line
  return true, is_positional
end

-- Reads the table that begins with the current word, and the word behind it: true and the table, or nil.
function read_table(job)
  local lexer, into, position = job.lexer, {}, 1
  job.lines[into], job.levels = {}, job.levels + 1
  if job.levels > M.MOST_LEVELS then return lexer:fail(("expected at most %d tables in one another"):format(M.MOST_LEVELS)) end
  lexer:next()
  while lexer.kind ~= "}" do
    local fine, is_positional = read_field(job, into, position)
    if not fine then return nil end
    if is_positional then position = position + 1 end
    if lexer.kind == "," or lexer.kind == ";" then lexer:next()
    elseif lexer.kind ~= "}" then return lexer:expected "a comma or } behind the value (calls and operators are not read)" end
  end
  job.levels = job.levels - 1
  lexer:next()
  return true, into
end

--- Reads a text. Nothing raises, whatever it is.
---@param text string
---@param name string of the file, for messages
---@return table? values
---@return ogl.settings.Lines|string lines_or_problem
function M.parse(text, name)
  if #text > M.MOST_BYTES then return nil, ("%s: expected at most %d bytes"):format(name, M.MOST_BYTES) end
  if text:sub(1, 1) == "\27" then return nil, name .. ": expected the text of a table, got bytecode" end
  local lexer = lexers.new(text, name)
  local job = { lexer = lexer, lines = {}, levels = 0, keys = 0 }
  local fine, values
  if lexer:next() ~= "return" or lexer:next() ~= "{" then lexer:expected "return { … }" else fine, values = read_table(job) end
  if fine and lexer.kind == ";" then lexer:next() end
  if fine and lexer.kind ~= "nothing" then lexer:expected "nothing more behind the table" end
  if lexer.problem then return nil, lexer.problem end
  return values, job.lines
end

--- Reads a file.
---@param path string
---@return table? values
---@return ogl.settings.Lines|string lines_or_problem
function M.read(path)
  local text, why = files.read(path, M.MOST_BYTES + 1)
  if not text then return nil, path .. ": it cannot be read: " .. why end
  return M.parse(text, path)
end

return M
