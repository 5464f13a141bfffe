--- A store in a folder of files, which outlive the program: one file a key.
--
-- A file is written whole under another name and then renamed, so that no reader finds half of one; its owner alone may read it. What was
-- damaged (its digest says so) counts as missing, and so does what is over its time, which the next reader removes. `add` and `incr` read
-- and then write: among several processes they do not exclude each other.
--
-- The files take so many bytes, and the oldest go when they take more. A look at the whole folder costs time, so a write looks by chance,
-- the larger it is the likelier: on average once in a sixteenth of the bound, whichever processes write. Files of other names stay.
--
-- @module opengatellm.store.folder
local core = require "opengatellm.core"
local random = require "opengatellm.base.random"
local request = require "opengatellm.request"
local system = require "opengatellm.system"

local M = {}

---@class ogl.FolderStoreOptions
---@field bytes? integer that the files may take together; default 256 MiB
---@field now? fun(): number seconds; default os.time, since files outlive the clock of a process

local FIELDS = { bytes = "integer", now = "function" }

local Store = {}
Store.__index = Store

local FORM = "ogl1" -- of the files: a later form has another name
local DIGEST = 64 -- characters of a file's name: the SHA-256 of its key
local NAME_BYTES = 8 -- random bytes of a temporary name
local BYTES = 256 * 1024 * 1024
local LOOK, KEEP = 1 / 16, 7 / 8 -- of the bound: what is written between two looks, on average; what is left where too much was found

local function hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function problem_of(path, options)
  if type(path) ~= "string" or path == "" then return "expected the path of a folder, got " .. type(path) end
  if type(options) ~= "table" then return "expected table, got " .. type(options) end
  local problem = request.check_fields(options, FIELDS)
  if problem then return problem end
  if options.bytes and options.bytes < 1 then return ("bytes: expected a number above 0, got %g"):format(options.bytes) end
end

--- Makes a store. Raises what is wrong with its path or its options.
---@param path string of a folder that exists
---@param options? ogl.FolderStoreOptions
---@param level? integer for error()
---@return table
function M.new(path, options, level)
  options, level = options or {}, (level or 1) + 1
  local problem = problem_of(path, options)
  if problem then error("ogl.store.folder: " .. problem, level) end
  return setmetatable({
    path = path:gsub("(.)/+$", "%1"), most = options.bytes or BYTES, now = options.now or os.time,
  }, Store)
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

-- Room ------------------------------------------------------------------------------------------------------------

-- Whether a name is that of a value, or of one that is still being written.
local function is_ours(name)
  local digest = name:match "^(%x+)%.?%x*$"
  return digest ~= nil and #digest == DIGEST
end

-- The files of stores in the folder, the oldest first. An empty list where the folder cannot be read.
local function files_of(self)
  local list = {}
  for _, entry in ipairs(system.list(self.path) or {}) do
    if entry.kind == "file" and is_ours(entry.name) then list[#list + 1] = entry end
  end
  table.sort(list, function(one, other) return one.modified < other.modified end)
  return list
end

-- Removes the oldest files where all of them take more than they may.
local function make_room(self)
  local list, sum = files_of(self), 0
  for _, file in ipairs(list) do sum = sum + file.size end
  if sum <= self.most then return end
  for _, file in ipairs(list) do
    if sum <= self.most * KEEP then return end
    os.remove(self.path .. "/" .. file.name)
    sum = sum - file.size
  end
end

-- Whether a write has to look at the folder; `random_bytes` decide, at least two.
local function is_to_look(self, size, random_bytes)
  local first, second = random_bytes:byte(1, 2)
  return (first * 256 + second) / 65536 < size / (self.most * LOOK)
end

local function write(self, key, value, ends)
  local name, err = random.bytes(NAME_BYTES)
  if not name then return nil, tostring(err) end
  local path = path_of(self, key)
  local draft = path .. "." .. hex(name)
  local text = text_of(value, ends)
  local fine, problem = system.write_private(draft, text)
  if fine then fine, problem = os.rename(draft, path) end
  if fine then
    if is_to_look(self, #text, name) then make_room(self) end
    return true
  end
  os.remove(draft)
  return nil, ("the folder %s: %s"):format(self.path, tostring(problem))
end

-- The contract ----------------------------------------------------------------------------------------------------

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
