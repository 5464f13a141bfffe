local gemini = require "opengatellm.protocol.gemini"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local wires = require "spec.support.wire"

local function encode(request, model, stream) return wires.encode(gemini, request, stream, model or "gemini-2.5-flash") end

local function warned(wire)
  local fields = wires.warned(wire)
  table.sort(fields)
  return fields
end

describe("gemini.encode_request", function()
  it("sends no more than what was asked", function()
    local body, wire = encode {}
    assert.same({ contents = { { role = "user", parts = { { text = "hi" } } } } }, body)
    assert.same({ "POST", "/models/gemini-2.5-flash:generateContent" }, { wire.method, wire.path })
    assert.same({}, wire.warnings)
  end)

  it("names the model in the path", function()
    assert.equal("/models/m:streamGenerateContent?alt=sse", (select(2, encode({}, "m", true))).path)
    assert.equal("/tunedModels/a%20b:generateContent", (select(2, encode({}, "tunedModels/a b"))).path)
  end)

  local CASES = { -- what, request, field of generationConfig, what is there
    { "parameters", { temperature = 0 }, "temperature", 0 },
    { "top_p", { top_p = 0.5 }, "topP", 0.5 },
    { "top_k", { top_k = 3 }, "topK", 3 },
    { "max_tokens", { max_tokens = 9 }, "maxOutputTokens", 9 },
    { "a seed", { seed = 1 }, "seed", 1 },
    { "several answers", { n = 2 }, "candidateCount", 2 },
    { "logprobs", { logprobs = true }, "responseLogprobs", true },
    { "top_logprobs", { logprobs = true, top_logprobs = 3 }, "logprobs", 3 },
    { "a stop", { stop = "a" }, "stopSequences", { "a" } },
    { "JSON", { output = "json" }, "responseMimeType", "application/json" },
    { "a schema", { output = { type = "object", properties = {} } }, "responseJsonSchema", { type = "object", properties = {} } },
    { "a budget", { reasoning = { budget = 100 } }, "thinkingConfig", { thinkingBudget = 100, includeThoughts = true } },
    { "no reasoning", { reasoning = "none" }, "thinkingConfig", { thinkingBudget = 0 } },
    { "an effort", { reasoning = "low" }, "thinkingConfig", { thinkingBudget = 1024, includeThoughts = true } },
    { "extra of its own", { temperature = 1, extra = { generationConfig = { responseModalities = { "IMAGE" } } } }, "responseModalities", { "IMAGE" } },
    { "what stands beside extra", { temperature = 1, extra = { generationConfig = { x = 1 } } }, "temperature", 1 },
  }
  for _, case in ipairs(CASES) do
    it("sends " .. case[1], function() assert.same(case[4], encode(case[2]).generationConfig[case[3]]) end)
  end

  it("sends penalties to the models that take them", function()
    local asked = { presence_penalty = 1, frequency_penalty = 2 }
    assert.same({ presencePenalty = 1, frequencyPenalty = 2 }, encode(asked, "gemini-2.0-flash").generationConfig)
    local body, wire = encode(asked)
    assert.is_nil(body.generationConfig)
    assert.same({ "frequency_penalty", "presence_penalty" }, warned(wire))
  end)

  it("sends levels of reasoning to the models that take them", function()
    assert.same({ thinkingLevel = "high", includeThoughts = true }, encode({ reasoning = "high" }, "gemini-3-pro-preview").generationConfig.thinkingConfig)
    local body, wire = encode({ reasoning = "xhigh" }, "gemini-3-pro-preview")
    assert.equal("high", body.generationConfig.thinkingConfig.thinkingLevel)
    assert.same({ "reasoning.effort" }, warned(wire))
  end)

  it("sends other fields beside the configuration", function()
    local body = encode { service_tier = "flex", extra = { cachedContent = "c", safetySettings = {} } }
    assert.same({ "flex", "c" }, { body.service_tier, body.cachedContent })
    assert.is_nil(body.generationConfig)
  end)

  it("declares tools, and passes the server's own by their name", function()
    local body = encode { tools = {
      { type = "googleSearch" }, { name = "f", description = "d", parameters = { type = "object", properties = { a = { type = "string" } } } }, { name = "g" },
      { type = "function", ["function"] = { name = "h" } }, { type = "fileSearch", fileSearchStoreNames = { "s" } },
    } }
    assert.same({
      { functionDeclarations = {
        { name = "f", description = "d", parametersJsonSchema = { type = "object", properties = { a = { type = "string" } } } }, { name = "g" }, { name = "h" },
      } },
      { googleSearch = {} }, { fileSearch = { fileSearchStoreNames = { "s" } } },
    }, body.tools)
    assert.is_nil(body.toolConfig)
  end)

  it("says which tool to call in the protocol's words", function()
    for choice, config in pairs {
      auto = { mode = "AUTO" }, none = { mode = "NONE" }, required = { mode = "ANY" }, [{ name = "f" }] = { mode = "ANY", allowedFunctionNames = { "f" } },
      [{ mode = "VALIDATED" }] = { mode = "VALIDATED" },
    } do
      assert.same({ functionCallingConfig = config }, encode({ tools = { { name = "f" } }, tool_choice = choice }).toolConfig)
    end
  end)

  it("warns of what it cannot carry", function()
    local _, wire = encode {
      logit_bias = {}, user = "u", metadata = {}, store = true, previous_response_id = "r", include = {}, parallel_tool_calls = false,
    }
    assert.same({ "include", "logit_bias", "metadata", "parallel_tool_calls", "previous_response_id", "store", "user" }, warned(wire))
  end)

  it("gathers instructions before the conversation", function()
    local body, wire = encode { system = "a", messages = { ogl.system "b", ogl.user "hi", ogl.system "c" } }
    assert.same({ parts = { { text = "a" }, { text = "b" }, { text = "c" } } }, body.systemInstruction)
    assert.equal(1, #body.contents)
    assert.same({ "messages" }, warned(wire))
  end)

  it("encodes pictures, recordings and documents", function()
    local parts = encode({
      messages = { ogl.user(
        "a", ogl.image { url = "http://x/y.png" }, ogl.image { data = "GIF89a" }, ogl.image { url = "data:image/png;base64,AAAA" }, ogl.audio { data = "ID3x" },
        ogl.file { id = "https://f/files/1", mime = "application/pdf" }, { fileData = { fileUri = "gs://own" }, type = "own" }
      ) },
    }).contents[1].parts
    assert.same({ text = "a" }, parts[1])
    assert.same({ fileData = { fileUri = "http://x/y.png", mimeType = "image/png" } }, parts[2])
    assert.same({ inlineData = { mimeType = "image/gif", data = "R0lGODlh" } }, parts[3])
    assert.same({ inlineData = { mimeType = "image/png", data = "AAAA" } }, parts[4])
    assert.same({ inlineData = { mimeType = "audio/mpeg", data = "SUQzeA==" } }, parts[5])
    assert.same({ fileData = { fileUri = "https://f/files/1", mimeType = "application/pdf" } }, parts[6])
    assert.same({ fileData = { fileUri = "gs://own" } }, parts[7])
    assert.equal("file", (select(2, encode { messages = { ogl.user(ogl.image { path = "/no/such/file.png" }) } })).kind)
  end)

  it("answers calls by their names", function()
    local failed = ogl.tool_result("c2", "no")
    failed.is_error = true
    local calls = { { id = "c1", name = "f", arguments = '{"a": 1}' }, { id = "c2", name = "g" }, { name = "h" } }
    local pictured = { role = "tool", tool_call_id = "h", content = { "see", ogl.image { data = "GIF89a" } } }
    local asked = { messages = { ogl.user "hi", { role = "assistant", tool_calls = calls }, ogl.tool_result("c1", { x = 1 }), failed, pictured, ogl.user "and?" } }
    local list = encode(asked, "m").contents
    assert.same({
      { functionCall = { id = "c1", name = "f", args = { a = 1 } } }, { functionCall = { id = "c2", name = "g", args = {} } }, { functionCall = { name = "h", args = {} } },
    }, list[2].parts)
    assert.same({
      { functionResponse = { id = "c1", name = "f", response = { x = 1 } } }, { functionResponse = { id = "c2", name = "g", response = { error = "no" } } },
      { functionResponse = { name = "h", response = { output = "see" }, parts = { { inlineData = { mimeType = "image/gif", data = "R0lGODlh" } } } } },
    }, list[3].parts)
    assert.same({ { text = "and?" } }, list[4].parts)
    local older, wire = encode(asked) -- takes texts alone there: the picture comes behind all answers
    assert.same({ functionResponse = { name = "h", response = { output = "see" } } }, older.contents[3].parts[3])
    assert.same({ inlineData = { mimeType = "image/gif", data = "R0lGODlh" } }, older.contents[3].parts[4])
    assert.same({ "messages" }, warned(wire))
  end)

  local REPLY = {
    role = "assistant", protocol = "gemini", text = "Hi!", content = {
      { type = "reasoning", text = "Hm." }, { type = "reasoning", text = "Well.", signature = "T=" }, { type = "text", text = "Hi" },
      { type = "text", text = "!", signature = "S/=" }, { type = "tool_call", name = "f", arguments = '{"n": 1.0}', signature = "C+=" },
      { type = "part", kind = "executableCode", json = '{"executableCode": {"code":"\\u0041"}}' }, { type = "citation", json = "{}" },
      { type = "part", kind = "groundingMetadata", json = "{}" },
    },
  }

  it("sends a reply back byte for byte", function()
    local wire = gemini.encode_request({ messages = { ogl.user "hi", REPLY } }, {}, false, "m")
    assert.equal('[{"text":"Well.","thought":true,"thoughtSignature":"T="},{"text":"Hi"},{"text":"!","thoughtSignature":"S/="},'
      .. '{"functionCall":{"args":{"n": 1.0},"name":"f"},"thoughtSignature":"C+="},{"executableCode": {"code":"\\u0041"}}]',
      json.encode(wire.body.contents[2].parts))
    assert.same({}, wire.warnings)
  end)

  it("sends another protocol's reply without what only that one can read", function()
    local other = {}
    for key, value in pairs(REPLY) do other[key] = value end
    other.protocol = "anthropic"
    local body, wire = encode { messages = { ogl.user "hi", other } }
    assert.same({ { text = "Hi" }, { text = "!" }, { functionCall = { name = "f", args = { n = 1 } } } }, body.contents[2].parts)
    assert.same({ "messages" }, warned(wire))
  end)
end)

describe("what a model of Gemini takes", function()
  local function thinking(reasoning, model)
    local body, wire = encode({ reasoning = reasoning }, model)
    local config = body.generationConfig and body.generationConfig.thinkingConfig or {}
    return { config.thinkingBudget or config.thinkingLevel, wire.warnings[1] and wire.warnings[1].code }
  end

  it("is a budget in its range, or a level that it has", function()
    for _, case in ipairs {
      { "gemini-2.5-pro", "none", 128, "approximated" }, { "gemini-2.5-pro", { budget = 99999 }, 32768, "approximated" }, { "gemini-2.5-pro", "xhigh", 32768 },
      { "gemini-2.5-flash", "none", 0 }, { "gemini-2.5-flash", "xhigh", 24576, "approximated" }, { "gemini-2.5-flash", { budget = -1 }, -1 },
      { "gemini-2.5-flash-lite", { budget = 1 }, 512, "approximated" }, { "gemini-2.5-flash-lite", { budget = 0 }, 0 },
      { "gemini-3-pro-preview", "medium", "high", "approximated" }, { "gemini-3-pro-preview", { budget = 0 }, "low", "approximated" },
      { "gemini-3-pro-preview", { budget = 500 }, 500 }, { "publishers/google/models/gemini-3-flash-preview", "none", "minimal", "approximated" },
      { "gemini-3.1-pro-preview", "medium", "medium" }, { "gemini-2.0-flash", "high", nil, "not_carried" }, { "gemini-2.0-flash", "none", nil },
      { "gemini-9", "medium", "medium" }, { "gemini-9", "none", "minimal", "approximated" },
    } do
      assert.same({ case[3], case[4] }, thinking(case[2], case[1]), case[1])
    end
    assert.same({ includeThoughts = true }, encode({ reasoning = {} }).generationConfig.thinkingConfig)
  end)

  local function call(...)
    local calls = {}
    for i, id in ipairs { ... } do calls[i] = { id = id, name = "f", arguments = "{}" } end
    return calls
  end

  it("is a call that is signed, by itself or by the word that stands for that", function()
    local function signatures(message, model)
      message.role = "assistant"
      local parts, out = encode({ messages = { ogl.user "hi", message } }, model or "gemini-3-pro-preview").contents[2].parts, {}
      for i, part in ipairs(parts) do out[i] = part.thoughtSignature or "-" end
      return out
    end
    local word = "skip_thought_signature_validator"
    assert.same({ word, "-" }, signatures { protocol = "openai_chat", tool_calls = call("a", "b") })
    assert.same({ "-", word }, signatures { content = { { type = "text", text = "x" }, { type = "tool_call", name = "f" } } })
    local signed = { type = "tool_call", name = "f", signature = "c2ln" }
    assert.same({ "c2ln", "-" }, signatures { protocol = "gemini", content = { signed, { type = "tool_call", name = "f" } } })
    assert.same({ "c2ln" }, signatures { content = { signed } }) -- it says nothing of where it came from
    assert.same({ word }, signatures { tool_calls = { { name = "f", signature = '{"extra_content":{}}' } } }) -- that is another's
    assert.same({ "-" }, signatures({ protocol = "openai_chat", tool_calls = call "a" }, "gemini-2.5-pro"))
  end)

  it("is its own signature, of an empty text too", function()
    local said = { role = "assistant", protocol = "gemini", content = { { type = "text", text = "", signature = "c2ln" }, { type = "text", text = "" } } }
    assert.same({ { text = "", thoughtSignature = "c2ln" } }, encode({ messages = { ogl.user "hi", said } }).contents[2].parts)
  end)

  it("is an id that it gave itself, or none: results go by name and order", function()
    local list = encode { messages = {
      ogl.user "hi", { role = "assistant", protocol = "openai_chat", tool_calls = call("a", "b") }, ogl.user "wait", ogl.tool_result("b", "2"), ogl.tool_result("a", "1"),
      { role = "assistant", protocol = "gemini", tool_calls = call "own" }, ogl.tool_result("own", "3"),
    } }.contents
    assert.same({ { functionCall = { name = "f", args = {} } }, { functionCall = { name = "f", args = {} } } }, list[2].parts)
    assert.same({ { functionResponse = { name = "f", response = { output = "1" } } }, { functionResponse = { name = "f", response = { output = "2" } } } }, list[3].parts)
    assert.same({ { text = "wait" } }, list[4].parts)
    assert.same({ "own", "own" }, { list[5].parts[1].functionCall.id, list[6].parts[1].functionResponse.id })
  end)

  it("is no empty text, and at the end nothing that it began to say", function()
    local list = encode({ system = "", messages = { ogl.user("", ogl.image { data = "GIF89a" }), ogl.user "" } }).contents
    assert.same({ 1, 1 }, { #list, #list[1].parts })
    local asked = { messages = { ogl.user "hi", { role = "assistant", content = "{" } } }
    assert.equal(2, #encode(asked, "gemini-3-pro-preview").contents)
    local body, wire = encode(asked, "gemini-3.5-flash-lite")
    assert.same({ 1, "not_carried" }, { #body.contents, wire.warnings[1].code })
  end)

  it("is a schema in its dialect, of tools as well, and what changes is told", function()
    local schema = { type = "object", properties = { a = { type = "string", minLength = 2 }, m = { type = "object", additionalProperties = { type = "string" } } } }
    local body, wire = encode { tools = { { name = "f", parameters = schema } }, output = schema }
    assert.is_nil(body.tools[1].functionDeclarations[1].parametersJsonSchema.properties.a.minLength)
    assert.same(schema.properties.m, body.tools[1].functionDeclarations[1].parametersJsonSchema.properties.m)
    assert.same({ "output", "tools[1].parameters" }, warned(wire))
  end)
end)

describe("a recorded conversation", function()
  local function given_id(call) return require "opengatellm.protocol.messages".given_id(call.id) end

  for _, name in ipairs {
    "fantasy/gemini/TestGoogleCommon_gemini-2.5-flash_multi_tool", "fantasy/gemini/TestGoogleThinking_gemini-2.5-flash_thinking-streaming",
    "fantasy/gemini/TestGoogleCommon_gemini-3-pro-preview_multi_tool",
  } do
    it("goes on as it did: " .. name:match "[^/]+$", function()
      local first, reply = helper.recorded("gemini", name .. "__0")
      if not first then return pending "the reference material is not here (OGL_SHARED)" end
      local second = helper.recorded("gemini", name .. "__1")
      local asked = { ogl.user(first.contents[1].parts[1].text), reply }
      for _, part in ipairs(second.contents[3].parts) do
        local answer, call = part.functionResponse, nil
        for _, said in ipairs(reply.tool_calls) do call = said.name == answer.name and said or call end
        asked[#asked + 1] = ogl.tool_result(call.id or call.name, answer.response)
        answer.id = given_id(call) -- the recorder makes ids of its own
      end
      for _, part in ipairs(second.contents[2].parts) do
        for _, said in ipairs(reply.tool_calls) do
          if part.functionCall and part.functionCall.name == said.name then part.functionCall.id = given_id(said) end
        end
      end
      assert.same(second.contents, encode({ messages = asked, max_tokens = 4000 }, "m").contents)
    end)
  end
end)

describe("gemini.decode_error", function()
  it("knows a wrong key, and the time to wait", function()
    local body = '{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}'
    local err = gemini.decode_error(400, {}, body)
    assert.same({ "auth", "API key not valid.", "INVALID_ARGUMENT", "400" }, { err.kind, err.message, err.type, err.code })
    err = gemini.decode_error(429, {}, '[{"error":{"message":"Slower.","status":"RESOURCE_EXHAUSTED","details":[{"x":1},{"retryDelay":"34.5s"}]}}]')
    assert.same({ "rate_limit", 34.5, true }, { err.kind, err.retry_after, err.retryable })
    assert.equal("http", gemini.decode_error(500, {}, "<html>").kind)
  end)
end)
