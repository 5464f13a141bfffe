-- Every recorded answer of every protocol behind each face of the gateway, streamed and whole: what a decoder of ours reads of the face's
-- answer is the normal form of what went in (expected.jsonl), but for LOSSES. Then the same answers passed through, and cut off on their way.
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local helper = require "spec.support.material"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local problems = require "opengatellm.gateway.problem"
local recording = require "spec.support.recording"
local replay = require "opengatellm.transport.replay"
local support = require "spec.support.gateway"

local ASKED = { messages = { { role = "user", content = "Bonjour" } }, prompt = "Bonjour", input = "Bonjour" }

-- `asks`: the field of a request that has what is asked.
local FACES = {
  { name = "Ollama's chat", protocol = "ollama", path = "/api/chat", asks = "messages" },
  { name = "Ollama's generate", protocol = "ollama", path = "/api/generate", asks = "prompt" },
  { name = "OpenAI's chat", protocol = "openai_chat", path = "/v1/chat/completions", asks = "messages", options = { include_usage = true } },
  { name = "OpenAI's responses", protocol = "openai_responses", path = "/v1/responses", asks = "input" },
}

-- Losses --------------------------------------------------------------------------------------------------------------------

local function is_object(text)
  local value = core.decode(text)
  return type(value) == "table" and text:find "^%s*{" ~= nil
end

local function refusal_is_text(want) want.text, want.refusal = want.text .. (want.refusal or ""), nil end

local function first_choice_alone(want) want.n_choices = nil end

local function no_money(want) want.usage.cost, want.usage.energy_kwh, want.usage.co2_kg, want.usage.requests = nil, nil, nil, nil end

local function no_details_of_usage(want)
  want.usage.cached_input_tokens, want.usage.cache_write_tokens, want.usage.reasoning_tokens = nil, nil, nil
end

local function arguments_are_an_object(want)
  for _, call in ipairs(want.tool_calls or {}) do
    if not is_object(call.arguments) then call.arguments = json.encode { input = call.arguments } end
  end
end

-- A face has to say why an answer ended, where the server gave no reason; it has one word for a stop beside calls and one for calls.
local function says_a_reason(want)
  local reason = want.finish_reason or "stop"
  want.finish_reason = reason == "stop" and want.tool_calls and "tool_calls" or reason
end

local function no_pause(want) want.finish_reason = want.finish_reason == "pause" and "stop" or want.finish_reason end

local STOPS = { content_filter = "stop", pause = "stop", error = "stop", other = "stop" }

local function few_reasons(want) want.finish_reason = STOPS[want.finish_reason] or want.finish_reason end

-- What a face has no place for; docs/protocols.md tells it to users.
local LOSSES = {
  openai_chat = { no_pause, says_a_reason },
  openai_responses = { first_choice_alone, no_money, no_pause, says_a_reason },
  ollama = { refusal_is_text, first_choice_alone, no_money, no_details_of_usage, arguments_are_an_object, few_reasons, says_a_reason },
}

-- Recordings whose request is not there, although its answer has to repeat it: xAI's own calls are told from the caller's by the tools.
local UNKNOWN_REQUESTS = { ["vercel_ai/openai-responses/xai_src_responses___fixtures___xai-x-search-tool.chunks__0"] = "openai_responses" }

-- Comparing -----------------------------------------------------------------------------------------------------------------

-- The text of a call's arguments, as the fixtures write it.
local function canonical(text)
  local value = core.decode(text)
  return value ~= nil and json.encode(value) or text
end

local function calls_of(list)
  local calls = {}
  for i, call in ipairs(list or {}) do calls[i] = { id = call.id, name = call.name, arguments = canonical(call.arguments) } end
  return calls[1] and calls or nil
end

