-- What a settings file may hold: the first mistake is told with its file, line and key, and with what was expected.
local reader = require "opengatellm.cli.settings.reader"
local rules = require "opengatellm.cli.settings.rules"

local RULES = {
  settings = { fields = { timeout_seconds = { type = "number", min = 0 }, verbose = { type = "boolean" }, tries = { type = "integer", min = 1, max = 9 } } },
  providers = { each = { fields = {
    base_url = { type = "text", own = true }, headers = { each = { type = "text" }, own = true }, kind = { type = "text", values = { "openai", "ollama" } },
  } } },
  big = { type = "number", min = 0.5, max = 2 ^ 31 },
  levels = { items = { type = "integer" } },
  prompt = { either = { { type = "text" }, { items = { type = "text" } } } },
}

local function problem_of(text, home)
  local values, lines = assert(reader.parse("return {\n" .. text .. "\n}", "f.lua"))
  return rules.problem(RULES, values, lines, "f.lua", home)
end

describe("the rules of a settings file", function()
  it("let pass what keeps them", function()
    for _, text in ipairs {
      "", "settings = {}", "settings = { timeout_seconds = 0.5, verbose = false, tries = 9 }, levels = { 1, 2 }, prompt = 'a'", "prompt = { 'a', 'b' }", "levels = {}",
      "providers = { x = { base_url = 'http://x', headers = { a = 'b' }, kind = 'ollama' }, ['y z'] = {} }", "levels = { [1] = 4, [2] = 5 }",
    } do
      assert.is_nil(problem_of(text), text)
    end
  end)

  it("name the file, the line, the key and what was expected", function()
    for text, problem in pairs {
      ["settings = {\n\n timout_seconds = 1 }"] = '4: settings.timout_seconds: there is no such key; did you mean "timeout_seconds"?',
      ["setings = {}"] = '2: setings: there is no such key; did you mean "settings"?',
      ["[1] = 2"] = "2: [1]: there is no such key; there are: big, levels, prompt, providers, settings",
      ["xyz = 1"] = "2: xyz: there is no such key; there are: big, levels, prompt, providers, settings",
      ["settings = { timeout_seconds = '30' }"] = "2: settings.timeout_seconds: expected a number from 0 on, got a text",
      ["settings = { timeout_seconds = -1 }"] = "2: settings.timeout_seconds: expected a number from 0 on, got -1",
      ["settings = { tries = 1.5 }"] = "2: settings.tries: expected a whole number from 1 on up to 9, got 1.5",
      ["big = 0"] = "2: big: expected a number from 0.5 on up to 2147483648, got 0",
      ["settings = { tries = 10 }"] = "2: settings.tries: expected a whole number from 1 on up to 9, got 10",
      ["settings = { verbose = 1 }"] = "2: settings.verbose: expected true or false, got a number",
      ["settings = 1"] = "2: settings: expected a table, got a number", ["providers = { { } }"] = "2: providers[1]: expected a name as the key",
      ["providers = { x = { kind = 'openia' } }"] = '2: providers.x.kind: expected one of openai, ollama, got another text; did you mean "openai"?',
      ["providers = { x = { kind = 'sk-secret-word' } }"] = "2: providers.x.kind: expected one of openai, ollama, got another text",
      ["providers = { x = { headers = { a = 1 } } }"] = "2: providers.x.headers.a: expected a text, got a number",
      ["levels = { 1, 'x' }"] = "2: levels[2]: expected a whole number, got a text", ["levels = { a = 1 }"] = "2: levels.a: expected a list, which has no such key",
      ["levels = { 1, [9] = 1 }"] = "2: levels[9]: expected a list, which has no such key", ["levels = 3"] = "2: levels: expected a list, got a number",
      ["prompt = 5"] = "2: prompt: expected a text or a list, got a number", ["prompt = { 5 }"] = "2: prompt[1]: expected a text, got a number",
      ["levels = 1,\nsettings = 1"] = "2: levels: expected a list, got a number",
    } do
      assert.equal("f.lua:" .. problem, problem_of(text), text)
    end
  end)

  it("refuse what belongs to the user, where the file is not the user's", function()
    local told = ": addresses, proxies, headers, keys and commands are not taken from a file in the current folder; this belongs into /home/a.lua, or a file that -c names"
    assert.equal("f.lua:2: providers.x.base_url" .. told, problem_of("providers = { x = { base_url = 'http://evil' } }", "/home/a.lua"))
    assert.equal("f.lua:3: providers.x.headers" .. told, problem_of("providers = { x = {\n headers = 5 } }", "/home/a.lua"))
    assert.is_nil(problem_of("providers = { x = { kind = 'openai' } }", "/home/a.lua"))
  end)

  it("show no value but a number, and no control character of a key", function()
    for _, text in ipairs { "settings = 'sk-secret'", "levels = 'sk-secret'", "settings = { timeout_seconds = 'sk-secret' }" } do
      assert.is_nil(problem_of(text):find("secret", 1, true))
    end
    assert.is_nil(problem_of([=[["\27[2J\n"] = 1]=]):find "%c")
    assert.is_true(#problem_of("['" .. ("x"):rep(1e5) .. "'] = 1") < 300)
  end)
end)
