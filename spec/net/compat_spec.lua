-- `ogl compat run` as a program: against the scripted OpenGateLLM, against a server that nobody here wrote, and where something ends it.
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl_command = require "spec.support.ogl_command"

local KEY = "sk-demo"

-- A run as a shell's command.
local function command(arguments, variables) return ogl_command.of("compat run " .. arguments, variables) end

local run = ogl_command.run

local function ogl_server() return ("OGL_URL=%s OGL_TOKEN=%s"):format(helper.ogl(), KEY) end

-- Verdicts by case, out of the lines of a run.
local function verdicts_of(text)
  local found = {}
  for verdict, case in text:gmatch "%[(%u+)%] ([%w_]+) %(%d+ ms%) %- [^\n]" do found[case] = verdict end
  return found
end

describe("ogl compat run", function()
  -- It says what was written beforehand, and echoes questions: what depends on them fails.
  local EXPECTED = {
    text = "PASS", stream = "PASS", memory = "FAIL", usage = "PASS", stop = "FAIL", max_tokens = "PASS", cancel = "PASS", errors = "PASS", key = "PASS", tool_call = "FAIL",
    parallel_tools = "FAIL", forced_tool = "PASS", structured_output = "FAIL", image = "FAIL", reasoning = "PASS", embeddings = "PASS", rerank = "PASS",
  }

  it("says what the scripted OpenGateLLM does, and shows its key nowhere", function()
    local out, status = run(command("", ogl_server()) .. " 2>&1")
    assert.same(EXPECTED, verdicts_of(out))
    assert.equal(1, status)
    assert.matches("^=== LLM compatibility ===\nProvider: opengatellm %(gpt%-oss%-120b%) at http://127.0.0.1:%d+/v1\n  %[PASS%] text", out)
    assert.matches("\n\n=== Summary ===\n1 provider, 17 cases: 11 passed, 6 failed, 0 skipped in %d+%.%d s\n$", out)
    assert.is_nil(out:find(KEY, 1, true))
  end)

  it("prints what its page says", function()
    local function plain(text) return (text:gsub("%(%d+ ms%)", "(N ms)"):gsub("127.0.0.1:%d+", "SERVER"):gsub("in %d+%.%d s", "in N s")) end
    local out = run(command("", ogl_server()) .. " 2>&1")
    assert.truthy(plain(helper.read "docs/compat.md"):find("```text\n" .. plain(out) .. "```\n", 1, true), plain(out))
  end)

  it("has the status 0 where no case failed", function()
    local out, status = run(command("--case text --case key -v", ogl_server()) .. " 2>&1")
    assert.same({ text = "PASS", key = "PASS" }, verdicts_of(out))
    assert.equal(0, status)
    assert.truthy(out:find("(a wrong key is refused)", 1, true))
  end)

  it("leaves cases out, and ends with the first that fails", function()
    local out, status = run(command("--fail-fast --skip memory", ogl_server()) .. " 2>&1")
    assert.same({ text = "PASS", stream = "PASS", usage = "PASS", stop = "FAIL" }, verdicts_of(out))
    assert.equal(1, status)
    assert.matches("; it ended with the first failure\n$", out)
  end)

  it("writes other forms, one of them to standard output, and no key in them", function()
    local junit, markdown = helper.write "", helper.write ""
    local out, status = run(command(("--case text --case memory --json --junit %s --markdown %s"):format(junit, markdown), ogl_server()))
    assert.equal(1, status)
    local report = assert(json.decode(out))
    assert.same({ { pass = 1, fail = 1, skip = 0 }, "opengatellm", "memory", "fail" },
      { report.counts, report.providers[1].name, report.providers[1].results[2].case, report.providers[1].results[2].verdict })
    assert.truthy(helper.read(junit):find('<testsuites name="ogl compat" tests="2" failures="1"', 1, true))
    assert.truthy(helper.read(markdown):find("| memory | FAIL |", 1, true))
    for _, text in ipairs { out, helper.read(junit), helper.read(markdown) } do assert.is_nil(text:find(KEY, 1, true)) end
  end)

  it("asks several servers of a settings file", function()
    local file = helper.write(([[return {
      providers = {
        one = { type = "opengatellm", base_url = %q, api_key = "sk-demo" },
        two = { type = "openai_compatible", base_url = %q, api_key_env = "TWO", model = "gpt-oss-120b" },
      },
      cases = { text = true, stream = false },
    }]]):format(helper.ogl(), helper.ogl()))
    local out, status = run(command("--case text --case embeddings --case rerank --markdown -c " .. file, "TWO=sk-demo"))
    assert.equal("| case | one | two |\n| --- | --- | --- |\n"
      .. "| model | gpt-oss-120b | gpt-oss-120b |\n| text | PASS | PASS |\n| embeddings | PASS | PASS |\n| rerank | PASS | PASS |\n", out:match "^(.-\n)\n")
    assert.equal(0, status)
  end)

  it("colours its lines on a terminal", function()
    if not os.execute "command -v script >/dev/null" then return pending "there is no script(1), which makes terminals" end
    local path = helper.write(command("--case text --case stop", ogl_server()))
    local out = run(("script -qec 'sh %s' /dev/null </dev/null"):format(path))
    assert.truthy(out:find("  \27[32m[PASS]\27[0m text", 1, true), out)
    assert.truthy(out:find("  \27[31m[FAIL]\27[0m stop", 1, true), out)
    assert.is_nil(run(("NO_COLOR=1 script -qec 'sh %s' /dev/null </dev/null"):format(helper.write(command("--case text", "NO_COLOR=1 " .. ogl_server())))):find "\27")
  end)

  it("says in one line that a report cannot be written", function()
    local asks = command("--case text", ogl_server())
    assert.same({ "ogl: standard output: No space left on device\n", 1 }, { run(asks .. " 2>&1 >/dev/full") })
    assert.same({ "ogl: /dev/full: No space left on device\n", 1 }, { run(asks .. " --json /dev/full 2>&1 >/dev/null") })
    assert.same({ "ogl: /nowhere/x.xml: No such file or directory\n", 1 }, { run(asks .. " --junit /nowhere/x.xml 2>&1 >/dev/null") })
    assert.same({ "ogl: standard output: Broken pipe\n", 1 }, { run(ogl_command.unread(asks)) })
  end)

  it("says once that a server is not there, without a traceback", function()
    local out, status = run(command(("-p openai_compatible -m m -u http://127.0.0.1:%d"):format(helper.free_port())) .. " 2>&1")
    local found = verdicts_of(out)
    assert.same({ "FAIL", "SKIP", "SKIP", 1 }, { found.text, found.stream, found.rerank, status })
    assert.matches("%[FAIL%] text %(%d+ ms%) %- network: ", out)
    assert.is_nil(out:find("traceback", 1, true))
  end)

  it("ends at once with Ctrl-C, and still says what it has", function()
    local asks = helper.write("echo $$; " .. command("-p openai_compatible -m m -u " .. helper.fault "stall_head"))
    local process = assert(io.popen(("sh %s 2>&1; echo status $?"):format(asks)))
    local pid = process:read "*l"
    repeat local line = process:read "*l" until line:find "^Provider"
    os.execute("kill -INT " .. pid)
    assert.matches("^\n=== Summary ===\n1 provider, 0 cases: 0 passed, 0 failed, 0 skipped in %d+%.%d s; it was interrupted\nstatus 130\n$", process:read "*a")
    process:close()
  end)
end)

