-- Chat templates of real models against python3-jinja2, and templates that mean no good.

local core = require "opengatellm.core"
local effort = require "opengatellm.jinja.effort"
local helper = require "spec.helper"
local jinja = require "opengatellm.jinja"
local json = require "opengatellm.json"
local json_reader = require "opengatellm.jinja.json_reader"
local oracle = require "spec.support.oracle"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local CONVERSATIONS = helper.read "tests/llama/conversations.json"

-- What every conversation has beside its own.
local function with_the_rest(values)
  local rest = ', "bos_token": "<s>", "eos_token": "</s>"' .. (values:find "add_generation_prompt" and "" or ', "add_generation_prompt": true')
  return (values:gsub("}%s*$", function() return rest .. "}" end))
end

local function variables_of(values)
  local dict = json_reader.read(values, text.foreign)
  local variables = { strftime_now = function(arguments) return text.join { "NOW ", arguments[1] } end }
  for _, key in ipairs(dict.keys) do variables[text.bytes(key)] = value.get(dict, key) end
  return variables
end

local compiled = {} -- the last template: many conversations come to each

local function rendered(source, values, steps)
  if compiled.source ~= source then compiled = { source = source, template = { jinja.compile(source) } } end
  local template, problem = compiled.template[1], compiled.template[2]
  if not template then return nil, problem end
  local result
  result, problem = template:render(variables_of(values), steps)
  return result and text.bytes(result), problem
end

