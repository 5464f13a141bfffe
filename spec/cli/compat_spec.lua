-- `ogl compat` where no server is asked: its settings, its lists, its example, and what wrong usage gets. spec/net/compat_spec.lua has runs.
local compat_targets = require "opengatellm.cli.compat_targets"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl_command = require "spec.support.ogl_command"
local reader = require "opengatellm.cli.settings.reader"
local rules = require "opengatellm.cli.settings.rules"

-- What `ogl compat …` prints on both outputs, and its exit status.
local function run(arguments, variables, folder) return ogl_command.run(ogl_command.of("compat " .. arguments, variables, folder) .. " 2>&1") end

describe("the example of a settings file", function()
  local text = require "opengatellm.cli.compat_example"

  it("is one that may lie in any folder", function()
    local values, lines = assert(reader.parse(text, "llm-compat.lua"))
    assert.is_nil(rules.problem(compat_targets.rules(), values, lines, "llm-compat.lua", "/home"))
    assert.same({ 60, true, "qwen3", false }, { values.settings.timeout_seconds, values.cases.tool_call, values.providers.ollama.model, values.providers.ollama.enabled })
  end)

  it("shows as comments what is right in the user's own folder", function()
    local values, lines = assert(reader.parse(text:gsub("%-%- (%l[%w_]+ = [^…\n]*)", "%1"):gsub("    %-%- (  [%w_]+ = )", "    %1"):gsub("    %-%- }", "    }"), "llm-compat.lua"))
    assert.is_nil(rules.problem(compat_targets.rules(), values, lines, "llm-compat.lua"))
    assert.same({ "MY_KEY", "blue", "PONG-4711" }, { values.providers.mine.api_key_env, values.providers.mine.headers["x-team"], values.settings.expected_token })
  end)

  it("is written once, for its owner alone", function()
    local path = helper.directory() .. "/" .. helper.id() .. ".lua"
    assert.same({ "ogl: wrote " .. path .. "\n", 0 }, { run("config " .. path) })
    assert.equal(text, helper.read(path))
    assert.same({ "ogl: " .. path .. ": File exists\n", 2 }, { run("config " .. path) })
    assert.same({ "ogl: /nowhere/x.lua: No such file or directory\n", 2 }, { run "config /nowhere/x.lua" })
  end)
end)

describe("ogl compat providers", function()
  it("lists those of the settings file, then those that the library knows, and no key", function()
    local path = helper.write [[return { providers = {
      mine = { type = "openai_compatible", base_url = "http://user:word@h/v1", api_key = "sk-secret-word", model = "m" }, ollama = { enabled = false },
      keyless = { base_url = "http://h" }, other = { type = "openai", api_key_env = "OTHER_KEY" },
    } }]]
    local out, status = run("providers -c " .. path, "GROQ_API_KEY=sk-groq-word")
    assert.equal(0, status)
    assert.matches("^keyless +settings +openai_chat +key: none +http://h\nmine +settings +openai_chat +key: is set +http://%[hidden%]h/v1 m\n", out)
    assert.matches("\nollama %(off%) +settings +ollama +key: set OLLAMA_API_KEY", out)
    assert.matches("\nother +settings +openai_responses +key: set OTHER_KEY", out)
    assert.matches("\ngroq +preset +openai_chat +key: is set", out)
    assert.matches("\nanthropic +preset +anthropic +key: set ANTHROPIC_API_KEY", out)
    assert.is_nil(out:find("word", 1, true))
    out = run("providers --json -c " .. path, "GROQ_API_KEY=sk-groq-word")
    local list = assert(json.decode(out))
    assert.same({ "mine", "settings", "openai_compatible", "openai_chat", "m", "set", true },
      { list[2].name, list[2].source, list[2].kind, list[2].protocol, list[2].model, list[2].access, list[2].enabled })
    assert.is_nil(out:find("word", 1, true))
  end)
end)

describe("wrong usage of ogl compat", function()
  it("is told in one line, with status 2", function()
    local broken, typo = helper.write "return { settings = os }", helper.write "return {\n providers = { x = { modle = 'm' } } }"
    for arguments, problem in pairs {
      [""] = "ogl: a command is required", ["run --nope"] = "ogl: unknown option '%-%-nope'",
      ["run --case tool_cal"] = "ogl: there is no case 'tool_cal'; did you mean 'tool_call'%?",
      ["run --skip xyz"] = "ogl: there is no case 'xyz': see ogl compat run %-%-help",
      ["run -p nobody"] = "ogl: %-%-provider nobody: it is neither in a settings file nor a kind of server", ["run"] = "ogl: provider opengatellm: no server: set OGL_URL",
      ["run -p openai"] = "ogl: provider openai: no key: set OPENAI_API_KEY", ["run -p openai -p groq -u http://x"] = "ogl: %-%-url is the address of one server",
      ["run -c /nowhere.lua"] = "ogl: /nowhere.lua: it cannot be read: No such file or directory", ["run -c x.toml"] = "ogl: x.toml: ogl reads no TOML; write x.lua instead",
      ["run -c " .. broken] = "ogl: " .. broken:gsub("%p", "%%%0") .. ":1: expected a text in quotes",
      ["run --timeout x -p ollama"] = "ogl: %-%-timeout: expected a number of seconds, got 'x'",
      ["run -c " .. typo] = "ogl: " .. typo:gsub("%p", "%%%0") .. ':2: providers%.x%.modle: there is no such key; did you mean "model"%?',
      ["run -p ollama --json --markdown"] = "ogl: %-%-json and %-%-markdown: one of them needs the name of a file",
    } do
      local out, status = run(arguments)
      assert.equal(2, status, arguments .. ": " .. out)
      assert.matches("^" .. problem, out, arguments)
      assert.is_nil(out:find("traceback", 1, true))
    end
  end)

  it("names the variable of a key that is not set", function()
    local path = helper.write "return { providers = { x = { type = 'openai', api_key_env = 'MY_KEY' } } }"
    assert.same({ "ogl: provider x: the variable MY_KEY, which is to hold its key, is not set\n", 2 }, { run("run -c " .. path) })
  end)

  it("refuses the address that a folder has, and says where it belongs", function()
    local folder = helper.directory() .. "/" .. helper.id()
    assert.truthy(os.execute("mkdir " .. folder))
    assert.truthy(os.execute(("cp %s %s/llm-compat.lua"):format(helper.write "return { providers = { opengatellm = { base_url = 'http://evil' } } }", folder)))
    local out, status = run("run", "OGL_TOKEN=sk-secret-word", folder)
    assert.equal(2, status)
    assert.equal(1, out:find("ogl: llm-compat.lua:1: providers.opengatellm.base_url: addresses, proxies, headers, keys and commands are not taken from", 1, true), out)
  end)
end)
