-- Requests in the form in which programs that speak to Ollama send them, and in each answer what the program needs of it. A case is a program.
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local support = require "spec.support.gateway"

local PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

local TOOL = {
  type = "function", ["function"] = {
    name = "get_weather", description = "The weather", parameters = {
      type = "object", properties = { city = { type = "string" } }, required = json.array { "city" },
    },
  },
}

-- The server -------------------------------------------------------------------------------------------------------------------

local LISTED = '{"object":"list","data":[{"id":"gpt-4o","created":1700000000},{"id":"mistral-small","created":1700000001}]}'

-- A gateway whose server has two models, and answers with these events; and the requests that reach the server.
local function gateway_of(events)
  local answer = support.server("openai_chat", events or support.TEXT)
  local client, transport = support.client("openai_chat", function(request)
    if request.url:find "/models$" then return { headers = { ["content-type"] = "application/json" }, body = LISTED } end
    if request.url:find "/embeddings$" then
      local data = {}
      for i in ipairs(json.decode(request.body).input) do data[i] = { index = i - 1, embedding = { 3, 4 } } end
      return { headers = { ["content-type"] = "application/json" }, body = json.encode { data = data, usage = { prompt_tokens = 2 } } }
    end
    return answer(request)
  end)
  return ogl.gateway { routes = { { client = client } }, metrics = ogl.middleware.prometheus {} }, transport.requests
end

-- Asks as a program with that agent does.
local function caller(gateway, agent, headers)
  local all = { ["user-agent"] = agent, host = "127.0.0.1:11434", ["content-type"] = "application/json" }
  for name, value in pairs(headers or {}) do all[name] = value end
  return function(method, path, body)
    local status, bytes, answered = support.ask(gateway, method, path, body, all)
    return status, bytes, answered
  end
end

local function decoded(status, bytes, headers)
  assert.equal(200, status, bytes)
  assert.matches("^application/json", headers["content-type"])
  return assert(json.decode(bytes), bytes)
end

