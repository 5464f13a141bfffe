-- Requests that come to us, a row a fact: what is in the body, and what it becomes. The recorded ones are in roundtrip_spec.lua.
local json = require "opengatellm.json"
local protocols = require "opengatellm.protocol"
local requests = require "spec.support.requests"

local NAMES = { "openai_chat", "openai_responses", "anthropic", "gemini", "ollama" }

local function decode(name, body, options) return require(protocols[name]).decode_request(body, options) end

-- The least body of each protocol.
local LEAST = {
  openai_chat = '{"messages":[{"role":"user","content":"hi"}]%s}', openai_responses = '{"input":"hi"%s}',
  anthropic = '{"messages":[{"role":"user","content":"hi"}]%s}', gemini = '{"contents":[{"parts":[{"text":"hi"}]}]%s}',
  ollama = '{"messages":[{"role":"user","content":"hi"}]%s}',
}

-- Raw JSON as text, so that a row can say it.
local function shown(value)
  if type(value) ~= "table" then return value end
  if json.plain(value) ~= value then return value[1] end
  local out = {}
  for key, inner in pairs(value) do out[key] = shown(inner) end
  return out
end

local FIELDS = { -- protocol, more of the body, field, value
  { "openai_chat", '"temperature":0', "temperature", 0 }, { "openai_chat", '"stop":["a"]', "stop", { "a" } }, { "openai_chat", '"n":null', "n", nil },
  { "openai_chat", '"max_tokens":1,"max_completion_tokens":2', "max_tokens", 2 }, { "openai_chat", '"modalities":["text"],"x":null', "extra", { modalities = { "text" } } },
  { "openai_chat", '"reasoning_effort":"low"', "reasoning", "low" }, { "openai_chat", '"reasoning_effort":"max"', "reasoning", { effort = "max" } },
  { "openai_chat", '"response_format":{"type":"json_object"}', "output", "json" }, { "openai_chat", '"response_format":{"type":"text"}', "output", nil },
  { "openai_chat", '"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{ "b":1,"a":[] }}}', "output", { name = "n", schema = '{ "b":1,"a":[] }' } },
  { "openai_chat", '"tools":[{"type":"function","function":{"name":"f","parameters":{ "x":[] }}},{"type":"search"}]', "tools", { { name = "f",
      parameters = '{ "x":[] }' }, { type = "search" } } },
  { "openai_chat", '"functions":[{"name":"f"}],"function_call":{"name":"f"}', "tool_choice", { name = "f" } },
  { "openai_chat", '"functions":[{"name":"f"}]', "tools", { { name = "f" } } }, { "openai_chat", '"tool_choice":"any"', "tool_choice", "required" },
  { "openai_chat", '"tools":[{"function":{"name":"f"}}]', "tools", { { name = "f" } } }, { "openai_chat", '"tools":[{"name":"f","parameters":{}}]', "tools", { { name = "f",
      parameters = "{}" } } },
  { "openai_chat", '"tools":[{"type":"function","function":{"name":"f","confirm":false},"cache_control":{"type":"e"},"x":1}]', "tools", { { name = "f",
      inner_extra = { confirm = false }, cache_control = { type = "e" }, extra = { x = 1 } } } },
  { "openai_responses", '"tools":[{"name":"f","confirm":true}]', "tools", { { name = "f", extra = { confirm = true } } } },
  { "openai_responses", '"instructions":"s"', "system", "s" }, { "openai_responses", '"max_output_tokens":3', "max_tokens", 3 },
  { "openai_responses", '"reasoning":{"effort":"low","summary":"auto"}', "reasoning", { effort = "low", summary = "auto" } },
  { "openai_responses", '"text":{"verbosity":"low","format":{"type":"json_object"}}', "extra", { text = { verbosity = "low" } } },
  { "openai_responses", '"text":{"format":{"type":"json_schema","name":"n","schema":{},"strict":false}}', "output", { name = "n", schema = "{}", strict = false } },
  { "openai_responses", '"tools":[{"type":"function","name":"f"},{"type":"web_search"}]', "tools", { { name = "f" }, { type = "web_search" } } },
  { "openai_responses", '"tool_choice":{"type":"function","name":"f"}', "tool_choice", { name = "f" } },
  { "anthropic", '"system":[{"type":"text","text":"s"}]', "system", "s" }, { "anthropic", '"stop_sequences":["a"]', "stop", { "a" } },
  { "anthropic", '"metadata":{"user_id":"u"}', "user", "u" }, { "anthropic", '"thinking":{"type":"enabled","budget_tokens":2000}', "reasoning", { budget = 2000 } },
  { "anthropic", '"thinking":{"type":"disabled"}', "reasoning", "none" }, { "anthropic", '"thinking":{"type":"between_tools"}', "reasoning", "none" },
  { "anthropic", '"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}', "reasoning", "low" },
  { "anthropic", '"output_config":{"effort":"low"}', "extra", { output_config = { effort = "low" } } },
  { "anthropic", '"output_config":{"format":{"type":"json_schema","schema":{"a":1}}}', "output", '{"a":1}' },
  { "anthropic", '"tool_choice":{"type":"any","disable_parallel_tool_use":true}', "tool_choice", "required" },
  { "anthropic", '"tool_choice":{"type":"any","disable_parallel_tool_use":true}', "parallel_tool_calls", false },
  { "anthropic", '"tools":[{"name":"f","input_schema":{},"cache_control":{"type":"ephemeral"},"defer_loading":true}]', "tools",
    { { name = "f", parameters = "{}", cache_control = { type = "ephemeral" }, extra = { defer_loading = true } } } },
  { "gemini", '"systemInstruction":{"parts":[{"text":"s"}]}', "system", "s" }, { "gemini", '"system_instruction":{"parts":[{"text":"s"}]}', "system", "s" },
  { "gemini", '"generationConfig":{"maxOutputTokens":3}', "max_tokens", 3 }, { "gemini", '"generation_config":{"max_output_tokens":3}', "max_tokens", 3 },
  { "gemini", '"generationConfig":{"responseMimeType":"application/json"}', "output", "json" },
  { "gemini", '"generationConfig":{"responseSchema":{"type":"STRING","nullable":true}}', "output", { type = { "string", "null" } } },
  { "gemini", '"generationConfig":{"responseJsonSchema":{"type":"string"}}', "output", '{"type":"string"}' },
  { "gemini", '"generationConfig":{"thinkingConfig":{"thinkingBudget":-1}}', "reasoning", {} },
  { "gemini", '"generationConfig":{"thinkingConfig":{"thinkingBudget":-1}}', "extra", { generationConfig = { thinkingConfig = { thinkingBudget = -1 } } } },
  { "gemini", '"generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW","includeThoughts":true}}', "reasoning", "low" },
  { "gemini", '"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}],"googleSearch":{"a":1}}]', "tools",
    { { name = "f", parameters = { type = "object" } }, { type = "googleSearch", a = 1 } } },
  { "gemini", '"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}', "tool_choice", { name = "f" } },
  { "gemini", '"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"}}', "extra", { toolConfig = { functionCallingConfig = { mode = "VALIDATED" } } } },
  -- one item for a list, a text for a number, the other name of a keyword
  { "gemini", '"systemInstruction":{"parts":{"text":"s"}}', "system", "s" }, { "gemini", '"system_instruction":{"parts":{"text":"s"}}', "system", "s" },
  { "gemini", '"tools":{"functionDeclarations":{"name":"f"}}', "tools", { { name = "f" } } }, { "gemini", '"tools":{"googleSearch":{}}', "tools", { { type = "googleSearch" } } },
  { "gemini", '"tools":[{"function_declarations":[{"name":"f","parameters":{"type":"OBJECT","properties":{"any_of":{"any_of":[{"type":"STRING"}],"min_items":"1"}}}}]}]', "tools",
    { { name = "f", parameters = { type = "object", properties = { any_of = { anyOf = { { type = "string" } }, minItems = 1 } } } } } },
  { "gemini", '"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":"f"}}', "tool_choice", { name = "f" } },
  { "gemini", '"generationConfig":{"stopSequences":"END"}', "stop", { "END" } }, { "gemini", '"generationConfig":{"topK":"40"}', "top_k", 40 },
  { "gemini", '"generationConfig":{"responseSchema":{"any_of":[{"type":"STRING"}],"nullable":true,"property_ordering":["a"]}}', "output",
    { anyOf = { { type = "string" }, { type = "null" } }, propertyOrdering = { "a" } } },
  { "gemini", '"generationConfig":{"responseSchema":{"type":["STRING","NULL"],"enum":"a"}}', "output", { type = { "string", "null" }, enum = { "a" } } },
  { "gemini", '"generationConfig":{"responseSchema":{"type":"OBJECT","required":"a","anyOf":{"type":"STRING"}}}', "output",
    { type = "object", required = { "a" }, anyOf = { { type = "string" } } } },
  { "gemini", '"generationConfig":{"responseJsonSchema":{"type":"object","additional_properties":{"type":"string"}}}', "output",
    { type = "object", additionalProperties = { type = "string" } } },
  { "ollama", '"tools":[{"function":{"name":"f","confirm":true}}]', "tools", { { name = "f", inner_extra = { confirm = true } } } },
  { "ollama", '"options":{"num_predict":5,"num_ctx":9}', "max_tokens", 5 }, { "ollama", '"options":{"num_predict":-1}', "max_tokens", nil },
  { "ollama", '"options":{"num_predict":-2,"num_ctx":9}', "extra", { options = { num_ctx = 9 } } }, { "ollama", '"keep_alive":0', "extra", { keep_alive = 0 } },
  { "ollama", '"format":"json"', "output", "json" }, { "ollama", '"format":""', "output", nil }, { "ollama", '"format":{ "a":1 }', "output", '{ "a":1 }' },
  { "ollama", '"options":{"num_predict":0}', "max_tokens", nil }, { "ollama", '"options":{"num_predict":null,"x":null}', "extra", nil },
  { "ollama", '"think":"low"', "reasoning", "low" }, { "ollama", '"think":"medium"', "reasoning", "medium" },
  { "ollama", '"think":"max"', "reasoning", { effort = "max" } }, { "ollama", '"think":null', "reasoning", nil },
  { "ollama", '"think":true', "reasoning", {} }, { "ollama", '"think":false', "reasoning", "none" }, { "ollama", '"think":"high"', "reasoning", "high" },
}

