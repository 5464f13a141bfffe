-- Every recorded answer of all protocols, with and without a middleware: the reply, or the error, is the same.
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local M = {}

local function chat(exchange, body, middleware)
  local client = ogl.client {
    provider = { name = "p", protocol = exchange.protocol, auth = "none" }, base_url = "http://server", model = "m", retries = { max = 0 },
    transport = replay.new { headers = { ["content-type"] = exchange.stream and "text/event-stream" or "application/json" }, body = body },
  }
  if middleware then client = client:use(middleware) end
  local stream, err = client:stream "hi"
  if not stream then return nil, err end
  return stream:reply()
end

--- Compares all replies; skips the case where the material is not here.
---@param middleware table
---@param adjust? fun(reply: table) takes out what the middleware says that it adds
function M.check(middleware, adjust)
  local assert = require "luassert"
  local path = helper.shared "fixtures/expected.jsonl"
  if not path then return require "busted".pending "the reference material is not here (OGL_SHARED)" end
  local count = 0
  for line in io.lines(path) do
    local exchange = json.decode(line)
    local body = helper.read((path:gsub("expected%.jsonl$", "") .. exchange.body))
    local want, want_err = chat(exchange, body)
    local got, got_err = chat(exchange, body, middleware)
    if adjust then adjust(got or got_err) end
    assert.same(want, got, exchange.id)
    if want_err then assert.same({ want_err.kind, want_err.message, want_err.partial }, { got_err.kind, got_err.message, got_err.partial }, exchange.id) end
    count = count + 1
  end
  assert.is_true(count > 1500)
end

return M
