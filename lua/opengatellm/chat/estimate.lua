--- Estimates: how many tokens an answer took that broke off before the server counted them.
--
-- @module opengatellm.chat.estimate
local M = {}

local BYTES_A_TOKEN = 4 -- of prose, in most languages and models

--- How many tokens a text has, by its length.
---@param bytes integer
---@return integer
function M.tokens(bytes) return math.ceil(bytes / BYTES_A_TOKEN) end

local function written(partial)
  local bytes = 0
  for _, part in ipairs(partial and partial.content or {}) do
    bytes = bytes + #(part.text or "") + #(type(part.arguments) == "string" and part.arguments or "")
  end
  return bytes
end

local function sent(call) return call.sent or type(call.wire.body) == "string" and #call.wire.body or 0 end

local function bytes_of(value, depth)
  if type(value) == "string" then return #value end
  if type(value) ~= "table" or depth == 0 then return 0 end
  local bytes = 0
  for key, inner in next, value do
    if key ~= "data" then bytes = bytes + bytes_of(inner, depth - 1) end -- a picture's bytes are no tokens
  end
  return bytes
end

local DEEPEST = 8 -- levels of a request that are looked at: messages, parts, schemas

--- How many tokens the prompt of a request has, by the lengths of its texts.
---@param request ogl.Request|table
---@return integer
function M.prompt(request)
  return M.tokens(bytes_of({ request.messages, request.system, request.tools, request.input, request.query, request.documents }, DEEPEST))
end

--- The usage of an answer that broke off: as the server said, else by the lengths of what was sent and what came, marked `estimated`.
---@param call ogl.Call
---@param partial? ogl.Reply
---@return ogl.Usage
function M.usage(call, partial)
  local said = partial and partial.usage
  if said and said.output_tokens and said.input_tokens then return said end
  local usage = { estimated = true }
  for name, value in pairs(said or {}) do usage[name] = value end
  usage.input_tokens = usage.input_tokens or M.tokens(sent(call))
  usage.output_tokens = usage.output_tokens or M.tokens(written(partial))
  usage.total_tokens = usage.input_tokens + usage.output_tokens
  return usage
end

return M