-- What a recorded answer becomes at a face.
local function wanted(expect, face)
  local want = {
    text = expect.text, reasoning = expect.reasoning, refusal = expect.refusal, tool_calls = calls_of(expect.tool_calls),
    finish_reason = expect.finish_reason, usage = expect.usage or {}, n_choices = expect.n_choices,
  }
  for _, lose in ipairs(LOSSES[face.protocol]) do lose(want) end
  want.tool_calls = calls_of(want.tool_calls)
  return want
end

-- The same of a face's answer. A face may count what the server did not, and name a call that had no id.
local function got(reply, want)
  local calls, usage = calls_of(reply.tool_calls), {}
  for i, call in ipairs(want.tool_calls or {}) do
    if not call.id and calls and calls[i] and calls[i].id then calls[i].id = nil end
  end
  for name in pairs(want.usage) do usage[name] = reply.usage and reply.usage[name] end
  return {
    text = reply.text, reasoning = reply.reasoning, refusal = reply.refusal, tool_calls = calls, finish_reason = reply.finish_reason,
    usage = usage, n_choices = reply.choices and #reply.choices or nil,
  }
end

-- What had come when an answer failed: its usage and its reason are not told any more.
local function partial(value) return { value.text, value.reasoning, value.refusal, value.tool_calls } end

-- Asking --------------------------------------------------------------------------------------------------------------------

-- The request that was recorded, where it came by the face's own protocol and path, and its server took it; else a short one.
local function request_of(face, exchange)
  local asked = exchange.protocol == face.protocol and exchange.status < 400 and exchange.request
  if type(asked) ~= "table" or asked[face.asks] == nil then asked = nil end
  local body = { [face.asks] = ASKED[face.asks] }
  for name, value in pairs(asked or {}) do body[name] = value end
  return body
end

-- Two names of one server's model: behind the first all is translated, by the second bytes may pass through.
local function gateway_of(exchange, body)
  local client = ogl.client {
    provider = { name = "p", protocol = exchange.protocol, auth = "none" }, base_url = "http://server", model = "m", retries = { max = 0 },
    transport = replay.new {
      status = exchange.status, headers = { ["content-type"] = exchange.stream and "text/event-stream" or "application/json" }, body = body,
    },
  }
  local watched = client:use(function(call, proceed) return proceed(call) end)
  return ogl.gateway { routes = { { model = "shown", client = watched, to = "m" }, { model = "m", client = client } } }
end

local function ask(face, exchange, streamed, model, body)
  local fields = request_of(face, exchange)
  fields.model, fields.stream, fields.stream_options = model, streamed, streamed and face.options or nil
  local status, bytes, headers = support.ask(gateway_of(exchange, body or exchange.body), "POST", face.path, fields)
  return status, bytes, headers["content-type"]
end

-- The words of an error that has a status.
local function told(face, bytes)
  local err = json.decode(bytes).error
  return face.protocol == "ollama" and err or err.message
end

-- Visits the recorded exchanges for which `wants` is true, each with its request where it came by the face's protocol (nil: by any); nil
-- where they are not here.
local function each_exchange(face, wants, visit)
  local path = helper.shared "fixtures/expected.jsonl"
  if not path then return nil end
  local folder, count = path:gsub("expected%.jsonl$", ""), 0
  for line in io.lines(path) do
    local exchange = json.decode(line)
    if wants(exchange) then
      exchange.body = helper.read(folder .. exchange.body)
      if not face or exchange.protocol == face.protocol then exchange.request = json.decode(helper.read(folder .. exchange.id .. ".json")).request end
      visit(exchange)
      count = count + 1
    end
  end
  return count
end

-- Cases ---------------------------------------------------------------------------------------------------------------------

-- Some servers end with a reason of error and say no more; OpenAI's faces tell that as an error.
local function fails(exchange, face)
  local expect = exchange.expect
  return exchange.status >= 400 or not expect.complete or expect.finish_reason == "error" and face.protocol ~= "ollama"
end

local function check_words(exchange, words, where)
  local err = exchange.expect.error
  if err then assert.equal(problems.message { message = err.message, status = exchange.status }, words, where) end