-- Every conversation with every template of a folder.
local function jobs_of(folder)
  local jobs, list = {}, assert(io.popen("ls " .. folder .. "/*.jinja"))
  for path in list:lines() do
    for _, name in ipairs(json.keys(json.decode(CONVERSATIONS))) do
      jobs[#jobs + 1] = { path = path, name = name, values = with_the_rest(core.member(CONVERSATIONS, name)) }
    end
  end
  list:close()
  return jobs
end

-- Filters that Python makes generators of give lists here; what JSON can hold only here is no difference that a model would see.
local function is_lenient(expected) return expected.error:find "generator" ~= nil end

describe("a chat template #slow", function()
  local folder = oracle.is_here() and oracle.templates()
  if not folder then return it("is rendered as python3-jinja2 does", function() pending "python3-jinja2 or npm is not here" end) end

  local jobs = jobs_of(folder)
  local expected = oracle.render(jobs)
  for i, job in ipairs(jobs) do
    local name = job.path:match "([^/]+)%.jinja$"
    it(("of %s renders %s as python3-jinja2 does"):format(name, job.name), function()
      local result, problem = rendered(helper.read(job.path), job.values)
      if expected[i].text then assert.equal(expected[i].text, result, problem)
      elseif not is_lenient(expected[i]) then assert.is_nil(result, expected[i].error) end
    end)
  end
end)

describe("a template that means no good", function()
  -- A template, and what is said of it.
  local CASES = {
    { "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "more than %d+ steps" },
    { "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "text of more than %d+ bytes" },
    { "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}", "steps" },
    { "{% for i in range(60) %}{% for j in range(60) %}{{ 'a' * 16000000 }}{% endfor %}{% endfor %}", "steps" },
    { "{{ 'a' * 99999999999 }}", "bytes" }, { "{{ [1] * 99999999999 }}", "steps" }, { "{{ '%99999999d' % 1 }}", "wider" },
    { "{{ '{:>99999999}'.format(1) }}", "wider" }, { "{{ '{:.99999f}'.format(1.5) }}", "wider" }, { "{{ 'a'.ljust(99999999999) }}", "bytes" },
    { "{{ 'a'|center(99999999999) }}", "bytes" }, { "{{ 'a\na'|indent(99999999999) }}", "bytes" }, { "{{ [1]|tojson(indent=99999999999) }}", "bytes" },
    { "{% set x = 'a' * 99999 %}{{ x.replace('a', x) }}", "bytes" }, { "{{ range(999999999) }}", "range" }, { "{{ [1]|batch(99999999999, 'x')|list }}", "steps" },
    { "{% set x = 'a' * 16000000 %}{{ x.find('a' * 8000000 ~ 'b') }}", "searched" }, { "{{ 'a\ta'.expandtabs(99999999999) }}", "bytes" },
    { "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested deeper" }, { "{% for x in [[]] recursive %}{{ loop([[]]) }}{% endfor %}", "nested deeper" },
    { "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}", "nested deeper" }, { "{% set l = [] %}{% set _ = l.append(l) %}{{ l|tojson }}", "nested deeper" },
    { "{% set l = [] %}{% set _ = l.append(l) %}{% set k = [] %}{% set _ = k.append(k) %}{{ l == k }}", "nested deeper" },
    { "{{ " .. ("("):rep(500) .. "1" .. (")"):rep(500) .. " }}", "nested deeper" }, { "{{ " .. ("-"):rep(5000) .. "1 }}", "nested deeper" },
    { ("{% if 1 %}"):rep(500) .. ("{% endif %}"):rep(500), "nested deeper" }, { "{{ " .. ("not "):rep(5000) .. "1 }}", "nested deeper" },
    { "{% set l = [1] %}{% for x in l %}{% set _ = l.append(x) %}{% set _ = l.extend(l) %}{{ l }}{% endfor %}" .. ("{% set _ = l.extend(l) %}"):rep(40), "steps" },
    { "{% set x = 'é' * 8000000 %}{% for i in range(9999) %}{{ x|length }}{% endfor %}", "steps", whole = true },
    { "{% set x = 'a' * 9999999 %}{% set y = 'a' * 9999999 %}{% for i in range(99999) %}{{ x == y }}{% endfor %}", "steps", whole = true },
    { "{% set x = 'a\n' * 999999 %}{% for i in range(99999) %}{{ x.splitlines()|length }}{% endfor %}", "steps", whole = true },
    { "{{ ''.__class__.__mro__ }}", "has no attribute" }, { "{{ namespace.__init__ }}{{ (1).x.y }}", "has no" }, { ("x"):rep(2 ^ 20 + 1), "a template of more than" },
    { "{{ 9007199254740991 + 9007199254740991 }}", "too large" }, { "{{ 1 // 0 }}", "division by zero" }, { "{{ (2 ** 5000)|int }}", "too large" },
  }

  for _, case in ipairs(CASES) do
    it("is stopped: " .. case[1]:sub(1, 70):gsub("\n", " "), function()
      local result, problem = rendered(case[1], "{}", not case.whole and case[2]:find "steps" and 200000 or nil)
      assert.is_nil(result)
      assert.matches(case[2], problem)
    end)
  end

  it("leaves nothing behind for the next", function()
    rendered(CASES[1][1], "{}")
    assert.equal("a", rendered("{{ 'a' }}", "{}"))
    local called = jinja.compile "{{ f() }}b"
    local inner = jinja.compile "{% for i in range(100) %}{% endfor %}"
    assert.equal("b", text.bytes(assert(called:render({ f = function() return (inner:render({}, 50)) or "" end }, 20))))
  end)

  it("may be nested as deep as any real one", function()
    local deep = ("{% if 1 %}"):rep(effort.DEEPEST - 1) .. "x" .. ("{% endif %}"):rep(effort.DEEPEST - 1)
    assert.equal("x", (rendered(deep, "{}")))
    assert.equal(("x"):rep(3000), (rendered("{{ " .. ("'x' ~ "):rep(2999) .. "'x' }}", "{}")))
  end)

  it("gets an error for whatever bytes it has", function()
    local pieces = { "{{", "}}", "{%", "%}", "{#", "#}", " if ", " for x in y ", " endif ", "(", ")", "[", "'", '"', "x", ".", "|", "-", "\n", "\\", "1", "\255", "{", "}", " in ",
      "is", "~" }
    local state = 1
    local function pick()
      state = state * 16807 % 2147483647
      return pieces[state % #pieces + 1]
    end
    for _ = 1, 1000 do
      local parts = {}
      for i = 1, 12 do parts[i] = pick() end
      local source = table.concat(parts)
      local result, problem = rendered(source, "{}")
      assert.equal(result == nil, problem ~= nil, source)
      assert.is_nil(problem and problem:match "the engine failed.*", source)
    end
  end)
end)
