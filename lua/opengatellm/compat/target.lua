--- A target: one server as the cases see it, with the models that they ask.
--
--   new -> model("text"), chat, stream, …; the cases change nothing
--
-- @module opengatellm.compat.target
local errors = require "opengatellm.errors"
local request = require "opengatellm.request"
local width = require "opengatellm.base.width"

---@class ogl.compat.Target
---@field name string
---@field client ogl.Client
---@field models table<string, string> what a model is for ("text", "vision", "embeddings", "rerank", "images") -> its name
---@field token string the word that a model is asked to say
---@field number integer the number that a model is asked to remember
---@field fields table further fields of each chat: max_tokens, temperature
---@field cases table<string, boolean> case -> whether it has to pass (true), or is left out (false)
---@field secrets string[] texts that no report may show
local Target = {}
Target.__index = Target

local M = {}

-- The types by which OpenGateLLM says what a model is for. Other servers say nothing.
local TYPES = {
  text = { "text-generation", "image-text-to-text" }, vision = { "image-text-to-text" }, embeddings = { "text-embeddings-inference" },
  rerank = { "text-classification" }, images = { "text-to-image" },
}
-- These are asked of a model that writes texts, where nothing better is known.
local BY_TEXT = { text = true, vision = true }

-- The first model of the server's list with one of these types.
local function listed(list, types)
  for _, wanted in ipairs(types) do
    for _, model in ipairs(list) do
      if model.type == wanted then return model.id end
    end
  end
end

-- The server's list of models, which is asked for once.
local function list_of(self)
  if not self.list then
    local list, err = self.client:models()
    self.list, self.list_error = list or {}, err
  end
  return self.list
end

--- Finds the model for a purpose: the one that was set, else one from the server's list.
---@param purpose "text"|"vision"|"embeddings"|"rerank"|"images"
---@return string? model
---@return string? problem
---@return ogl.Error? err why the server did not list its models
function Target:model(purpose)
  local known = self.models[purpose] or purpose == "vision" and self.models.text
  if known then return known end
  local list = list_of(self)
  local found = listed(list, TYPES[purpose]) or BY_TEXT[purpose] and list[1] and not list[1].type and list[1].id
  self.models[purpose] = found or nil
  if found then return found end
  local err = self.list_error
  if err then return nil, "no model is set, and the server does not list its own: " .. tostring(err), err end
  return nil, ("the server lists no model for %s, and none is set"):format(purpose)
end

--- Gives the question that is answered by the token.
---@return string
function Target:question() return "Answer with this word and nothing else: " .. self.token end

--- Completes a chat: its model, how long it may get.
---@param fields ogl.Request
---@return ogl.Request
function Target:request(fields) return request.merge({ model = self:model "text" }, self.fields, fields) end

--- Asks, and waits for the whole reply.
---@param fields ogl.Request
---@return ogl.Reply?
---@return ogl.Error?
function Target:chat(fields)
  local reply, err = self.client:chat(self:request(fields))
  return reply, err
end

--- Asks, and gives the stream.
---@param fields ogl.Request
---@return ogl.Stream?
---@return ogl.Error?
function Target:stream(fields)
  local stream, err = self.client:stream(self:request(fields))
  return stream, err
end

--- Replaces the secrets of this target in a text.
---@param text string
---@return string
function Target:redacted(text)
  local holder = { message = text }
  for _, secret in ipairs(self.secrets) do errors.redact(holder, secret) end
  return holder.message
end

--- The same in one line, which a terminal shows and does not obey.
---@param text string
---@return string
function Target:line(text) return width.harmless(self:redacted(text)) end

---@class ogl.compat.TargetOptions
---@field name string
---@field client ogl.Client
---@field models? table<string, string>
---@field token? string
---@field number? integer
---@field fields? table
---@field cases? table<string, boolean>
---@field secrets? string[] beside the client's key

-- The texts that no report may show: the key, and what else was given.
local function secrets_of(options)
  local list, key = {}, options.client.key()
  for i, secret in ipairs(options.secrets or {}) do list[i] = secret end
  if type(key) == "string" then list[#list + 1] = key end
  return list
end

--- Makes a target.
---@param options ogl.compat.TargetOptions
---@return ogl.compat.Target
function M.new(options)
  return setmetatable({
    name = options.name, client = options.client, models = request.merge(options.models), token = options.token or "PONG-4711",
    number = options.number or 42817, fields = request.merge({ max_tokens = 1024 }, options.fields), cases = options.cases or {},
    secrets = secrets_of(options),
  }, Target)
end

return M