end

local function check_reply(exchange, face, bytes, content_type, where)
  local reply, code, words = support.decode(face.protocol, bytes, content_type)
  local want = wanted(exchange.expect, face)
  if fails(exchange, face) then
    assert.truthy(code, where)
    check_words(exchange, words, where)
    return assert.same(partial(want), partial(got(reply, want)), where)
  end
  assert.is_nil(code, where)
  assert.same(want, got(reply, want), where)
end

describe("a recorded answer", function()
  for _, face in ipairs(FACES) do
    for _, streamed in ipairs { true, false } do
      local how = face.name .. (streamed and ", streamed" or ", whole")

      it("arrives at " .. how, function()
        local statuses = {}
        local count = each_exchange(face, function(exchange) return UNKNOWN_REQUESTS[exchange.id] ~= face.protocol end, function(exchange)
          local where = exchange.id .. " at " .. how
          local status, bytes, content_type = ask(face, exchange, streamed, "shown")
          statuses[status] = (statuses[status] or 0) + 1
          if status == 200 then return check_reply(exchange, face, bytes, content_type, where) end
          assert.is_true(fails(exchange, face), where .. ": " .. bytes)
          check_words(exchange, told(face, bytes), where)
        end)
        if not count then return pending(recording.ABSENT) end
        assert.is_true(count > 1500 and statuses[200] > 1500, how)
      end)
    end
  end
end)

-- Passing through -----------------------------------------------------------------------------------------------------------

-- What a decoder reads of an answer's bytes, or of some of them.
local function direct(exchange, body)
  return support.decode(exchange.protocol, body, exchange.stream and "text/event-stream" or "application/json")
end

describe("a recorded answer of the face's own protocol", function()
  for _, face in ipairs(FACES) do
    it("passes through byte for byte at " .. face.name .. ", or has its error told", function()
      local passed = 0
      local count = each_exchange(face, function(exchange) return exchange.protocol == face.protocol end, function(exchange)
        local where = exchange.id .. " at " .. face.name
        local status, bytes = ask(face, exchange, exchange.stream, "m")
        if status ~= 200 then
          assert.is_true(exchange.status >= 400 or not exchange.expect.complete, where .. ": " .. bytes)
          return check_words(exchange, told(face, bytes), where)
        end
        passed = passed + 1
        if exchange.expect.complete or exchange.expect.error then return assert.equal(exchange.body, bytes, where) end
        local _, code = direct(exchange, bytes)
        assert.equal("provider", code, where) -- the error behind what came
      end)
      if not count then return pending(recording.ABSENT) end
      assert.is_true(passed > (face.protocol == "ollama" and 10 or 200), passed)
    end)
  end
end)