describe("a field", function()
  for _, row in ipairs(FIELDS) do
    it(("of %s: %s"):format(row[1], row[2]), function()
      local request, err = decode(row[1], LEAST[row[1]]:format("," .. row[2]))
      assert(request, tostring(err))
      assert.same(row[4], shown(request[row[3]]))
    end)
  end
end)

local WANTS = { -- protocol, more of the body, path, what the caller is told
  { "openai_chat", "", nil, { stream = false, include_usage = false } },
  { "openai_chat", ',"stream":true,"stream_options":{"include_usage":true},"model":"m"', nil, { stream = true, include_usage = true, model = "m" } },
  { "openai_chat", "", "/openai/deployments/a%20b/chat/completions?api-version=1", { stream = false, include_usage = false, model = "a b" } },
  { "openai_responses", ',"stream":true', nil, { stream = true, include_usage = true } },
  { "anthropic", "", "/v1/projects/p/locations/l/publishers/anthropic/models/c@1:streamRawPredict", { stream = true, include_usage = true, model = "c@1" } },
  { "gemini", "", "/v1beta/models/x:streamGenerateContent?alt=sse", { stream = true, sse = true, include_usage = true, model = "x" } },
  { "gemini", ',"model":"models/y"', nil, { stream = false, sse = false, include_usage = true, model = "y" } },
  { "gemini", "", "/v1beta/tunedModels/x:generateContent", { stream = false, sse = false, include_usage = true, model = "tunedModels/x" } },
  { "ollama", ',"model":"m"', nil, { stream = true, include_usage = true, model = "m" } },
  { "ollama", ',"stream":false', "/api/chat", { stream = false, include_usage = true } },
}

