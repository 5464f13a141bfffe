local errors = require "opengatellm.errors"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local function chunk(text) return 'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"' .. text .. '"}}]}\n\n' end
local END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

local function open(body, fields, options)
  local answer = type(body) == "function" and body or { headers = { ["content-type"] = "text/event-stream", ["x-request-id"] = "r1" }, body = body }
  local transport = replay.new(answer)
  options = options or {}
  options.provider, options.base_url, options.model, options.transport = "openai_compatible", "http://server", "m", transport
  options.retries = options.retries or { max = 0 }
  fields = fields or {}
  fields.messages = { ogl.user "hi" }
  local stream, err = ogl.client(options):stream(fields)
  return stream, err, transport
end

local function texts_of(stream, options)
  local list = {}
  for text in stream:texts(options) do list[#list + 1] = text end
  return list
end

describe("a stream", function()
  it("gives events, then nothing, then the same reply any number of times", function()
    local stream = assert(open(chunk "Bon" .. chunk "jour" .. END))
    local types = {}
    for event in stream:events() do types[#types + 1] = event.type end
    assert.same({ "start", "text", "text", "finish" }, types)
    assert.is_nil(stream:next())
    local reply = assert(stream:reply())
    assert.same({ "Bonjour", "stop", "r1", 200 }, { reply.text, reply.finish_reason, reply.request_id, reply.status })
    assert.equal(reply, stream:reply())
    assert.is_nil((stream:next()))
    assert.equal("[DONE]", stream:raw())
  end)

  it("that fails has in its partial reply what stands behind the error", function()
    local body = chunk "It is" .. 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"error"}],"error":{"code":502,"message":"gave up"}}\n\n'
      .. 'data: {"choices":[],"usage":{"prompt_tokens":41,"completion_tokens":243,"total_tokens":284}}\n\ndata: [DONE]\n\n'
    for _, size in ipairs { 1, 200, 1e6 } do
      local stream = assert(open(function() return { headers = { ["content-type"] = "text/event-stream" }, body = body, chunk = size } end))
      local _, err = stream:reply()
      assert.same({ "provider", "gave up", "502" }, { err.kind, err.message, err.code })
      assert.same({ "It is", "error", 284 }, { err.partial.text, err.partial.finish_reason, err.partial.usage.total_tokens })
      assert.is_nil(err.partial.complete)
      local _, again = stream:next()
      assert.equal(err, again)
    end
  end)

  it("that fails and keeps nothing reads no further", function()
    local stream = assert(open(chunk "It is" .. 'data: {"error":"gave up"}\n\n' .. END, { keep = false }))
    assert.equal("text", (stream:next() and stream:next()).type)
    local _, err = stream:next()
    assert.same({ "gave up" }, { err.message, err.partial })
  end)

  it("that ends with [DONE] alone is complete with a warning, and cut where the provider's [DONE] proves nothing", function()
    for _, body in ipairs { chunk "Bon" .. "data: [DONE]\n\n", 'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\ndata: [DONE]\n\n' } do
      local reply = assert(assert(open(body)):reply())
      assert.same({ true, "no_finish_reason" }, { reply.complete, reply.warnings[1].code })
      for _, provider in ipairs { "opengatellm", "albert" } do
        local client = ogl.client {
          provider = provider, base_url = "http://server", model = "m", api_key = "k", retries = { max = 0 },
          transport = replay.new { headers = { ["content-type"] = "text/event-stream" }, body = body },
        }
        local _, err = assert(client:stream "hi"):reply()
        assert.equal("incomplete", err.kind)
        assert.equal(reply.text, err.partial.text)
        assert.same(reply.usage, err.partial.usage)
      end
    end
  end)

  it("whose chunks were cut at line separators is whole, with a warning, or an error", function()
    local reply = assert(assert(open(chunk "one\n\ntwo" .. END)):reply())
    assert.same({ "one\226\128\168two", "joined_lines" }, { reply.text, reply.warnings[1].code })
    local _, err = assert(open(chunk "a" .. 'data: {"choices":[{"index":0,"delta":{"content":"one\n\ntwo\n\n' .. END)):reply()
    assert.same({ "protocol", "a" }, { err.kind, err.partial.text })
  end)

  it("gives texts alone, of the first choice", function()
    local other = 'data: {"choices":[{"index":1,"delta":{"content":"no"}}]}\n\n'
    assert.same({ "ab" }, texts_of(assert(open(chunk "a" .. other .. chunk "b" .. END))))
    assert.same({ "a", "b" }, texts_of(assert(open(chunk "a" .. other .. chunk "b" .. END)), { joined = false }))
    assert.same({}, texts_of(assert(open(other .. END))))
  end)

  it("joins in a text what has arrived, and waits for no more", function()
    local reads = { chunk "a" .. chunk "b", chunk "c", ": ping\n\n", chunk "d" .. chunk "e" .. END }
    assert.same({ "ab", "c", "de" }, texts_of(assert(open(reads))))
    assert.same({ "ab", "c", "de" }, texts_of(assert(open(reads)), { joined = true }))
    assert.same({ "a", "b", "c", "d", "e" }, texts_of(assert(open(reads)), { joined = false }))
    for _, size in ipairs { 1, 2, 3, 5, 7, 50, 200, 1e6 } do
      local stream = assert(open(function() return { headers = { ["content-type"] = "text/event-stream" }, body = table.concat(reads), chunk = size } end))
      assert.equal("abcde", table.concat(texts_of(stream)))
      assert.equal("abcde", assert(stream:reply()).text)
    end
  end)

  it("refuses options of texts that it does not know, at the caller's line", function()
    local stream = assert(open(chunk "a" .. END))
    for options, message in pairs { [{ join = true }] = "unknown field 'join'", [{ joined = 1 }] = "joined: expected boolean, got number", [true] = "a table of options" } do
      local fine, err = pcall(function() assert.is_nil(stream:texts(options)) end)
      assert.is_false(fine)
      assert.truthy(err:find("stream_spec.lua:%d+: stream:texts: .*" .. message), err)
    end
    assert.same({ "a" }, texts_of(stream))
  end)

  it("gives the rest to reply(), whoever took the beginning", function()
    local stream = assert(open(chunk "a" .. chunk "b" .. END))
    assert.equal("start", stream:next().type)
    assert.equal("a", stream:next().text)
    assert.equal("ab", assert(stream:reply()).text)
  end)

  it("reads a whole answer like a stream, with no_streaming", function()
    local whole = { body = '{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}' }
    local stream, _, transport = open(function() return whole end, { no_streaming = true })
    assert.same({ "x" }, texts_of(stream))
    assert.is_nil(transport.requests[1].body:find "stream")
    assert.equal("x", stream:reply().raw.choices[1].message.content)
  end)

  it("joins the pieces of logprobs", function()
    local function piece(token)
      return ('data: {"choices":[{"index":0,"delta":{"content":"%s"},"logprobs":{"content":[{"token":"%s","logprob":-0.5}],"refusal":null}}]}\n\n')
        :format(token, token)
    end
    local reply = assert(open(piece "a" .. piece "b" .. END)):reply()
    assert.same({ { token = "a", logprob = -0.5 }, { token = "b", logprob = -0.5 } }, reply.logprobs.content)
    assert.same({}, reply.logprobs.refusal)
  end)

  it("closes the exchange at its end", function()
    local stream, _, transport = open(chunk "a" .. END)
    assert(stream:reply())
    assert.equal(1, transport.closed)
  end)

  it("stops at [DONE], whatever follows", function()
    assert.equal("a", assert(open(chunk "a" .. END .. chunk "b")):reply().text)
  end)
