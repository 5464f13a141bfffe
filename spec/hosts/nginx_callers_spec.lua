-- The gateway inside a real nginx as npm clients and frameworks see it, whichever protocol the server behind it speaks.
local cjson = require "cjson"
local gateway = require "spec.support.nginx_gateway"
local helper = require "spec.helper"
local nginx = require "spec.support.nginx"
local turns = require "server.turns"

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

local absent = nginx.absent()
  or not exists "tests/clients/node_modules/.package-lock.json" and "the npm clients are not installed (sh tests/clients/install.sh)"
if absent then
  if not os.getenv "OGL_LUA" or os.getenv "OGL_LUA" == "luajit" then pending("npm clients at the gateway: " .. absent) end
  return
end

local address

setup(function() address = gateway.start() end)

teardown(nginx.stop)

-- The JSON that a program of tests/clients prints.
local function run(command)
  local errors = helper.write ""
  local pipe = assert(io.popen(("node tests/clients/%s 2>%s"):format(command, errors)))
  local text = pipe:read "*a"
  pipe:close()
  local fine, value = pcall(cjson.decode, text)
  return assert(fine and value, text .. helper.read(errors))
end

local ANSWER = "La capitale de la France est Paris. La ville est traversée par la Seine et compte un peu plus de "
  .. "deux millions d'habitants. On y trouve le Louvre, la tour Eiffel et l'Assemblée nationale."
local THOUGHT = "L'utilisateur demande la capitale de la France : c'est Paris. Une réponse courte suffit."

