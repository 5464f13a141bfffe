-- Recorded answers of all protocols, read as structured output: the value is the one that the whole text holds, in whatever pieces it came,
-- and no answer raises.
local core = require "opengatellm.core"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local recording = require "spec.support.recording"
local recordings = require "spec.support.recordings"

local CHUNK = 200 -- bytes of the body that come at once, so that values grow in many steps

-- Calls a function for each recorded answer that is a reply, with what a plain chat makes of it.
local function each_reply(visit)
  return recordings.each_recording(function(client, id)
    local reply = client:chat "x"
    if reply then visit(client, reply, id) end
  end, CHUNK)
end

-- The last value of a stream, how often it was given, and the reply.
local function followed(client, output)
  local stream, last, count = assert(client:stream { messages = "x", output = output }), nil, 0
  for value in stream:outputs() do last, count = value, count + 1 end
  return last, count, assert(stream:reply())
end

-- Where the protocols have the schema of a request's output.
local PLACES = {
  { "response_format", "json_schema", "schema" }, { "text", "format", "schema" }, { "output_config", "format", "schema" },
  { "generationConfig", "responseJsonSchema" }, { "generationConfig", "responseSchema" }, { "format" },
}

local function schema_of(id)
  local request = json.decode(helper.read(helper.shared("fixtures/" .. id .. ".json"))).request
  for _, place in ipairs(PLACES) do
    local at = request
    for _, name in ipairs(place) do at = type(at) == "table" and at[name] or nil end
    if type(at) == "table" then return at end
  end
end

local function object_of(text)
  local value = core.decode(text)
  return type(value) == "table" and value or nil
end

describe("a recorded answer", function()
  it("that is JSON is the same value in the end, and grew until then", function()
    local found, grown = 0, 0
    local there = each_reply(function(client, reply, id)
      local value = object_of(reply.text)
      if not value then return end
      local last, count, followed_reply = followed(client, {})
      assert.same(value, last, id)
      assert.same(value, followed_reply.output, id)
      found, grown = found + 1, grown + (count > 2 and 1 or 0)
    end)
    if not there then return pending(recording.ABSENT) end
    assert.is_true(found > 100 and grown > 20, found .. ", " .. grown)
  end)

  it("that calls one tool is a value in the mode of tools", function()
    local found = 0
    local there = each_reply(function(client, reply, id)
      local call = reply.tool_calls and not reply.tool_calls[2] and reply.tool_calls[1]
      local value = call and call.name ~= "" and object_of(call.arguments)
      if not value then return end
      local last, _, followed_reply = followed(client, { schema = { type = "object" }, mode = "tool", name = call.name })
      assert.same(value, last, id)
      assert.same(value, followed_reply.output, id)
      assert.is_nil(followed_reply.tool_calls, id)
      assert.same(value, object_of(followed_reply.output_call.arguments), id)
      found = found + 1
    end)
    if not there then return pending(recording.ABSENT) end
    assert.is_true(found > 300, found)
  end)

  it("fits the schema that its request had, or is told as the model's refusal", function()
    local found, refused = 0, 0
    local there = each_reply(function(client, reply, id)
      local schema = not reply.tool_calls and schema_of(id)
      if not schema then return end
      local got, err = client:chat { messages = "x", output = schema, output_retries = 0 }
      if got then
        assert.same(object_of(reply.text), got.output, id)
        found = found + 1
      else
        assert.matches("was refused by the model: " .. reply.refusal, err.message, 1, true)
        refused = refused + 1
      end
    end)
    if not there then return pending(recording.ABSENT) end
    assert.is_true(found > 90 and refused > 10, found .. ", " .. refused)
  end)

  it("that is neither is an error with the reply", function()
    local found = 0
    local there = each_reply(function(client, reply, id)
      if reply.tool_calls or reply.text:find "[{%[]" or core.decode(reply.text) ~= nil then return end
      local got, err = client:chat { messages = "x", output = {}, output_retries = 0 }
      assert.is_nil(got, id)
      assert.same({ "output", reply.finish_reason == "length" and "incomplete" or "invalid" }, { err.code, err.kind }, id)
      assert.same({ reply.text, reply.finish_reason }, { err.partial.text, err.partial.finish_reason }, id)
      found = found + 1
    end)
    if not there then return pending(recording.ABSENT) end
    assert.is_true(found > 500, found)
  end)

  it("that is JSON raises at no prefix, which has the same value at once as byte by byte", function()
    local seen = {}
    local there = each_reply(function(_, reply, id)
      local text = reply.text
      if seen[text] or #text > 2000 or not object_of(text) then return end
      seen[text] = true
      local slowly = core.partial()
      for at = 1, #text do
        slowly:feed(text:sub(at, at))
        local quickly = core.partial()
        quickly:feed(text:sub(1, at))
        local value = slowly:value()
        assert.equal(value ~= nil and json.encode(value) or nil, quickly:value() ~= nil and json.encode(quickly:value()) or nil, id)
        quickly:finish()
      end
    end)
    if not there then return pending(recording.ABSENT) end
    assert.truthy(next(seen))
  end)
end)
