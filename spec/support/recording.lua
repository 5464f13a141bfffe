--- Recorded answers of the reference material, for specs: their bytes, and a client that gets them.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local M = {}

M.ABSENT = "the reference material is not here (OGL_SHARED)"

--- The bytes of a file below fixtures/; nil where the material is not there.
---@param path string
---@return string?
function M.bytes(path)
  local full = helper.shared("fixtures/" .. path)
  local file = full and assert(io.open(full, "rb"))
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

-- The bytes of a request's body; those of a form have to be read while it is sent.
local function text_of(body)
  if type(body) ~= "table" then return body end
  local pieces = {}
  for bytes in body.read do pieces[#pieces + 1] = bytes end
  return table.concat(pieces)
end

--- A client of a provider (a table of data, or a name) whose requests get these answers in turn, the last one for ever; and the
--- requests, each with the text of its body.
---@param provider table|string
---@param ... table answers of replay.lua
function M.client(provider, ...)
  local answers, transport = { ... }, nil
  transport = replay.new(function(request, n)
    request.text = text_of(request.body)
    transport.requests[#transport.requests].text = request.text
    return answers[math.min(n, #answers)]
  end)
  local client = ogl.client {
    provider = provider, base_url = "http://server", model = "m", api_key = helper.KEY, transport = transport, retries = { max = 0 },
  }
  return client, transport.requests, transport
end

--- Data of a provider that speaks Chat Completions and has these dialects.
---@param dialects? table
---@param more? table
function M.provider(dialects, more)
  local provider = { name = "theirs", protocol = "openai_chat", auth = "bearer", version = "v1", dialects = dialects }
  for field, value in pairs(more or {}) do provider[field] = value end
  return provider
end

return M
