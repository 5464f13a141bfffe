-- The examples, with every kind of provider: of each file only the line that makes the client is another one.
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local providers = require "opengatellm.providers"
local replay = require "opengatellm.transport.replay"
local blocks = require "spec.support.blocks"
local conversations = require "spec.support.conversations"
local environments = require "spec.support.environment"
local helper = require "spec.helper"

local PROVIDERS = { "opengatellm", "openai_compatible", "openai", "anthropic", "gemini", "ollama" }

local SAID = { { type = "text", text = "C'est " }, { type = "text", text = "Paris." }, { type = "finish", reason = "stop" } }
local CALLED = {
  { type = "tool_call", index = 1, id = "call_1", name = "get_weather" },
  { type = "tool_arguments", index = 1, json = '{"city":"Paris"}' },
  { type = "tool_call_end", index = 1, id = "call_1", name = "get_weather", arguments = '{"city":"Paris"}' },
  { type = "finish", reason = "tool_calls" },
}
local USAGE = { type = "usage", usage = { input_tokens = 20, output_tokens = 4, total_tokens = 24 } }

-- What a server of that protocol answers with these events.
local function answer(protocol, events, streamed)
  local encoder = assert(core.encoder(protocol, streamed and "stream" or "whole", { id = "a1", model = "m", created = 1, include_usage = true }))
  for _, event in ipairs(events) do assert(encoder:put(event)) end
  assert(encoder:put(USAGE))
  assert(encoder:finish())
  local kind = not streamed and "application/json" or protocol == "ollama" and "application/x-ndjson" or "text/event-stream"
  return { headers = { ["content-type"] = kind }, body = encoder:take() }
end

-- A server that has the tool called once, and then answers.
local function server_of(protocol)
  return function(request)
    local body = json.decode(request.body)
    local streamed = body.stream == true or request.url:find("streamGenerateContent", 1, true) ~= nil
    local asks = body.tools and not request.body:find("celsius", 1, true)
    return answer(protocol, asks and CALLED or SAID, streamed)
  end
end