-- aimock (npm, tests/clients) says what its fixtures say, whatever model is asked, and with any key.
local CLI = "tests/clients/node_modules/@copilotkit/aimock/dist/cli.js"

local function numbers_to(last)
  local list = {}
  for i = 1, last do list[i] = tostring(i) end
  return table.concat(list, " ")
end

local FIXTURES = [[{"fixtures": [
  {"match": {"userMessage": "nothing else: PONG-4711"}, "response": {"content": "PONG-4711", "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}},
  {"match": {"userMessage": "Count from 1 to 60"}, "chunkSize": 9, "response": {"content": "]] .. numbers_to(60) .. [["}},
  {"match": {"userMessage": "Count from 1 to 500"}, "chunkSize": 4, "response": {"content": "1 2 3 4 5 6 7", "finishReason": "length"}},
  {"match": {"userMessage": "Count from 1 to 9"}, "response": {"content": "1 2 3 4 "}},
  {"match": {"userMessage": "Remember the number 42817"}, "response": {"content": "OK"}},
  {"match": {"userMessage": "Which number was it?"}, "response": {"content": "42,817"}},
  {"match": {"userMessage": "Use the tool", "hasToolResult": false}, "response": {"toolCalls": [{"id": "call_1", "name": "get_weather", "arguments": {"town": "Lyon"}}]}},
  {"match": {"userMessage": "Use the tool", "toolResultContains": "31"}, "response": {"content": "31"}},
  {"match": {"userMessage": "and in Lille", "hasToolResult": false}, "response": {"toolCalls": [
    {"id": "call_1", "name": "get_weather", "arguments": {"town": "Lyon"}}, {"id": "call_2", "name": "get_weather", "arguments": {"town": "Lille"}}]}},
  {"match": {"userMessage": "and in Lille"}, "response": {"content": "31 and 17"}},
  {"match": {"userMessage": "degrees are there in Lyon now"}, "response": {"toolCalls": [{"id": "call_3", "name": "note_topic", "arguments": {"topic": "weather"}}]}},
  {"match": {"userMessage": "Which large French town"}, "response": {"content": "{\"town\": \"Lyon\", \"river\": \"Rhône\", \"people\": 520000}"}},
  {"match": {"userMessage": "colours fills this picture"}, "response": {"content": "Purple"}},
  {"match": {"userMessage": "are prime"}, "response": {"content": "Ten.", "reasoning": "2, 3, 5, 7, 11, 13, 17, 19, 23, 29."}},
  {"match": {"inputText": "cat"}, "response": {"embedding": [0.5, -0.25, 1]}},
  {"match": {"inputText": "law"}, "response": {"embedding": [0.1, 0.9, -0.3]}}
]}]]

-- Its cases that do not pass, by protocol: spec/net/aimock_spec.lua has what it does of its own.
local PROVIDERS = {
  openai_compatible = { model = "gpt-5", stop = "SKIP" },
  responses_compatible = { model = "gpt-5", stop = "SKIP", max_tokens = "FAIL" },
  anthropic_compatible = { model = "claude-sonnet-4-5" },
  gemini = { model = "gemini-2.5-flash", tool_call = "FAIL", parallel_tools = "FAIL" },
  ollama = { model = "qwen3", usage = "FAIL", max_tokens = "FAIL", forced_tool = "SKIP", reasoning = "FAIL" },
}
local EVERYWHERE = { errors = "FAIL", key = "FAIL", embeddings = "SKIP", rerank = "SKIP" } -- it takes any model and any key, and lists no model for these

local function start()
  local fixtures = helper.write(FIXTURES)
  os.rename(fixtures, fixtures .. ".json")
  return helper.server(("node %s -h 127.0.0.1 -p %%d -f %s.json --log-level silent"):format(CLI, fixtures))
end

local installed = io.open(CLI)
if not installed then
  describe("aimock", function()
    it("passes what it can", function() return pending "aimock is not installed (sh tests/clients/install.sh)" end)
  end)
  return
end
installed:close()

describe("aimock", function()
  local base
  for provider, about in pairs(PROVIDERS) do
    it("passes as " .. provider .. " what it can", function()
      base = base or start()
      local file = helper.write(("return { providers = { %s = { base_url = %q, api_key = %q, model = %q } } }"):format(provider, base, KEY, about.model))
      local out, status = run(command("-c " .. file) .. " 2>&1")
      local found, expected = verdicts_of(out), {}
      for name in pairs(found) do expected[name] = about[name] or EVERYWHERE[name] or "PASS" end
      assert.same(expected, found)
      assert.equal(1, status)
    end)
  end

  it("gives all texts of a request the same vector, which is seen", function()
    base = base or start()
    local file = helper.write(("return { providers = { openai_compatible = { base_url = %q, model = 'gpt-5', embedding_model = 'e' } } }"):format(base))
    assert.matches("%[FAIL%] embeddings %(%d+ ms%) %- texts that say different things have the same vector", run(command("--case embeddings -c " .. file) .. " 2>&1"))
  end)
end)