-- The lines of a stream, each of which is an answer and no error.
local function lines_of(status, bytes, headers)
  assert.equal(200, status, bytes)
  assert.equal("application/x-ndjson", headers["content-type"])
  local lines = {}
  for line in bytes:gmatch "[^\n]+" do
    lines[#lines + 1] = assert(json.decode(line), line)
    assert.is_nil(lines[#lines].error)
    assert.is_true(#line < 128 * 1024)
  end
  return lines
end

-- What the server was sent last.
local function sent(requests) return json.decode(requests[#requests].body) end

local DATE = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%d.]*Z$"

-- The programs -----------------------------------------------------------------------------------------------------------------

describe("GitHub Copilot with a model of one's own", function()
  local gateway, requests = gateway_of()
  local ask = caller(gateway, "GitHubCopilotChat/0.42.0")

  it("takes the version for a new one", function()
    local major, minor, patch = decoded(ask("GET", "/api/version")).version:match "^(%d+)%.(%d+)%.(%d+)$"
    assert.is_true(tonumber(major) * 1e6 + tonumber(minor) * 1e3 + tonumber(patch) >= 6004)
  end)

  it("finds each model, what it can do, and how much it reads", function()
    for _, listed in ipairs(decoded(ask("GET", "/api/tags")).models) do
      local shown = decoded(ask("POST", "/api/show", { model = listed.model }))
      assert.equal("completion", shown.capabilities[1])
      local family = shown.model_info["general.architecture"]
      assert.is_true(shown.model_info[family .. ".context_length"] > 32768)
      assert.equal(listed.model, shown.model_info["general.basename"])
    end
  end)

  it("chats by OpenAI's face of the same port", function()
    local status, bytes, headers = ask("POST", "/v1/chat/completions", {
      model = "gpt-4o", temperature = 0.1, top_p = 1, max_tokens = 4096, n = 1, stream = true, stream_options = { include_usage = true },
      messages = { { role = "system", content = "You are an AI programming assistant." }, { role = "user", content = { { type = "text", text = "Hi" } } } },
      tools = { TOOL }, tool_choice = "auto",
    })
    assert.equal(200, status, bytes)
    local reply, code = support.decode("openai_chat", bytes, headers["content-type"])
    assert.is_nil(code)
    assert.same({ "C'est Paris.", "stop", 4 }, { reply.text, reply.finish_reason, reply.usage.output_tokens })
    assert.equal(4096, sent(requests).max_tokens or sent(requests).max_completion_tokens)
  end)
end)

describe("Ollama's extension of VS Code", function()
  local gateway, requests = gateway_of()
  local ask = caller(gateway, "node", { origin = "vscode-webview://abc" })

  it("lists and shows what models can do and how much they read, and so does ps while it streams", function()
    assert.matches("^0%.[1-9]%d", decoded(ask("GET", "/api/version")).version)
    for _, listed in ipairs(decoded(ask("GET", "/api/tags")).models) do
      assert.equal("completion", listed.capabilities[1])
      assert.is_true(listed.context_length >= 65536)
    end
    local names = {}
    for _, running in ipairs(decoded(ask("GET", "/api/ps")).models) do
      names[running.name] = true
      assert.is_true(running.context_length >= 65536) -- it warns below
    end
    assert.is_true(names["gpt-4o"])
  end)

  it("sends results by their ids, and images", function()
    local lines = lines_of(ask("POST", "/api/chat", {
      model = "gpt-4o", stream = true, options = { num_ctx = 131072 }, tools = { TOOL },
      messages = {
        { role = "user", content = "What is this?", images = { PIXEL } },
        { role = "assistant", content = "", tool_calls = { { id = "call_7", ["function"] = { name = "get_weather", arguments = { city = "Paris" } } } } },
        { role = "tool", content = "21 °C", tool_call_id = "call_7" },
      },
    }))
    assert.is_true(lines[#lines].done)
    local messages = sent(requests).messages
    assert.equal("data:image/png;base64," .. PIXEL, messages[1].content[2].image_url.url)
    assert.equal("call_7", messages[3].tool_call_id)
  end)
end)

describe("the client of Ollama for JavaScript", function()
  it("needs a last line that says done, and no line with an error", function()
    local ask = caller(gateway_of(), "ollama-js/0.6.4 (x64 linux Node.js/v20.20.2)", { accept = "application/json" })
    for path, body in pairs {
      ["/api/chat"] = { messages = { { role = "user", content = "Hi" } } }, ["/api/generate"] = { prompt = "Hi" },
    } do
      body.model, body.stream = "gpt-4o", true
      local lines = lines_of(ask("POST", path, body))
      for i, line in ipairs(lines) do assert.equal(i == #lines, line.done) end
    end
  end)

  it("reads an error by its content type", function()
    local ask = caller(gateway_of(), "ollama-js/0.6.4")
    local status, bytes, headers = ask("POST", "/api/delete", { model = "gpt-4o" })
    assert.equal(405, status)
    assert.matches("application/json", headers["content-type"])
    assert.equal("string", type(json.decode(bytes).error))
  end)
end)

describe("Home Assistant, by the client for Python", function()
  local gateway, requests = gateway_of()
  local ask = caller(gateway, "ollama-python/0.6.1 (x86_64 linux) Python/3.13.5")

  it("finds the name that was typed in the list, and pulls one that is not there", function()
    local names = {}
    for i, listed in ipairs(decoded(ask("GET", "/api/tags")).models) do
      names[i] = listed.model
      assert.matches(DATE, listed.modified_at)
      assert.equal("table", type(listed.details))
    end
    assert.same({ "gpt-4o", "mistral-small" }, names)
    assert.equal("success", decoded(ask("POST", "/api/pull", { model = "gpt-4o", stream = false })).status)
    local status, bytes = ask("POST", "/api/show", { model = "" })
    assert.equal(400, status, bytes)
  end)

  for keep_alive, name in pairs { [-1] = "for ever", ["300s"] = "for a while" } do
    it("gives results without a name or an id, and keeps the model " .. name, function()
      local lines = lines_of(ask("POST", "/api/chat", {
        model = "gpt-4o", stream = true, keep_alive = keep_alive, options = { num_ctx = 8192 }, think = false, tools = { TOOL },
        messages = {
          { role = "system", content = "You are a voice assistant." }, { role = "user", content = "The weather?" },
          { role = "assistant", content = "", tool_calls = { { ["function"] = { name = "get_weather", arguments = { city = "Paris" } } } } },
          { role = "tool", content = '{"temperature": 21}' },
        },
      }))
      assert.equal("assistant", lines[1].message.role)
      local messages = sent(requests).messages
      assert.truthy(messages[4].tool_call_id)
      assert.equal(messages[3].tool_calls[1].id, messages[4].tool_call_id)
    end)
  end

  it("gets the arguments of a call as an object", function()
    local lines = lines_of(caller(gateway_of(support.CALL), "ollama-python/0.6.1")("POST", "/api/chat", {
      model = "gpt-4o", stream = true, messages = { { role = "user", content = "The weather?" } }, tools = { TOOL },
    }))
    local call
    for _, line in ipairs(lines) do call = call or line.message.tool_calls and line.message.tool_calls[1] end
    assert.same({ city = "Paris" }, call["function"].arguments)
  end)
end)

describe("Open WebUI", function()
  local gateway = gateway_of()
  local ask = caller(gateway, "Python/3.11 aiohttp/3.13.2")

  it("reads the version as numbers, and when a model will be gone", function()
    for part in decoded(ask("GET", "/api/version")).version:gmatch "[^.]+" do assert.truthy(tonumber(part)) end
    local running = decoded(ask("GET", "/api/ps")).models[1]
    assert.equal("gpt-4o", running.name)
    assert.matches(DATE, running.expires_at)
  end)

  it("divides by the times of an answer, and reads lines that are not too long", function()
    local long = ("é"):rep(200000)
    local events = { support.TEXT[1], { type = "text", index = 1, text = long }, support.TEXT[4], support.TEXT[5] }
    local lines = lines_of(caller(gateway_of(events), "aiohttp")("POST", "/api/chat", {
      model = "gpt-4o", stream = true, messages = { { role = "user", content = "Hi" } }, options = {}, keep_alive = "5m", format = json.null,
    }))
    local text = {}
    for i, line in ipairs(lines) do text[i] = line.message.content end
    assert.equal(long, table.concat(text))
    local last = lines[#lines]
    for _, name in ipairs { "eval_duration", "prompt_eval_duration", "total_duration", "eval_count", "prompt_eval_count" } do
      assert.is_true(last[name] > 0, name)
    end
  end)

  it("embeds a list of texts", function()
    local answer = decoded(ask("POST", "/api/embed", { model = "gpt-4o", input = { "a", "b" }, truncate = true }))
    assert.same({ { 0.6, 0.8 }, { 0.6, 0.8 } }, answer.embeddings)
  end)
end)

describe("Zed", function()
  local gateway = gateway_of()
  local ask = caller(gateway, "Zed/0.212.0 (linux; x86_64)")

  it("reads strict types of each model: no field is null or of another type", function()
    for _, listed in ipairs(decoded(ask("GET", "/api/tags")).models) do
      assert.equal(64, #listed.digest)
      assert.is_true(listed.size >= 0)
      assert.matches(DATE, listed.modified_at)
      for _, name in ipairs { "format", "family", "parameter_size", "quantization_level" } do
        assert.equal("string", type(listed.details[name]), name)
      end
      local shown = decoded(ask("POST", "/api/show", { model = listed.name })) -- one that fails hides all of them
      assert.equal("table", type(shown.capabilities))
      assert.equal("table", type(shown.model_info))
    end
  end)

  it("reads a whole message on each line", function()
    local lines = lines_of(ask("POST", "/api/chat", {
      model = "gpt-4o", stream = true, keep_alive = -1, think = json.null, options = { num_ctx = 16384, stop = json.array { "x" }, temperature = 1.0 },
      messages = { { role = "system", content = "s" }, { role = "user", content = "Hi", images = json.null } }, tools = json.array {},
    }))
    for _, line in ipairs(lines) do
      assert.same({ "gpt-4o", "assistant" }, { line.model, line.message.role })
      assert.matches(DATE, line.created_at)
      assert.same({ "string", "boolean" }, { type(line.message.content), type(line.done) })
    end
  end)
end)

describe("Continue", function()
  local gateway, requests = gateway_of()
  local ask = caller(gateway, "node-fetch")

  it("asks by `name`, and finds the window, but no way to fill in the middle", function()
    local shown = decoded(ask("POST", "/api/show", { name = "gpt-4o" }))
    assert.equal(128000, tonumber(shown.parameters:match "num_ctx%s+(%d+)"))
    assert.is_nil(shown.template:find(".Suffix", 1, true))
    assert.is_nil(shown.type) -- it would take the server for another
  end)

  it("chats, completes and embeds", function()
    local lines = lines_of(ask("POST", "/api/chat", {
      model = "gpt-4o", messages = { { role = "user", content = "Hi" } }, stream = true, keep_alive = 1800,
      options = { temperature = 0.5, num_predict = 64, num_ctx = 8192, stop = { "\n\n" }, num_gpu = 1, mirostat = 1 },
    }))
    assert.is_nil(lines[1].type)
    assert.same({ "\n\n" }, sent(requests).stop)
    lines = lines_of(ask("POST", "/api/generate", { model = "gpt-4o", prompt = "def f(", stream = true, options = { num_predict = 64 } }))
    assert.equal("string", type(lines[1].response))
    assert.equal(2, #decoded(ask("POST", "/api/embed", { model = "gpt-4o", input = { "a", "b" } })).embeddings)
  end)
end)

describe("n8n, by LangChain.js", function()
  local ask = caller(gateway_of(), "ollama-js/0.6.4")

  it("puts what stands beside options into them, with nulls", function()
    local answer = decoded(ask("POST", "/api/chat", {
      model = "gpt-4o", stream = false, messages = { { role = "user", content = "Hi" } },
      options = { format = "json", keep_alive = "5m", temperature = 0.7, num_ctx = json.null, top_k = json.null, use_mmap = json.null, odd = { 1 } },
    }))
    assert.equal("C'est Paris.", answer.message.content)
    assert.is_true(answer.done)
    assert.equal("gpt-4o", decoded(ask("GET", "/api/tags")).models[1].name)
  end)
end)

describe("Raycast", function()
  it("gets lists at once: what the server lists is asked for once", function()
    local gateway, requests = gateway_of()
    local ask = caller(gateway, "Raycast/1.104.0")
    for _ = 1, 3 do
      decoded(ask("GET", "/api/version"))
      assert.equal(2, #decoded(ask("GET", "/api/tags")).models)
      decoded(ask("POST", "/api/show", { name = "gpt-4o" }))
    end
    assert.equal(1, #requests)
  end)
end)

describe("Codex with --oss", function()
  local gateway, requests = gateway_of()
  local ask = caller(gateway, "codex_exec/0.171.0 (Linux; x86_64)", { originator = "codex_exec", accept = "text/event-stream" })

  it("finds its model, or pulls it", function()
    local _, minor = decoded(ask("GET", "/api/version")).version:match "^(%d+)%.(%d+)"
    assert.is_true(tonumber(minor) >= 14)
    assert.equal("gpt-4o", decoded(ask("GET", "/api/tags")).models[1].name)
    assert.equal("gpt-4o", decoded(ask("GET", "/v1/models")).data[1].id)
    local lines = lines_of(ask("POST", "/api/pull", { model = "gpt-4o", stream = true }))
    assert.equal("success", lines[#lines].status)
  end)

  it("streams a response with its tools", function()
    local status, bytes, headers = ask("POST", "/v1/responses", {
      model = "gpt-4o", instructions = "You are a coding agent.", stream = true, store = false, parallel_tool_calls = false, tool_choice = "auto",
      include = json.array { "reasoning.encrypted_content" }, prompt_cache_key = "0199", reasoning = { effort = "medium", summary = "auto" },
      input = {
        { type = "message", role = "developer", content = { { type = "input_text", text = "<permissions>" } } },
        { type = "message", role = "user", content = { { type = "input_text", text = "Hi" } } },
        { type = "function_call", name = "shell", arguments = '{"command":["ls"]}', call_id = "call_1" },
        { type = "function_call_output", call_id = "call_1", output = "a.lua" },
      },
      tools = {
        { type = "function", name = "shell", description = "Runs", strict = false, parameters = { type = "object", properties = { command = { type = "array" } } } },
      },
    })
    assert.equal(200, status, bytes)
    local reply, code = support.decode("openai_responses", bytes, headers["content-type"])
    assert.is_nil(code)
    assert.equal("C'est Paris.", reply.text)
    assert.truthy(bytes:find("event: response.completed", 1, true))
    local messages = sent(requests).messages
    assert.equal("a.lua", messages[#messages].content)
  end)
end)

describe("a program of JetBrains", function()
  local ask = caller(gateway_of(), "ktor-client")

  it("asks whether the server lives, lists, shows and chats", function()
    local status, bytes = ask("GET", "/")
    assert.same({ 200, "Ollama is running" }, { status, bytes })
    local name = decoded(ask("GET", "/api/tags")).models[1].name
    assert.equal("completion", decoded(ask("POST", "/api/show", { name = name })).capabilities[1])
    local lines = lines_of(ask("POST", "/api/chat", { model = name, messages = { { role = "user", content = "Hi" } } }))
    assert.is_true(lines[#lines].done)
  end)
end)