end)

describe("a stream that fails", function()
  local broken = errors.new { kind = "network", message = "reset" }

  it("gives what came, then the error, again and again, with the partial reply", function()
    local stream, _, transport = open { chunk "Bon", chunk "jour", broken }
    local text = {}
    local event, err = stream:next()
    while event do
      text[#text + 1] = event.text
      event, err = stream:next()
    end
    assert.equal("Bonjour", table.concat(text))
    assert.equal("network", err.kind)
    assert.equal("Bonjour", err.partial.text)
    assert.equal(err, select(2, stream:next()))
    assert.equal(err, select(2, stream:reply()))
    assert.same({ false, err }, { pcall(stream:events()) })
    assert.equal(1, transport.closed)
  end)

  it("raises in a for loop", function()
    local stream = assert(open { chunk "a", broken })
    local seen = {}
    local fine, err = pcall(function()
      for text in stream:texts() do seen[#seen + 1] = text end
    end)
    assert.is_false(fine)
    assert.same({ "a" }, seen)
    assert.is_true(errors.is(err))
  end)

  it("knows an answer without an end", function()
    local _, err = assert(open(chunk "Bon")):reply()
    assert.same({ "incomplete", "Bon" }, { err.kind, err.partial.text })
  end)

  it("reports the three forms of OGL's error in mid-stream", function()
    for _, form in ipairs {
      '{"detail": "Model is too busy (RemoteProtocolError), please try again later."}',
      'event: error\ndata: {"detail": "Model is too busy (RemoteProtocolError), please try again later."}\n\n',
      'event: error\ndata: {"error": {"message": "Model is too busy (RemoteProtocolError), please try again later."}}\n\n',
    } do
      local _, err = assert(open(chunk "Bon" .. form)):reply()
      assert.same({ "provider", "Model is too busy (RemoteProtocolError), please try again later.", "Bon" }, { err.kind, err.message, err.partial.text })
    end
  end)

  it("passes over what is no JSON with a warning, or fails with strict", function()
    local body = chunk "a" .. "data: {oops\n\n" .. chunk "b" .. END
    local reply = assert(open(body)):reply()
    assert.equal("ab", reply.text)
    assert.same({ "invalid_json", "{oops" }, { reply.warnings[1].code, reply.warnings[1].detail })
    local _, err = assert(open(body, { strict = true })):reply()
    assert.same({ "protocol", "a" }, { err.kind, err.partial.text })
  end)

  it("replaces what is no UTF-8, with a warning", function()
    local reply = assert(open(chunk "a\255b" .. END)):reply()
    assert.equal("a\239\191\189b", reply.text)
    assert.equal("invalid_utf8", reply.warnings[1].code)
  end)

  it("holds to limits.reply", function()
    local _, err = assert(open(chunk(("x"):rep(100)):rep(30) .. END, nil, { limits = { reply = 2000 } })):reply()
    assert.equal("limit", err.kind)
    assert.equal(1900, #err.partial.text) -- whole pieces, as many as fit
  end)
end)

describe("closing a stream", function()
  it("ends it at once, any number of times, with what came as partial", function()
    local stream, _, transport = open(chunk "a" .. chunk "b" .. END)
    stream:next()
    stream:next()
    stream:close()
    stream:close()
    assert.equal(1, transport.closed)
    assert.equal("closed", select(2, stream:next()).kind)
    local reply, err = stream:reply()
    assert.is_nil(reply)
    assert.same({ "closed", "a" }, { err.kind, err.partial.text })
  end)

  it("ends the loop that it happens in, and next and later loops tell of it", function()
    for _, loop in ipairs { "events", "texts" } do
      local stream, _, transport = open { chunk "a", chunk "b", END }
      local n = 0
      for _ in stream[loop](stream) do
        n = n + 1
        stream:close()
      end
      assert.same({ 1, 1 }, { n, transport.closed })
      assert.equal("closed", select(2, stream:next()).kind)
      assert.equal("closed", select(2, stream:reply()).kind)
      local fine, err = pcall(stream[loop](stream))
      assert.same({ false, "closed" }, { fine, err.kind })
    end
  end)

  it("by another task ends a loop that waits, and what came is kept", function()
    local stream
    local transport = {
      open = function()
        local reads = { chunk "a" .. chunk "b" }
        return {
          head = function() return 200, { ["content-type"] = "text/event-stream" } end,
          read = function()
            if reads[1] then return table.remove(reads) end
            stream:close() -- as another task would while this one waits
            return nil, errors.new { kind = "closed", message = "the exchange is closed" }
          end,
          close = function() end,
        }
      end,
    }
    for _, options in ipairs { { joined = true }, { joined = false } } do
      stream = assert(ogl.client { provider = "openai_compatible", base_url = "http://server", model = "m", transport = transport }:stream "hi")
      assert.equal("ab", table.concat(texts_of(stream, options)))
      local _, err = stream:reply()
      assert.same({ "closed", "ab" }, { err.kind, err.partial.text })
    end
  end)

  it("hides no failure of a loop", function()
    local stream = assert(open { chunk "a", errors.new { kind = "network", message = "reset" } })
    local iterate = stream:texts()
    assert.equal("a", iterate())
    assert.equal("network", select(2, pcall(iterate)).kind)
    stream:close()
    assert.equal("network", select(2, pcall(iterate)).kind)
  end)

  it("leaves a reply that was made", function()
    local stream = assert(open(chunk "a" .. END))
    local reply = assert(stream:reply())
    stream:close()
    assert.equal(reply, stream:reply())
  end)

  it("happens when a loop is left, on 5.4, and not when it ends", function()
    local stream, _, transport = open(chunk "a" .. chunk "b" .. END)
    for _ in stream:texts() do break end -- luacheck: ignore 512
    if _VERSION < "Lua 5.4" then pending "loops close nothing before 5.4" end
    assert.equal(1, transport.closed)
    assert.equal("closed", select(2, stream:next()).kind)
    stream = assert(open(chunk "a" .. END))
    for _ in stream:events() do end
    assert.equal("a", assert(stream:reply()).text)
  end)

  it("says so to whoever prints it", function()
    local stream = assert(open(chunk "a" .. END))
    assert.equal("opengatellm.stream: open", tostring(stream))
    stream:reply()
    assert.equal("opengatellm.stream: complete", tostring(stream))
    stream = assert(open(chunk "a"))
    stream:close()
    assert.equal("opengatellm.stream: closed", tostring(stream))
  end)
end)

describe("keep = false", function()
  it("folds nothing: events and texts alone", function()
    local stream = assert(open(chunk "a" .. END, { keep = false }))
    assert.same({ "a" }, texts_of(stream))
    assert.error_matches(function() stream:reply() end, "keep = false")
  end)

  it("has no partial reply", function()
    local stream = assert(open(chunk "a", { keep = false }))
    local event, err
    repeat event, err = stream:next() until not event
    assert.equal("incomplete", err.kind)
    assert.is_nil(err.partial)
  end)
end)

describe("another try of a stream", function()
  local function host() return { name = "simulated", blocking = true, now = function() return 0 end, sleep = function() end } end
  local reset = errors.new { kind = "network", message = "reset", retryable = true }

  local function flaky(first)
    return function(_, n)
      return { headers = { ["content-type"] = "text/event-stream" }, body = n == 1 and first or chunk "whole" .. END }
    end
  end

  local HELLO = 'data: {"id":"c0","model":"m0","choices":[{"index":0,"delta":{"role":"assistant"}}],"usage":{"prompt_tokens":5}}\n\n'

  it("happens until the answer is committed, and what the first said is not given", function()
    for name, read in pairs {
      next = function(stream)
        local list = {}
        for event in stream.next, stream do list[#list + 1] = event end
        return list
      end,
      events = function(stream)
        local list = {}
        for event in stream:events() do list[#list + 1] = event end
        return list
      end,
    } do
      local stream, _, transport = open(flaky { HELLO, reset }, nil, { retries = { max = 1 }, host = host() })
      local list = read(stream)
      assert.equal(2, #transport.requests, name)
      assert.same({ "start", "text", "finish" }, { list[1].type, list[2].type, list[3].type })
      assert.equal("c1", list[1].id)
      local reply = assert(stream:reply())
      assert.same({ "c1", "whole" }, { reply.id, reply.text })
      assert.is_nil(reply.usage)
    end
    local stream = open(flaky { HELLO, reset }, nil, { retries = { max = 1 }, host = host() })
    assert.equal("c1", stream:reply().id)
    stream = open(flaky { HELLO, reset }, nil, { retries = { max = 1 }, host = host() })
    assert.same({ "whole" }, texts_of(stream))
  end)

  it("gives what was held back where there is no other try", function()
    local stream = assert(open(flaky { HELLO, reset }, nil, { host = host() }))
    assert.equal("start", stream:next().type)
    assert.equal("usage", stream:next().type)
    assert.equal("network", select(2, stream:next()).kind)
    assert.equal(5, stream.err.partial.usage.input_tokens)
  end)

  it("gives what was held back once, however the reading goes on", function()
    local stream = assert(open(HELLO .. chunk "a" .. chunk "b" .. END))
    assert.equal("start", stream:next().type)
    assert.same({ "a", "b" }, texts_of(stream))
    stream = assert(open(HELLO .. chunk "a" .. chunk "b" .. END))
    stream:next()
    local types = {}
    for event in stream:events() do types[#types + 1] = event.type end
    assert.equal("text", types[#types - 1])
    assert.is_nil((stream:next()))
    stream = assert(open(HELLO .. chunk "a" .. END))
    stream:next()
    stream:close()
    assert.equal("closed", select(2, stream:next()).kind)
  end)

  it("does not wait for ever: a stream that says much before its answer is committed to it", function()
    local much = ('data: {"choices":[],"usage":{"prompt_tokens":5}}\n\n'):rep(200)
    local stream, _, transport = open(flaky { much, reset }, nil, { retries = { max = 5 }, host = host() })
    local count, event, err = 0, stream:next()
    while event do
      count = count + 1
      event, err = stream:next()
    end
    assert.equal("network", err.kind)
    assert.is_true(count >= 64)
    assert.equal(1, #transport.requests)
  end)

  it("happens before the first event, in every way of reading", function()
    for _, read in ipairs {
      function(stream) return stream:reply().text end,
      function(stream) return table.concat(texts_of(stream)) end,
      function(stream) return table.concat(texts_of(stream, { joined = false })) end,
      function(stream)
        stream:next()
        return stream:next().text
      end,
    } do
      local stream, _, transport = open(flaky { ": ping\n\n", reset }, nil, { retries = { max = 1 }, host = host() })
      assert.equal("whole", read(stream))
      assert.equal(2, #transport.requests)
      assert.is_true(transport.closed >= 1)
    end
  end)

  it("never happens after it", function()
    local stream, _, transport = open(flaky { chunk "Bon", reset }, nil, { retries = { max = 5 }, host = host() })
    assert.same({ "network", "Bon" }, { select(2, stream:reply()).kind, select(2, stream:reply()).partial.text })
    assert.equal(1, #transport.requests)
  end)
end)
