--- Windows: whether the next request still fits into what the model reads, and what is left out where it does not.
--
-- The length is that of the table of models, or the conversation's own option `context_length`. Of a router it is the smallest of its
-- rows, unless the router has rows of its own for this case: these are asked first.
--
-- @module opengatellm.conversation.window
local errors = require "opengatellm.errors"
local estimate = require "opengatellm.chat.estimate"
local hooks = require "opengatellm.conversation.hooks"
local message = require "opengatellm.request.message"
local models = require "opengatellm.providers.models"

local M = {}

local function length_of_model(client, model)
  model = model or client.model_name
  return model and models.of(client.provider.protocol, client.provider, model).context
end

local function length_of_router(router, model)
  if router.fallback and router.fallback.context_length then return nil end
  local least
  for _, row in ipairs(router.rows) do
    local length = row.capabilities.context or length_of_model(row.client, row.model or model)
    if length and (not least or length < least) then least = length end
  end
  return least
end

--- How many tokens the model reads, as far as that is known.
---@param client ogl.Client|ogl.Router
---@param model? string of the request
---@return integer?
function M.length(client, model)
  if client.rows then return length_of_router(client, model) end
  return length_of_model(client, model)
end

-- Whether the next request is too long: what the last one read and wrote, and what has come since.
local function is_full(conversation, request)
  local used = conversation.last_usage
  local length = used and (conversation.options.context_length or M.length(conversation.client, request.model))
  if not length then return false end
  local since = { messages = {} }
  for i = conversation.last_length + 1, #conversation.messages do since.messages[#since.messages + 1] = conversation.messages[i] end
  local tokens = (used.input_tokens or 0) + (used.output_tokens or 0) + estimate.prompt(since) + (request.max_tokens or 0)
  return tokens > length
end

--- Has the program's `compact` make a shorter history; it may return messages, or nil and an error, and the usage of what it asked.
---@param conversation ogl.Conversation
---@return ogl.Error? err
function M.compact(conversation)
  local fine, list, why, usage = hooks.call(conversation.options.compact, conversation)
  if fine and type(usage) == "table" then conversation:add_usage(usage) end
  if fine and errors.is(why) then return why end
  local problem = not fine and tostring(list) or list == nil and why and tostring(why) or message.check(list)
  if problem then return errors.new { kind = "config", code = "compact", message = "compact: " .. problem } end
  conversation.messages, conversation.last_usage = list, nil
end

--- Makes the history shorter where the next request would not fit.
---@param conversation ogl.Conversation
---@param request ogl.Request
---@return ogl.Error? err
function M.fit(conversation, request)
  if not conversation.options.compact or not is_full(conversation, request) then return nil end
  return M.compact(conversation)
end

return M