describe("clients and frameworks at the gateway", function()
  local PROTOCOLS = { "openai_chat", "openai_responses", "anthropic", "gemini", "ollama" }
  local TURNS = { "text", "reasoning", "tools", "length" }
  local CALLERS = { "ollama", "openai_chat", "openai_responses", "langchain", "ai_sdk_ollama", "ollama_ai_provider_v2" }
  local HOW = { "", "_stream" }

  -- Structured output of these two is the value alone.
  local NO_THOUGHT_BESIDE_VALUES = { langchain = true, ai_sdk_ollama = true }

  local found

  setup(function()
    local models = {}
    for _, protocol in ipairs(PROTOCOLS) do
      for _, name in ipairs(TURNS) do models[#models + 1] = protocol .. "/" .. name end
    end
    found = run(("callers.mjs %s %s"):format(address, table.concat(models, " ")))
  end)

  -- Calls a function for what each caller read in a case, whole and streamed.
  local function each(case, check)
    for _, caller in ipairs(CALLERS) do
      for _, how in ipairs(HOW) do
        local where = ("%s, %s"):format(caller, case .. how)
        check(assert(found.read[caller][case .. how], where), where, caller)
      end
    end
  end

  local function said(reading, where)
    assert.is_nil(reading.error and reading.error.said, where)
    return { reading.text, reading.thought, reading.calls }
  end

  it("read an answer with its thought", function()
    for _, case in ipairs { "plain", "thinking" } do
      each(case, function(reading, where) assert.same({ ANSWER, THOUGHT, {} }, said(reading, where), where) end)
    end
  end)

  it("get calls of their tools", function()
    each("tools", function(reading, where)
      assert.same({ "", "Un outil peut répondre à cela.", { { "weather", { city = "Paris" } } } }, said(reading, where), where)
    end)
  end)

  it("send results back", function()
    each("result", function(reading, where)
      assert.same({ "L'outil a répondu : 21 °C", "Un outil peut répondre à cela.", {} }, said(reading, where), where)
    end)
  end)

  it("get values that fit their schema", function()
    each("structured", function(reading, where, caller)
      local _, thought = said(reading, where), reading.thought
      assert.same({ pays = "France", capitale = "Paris" }, cjson.decode(reading.text), where)
      if not NO_THOUGHT_BESIDE_VALUES[caller] then assert.equal(THOUGHT, thought, where) end
    end)
  end)

  it("send images", function()
    each("image", function(reading, where) assert.same({ "text, image/png of 70 bytes", "", {} }, said(reading, where), where) end)
  end)

  it("read the same of servers of every protocol", function()
    for _, protocol in ipairs(PROTOCOLS) do
      for _, name in ipairs(TURNS) do
        local expect = turns[name].expect
        local calls = {}
        for i, call in ipairs(expect.tools or {}) do calls[i] = { call.name, call.arguments } end
        each(protocol .. "/" .. name, function(reading, where)
          assert.same({ expect.text, expect.reasoning or "", calls }, said(reading, where), where)
          if reading.finish then assert.equal(expect.finish, (reading.finish:gsub("%-", "_")), where) end
        end)
      end
    end
  end)

  it("hear of a model that is not there, and of a server that is busy", function()
    for case, wanted in pairs { unknown = { 404, "nowhere", "Not Found" }, busy = { 503, "too busy", "Unavailable" } } do
      each(case, function(reading, where)
        local err = assert(reading.error, where)
        local mentioned = err.said:find(wanted[2], 1, true) or err.said:find(wanted[3], 1, true)
        assert.truthy(mentioned, where .. ": " .. err.said)
        if err.status ~= cjson.null then assert.equal(wanted[1], err.status, where) end
        assert.equal("", reading.text, where)
      end)
    end
  end)

  it("never take for complete what broke off", function()
    for _, caller in ipairs(CALLERS) do
      local reading = found.read[caller].broken
      assert.equal(1, helper.TEXT:find(reading.text, 1, true), caller)
      if reading.error then assert.matches("marker", reading.error.said, caller)
      else assert.same({ "ollama_ai_provider_v2", "other" }, { caller, reading.finish }) end -- it drops Ollama's lines of error
    end
  end)

  it("go when they like, and their requests with them", function()
    for _, caller in ipairs(CALLERS) do
      local reading = found.read[caller].cancelled
      assert.equal("AbortError", reading.error.name, caller)
      assert.equal(1, helper.TEXT:find(reading.text, 1, true), caller)
    end
    assert.is_true(helper.eventually(function() return helper.stats().open <= 1 end)) -- the question itself
  end)

  it("embed texts", function()
    for _, lengths in pairs(found.vectors) do assert.same({ 1024, 1024 }, lengths) end
  end)
end)

describe("the official clients at the gateway", function()
  it("of Ollama and OpenAI list, chat, stream, embed and fail as at their own servers", function()
    local out = run(("gateway.mjs %s gpt-oss-120b made/stall_mid_stream:3"):format(address))
    local said = out.openai_chat
    assert.is_true(#said > 0)
    assert.truthy(table.concat(out.ollama_list, " "):find("gpt-oss-120b", 1, true))
    assert.same(out.ollama_list, out.openai_list)
    assert.equal("completion", out.ollama_show[1])
    assert.is_true(out.ollama_ps > 0)
    assert.equal("0.32.15", out.ollama_version)
    assert.equal("stop", out.ollama_chat.reason)
    assert.is_true(out.ollama_chat.tokens > 0 and out.openai_usage > 0)
    for _, name in ipairs { "ollama_stream", "openai_stream", "openai_response", "openai_response_stream" } do
      assert.is_true(#out[name] > 0, name)
    end
    assert.equal(said, out.openai_stream)
    assert.equal(2, out.ollama_embed)
    assert.is_true(out.openai_embeddings > 0)
    assert.equal("success", out.ollama_pull)
    assert.equal(403, out.ollama_unknown)
    assert.equal("AbortError", out.ollama_abort)
    assert.equal(400, out.openai_bad)
    assert.equal(404, out.openai_missing)
  end)
end)

describe("compatcanary's scan of OpenAI's face", function()
  for _, model in ipairs { "gpt-oss-120b", "other" } do
    it("finds nothing amiss, of " .. (model == "other" and "a model with another name" or "its own name"), function()
      local report = run(("node_modules/compatcanary/src/cli.js scan --base-url %s/v1 --model %s --profile modern --format json"):format(address, model))
      for _, probe in ipairs(report.results) do assert.equal("pass", probe.status, probe.id .. ": " .. tostring(probe.summary)) end
      assert.same({ true, 100 }, { report.compatible, report.score })
    end)
  end
end)
