-- What becomes of a reply that is no value of its schema, and of values while they come.
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local structured = require "spec.support.structured"

local SCHEMA, LIST, TEXT = structured.SCHEMA, structured.LIST, structured.TEXT
local answer_of, client, text_events = structured.answer_of, structured.client, structured.text_events

local function asked(output, more)
  local request = structured.asked(output, { output_retries = 0 })
  for name, value in pairs(more or {}) do request[name] = value end
  return request
end

local function answers_with(text, reason, protocol)
  local events = text_events(text, 5)
  events[#events].reason = reason or "stop"
  return client(protocol or "openai_chat", { answer_of(protocol or "openai_chat", "stream", events) })
end

-- A stream's error, however it is read.
local READERS = {
  reply = function(stream) return select(2, stream:reply()) end,
  next = function(stream)
    local event, err = stream:next()
    while event do event, err = stream:next() end
    return err
  end,
  events = function(stream) return select(2, pcall(function() for _ in stream:events() do end end)) end, -- luacheck: ignore 542
  texts = function(stream) return select(2, pcall(function() for _ in stream:texts() do end end)) end, -- luacheck: ignore 542
  outputs = function(stream) return select(2, pcall(function() for _ in stream:outputs() do end end)) end, -- luacheck: ignore 542
}

describe("a reply that is no value of its schema", function()
  for how, read in pairs(READERS) do
    it("is an error with the paths and the reply, at the end of a stream that is read by " .. how, function()
      local stream = assert(answers_with('{"name":5,"tags":["a",1]}'):stream(asked(SCHEMA)))
      local err = read(stream)
      assert.same({ "invalid", "output" }, { err.kind, err.code })
      assert.same({ "name", "tags[2]" }, { err.problems[1].path, err.problems[2].path })
      assert.matches("name: expected a string, got 5", err.message, 1, true)
      assert.same({ '{"name":5,"tags":["a",1]}', "stop" }, { err.partial.text, err.partial.finish_reason })
      assert.equal(err, select(2, stream:reply()))
    end)
  end

  it("may be no JSON, cut, or a refusal, and each is said as what it is", function()
    local _, err = answers_with("I would rather not."):chat(asked(SCHEMA))
    assert.same({ "invalid", "output" }, { err.kind, err.code })
    assert.matches("is missing: the model's text is not JSON", err.message)
    for _, text in ipairs { '{"name":"Ada","ta', '{"tags":[]}', "" } do
      _, err = answers_with(text, "length"):chat(asked(SCHEMA))
      assert.same({ "incomplete", "output" }, { err.kind, err.code })
      assert.matches("was cut at the limit", err.message)
      assert.equal(text, err.partial.text)
    end
    local events = { { type = "refusal", text = "I can't help.", index = 1 }, { type = "finish", reason = "stop" } }
    _, err = client("openai_chat", { answer_of("openai_chat", "stream", events) }):chat(asked(SCHEMA))
    assert.matches("was refused by the model: I can't help%.", err.message)
    assert.equal("I can't help.", err.partial.refusal)
  end)

  it("may fit although it was cut behind its end", function()
    assert.equal("Ada", assert(answers_with(TEXT, "length"):chat(asked(SCHEMA))).output.name)
  end)

  it("may fail the check of the program", function()
    local function chat(validate) return answers_with(TEXT):chat(asked { schema = SCHEMA, validate = validate }) end
    assert.equal("Ada", assert(chat(function(value) return value.name == "Ada" end)).output.name)
    assert.matches("no such person", select(2, chat(function() return false, "no such person" end)).message)
    assert.matches("the check of the program refused it", select(2, chat(function() return nil end)).message)
    assert.matches("raised: .*oh", select(2, chat(function() error "oh" end)).message)
  end)

  it("is found without a kept reply, too", function()
    local function last(text)
      local stream = assert(answers_with(text):stream(asked(SCHEMA, { keep = false })))
      return READERS.next(stream)
    end
    assert.is_nil(last(TEXT))
    assert.matches("name: expected a string", last('{"name":5}').message)
    assert.matches("is missing", last("no").message)
  end)
end)

describe("the value while it comes", function()
  it("is asked for only where the request has a schema", function()
    local stream = assert(answers_with(TEXT):stream(asked "json"))
    for _, method in ipairs { "output", "outputs", "elements" } do
      assert.error_matches(function() stream[method](stream) end, "stream:" .. method .. ": the request has no schema")
    end
    stream:close()
  end)

  it("is joined with what has arrived", function()
    local count, last = 0, nil
    for value in assert(answers_with(TEXT):stream(asked(SCHEMA))):outputs() do count, last = count + 1, value end
    assert.same({ 1, { name = "Ada", tags = { "a", "b" } } }, { count, last })
  end)

  it("may be a scalar, which ends with its text", function()
    local seen = {}
    local stream = assert(answers_with("42"):stream(asked { schema = { type = "integer" }, mode = "prompt" }))
    for value in stream:outputs() do seen[#seen + 1] = value end
    assert.same({ 42 }, seen)
  end)

  it("gives the elements that fit, each once; the others fail the end", function()
    local stream = assert(answers_with('{"value":[{"n":1},{"n":"x"},{"n":3}]}'):stream(asked(LIST)))
    local seen = {}
    local fine, err = pcall(function()
      for element, place in stream:elements() do seen[#seen + 1] = { element.n, place } end
    end)
    assert.same({ { 1, 1 }, { 3, 3 } }, seen)
    assert.is_false(fine)
    assert.equal("[2].n", err.problems[1].path)
  end)

  it("checks elements by definitions of the whole schema", function()
    local list = {
      type = "array", items = { ["$ref"] = "#/$defs/n" }, ["$defs"] = { n = { type = "object", properties = { n = { type = "integer" } } } },
    }
    local seen = {}
    for element in assert(answers_with('{"value":[{"n":1},{"n":2}]}'):stream(asked(list))):elements() do seen[#seen + 1] = element.n end
    assert.same({ 1, 2 }, seen)
  end)

  it("comes to callbacks", function()
    local last, elements, done = nil, {}, nil
    ogl.run(function()
      local task = answers_with(TEXT):stream(asked(SCHEMA), {
        on_output = function(value) last = value end, on_done = function(reply) done = reply end,
      })
      task:wait()
      answers_with('{"value":[{"n":1},{"n":2}]}'):chat(asked(LIST), {
        on_element = function(element, place) elements[place] = element.n end,
      }):wait()
    end)
    assert.same({ name = "Ada", tags = { "a", "b" } }, last)
    assert.equal("Ada", done.output.name)
    assert.same({ 1, 2 }, elements)
  end)

  it("passes middleware, and comes again out of a cache", function()
    local m = ogl.middleware
    local c, transport = answers_with '{"value":[{"n":1},{"n":2}]}'
    c = c:use(m.log { write = function() end }, m.cache {}, m.think {})
    for _ = 1, 2 do
      local seen = {}
      for element in assert(c:stream(asked(LIST))):elements() do seen[#seen + 1] = element.n end
      assert.same({ 1, 2 }, seen)
      assert.same({ { n = 1 }, { n = 2 } }, assert(c:chat(asked(LIST))).output)
    end
    assert.equal(1, #transport.requests)
  end)
end)

describe("structured output over a network", function()
  after_each(helper.close)

  it("is the same table of the value, however the bytes are split", function()
    local bytes = answer_of("openai_chat", "stream", text_events(TEXT, 3)).body
    for size = 1, 40, 7 do
      local pieces = {}
      for i = 1, #bytes, size do pieces[#pieces + 1] = bytes:sub(i, i + size - 1) end
      local replay = require "opengatellm.transport.replay"
      local transport = replay.new { headers = { ["content-type"] = "text/event-stream" }, body = pieces }
      local c = ogl.client { provider = "openai_compatible", base_url = "http://server", model = "m", transport = transport }
      local first, last
      for value in assert(c:stream(asked(SCHEMA))):outputs() do
        first = first or value
        assert.equal(first, value)
        last = json.encode(value)
      end
      assert.same(json.decode(TEXT), json.decode(last))
    end
  end)
end)
