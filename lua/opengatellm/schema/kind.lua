--- Kinds: what a Lua value is in JSON.
--
-- The same rules as the encoder's (json.encode): a table with a first item, or with the mark of an array, is an array, any other an object;
-- an empty table without a mark is an object. `json.null`, and `vim.NIL` in Neovim, are null. 1.0 is an integer.
--
-- @module opengatellm.schema.kind
local json = require "opengatellm.json"

local M = {}

local null, array_mt = json.null, json.array_mt

--- Says whether a value is JSON's null.
---@param value any
---@return boolean
function M.is_null(value)
  if value == null then return true end
  local vim = type(value) == "userdata" and rawget(_G, "vim")
  return vim and value == vim.NIL or false
end

-- Whether a metatable is one of those with which lua-cjson's OpenResty branch marks arrays.
local function is_marked(mt)
  local cjson = package.loaded.cjson or package.loaded["cjson.safe"]
  return type(cjson) == "table" and (mt == cjson.array_mt or mt == cjson.empty_array_mt)
end

--- Says whether a table is an array.
---@param value table
---@return boolean
function M.is_list(value)
  if value[1] ~= nil then return true end
  local mt = getmetatable(value)
  return mt ~= nil and (mt == array_mt or is_marked(mt))
end

--- Says which kind of JSON a value is.
---@param value any
---@return "null"|"boolean"|"string"|"number"|"array"|"object"|nil kind nil for what JSON cannot hold
function M.of(value)
  local name = type(value)
  if name == "string" or name == "number" or name == "boolean" then return name end
  if name == "table" then return M.is_list(value) and "array" or "object" end
  return M.is_null(value) and "null" or nil
end

local NAMES = {
  null = "null", boolean = "a boolean", string = "a string", number = "a number", integer = "an integer", array = "an array",
  object = "an object",
}

--- Names a type of JSON Schema as a sentence does.
---@param name string
---@return string? # nil where there is no such type
function M.name(name) return NAMES[name] end

local LONGEST = 60 -- bytes of a text that a message quotes

--- Gives the front of a text, cut between characters, with a mark where something was cut.
---@param text string
---@param bytes integer the most
---@return string
function M.front(text, bytes)
  if #text <= bytes then return text end
  while bytes > 0 and text:find("^[\128-\191]", bytes + 1) do bytes = bytes - 1 end
  return text:sub(1, bytes) .. "…"
end

--- Shows a value in a message: scalars as JSON, tables by their kind.
---@param value any
---@return string
function M.shown(value)
  local kind = M.of(value)
  if kind == "array" or kind == "object" then return NAMES[kind] end
  if kind == "null" then return "null" end
  if kind == "string" then return json.encode(M.front(value, LONGEST)) end
  if kind == "number" and (value ~= value or value - value ~= 0) then return tostring(value) end -- JSON has neither NaN nor infinity
  if kind then return json.encode(value) end
  return value == nil and "nothing" or "a Lua " .. type(value)
end

--- Counts the characters of a text, as Unicode does.
---@param text string
---@return integer
function M.length(text)
  if not text:find "[\128-\255]" then return #text end
  return #text - select(2, text:gsub("[\128-\191]", ""))
end

return M
