--- Engines: the models that this Lua state has loaded, each once for all who ask for the same file with the same settings.
--
-- Whoever uses one holds it and keeps a reference: a transport until it is closed, an exchange until it is over. With its last holder it
-- ends, and gives the memory of its model back; so it does when the collector finds that a program forgot its client.
--
-- An engine is also a source of news for the hosts (transport/driver.lua): `fd` and `next`.
--
-- @module opengatellm.llama.engines
local errors = require "opengatellm.errors"
local special_tokens = require "opengatellm.llama.special_tokens"
local template = require "opengatellm.llama.template"

local M = {}

---@class ogl.llama.Engine
---@field job_of fun(self: ogl.llama.Engine, options: table): userdata?, ogl.Error?
---@field fd integer
local Engine = {}
Engine.__index = Engine

--- The names of the settings, beside `path` and `embeddings`.
M.OPTIONS = { "context", "slots", "threads", "gpu_layers", "pooling" }

local WEAK_KEYS = { __mode = "k" }

local engines = setmetatable({}, { __mode = "v" }) -- settings as a text -> engine
local number = 0

local MISSING = "this install has no opengatellm.llama: build it with make install WITH_LLAMA=1, or luarocks make rockspec/llama/"
  .. "opengatellm-llama-scm-1.rockspec; it needs libllama with its header (pkg-config llama). "

-- The module in C, or the error of an install without it.
local function library()
  local found, llama = pcall(require, "opengatellm.llama")
  if found then return llama end
  return nil, errors.new { kind = "config", code = "llama", message = MISSING .. tostring(llama):match "^[^\n]*" }
end

local function settings_of(path, embeddings, options)
  local settings, values = { path = path, embeddings = embeddings }, { path, tostring(embeddings) }
  for _, name in ipairs(M.OPTIONS) do
    settings[name] = options[name]
    values[#values + 1] = tostring(options[name])
  end
  return settings, table.concat(values, "\n")
end

local function failure(kind, message, path)
  if path then message = path .. ": " .. message end
  return errors.new { kind = kind, code = kind == "closed" and kind or "llama", message = message }
end

local function open(settings)
  local llama, err = library()
  if not llama then return nil, err end
  local fine, own, kind, message = pcall(llama.engine, settings)
  if not fine then return nil, failure("config", (tostring(own):gsub("^.-:%d+: ", ""))) end
  if not own then return nil, failure(kind, message) end
  number = number + 1
  return setmetatable({
    own = own, fd = own:fd(), number = number, settings = settings, holders = setmetatable({}, WEAK_KEYS), described = nil, written = nil,
  }, Engine)
end

--- Gives the engine of a model, and loads the model where no other holder did; it may still be loading then.
---@param path string
---@param embeddings boolean whether it shall give vectors
---@param options {context?: integer, slots?: integer, threads?: integer, gpu_layers?: integer, pooling?: string}
---@param holder table
---@return ogl.llama.Engine? engine
---@return ogl.Error? err
function M.hold(path, embeddings, options, holder)
  local settings, key = settings_of(path, embeddings, options)
  local engine, err = engines[key], nil
  if not engine or engine:problem() then engine, err = open(settings) end
  if not engine then return nil, err end
  engines[key] = engine
  engine:keep(holder)
  return engine
end

--- Adds a holder.
---@param holder table
function Engine:keep(holder) self.holders[holder] = true end

--- Ends a hold; the last one's end closes the engine.
---@param holder table
---@param before_close? fun(engine: ogl.llama.Engine) called where this was the last one
function Engine:release(holder, before_close)
  self.holders[holder] = nil
  if next(self.holders) ~= nil or self.closed then return end
  self.closed = true
  if before_close then before_close(self) end
  self.own:close()
end

--- Gives the id of the next exchange that has news.
---@return string? id
function Engine:next()
  local job = self.own:next()
  return job and self:id_of(job)
end

--- Gives the id by which a job is known among those of all engines.
---@param job integer
---@return string
function Engine:id_of(job) return ("llama %d.%d"):format(self.number, job) end

--- Waits until a job has news.
---@param seconds? number nil: without limit
---@return boolean
function Engine:wait(seconds) return self.own:wait(seconds) end

--- Begins a job.
---@param options table of csrc/lua/llama_options.c
---@return userdata? job
---@return ogl.Error|string|nil problem an error, or a text that says which option is wrong
function Engine:start(options)
  local fine, job, kind, message = pcall(self.own.start, self.own, options)
  if not fine then return nil, (tostring(job):gsub("^.-:%d+: ", "")) end
  if not job then return nil, failure(kind, message) end
  return job
end

--- Says why the model cannot be used: it could not be loaded, the engine is closed, or the process has forked.
---@return ogl.Error? err nil where it is ready, or still loading
function Engine:problem()
  local state, kind, message = self.own:state()
  return state == nil and failure(kind, message, kind ~= "closed" and self.settings.path) or nil
end

--- Says how much of the model is loaded.
---@return number # from 0 to 1
function Engine:progress()
  local state, progress = self.own:state()
  return state == "loading" and progress or 1
end

--- Describes the model, once it is loaded: see csrc/lua/llama_engine.c.
---@return table? facts
function Engine:facts()
  self.described = self.described or self.own:facts()
  return self.described
end

--- Gives the model's own template, which is compiled once.
---@return ogl.llama.Template
function Engine:template()
  if not self.written then
    local facts = self:facts()
    self.written = template.new(facts.template, { tokens = special_tokens.new(facts.special_tokens) })
  end
  return self.written
end

--- Counts the tokens of a prompt.
---@param pieces {text: string, special: boolean}[]
---@return integer?
function Engine:count(pieces) return (self.own:count(pieces)) end

--- Lists what models are computed on.
---@return {name: string, description: string, kind: string, free: integer, total: integer}[]
function M.devices()
  local llama = library()
  return llama and llama.devices() or {}
end

return M