describe("a recorded completion", function()
  it("passes through byte for byte at /v1/completions, with an error behind a stream without an end", function()
    local shared = helper.shared "fixtures/expected.jsonl"
    if not shared then return pending(recording.ABSENT) end
    local passed = 0
    for path in io.popen(("ls %s*/completions-legacy/*.json"):format(shared:gsub("expected%.jsonl$", ""))):lines() do
      local exchange = json.decode(helper.read(path))
      if exchange.status == 200 and exchange.path:find "/v1/completions$" and exchange.request.prompt then
        exchange.protocol, exchange.stream = "openai_chat", exchange.request.stream == true
        exchange.request.model = "m"
        local body = helper.read(path:gsub("[^/]+$", "") .. exchange.body_file)
        local status, bytes = support.ask(gateway_of(exchange, body), "POST", "/v1/completions", exchange.request)
        assert.same({ 200, body }, { status, bytes:sub(1, #body) }, path)
        local ended = not exchange.stream or body:find "%[DONE%]%s*$" ~= nil -- some servers leave their streams open
        assert.equal(ended, #bytes == #body, path)
        passed = passed + 1
      end
    end
    assert.is_true(passed > 20, passed)
  end)
end)

-- Cuts ------------------------------------------------------------------------------------------------------------------------

local RESET = errors.new { kind = "network", message = "reset by 10.0.0.7" }

-- Where a stream is cut: anywhere, the same in every run.
local function cut_of(exchange, i) return exchange.body:sub(1, 1 + (i * 7919) % #exchange.body) end

local function begins(with, text) return (text or ""):sub(1, #(with or "")) == (with or "") end

-- What a face says of a stream that broke off is no more than what had come, and never that it is complete when that had not come.
local function check_cut(exchange, face, body, bytes, content_type, where)
  local had, had_code = direct(exchange, body)
  local reply, code = support.decode(face.protocol, bytes, content_type)
  if had_code then assert.truthy(code, where) end
  local shown = { text = had.text .. (face.protocol == "ollama" and had.refusal or ""), reasoning = had.reasoning }
  for name, text in pairs(shown) do
    if not code then assert.equal(text, reply[name], where) end
    assert.is_true(begins(reply[name], text), where .. ": " .. tostring(reply[name]))
  end
  assert.is_nil(bytes:find("10.0.0.7", 1, true), where)
end

describe("a recorded stream that breaks off", function()
  for _, face in ipairs(FACES) do
    for _, model in ipairs { "shown", "m" } do
      local how = face.name .. (model == "m" and ", passed through" or "")

      it("ends with an error at " .. how .. ", unless its end had come", function()
        local i, seen = 0, 0
        local function is_meant(exchange)
          if not exchange.stream or exchange.status >= 400 or exchange.expect.error then return false end
          return model == "shown" or exchange.protocol == face.protocol
        end
        local there = each_exchange(face, is_meant, function(exchange)
          i = i + 1
          local body = cut_of(exchange, i)
          local where = ("%s cut at %d at %s"):format(exchange.id, #body, how)
          local status, bytes, content_type = ask(face, exchange, true, model, { body, RESET })
          local _, code = direct(exchange, body)
          seen = seen + (code and 1 or 0)
          if status == 200 then return check_cut(exchange, face, body, bytes, content_type, where) end
          assert.equal(502, status, where)
          assert.is_nil(bytes:find("10.0.0.7", 1, true), where)
        end)
        if not there then return pending(recording.ABSENT) end
        assert.is_true(seen > 10, seen)
      end)
    end
  end
end)

-- Requests ----------------------------------------------------------------------------------------------------------------------

-- The faces that a recorded request came by, by what it asks.
local function face_of(exchange)
  for _, face in ipairs(FACES) do
    if face.protocol == exchange.protocol and type(exchange.request) == "table" and exchange.request[face.asks] ~= nil then return face end
  end
end

describe("a recorded request", function()
  for protocol in pairs(support.PROVIDERS) do
    it("is answered at its face by a server of " .. protocol .. ", or refused by the name of what that cannot take", function()
      local client = support.client(protocol, support.server(protocol, support.TEXT))
      local gateway = ogl.gateway { routes = { { model = "shown", client = client, to = "m" } } }
      local answered, refused = 0, 0
      local function is_taken(exchange) return exchange.status < 400 end
      local function check(exchange)
        local face = face_of(exchange)
        if not face then return end
        exchange.request.model = "shown"
        local status, bytes, headers = support.ask(gateway, "POST", face.path, exchange.request)
        if status == 400 then
          refused = refused + 1
          return assert.matches("^[%w_.%[%]]+: ", told(face, bytes), exchange.id)
        end
        assert.equal(200, status, exchange.id .. ": " .. bytes)
        assert.equal("C'est Paris.", support.decode(face.protocol, bytes, headers["content-type"]).text, exchange.id)
        answered = answered + 1
      end
      if not each_exchange(nil, is_taken, check) then return pending(recording.ABSENT) end
      assert.is_true(answered > 1000 and refused < 5, ("%d answered, %d refused"):format(answered, refused))
    end)
  end
end)
