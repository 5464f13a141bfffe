-- Two locations of nginx.conf: a chat streamed to a browser, and one answered whole.
local body = require "body"
local json = require "opengatellm.json"
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" } -- one for the worker: its requests share connections

local M = {}

-- The client's errors hold no key; what they say is for the log, and not for the browser.
local function refuse(err)
  ngx.log(ngx.ERR, tostring(err))
  ngx.status = err.kind == "rate_limit" and 429 or 502
  ngx.say(json.encode { error = err.kind })
end

local function send(event)
  ngx.print("data: ", json.encode(event), "\n\n")
  return ngx.flush(true)
end

--- GET /stream?question=…: server-sent events, {"text": …} each, then {"done": true} or {"error": kind}.
function M.stream()
  local stream, err = client:stream(ngx.unescape_uri(ngx.var.arg_question or "Bonjour"))
  if not stream then return refuse(err) end
  ngx.header["content-type"] = "text/event-stream"
  local event
  repeat
    event, err = stream:next()
    if event and event.type == "text" and not send { text = event.text } then return stream:close() end
  until not event
  send(err and { error = err.kind } or { done = true })
end

--- POST /answer with {"question": …}: {"answer": …}.
function M.answer()
  local question = body.object().question
  if type(question) ~= "string" then return ngx.exit(ngx.HTTP_BAD_REQUEST) end
  local reply, err = client:chat(question)
  if not reply then return refuse(err) end
  ngx.header["content-type"] = "application/json"
  ngx.say(json.encode { answer = reply.text, finish_reason = reply.finish_reason, tokens = reply.usage and reply.usage.total_tokens })
end

return M