describe("the caller is told", function()
  for _, row in ipairs(WANTS) do
    it(("by %s: %s %s"):format(row[1], row[2], row[3] or ""), function()
      local _, wants = decode(row[1], LEAST[row[1]]:format(row[2]), row[3] and { path = row[3] })
      row[4].warnings = {}
      assert.same(row[4], wants)
    end)
  end

  it("that a model is to be loaded, and what a prompt cannot keep", function()
    local request, wants = decode("ollama", '{"model":"m","keep_alive":0}', { path = "/api/generate" })
    assert.same({ {}, true, true, true, 0 }, { request.messages, wants.load, wants.generate, wants.unload, wants.keep_alive })
    request, wants = decode("ollama", '{"prompt":"p","system":"s","template":"","context":[1],"raw":false,"images":["iVBORw0KGgo="]}')
    assert.same({ "s", "p", 2 }, { request.system, request.messages[1].content[1].text, #request.messages[1].content })
    assert.same({ 1, "context" }, { #wants.warnings, wants.warnings[1].field })
  end)

  it("by ollama how long the model stays", function()
    for value, seconds in pairs { ['"5m"'] = 300, ["-1"] = math.huge, ["30"] = 30, ["null"] = false } do
      local request, wants = decode("ollama", ('{"messages":[],"keep_alive":%s}'):format(value))
      assert.same({ {}, true, seconds or nil }, { request.messages, wants.load, wants.keep_alive })
      assert.is_nil(wants.unload)
    end
    local _, wants = decode("ollama", '{"messages":[{"role":"user","content":"x"}],"keep_alive":"0s"}', { path = "/api/chat" })
    assert.same({ 0 }, { wants.keep_alive, wants.load, wants.unload })
  end)

  it("by ollama that a prompt is no conversation", function()
    local _, wants = decode("ollama", '{"prompt":"def f(","suffix":"return","raw":true}', { path = "/api/generate" })
    assert.same({ "def f(", "return", true }, { wants.prompt, wants.suffix, wants.raw })
    assert.same({ "raw", "suffix" }, { wants.warnings[1].field, wants.warnings[2].field })
  end)
end)

local PNG = "iVBORw0KGgo="
local BYTES = "\137PNG\r\n\26\n"

local MESSAGES = { -- protocol, list of messages as JSON, our messages without their protocol
  { "openai_chat", '[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,' .. PNG .. '","detail":"low"}},'
      .. '{"type":"x","y":[]}]}]',
    { { role = "user", content = { { type = "text", text = "a" }, { type = "image", data = BYTES, mime = "image/png", detail = "low" }, { type = "part", kind = "x",
      json = '{"type":"x","y":[]}' } } } } },
  { "openai_chat", '[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"s":"q"}}],'
      .. '"reasoning_content":"r"},{"role":"tool","tool_call_id":"c","content":"ok"}]',
    { { role = "assistant", tool_calls = { { id = "c", name = "f", arguments = "{}", extra = { extra_content = { s = "q" } } } }, extra = { reasoning_content = "r" } },
      { role = "tool", tool_call_id = "c", content = "ok" } } },
  { "openai_chat", '[{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"ok"}]',
    { { role = "assistant", tool_calls = { { id = "ogl_call_1", name = "f", arguments = "{}" } } }, { role = "tool", tool_call_id = "ogl_call_1", content = "ok" } } },
  { "openai_chat", '[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"SUQz","format":"mp3"}},{"type":"file","file":{"file_id":"f1"}}]}]',
    { { role = "user", content = { { type = "audio", data = "ID3", mime = "audio/mpeg" }, { type = "file", id = "f1" } } } } },
  { "openai_chat", '[{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}],"closed":true},{"type":"text",'
      .. '"text":"144"},{"type":"thinking","thinking":[{"type":"reference","reference_ids":[1]}]},{"type":"reference","reference_ids":[2]}]},{"role":"user","content":"more"}]',
    { { role = "assistant", content = { { type = "reasoning", text = "hm", signature = '{"closed":true,"type":"thinking"}' }, { type = "text", text = "144" },
      { type = "part", kind = "content", json = '{"type":"thinking","thinking":[{"type":"reference","reference_ids":[1]}]}' },
      { type = "part", kind = "content", json = '{"type":"reference","reference_ids":[2]}' } } }, { role = "user", content = "more" } } },
  { "openai_chat", '[{"role":"user","content":[{"type":"input_audio","input_audio":"SUQz"},{"type":"input_audio","input_audio":"https://x/y.mp3"},{"type":"file",'
      .. '"file_id":"f"},{"type":"image_url","image_url":{"file_id":"f"}},{"type":"document_url","document_url":"https://x"}]}]',
    { { role = "user", content = { { type = "audio", data = "ID3", mime = "audio/mpeg", bare = true }, { type = "audio", url = "https://x/y.mp3", bare = true },
      { type = "part", kind = "file", json = '{"type":"file","file_id":"f"}' }, { type = "part", kind = "image_url", json = '{"type":"image_url","image_url":{"file_id":"f"}}' },
      { type = "part", kind = "document_url", json = '{"type":"document_url","document_url":"https://x"}' } } } } },
  { "openai_chat", '[{"role":"assistant","content":"a","annotations":[{"type":"url_citation","url_citation":{"url":"u"}}]},{"role":"user","content":"x"}]',
    { { role = "assistant", content = "a", extra = { annotations = { { type = "url_citation", url_citation = { url = "u" } } } } }, { role = "user", content = "x" } } },
  { "openai_responses", '[{"type":"message","role":"assistant","id":"m","status":"completed","content":[{"type":"output_text","text":"a","annotations":[{"type":'
      .. '"url_citation","url":"u"}]}]},{"role":"user","content":"x"}]',
    { { role = "assistant", content = { { type = "text", text = "a", signature = '{"id":"m","status":"completed","type":"message"}',
      extra = { annotations = { { type = "url_citation", url = "u" } } } } } }, { role = "user", content = "x" } } },
  { "openai_responses", '[{"type":"reasoning","id":"r","encrypted_content":"E","summary":[{"type":"summary_text","text":"t"}]},{"type":"function_call","id":"fc",'
      .. '"call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"ok"}]',
    { { role = "assistant", content = { { type = "reasoning", text = "t" },
      { type = "part", kind = "reasoning", json = '{"type":"reasoning","id":"r","encrypted_content":"E","summary":[{"type":"summary_text","text":"t"}]}' },
      { type = "tool_call", id = "c", name = "f", arguments = "{}", signature = '{"id":"fc","type":"function_call"}' } }, tool_calls = { { id = "c", name = "f",
      arguments = "{}" } } },
      { role = "tool", tool_call_id = "c", content = "ok" } } },
  { "anthropic", '[{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"t"}],"is_error":true},{"type":"text","text":"u",'
      .. '"cache_control":{"type":"ephemeral"}}]}]',
    { { role = "tool", tool_call_id = "c", content = { { type = "text", text = "t" } }, is_error = true },
      { role = "user", content = { { type = "text", text = "u", cache_control = { type = "ephemeral" } } } } } },
  { "anthropic", '[{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"S="},{"type":"redacted_thinking","data":"D"},{"type":"tool_use",'
      .. '"id":"c","name":"f","input":{ "b":1.0,"a":9007199254740993 }}]},{"role":"user","content":"x"}]',
    { { role = "assistant", content = { { type = "reasoning", text = "t", signature = "S=" }, { type = "part", kind = "redacted_thinking",
      json = '{"type":"redacted_thinking","data":"D"}' },
      { type = "tool_call", id = "c", name = "f", arguments = '{ "b":1.0,"a":9007199254740993 }' } },
      tool_calls = { { id = "c", name = "f", arguments = '{ "b":1.0,"a":9007199254740993 }' } } }, { role = "user", content = "x" } } },
  { "anthropic", '[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x"}},{"type":"document","title":"d","source":{"type":"text",'
      .. '"media_type":"text/plain","data":"t"}},{"type":"image","source":{"type":"new"}}]}]',
    { { role = "user", content = { { type = "image", url = "https://x" }, { type = "file", name = "d", mime = "text/plain", data = "t" },
      { type = "part", kind = "image", json = '{"type":"image","source":{"type":"new"}}' } } } } },
  { "gemini", '[{"role":"model","parts":[{"functionCall":{"name":"f","args":{ "a":1 }},"thoughtSignature":"S"},{"executableCode":{"code":"1"}}]},{"role":"user",'
      .. '"parts":[{"functionResponse":{"name":"f","response":{"output":"ok"}}}]},{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"' .. PNG .. '"}}]}]',
    { { role = "assistant", content = { { type = "tool_call", id = "ogl_call_1", name = "f", arguments = '{ "a":1 }', signature = "S" },
      { type = "part", kind = "executableCode", json = '{"executableCode":{"code":"1"}}' } }, tool_calls = { { id = "ogl_call_1", name = "f", arguments = '{ "a":1 }' } } },
      { role = "tool", tool_call_id = "ogl_call_1", name = "f", content = "ok" }, { role = "user", content = { { type = "image", data = BYTES, mime = "image/png" } } } } },
  { "ollama", '[{"role":"user","content":"a","images":["' .. PNG .. '"]},{"role":"assistant","thinking":"t","tool_calls":[{"function":{"name":"f",'
      .. '"arguments":{ "a":1 }}}]},{"role":"tool","tool_name":"f","content":"ok"}]',
    { { role = "user", content = { { type = "text", text = "a" }, { type = "image", data = BYTES, mime = "image/png" } } },
      { role = "assistant", content = { { type = "reasoning", text = "t" }, { type = "tool_call", id = "ogl_call_1", name = "f", arguments = '{ "a":1 }' } },
        tool_calls = { { id = "ogl_call_1", name = "f", arguments = '{ "a":1 }' } } },
      { role = "tool", tool_call_id = "ogl_call_1", name = "f", content = "ok" } } },
}
local LISTS = { openai_chat = "messages", openai_responses = "input", anthropic = "messages", gemini = "contents", ollama = "messages" }

describe("messages", function()
  for i, row in ipairs(MESSAGES) do
    it(("of %s (%d), there and back"):format(row[1], i), function()
      local text = ('{"%s":%s}'):format(LISTS[row[1]], row[2])
      local request, err = decode(row[1], text)
      assert(request, tostring(err))
      local wire = assert(require(protocols[row[1]]).encode_request(request, {}, false, "m"))
      for _, message in ipairs(request.messages) do
        assert.equal(row[1], message.protocol)
        message.protocol = nil
      end
      assert.same(row[3], request.messages)
      if i ~= 3 then -- a role that became another
        local want, got = json.decode(row[2]), requests.copy(wire.body[LISTS[row[1]]])
        if row[1] == "ollama" then want[2].content = "" end
        assert.same(requests.without_nulls(want), requests.without_nulls(got))
      end
    end)
  end
end)

local WRONG = { -- protocol, body, message
  { "openai_chat", "{}", "messages: expected a list, got nothing" }, { "openai_chat", '{"messages":[]}', "messages: at least one is needed" },
  { "openai_chat", '{"messages":[{"role":"user"}]}', "messages[1].content: expected a text or a list of parts, got nothing" },
  { "openai_chat", '{"messages":[{"role":"king","content":"x"}]}', "messages[1].role: expected system, developer, user, assistant or tool, got king" },
  { "openai_chat", '{"messages":[{"role":"user","content":"x"},{"role":"user","content":[{"type":"image_url"}]}]}',
      "messages[2].content[1].image_url: expected an object, got nothing" },
  { "openai_chat", '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":3}]}]}', "messages[1].content[1].image_url: expected an object, got a number" },
  { "openai_chat", '{"messages":[{"role":"tool","content":"x"}]}', "messages[1].tool_call_id: expected a text, got nothing" },
  { "openai_chat", '{"messages":[{"role":"assistant","tool_calls":[{"id":"c"}]}]}', "messages[1].tool_calls[1].function: expected an object, got nothing" },
  { "openai_chat", '{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function"}]}', "tools[1].function: expected an object, got nothing" },
  { "openai_chat", '{"messages":[{"role":"user","content":"x"}],"tools":[3]}', "tools[1]: expected an object, got a number" },
  { "openai_chat", '{"messages":[{"role":"user","content":"x"}],"max_tokens":"5"}', "max_tokens: expected a number, got a text" },
  { "openai_responses", "{}", "input: expected a text or a list of items, got nothing" }, { "openai_responses", '{"input":7}', "input: expected a text, got a number" },
  { "openai_responses", '{"input":[{"type":"function_call","call_id":"c"}]}', "input[1].name: expected a text, got nothing" },
  { "openai_responses", '{"input":[{"role":"user","content":[{"type":"input_image"}]}]}', "input[1].content[1].image_url: expected a text, got nothing" },
  { "anthropic", '{"messages":[{"role":"user","content":[{"type":"image"}]}]}', "messages[1].content[1].source: expected an object, got nothing" },
  { "anthropic", '{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"!"}}]}]}',
      "messages[1].content[1].source.data: expected base64" },
  { "anthropic", '{"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}', "messages[1].content[1].tool_use_id: expected a text, got nothing" },
  { "anthropic", '{"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"x"}}', "tool_choice.type: expected auto, any, tool or none, got x" },
  { "gemini", "{}", "contents: expected a list, got nothing" }, { "gemini", '{"contents":[{"role":"x"}]}', "contents[1].role: expected user or model, got x" },
  { "gemini", '{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png"}}]}]}', "contents[1].parts[1].inlineData.data: expected a text, got nothing" },
  { "gemini", '{"contents":[{"parts":[{"text":"x"}]}],"tools":[{"googleSearch":1}]}', "tools[1].googleSearch: expected an object" },
  { "ollama", '{"messages":[{"role":"user","content":"x","images":["!"]}]}', "messages[1].images[1]: expected base64" },
  { "ollama", '{"messages":[{"role":"king","content":"x"}]}', "messages[1].role: expected system, user, assistant or tool, got king" },
  { "ollama", '{"prompt":"x","template":"t"}', "template: a prompt is sent as a conversation, which has no template of its own" },
  { "ollama", '{"prompt":"x","raw":1}', "raw: expected a boolean, got a number" },
  { "ollama", '{"prompt":"x","think":"much"}', 'think: expected "high", "medium", "low", "max", true or false' },
  { "ollama", '{"prompt":"x","think":1}', 'think: expected "high", "medium", "low", "max", true or false' },
  { "ollama", '{"prompt":"x","keep_alive":"soon"}', 'keep_alive: expected seconds, or a duration such as "5m"' },
  { "ollama", '{"prompt":"x","keep_alive":true}', "keep_alive: expected a number, got a boolean" },
  { "ollama", '{"messages":[{"role":"user","content":"x"}],"format":"xml"}', 'format: expected "json" or a schema' },
  { "ollama", '{"messages":[{"role":"user","content":"x"}],"options":{"stop":4}}', "options.stop: expected a text or a list of texts, got a number" },
}

describe("a tool's answer without an id", function()
  local function answer(more, calls)
    local body = ('{"messages":[{"role":"assistant","tool_calls":[%s]},{"role":"tool","content":"5"%s}]}'):format(calls, more)
    return decode("openai_chat", body)
  end
  local function call(id, name) return ('{"id":"%s","function":{"name":"%s","arguments":"{}"}}'):format(id, name) end

  it("is that of the call that waits", function()
    for _, more in ipairs { "", ',"tool_call_id":null', ',"tool_call_id":""' } do
      assert.equal("c1", assert(answer(more, call("c1", "f"))).messages[2].tool_call_id)
    end
    assert.equal("c2", answer(',"name":"g"', call("c1", "f") .. "," .. call("c2", "g")).messages[2].tool_call_id)
  end)

  it("and without a call is refused, by naming the field", function()
    assert.equal("messages[1].tool_call_id: expected a text, got nothing", select(2, decode("openai_chat", '{"messages":[{"role":"tool","content":"5"}]}')).message)
  end)
end)

describe("a result in ollama", function()
  -- The ids of the calls that the results after two calls answer.
  local function answered(calls, ...)
    local body = ('{"messages":[{"role":"ASSISTANT","tool_calls":[%s]},{"role":"Tool","content":"1"%s},{"role":"tool","content":"2"%s}]}'):format(calls, ...)
    local list = assert(decode("ollama", body)).messages
    return { list[2].tool_call_id, list[3].tool_call_id }
  end
  local BARE = '{"function":{"name":"f","arguments":{}}},{"function":{"name":"g","arguments":{}}}'
  local OWN = '{"id":"a","function":{"name":"f","arguments":{}}},{"id":"b","function":{"name":"g","arguments":{}}}'

  it("belongs to the call of its id, else of its name, else to the oldest", function()
    assert.same({ "b", "a" }, answered(OWN, ',"tool_call_id":"b"', ',"tool_call_id":"a"'))
    assert.same({ "b", "a" }, answered(OWN, ',"tool_name":"g","tool_call_id":""', ',"name":"f"'))
    assert.same({ "a", "b" }, answered(OWN, "", ',"tool_name":""'))
    assert.same({ "ogl_call_2", "ogl_call_1" }, answered(BARE, ',"tool_name":"g"', ',"tool_name":"f"'))
    assert.same({ "ogl_call_1", "ogl_call_2" }, answered(BARE, "", ""))
    assert.same({ "ogl_call_2", "ogl_call_1" }, answered(BARE, ',"tool_name":"g","tool_call_id":"lost"', ',"tool_call_id":"lost"')) -- the client kept no ids
  end)

  it("goes back with the name of its call, and the id that the server gave", function()
    for calls, ids in pairs { [OWN] = { "a", "b" }, [BARE] = {} } do
      local body = ('{"messages":[{"role":"assistant","tool_calls":[%s]},{"role":"tool","content":"1"},{"role":"tool","content":"2"}]}'):format(calls)
      local wire = assert(require(protocols.ollama).encode_request(assert(decode("ollama", body)), {}, false, "m")).body.messages
      assert.same({ "f", "g" }, { wire[2].tool_name, wire[3].tool_name })
      assert.same(ids, { wire[2].tool_call_id, wire[3].tool_call_id })
    end
  end)
end)

describe("what only one protocol has", function()
  it("is told where it goes elsewhere", function()
    local request = assert(decode("openai_chat", '{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},'
      .. '{"type":"text","text":"a"}],"annotations":[{"x":1}]},{"role":"user","content":"x"}],"tools":[{"function":{"name":"f","confirm":true}}]}'))
    for _, to in ipairs { "openai_responses", "anthropic", "gemini", "ollama" } do
      local fields = {}
      for _, warning in ipairs(require(protocols[to]).encode_request(request, {}, false, "m").warnings) do fields[warning.field] = true end
      assert.same({ true, true }, { fields["messages.annotations"], fields["messages.confirm"] }, to)
      assert.is_true(fields.messages or fields["messages[2]"], to) -- the thought
    end
    assert.same({}, require(protocols.openai_chat).encode_request(request, {}, false, "m").warnings)
  end)
end)

describe("a body that is not as it should be", function()
  for _, row in ipairs(WRONG) do
    it(row[1] .. ": " .. row[3], function()
      local request, err = decode(row[1], row[2])
      assert.is_nil(request)
      assert.same({ "invalid", row[3] }, { err.kind, err.message })
    end)
  end
end)

describe("no file of this machine", function()
  local PARTS = { -- protocol, part of a message; %s is an address
    { "openai_chat", '{"type":"image_url","image_url":{"url":"%s"}}' }, { "openai_chat", '{"type":"image_url","image_url":"%s"}' },
    { "openai_chat", '{"type":"file","file":{"file_data":"%s"}}' }, { "openai_chat", '{"type":"image","path":"%s"}' }, { "openai_chat", '{"type":"text","text":"x",'
      .. '"path":"%s"}' },
    { "openai_chat", '{"type":"file","file":{"path":"%s","file_id":"x"}}' },
    { "openai_responses", '{"type":"input_image","image_url":"%s"}' }, { "openai_responses", '{"type":"input_file","file_url":"%s"}' },
    { "openai_responses", '{"type":"input_file","file_data":"%s"}' }, { "openai_responses", '{"type":"input_text","text":"x","path":"%s"}' },
    { "anthropic", '{"type":"image","source":{"type":"url","url":"%s"}}' }, { "anthropic", '{"type":"image","path":"%s"}' },
    { "anthropic", '{"type":"document","source":{"type":"url","url":"%s"}}' }, { "anthropic", '{"type":"tool_result","tool_use_id":"c","content":[{"type":"image",'
      .. '"source":{"type":"url","url":"%s"}}]}' },
    { "gemini", '{"fileData":{"fileUri":"%s"}}' }, { "gemini", '{"text":"x","path":"%s"}' },
  }
  local FORMS = { openai_chat = '{"messages":[{"role":"user","content":[%s]}]}', openai_responses = '{"input":[{"role":"user","content":[%s]}]}',
    anthropic = '{"messages":[{"role":"user","content":[%s]}]}', gemini = '{"contents":[{"parts":[%s]}]}' }
  for _, row in ipairs(PARTS) do
    it("comes in by " .. row[1] .. ": " .. row[2], function()
      for _, address in ipairs { "file:///etc/passwd", "FiLe:/etc/passwd", "/etc/passwd.", "../../etc/passwd" } do -- a path alone may be base64
        local request, err = decode(row[1], FORMS[row[1]]:format((row[2]:gsub("%%s", address))))
        assert.is_nil(request, address)
        assert.equal("invalid", err.kind)
      end
    end)
  end
  it("comes in by ollama", function()
    for _, image in ipairs { "file:///etc/passwd", "../x.png" } do
      assert.is_nil((decode("ollama", ('{"messages":[{"role":"user","content":"x","images":["%s"]}]}'):format(image))))
    end
    assert.is_nil((decode("ollama", '{"messages":[{"role":"user","content":"x","path":"/etc/passwd"}]}')))
  end)
end)

-- Random bodies ---------------------------------------------------------------------------------------------------

local PIECES = { "null", "true", "0", "-1", "1.5", "12345678901234567890", '""', '"file:///x"', '"data:;base64,"', "[]", "{}", "[null]", "[[]]", '{"type":"text"}',
      '{"path":"/x"}', '["a",1]' }

-- One value of a JSON text replaced by another.
local function mutated(text, random)
  local places = {}
  for from, to in text:gmatch '[:,%[]%s*()"[^"\\]*"()%f[,%]}]' do places[#places + 1] = { from, to - 1 } end
  for from, to in text:gmatch "[:,%[]%s*()[%w.-]+()" do places[#places + 1] = { from, to - 1 } end
  for from in text:gmatch "[:,%[]%s*()[%[{]" do
    local to = text:match("^%b{}()", from) or text:match("^%b[]()", from)
    if to then places[#places + 1] = { from, to - 1 } end
  end
  if not places[1] then return text end
  local place = places[random(#places)]
  return text:sub(1, place[1] - 1) .. PIECES[random(#PIECES)] .. text:sub(place[2] + 1)
end

-- Its own numbers, the same everywhere.
local function generator(state)
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n + 1
  end
end

local function has_path(request)
  for _, message in ipairs(request.messages) do
    for _, part in ipairs(type(message.content) == "table" and message.content or {}) do
      if part.path or part.url and part.url:lower():find "^%s*file:" then return true end
    end
  end
end

local MODELS = { "m", "claude-opus-4-8", "claude-3-haiku-20240307", "gemini-3-pro-preview", "gemini-2.5-pro", "gpt-5", "o3", "mistral-small", "gpt-4o" }
local PROVIDERS = { {}, { name = "openai", schema = "openai_strict" }, { name = "deepseek", echo_reasoning = "reasoning_content" }, { name = "mistral", no_refusal = true } }

describe("a body with a random change", function()
  for _, name in ipairs(NAMES) do
    it("of " .. name .. " is read or refused, and what is read can be sent anywhere or has a reason", function()
      local seeds, random, read = { LEAST[name]:format "" }, generator(20240607), 0
      for _, row in ipairs(MESSAGES) do
        if row[1] == name then seeds[#seeds + 1] = ('{"%s":%s,"model":"m"}'):format(LISTS[name], row[2]) end
      end
      for _, row in ipairs(FIELDS) do
        if row[1] == name then seeds[#seeds + 1] = LEAST[name]:format("," .. row[2]) end
      end
      for round = 1, tonumber(os.getenv "OGL_ROUNDS" or 1500) do
        local text = seeds[random(#seeds)]
        for _ = 1, random(2) do text = mutated(text, random) end
        local request, wants = decode(name, text)
        if request then
          read = read + 1
          assert.is_nil(has_path(request), text)
          for _, to in ipairs(round % 5 == 0 and not wants.load and NAMES or {}) do
            local wire, err = require(protocols[to]).encode_request(request, PROVIDERS[random(#PROVIDERS)], wants.stream, MODELS[random(#MODELS)])
            assert(wire and json.encode(wire.body) or err.kind, text)
          end
        else
          assert.equal("invalid", wants.kind, text)
          assert.equal("string", type(wants.message))
        end
      end
      assert.is_true(read > 100)
    end)
  end
end)

describe("a plain body", function()
  local SAID = '"messages":[{"role":"system","content":"s"},{"role":"user","content":"é\\n"},{"content":"","role":"assistant"},'
    .. '{"role":"assistant","content":"a"},{"role":"user","content":""}]'
  local BODIES = {
    openai_chat = {
      '{"model":"m",%s}', '{"model":"m","stream":true,"stream_options":{"include_usage":true},%s}', '{"stream":null,%s,"model":"m"}',
      '{"model":"m","temperature":0.5,"top_p":1,"seed":7,"max_tokens":3,"presence_penalty":-1,"frequency_penalty":0,"user":"u",%s}',
      '{"model":"m","max_tokens":3,"max_completion_tokens":4,%s}', '{"model":"m","stream_options":{},"stream":false,%s}', '{%s}',
      '{"model":"m","odd":1,%s}',
    },
    ollama = {
      '{"model":"m",%s}', '{"model":"m","stream":false,%s}', '{"model":"m","options":{"temperature":0.5,"seed":7,"num_predict":9},%s}',
      '{"model":"m","options":{"num_predict":-1,"top_k":3},%s}', '{"model":"m","options":{},%s}', '{"model":"m","options":{"num_ctx":9},%s}',
      '{%s}',
    },
  }

  -- A table is read field by field.
  it("becomes what a reading field by field makes of it", function()
    for name, bodies in pairs(BODIES) do
      local path = { path = name == "ollama" and "/api/chat" or "/v1/chat/completions" }
      for _, body in ipairs(bodies) do
        body = body:format(SAID)
        local request, wants = decode(name, body, path)
        local full, wanted = decode(name, json.decode(body), path)
        assert.same(full, request, body)
        assert.same(wanted, wants, body)
      end
    end
  end)

  it("is refused as any other", function()
    for _, body in ipairs { '{"model":"m","messages":[{"role":"x","content":"y"}]}', '{"model":"m","messages":[]}', '{"model":"m","messages":[3]}' } do
      for name in pairs(BODIES) do
        local request, err = decode(name, body, { path = "/v1/chat/completions" })
        if name == "openai_chat" or not body:find("[]", 1, true) then assert.is_nil(request, body) end
        if not request then assert.equal("invalid", err.kind) end
      end
    end
  end)
end)
