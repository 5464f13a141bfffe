--- Completions: a prompt that is no conversation, asked at a server's own route for them, with the events of a chat as its answer.
--
--   target.completion = completions.client(client, { prompt = "…", suffix = "…", absent = "…" })
--
-- That stands in place of a client: its `stream` asks the route. A server that has no such route makes the error `absent`.
--
-- The servers are those of Chat Completions, whose older route /completions takes `prompt` and, some, `suffix`.
--
-- @module opengatellm.gateway.completion
local calls = require "opengatellm.http.call"
local json = require "opengatellm.json"
local problems = require "opengatellm.gateway.problem"
local streams = require "opengatellm.stream"
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.GatewayCompletion what asks the route, as a chat's client asks for a chat
---@field provider table of the client
---@field asks {prompt: string, suffix?: string, absent: string}
local Completion = {}
Completion.__index = Completion

-- Fields of a request that both routes have.
local SHARED = words.list "model max_tokens temperature top_p presence_penalty frequency_penalty seed stop"

local ABSENT = { [404] = true, [405] = true, [501] = true } -- what servers say to a route that they do not have

local function body_of(self, asked, streamed)
  local body = { prompt = self.asks.prompt, suffix = self.asks.suffix }
  for _, name in ipairs(SHARED) do body[name] = asked[name] end
  if streamed then
    body.stream = true
    if not self.provider.no_stream_options then body.stream_options = { include_usage = true } end
  end
  return json.encode(body)
end

--- Asks, and returns when the server has accepted the request.
---@param asked ogl.Request its messages are not sent: the prompt is in their place
---@return ogl.Stream?
---@return ogl.Error? err
function Completion:stream(asked)
  local streamed = not asked.no_streaming
  local call = calls.new(self.client, {
    method = "POST", path = "/completions", body = body_of(self, asked, streamed), stream = streamed, repeatable = "inference",
    model = asked.model, options = asked.headers and { keep = false, headers = asked.headers } or calls.UNKEPT, warnings = {},
  })
  call.operation, call.streamed, call.model = "stream", streamed, asked.model
  local stream, err = streams.open(call)
  if stream or not ABSENT[err.status] then return stream, err end
  return nil, problems.new(400, self.asks.absent)
end

--- Makes what asks a client's server for completions of a prompt.
---@param client ogl.Client of a server of Chat Completions
---@param asks {prompt: string, suffix?: string, absent: string} `suffix` follows the text that is asked for
---@return ogl.GatewayCompletion
function M.client(client, asks) return setmetatable({ client = client, provider = client.provider, asks = asks }, Completion) end

return M
