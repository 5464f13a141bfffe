--- A store in a folder of files, which outlive the program: one file a key.
--
-- A file is written whole under another name and then renamed, so that no reader finds half of one; its owner alone may read it. What was
-- damaged (its digest says so) counts as missing, and so does what is over its time, which the next reader removes. A folder has no bound:
-- a program that fills one clears it, too. `add` and `incr` read and then write: among several processes they do not exclude each other.
--
-- @module opengatellm.store.folder
local core = require "opengatellm.core"
local random = require "opengatellm.base.random"

local M = {}

local Store = {}
Store.__index = Store

local FORM = "ogl1" -- of the files: a later form has another name
local NAME_BYTES = 8 -- random bytes of a temporary name

local function hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

--- Makes a store. Raises where the path is no text, or this install has no opengatellm.curl, which writes the files.
---@param path string of a folder that exists
---@param level? integer for error()
---@param now? fun(): number seconds; default os.time, since files outlive the clock of a process
---@return table
function M.new(path, level, now)
  level = (level or 1) + 1
  if type(path) ~= "string" or path == "" then error("ogl.store.folder: expected the path of a folder, got " .. type(path), level) end
  local found, system = pcall(require, "opengatellm.curl")
  if not found then error("ogl.store.folder: it needs opengatellm.curl, which is not installed", level) end
  return setmetatable({ path = path:gsub("(.)/+$", "%1"), write = system.write_private, now = now or os.time }, Store)
end

local function path_of(self, key) return self.path .. "/" .. core.sha256(key) end

-- A file's text: its form, the value's type and end, the digest of what follows; then the value.
local function text_of(value, ends)
  local kind = type(value) == "number" and "n" or "s"
  local bytes = kind == "n" and ("%.17g"):format(value) or value
  local head = ("%s %s %s %s\n"):format(FORM, kind, ends and ("%.3f"):format(ends) or "-", core.sha256(bytes))
  return head .. bytes -- %s of Lua 5.1 ends at a NUL
end

-- The value in a file's text, and when it ends; nil where the text is damaged.
local function value_of(text)
  local kind, ends, digest, behind = text:match("^" .. FORM .. " ([ns]) ([%d.-]+) (%x+)\n()")
  local bytes = kind and text:sub(behind)
  if not bytes or core.sha256(bytes) ~= digest then return nil end
  if kind == "n" then return tonumber(bytes), tonumber(ends) end
  return bytes, tonumber(ends)
end

-- The value under a key and its end; nothing where there is none that counts.
local function read(self, key)
  local path = path_of(self, key)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  local value, ends = value_of(text or "")
  if value == nil or ends and ends <= self.now() then
    os.remove(path)
    return nil
  end
  return value, ends
end

local function write(self, key, value, ends)
  local name, err = random.bytes(NAME_BYTES)
  if not name then return nil, tostring(err) end
  local path = path_of(self, key)
  local draft = path .. "." .. hex(name)
  local fine, problem = self.write(draft, text_of(value, ends))
  if fine then fine, problem = os.rename(draft, path) end
  if fine then return true end
  os.remove(draft)
  return nil, ("the folder %s: %s"):format(self.path, tostring(problem))
end

local function end_of(self, seconds) return seconds and self.now() + seconds or nil end

--- Gives the value of a key.
---@param key string
---@return string|number|nil
function Store:get(key)
  local value = read(self, key)
  return value
end

--- Sets a value.
---@param key string
---@param value string|number
---@param seconds? number
---@return true?
---@return string? err
function Store:set(key, value, seconds) return write(self, key, value, end_of(self, seconds)) end

--- Sets a value where there is none.
---@param key string
---@param value string|number
---@param seconds? number
---@return boolean?
---@return string? err
function Store:add(key, value, seconds)
  if read(self, key) ~= nil then return false end
  return write(self, key, value, end_of(self, seconds))
end

--- Adds to a number.
---@param key string
---@param by number
---@param seconds? number that a new one lives
---@return number?
---@return string? err
function Store:incr(key, by, seconds)
  local value, ends = read(self, key)
  if value == nil then value, ends = 0, end_of(self, seconds) end
  if type(value) ~= "number" then return nil, "the value is no number" end
  local fine, err = write(self, key, value + by, ends)
  if not fine then return nil, err end
  return value + by
end

--- Deletes a value.
---@param key string
---@return true
function Store:delete(key)
  os.remove(path_of(self, key))
  return true
end

return M
