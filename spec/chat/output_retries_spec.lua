local json = require "opengatellm.json"
local ogl = require "opengatellm"
local structured = require "spec.support.structured"

local SCHEMA, TEXT, asked = structured.SCHEMA, structured.TEXT, structured.asked

local USAGE = { type = "usage", usage = { input_tokens = 10, output_tokens = 5, total_tokens = 15 } }

local function answer(events)
  table.insert(events, #events, USAGE)
  return structured.answer_of("openai_chat", "whole", events)
end

local function text(value) return answer(structured.text_events(value, 100)) end

local WRONG = '{"nom":"Ada"}'

-- A client whose server gives these answers in turn, and the bodies that it was sent.
local function client(answers, options)
  local c, transport = structured.client("openai_chat", answers, options)
  return c, function(n) return json.decode(transport.requests[n].body) end, transport.requests
end

describe("a chat whose output does not fit", function()
  it("is asked again in the same mode, with what was wrong; the usage is of both", function()
    local c, body, requests = client { text(WRONG), text(TEXT) }
    local reply = assert(c:chat(asked(SCHEMA)))
    assert.equal("Ada", reply.output.name)
    assert.equal(2, #requests)
    local messages = body(2).messages
    assert.same({ "x", WRONG }, { messages[1].content, messages[2].content })
    assert.matches("name: is missing", messages[3].content)
    assert.equal("json_schema", body(2).response_format.type)
    assert.same({ 20, 10, 30 }, { reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.total_tokens })
    assert.equal("output_retried", reply.warnings[#reply.warnings].code)
  end)

  it("is asked once more in the next mode, as it was asked first", function()
    local c, body, requests = client { text(WRONG), text "no", answer(structured.call_events("output", TEXT, 100)) }
    local reply = assert(c:chat(asked(SCHEMA)))
    assert.equal("Ada", reply.output.name)
    assert.equal(3, #requests)
    assert.same({ 1, "function" }, { #body(3).messages, body(3).tool_choice.type })
    assert.is_nil(body(3).response_format)
    assert.equal(45, reply.usage.total_tokens)
  end)

  it("fails with the last error and all usage, when nothing fits", function()
    for _, output in ipairs { { schema = SCHEMA }, ogl.schema.object { name = ogl.schema.string() } } do
      local c, _, requests = client { text(WRONG) }
      local reply, err = c:chat(asked(output))
      assert.is_nil(reply)
      assert.same({ "invalid", "output", 3, 45 }, { err.kind, err.code, #requests, err.usage.total_tokens })
    end
    assert.equal("output", (select(2, client({ text(WRONG) }):chat(asked(SCHEMA, { strict = true })))).code)
  end)

  it("gives the first reply, with a warning, where a plain JSON Schema asked for it", function()
    local c, _, requests = client { text(WRONG), text "no" }
    local reply = assert(c:chat(asked(SCHEMA)))
    assert.same({ WRONG, { nom = "Ada" }, 3 }, { reply.text, reply.output, #requests })
    assert.same({ "output_invalid", "output" }, { reply.warnings[#reply.warnings].code, reply.output_error.code })
    assert.matches("name: is missing", reply.warnings[#reply.warnings].message)
    assert.equal(45, reply.usage.total_tokens)
    reply = assert(client({ text "I would rather not." }):chat(asked(SCHEMA)))
    assert.same({ "output_not_json" }, { reply.warnings[#reply.warnings].code, reply.output })
  end)

  it("is asked as often as the request allows", function()
    for retries, sent in pairs { [0] = 1, [1] = 2, [9] = 3 } do
      local c, _, requests = client { text(WRONG) }
      assert.is_nil((c:chat(asked(SCHEMA, { output_retries = retries }))))
      assert.equal(sent, #requests)
    end
  end)

  it("is not asked again where it was cut or refused", function()
    local cut = structured.text_events('{"na', 100)
    cut[#cut].reason = "length"
    local refused = { { type = "refusal", text = "no", index = 1 }, { type = "finish", reason = "stop" } }
    for _, events in ipairs { cut, refused } do
      local c, _, requests = client { answer(events) }
      assert.is_nil((c:chat(asked { schema = SCHEMA })))
      assert.equal(1, #requests)
    end
  end)

  it("is not asked again as a stream", function()
    local c, _, requests = client { text(WRONG) }
    assert.equal("output", (select(2, assert(c:stream(asked(SCHEMA))):reply())).code)
    assert.equal(1, #requests)
  end)

  it("goes through its middleware each time", function()
    local seen = 0
    local c = client({ text(WRONG), text(TEXT) })
    c = c:use { name = "count", request = function() seen = seen + 1 end }
    assert.equal("Ada", assert(c:chat(asked(SCHEMA))).output.name)
    assert.equal(2, seen)
  end)

  it("leaves the program's request as it was", function()
    local c = client { text(WRONG), text(WRONG), answer(structured.call_events("output", TEXT, 100)) }
    local request = asked(SCHEMA)
    local before = json.encode(request)
    assert(c:chat(request))
    assert.equal(before, json.encode(request))
  end)
end)

describe("a server that refuses", function()
  local function refusal(field)
    local body = json.encode { error = { message = "Unsupported parameter: '" .. field .. "'", type = "invalid_request_error", param = field,
      code = "unsupported_parameter" } }
    return { status = 400, headers = { ["content-type"] = "application/json" }, body = body }
  end

  it("a schema is asked by a tool, and one that refuses a forced tool in words", function()
    local c, body, requests = client { refusal "response_format", refusal "tool_choice", text(TEXT) }
    local reply = assert(c:chat(asked(SCHEMA)))
    assert.equal("Ada", reply.output.name)
    assert.same({ "json_schema", "function" }, { body(1).response_format.type, body(2).tool_choice.type })
    assert.matches("JSON Schema", body(3).messages[1].content)
    assert.equal(3, #requests)
  end)

  -- What servers say: of a schema, of a forced tool.
  local SAID = {
    { "openai_chat", "This response_format type is unavailable now" },
    { "openai_chat", "This model does not support response format `json_schema`." },
    { "openai_chat", "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model." },
    { "openai_chat", "Thinking mode does not support this tool_choice" },
    { "openai_chat", "The tool_choice parameter does not support being set to required or object in thinking mode" },
    { "openai_chat", '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set' },
    { "openai_responses", "Invalid parameter: 'text.format' of type 'json_schema' is not supported with model version `gpt-4`." },
    { "anthropic", "Thinking may not be enabled when tool_choice forces tool use." },
    { "anthropic", "output_config: Extra inputs are not permitted" },
    { "gemini", "JSON mode is not enabled for models/gemma-3-27b-it" },
    { "gemini", "Function calling with a response mime type: 'application/json' is unsupported" },
  }

  local function says(protocol, message)
    local body = { error = { message = message, type = "invalid_request_error" } }
    if protocol == "gemini" then body.error = { code = 400, message = message, status = "INVALID_ARGUMENT" } end
    return { status = 400, headers = { ["content-type"] = "application/json" }, body = json.encode(body) }
  end

  for _, row in ipairs(SAID) do
    it(("is asked in the next mode: %s: %s"):format(row[1], row[2]), function()
      local refused = says(row[1], row[2])
      local answered = structured.answer_of(row[1], "whole", structured.text_events(TEXT, 100))
      local c, transport = structured.client(row[1], { refused, refused, answered })
      local reply = assert(c:chat(asked(SCHEMA)))
      assert.equal("Ada", reply.output.name)
      assert.equal(3, #transport.requests)
      assert.matches("JSON Schema", transport.requests[3].body)
    end)
  end

  it("is asked once where its words are of something else, or asking again is not allowed", function()
    for message, retries in pairs { ["max_tokens: must be at least 1"] = 2, ["This response_format type is unavailable now"] = 0 } do
      local c, transport = structured.client("openai_chat", { says("openai_chat", message) })
      assert.equal(400, (select(2, c:chat(asked(SCHEMA, { output_retries = retries })))).status)
      assert.equal(1, #transport.requests)
    end
  end)

  it("for another reason is not asked again", function()
    local c, _, requests = client { { status = 401, headers = {}, body = "{}" } }
    assert.equal(401, (select(2, c:chat(asked(SCHEMA)))).status)
    assert.equal(1, #requests)
  end)

  it("works behind a router", function()
    local c = client { text(WRONG), text(TEXT) }
    assert.equal("Ada", assert(ogl.router { clients = { c } }:chat(asked(SCHEMA))).output.name)
  end)
end)