-- Runs an example with another client, for a user who types these lines; what it wrote.
local function run(name, client, typed)
  local file = assert(io.open("examples/" .. name .. ".lua"))
  local source = file:read "*a"
  file:close()
  local changed, lines = source:gsub("\nlocal client = [^\n]+\n", "\nlocal client = ...\n")
  assert.equal(1, lines)
  local out = {}
  local function write(...)
    for i = 1, select("#", ...) do out[#out + 1] = tostring((select(i, ...))) end
  end
  local environment = setmetatable({
    print = function(...)
      write(...)
      write "\n"
    end,
    io = { write = write, flush = function() end, read = function() return table.remove(typed, 1) end, open = io.open, popen = io.popen },
    os = { getenv = os.getenv, date = os.date, exit = function() error(table.concat(out), 2) end }, arg = {},
  }, { __index = _G })
  local chunk
  if setfenv then chunk = setfenv(assert(loadstring(changed, name)), environment)
  else chunk = assert(load(changed, name, "t", environment)) end
  chunk(client)
  return table.concat(out)
end

describe("the examples", function()
  for _, provider in ipairs(PROVIDERS) do
    local function client_of()
      local server = server_of(providers.find(provider).protocol)
      return ogl.client { provider = provider, model = "m", base_url = "http://server", api_key = "k", transport = replay.new(server) }
    end

    it("run with " .. provider .. ": limits", function()
      local wanted = "Paris: C'est Paris.\nLyon: C'est Paris.\nLille: C'est Paris.\n3 requests, 72 tokens, 0.000010 spent\n"
      assert.equal(wanted, run("limits", client_of()))
    end)

    it("run with " .. provider .. ": otel", function()
      local collector = replay.new { headers = { ["content-type"] = "application/json" }, body = "{}" }
      local made, line = ogl.middleware.otel, nil
      local log = ogl.middleware.log
      ogl.middleware.otel = function(options)
        options.transport = collector
        return made(options)
      end
      ogl.middleware.log = function() return log { write = function(text) line = text end } end
      local fine, out = pcall(run, "otel", client_of())
      ogl.middleware.otel, ogl.middleware.log = made, log
      assert.is_true(fine, out)
      assert.equal("C'est Paris.\nsent\n", out)
      assert.matches("op=stream provider=" .. provider .. " model=m .*input=20 .*output=4", line)
      assert.matches("/v1/traces$", collector.requests[1].url)
      assert.matches("/v1/metrics$", collector.requests[2].url)
    end)

    it("run with " .. provider .. ": chat, stream, tools", function()
      assert.matches("^C'est Paris%.\nstop24\n$", run("chat", client_of()))
      assert.matches("^C'est Paris%.\n24 tokens", run("stream", client_of()))
      assert.equal("[get_weather Paris]\nC'est Paris.\n2 requests, 48 tokens\n", run("tools", client_of()))
    end)
  end
end)

-- Structured output: a server that writes a value in small pieces, each a read of its own.
local RECIPE = [[{"name":"Quiche lorraine","ingredients":[{"what":"œufs","amount":"3"},{"what":"crème","amount":"20 cl"}],]]
  .. [["steps":["Étaler la pâte.","Cuire."],"minutes":45}]]
local EVENTS = [[{"value":[{"year":1793,"what":"ouverture"},{"year":1989,"what":"pyramide","people":["Pei","Mitterrand"]}]}]]

local function client_that_writes(provider, text)
  local pieces = {}
  for character in text:gmatch "[^\128-\191][\128-\191]*" do pieces[#pieces + 1] = { type = "text", text = character } end
  pieces[#pieces + 1] = { type = "finish", reason = "stop" }
  local said = answer(providers.find(provider).protocol, pieces, true)
  said.chunk = 200
  return ogl.client { provider = provider, model = "m", base_url = "http://server", api_key = "k", transport = replay.new(said) }
end

describe("the examples of structured output", function()
  for _, provider in ipairs(PROVIDERS) do
    it("run with " .. provider .. ": structured, which draws the value while it comes", function()
      local said = run("structured", client_that_writes(provider, RECIPE))
      local last = said:gsub(".*\27%[J", "")
      assert.equal("Quiche lorraine\n  3            œufs\n  20 cl        crème\n  1. Étaler la pâte.\n  2. Cuire.\n45 minutes\n2 ingredients, 2 steps\n", last)
      assert.matches("^[^\n]*\n\27%[1A\27%[J", said)
      assert.matches("\27%[3A\27%[JQuiche lorraine\n", said)
      local _, drawings = said:gsub("\27%[J", "")
      assert.is_true(drawings > 10, drawings)
    end)

    it("run with " .. provider .. ": extract, which prints records as they are complete", function()
      local said = run("extract", client_that_writes(provider, EVENTS))
      assert.equal("11793ouverture\n21989pyramidePei, Mitterrand\n2 events\n", said)
    end)

    it("say what came and what is wrong, with " .. provider, function()
      local wrong = EVENTS:gsub("1989", '"MCMLXXXIX"')
      local fine, said = pcall(run, "extract", client_that_writes(provider, wrong))
      assert.is_false(fine)
      assert.matches("11793ouverture\n1 events, then: .*%[2%]%.year: expected an integer", said)
      fine, said = pcall(run, "structured", client_that_writes(provider, "I cannot cook."))
      assert.is_false(fine)
      assert.matches("the output is missing", said)
    end)
  end
end)

-- Runs an example as it is against the scripted OpenGateLLM; what it wrote.
local function run_whole(name, ...)
  local path = "examples/" .. name .. ".lua"
  local block = { page = path, line = 0, text = helper.read(path) }
  local arguments = { ... }
  local variables = { OGL_URL = helper.ogl(), OGL_TOKEN = "sk-demo", OGL_MODEL = "gpt-oss-120b" }
  return environments.with(variables, function() return blocks.run(block, { arg = arguments }) end)
end

describe("the examples of routing and middleware", function()
  it("run: router", function()
    local said = run_whole("router", "Quelle est la capitale de la France ?", "Une function en Lua ?")
    assert.matches("small: La capitale", said)
    assert.matches("code: ", said)
    assert.matches("small\tclosed", said)
  end)

  it("run: middleware", function()
    local said = run_whole("middleware", "Quelle est la capitale de la France ?")
    assert.matches("stream\tgpt%-oss%-120b\tstop", said)
    assert.matches("from the cache: false.*from the cache: true", said)
  end)

  it("run: fallback", function()
    local said = run_whole("fallback", "Quelle est la capitale de la France ?")
    assert.matches("La capitale de la France est Paris", said)
    assert.matches("1\tdown\tnetwork\t%d+ ms\n2\tup\tanswered\t%d+ ms", said)
  end)
end)

describe("the examples of tools that ask", function()
  local calls, says = conversations.calls, conversations.says

  for _, protocol in ipairs(conversations.PROTOCOLS) do
    it("run over " .. protocol .. ": approval", function()
      local function said(...)
        local script = {
          calls { { "c1", "add_note", { text = "neuf heures" } } }, calls { { "c2", "add_note", { text = "quai 4" } } }, says "Voilà.",
        }
        return run("approval", conversations.client(script, protocol), { ... })
      end
      local first, second = 'run add_note {"text":"neuf heures"}? [y/n/a] ', 'run add_note {"text":"quai 4"}? [y/n/a] '
      assert.equal(first .. second .. "Voilà.\n1. quai 4\n", said("n", "y"))
      assert.equal(first .. "Voilà.\n1. neuf heures\n2. quai 4\n", said "a")
    end)

    it("run over " .. protocol .. ": assistant", function()
      local path = helper.write "Le train part à neuf heures."
      local client, transport = conversations.client({
        calls { { "c1", "read_file", { path = path } }, { "c2", "list_folder", { path = "examples/tools" } }, { "c3", "current_time", {} } },
        says "À neuf heures.", { err = errors.new { kind = "network", message = "gone" } }, says "Oui.",
      }, protocol, { retries = { max = 0 } })
      local out = run("assistant", client, { "Quand ?", "y", "Encore ?", "Alors ?", "" })
      assert.matches("^> %[list_folder: success%]\n%[current_time: success%]\nread_file .-lways: %[read_file: success%]\nÀ neuf heures%.\n> ", out)
      assert.matches("> opengatellm: network: gone\n> Oui%.\n> $", out)
      assert.matches("neuf heures", transport.requests[2].body)
      assert.matches("clock%.lua", transport.requests[2].body)
      assert.matches("20%d%d%-%d%d%-%d%d", transport.requests[2].body)
    end)
  end

  -- Each command is a process of its own.
  local function resume(path, words)
    local command = ("OGL_URL=%s OGL_TOKEN=sk-demo OGL_MODEL=gpt-oss-120b %s examples/approval_resume.lua %s %s 2>&1"):format(
      helper.ogl(), os.getenv "OGL_LUA", path, words)
    local pipe = assert(io.popen(command))
    local out = pipe:read "*a"
    pipe:close()
    return out
  end

  it("run: approval_resume, each step in another process", function()
    local path = helper.directory() .. "/" .. helper.id() .. ".json"
    local waits = 'chatcmpl-tool-3f2a9c\torder\t{"title": "Paris"}\tapproval\n'
    assert.equal(waits, resume(path, "ask 'Un livre.'"))
    assert.equal(waits, resume(path, ""))
    assert.matches("no call other waits", resume(path, "approve other"))
    assert.equal("L'outil a répondu : {\"ordered\":\"Paris\"}\n", resume(path, "approve"))
    assert.equal("", resume(path, ""))
    assert.matches("nothing to go on with", resume(path, "approve"))
    assert.equal(waits, resume(path, "ask 'Un livre.'"))
    assert.equal("L'outil a répondu : denied: trop cher\n", resume(path, "reject chatcmpl-tool-3f2a9c 'trop cher'"))
    for _, words in ipairs { "", "f.json ask", "f.json forget" } do assert.matches("^usage: ", resume(words, "")) end
    assert.matches("No such file", resume(path .. "x", ""))
  end)
end)
