-- Tools: what is wrong with one is said where it is made, and what is wrong with a call's arguments is told to the model.
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local requests = require "opengatellm.request"
local structured = require "spec.support.structured"
local tools = require "opengatellm.conversation.tool"

local s = ogl.schema

local function line() return debug.getinfo(2, "l").currentline end

local function weather(more)
  local fields = {
    name = "get_weather", description = "The weather in a town.",
    parameters = s.object { { "town", s.string "its name" }, { "unit", s.optional(s.enum { "C", "F" }) } },
    run = function() return { temperature = 21 } end,
  }
  for name, value in pairs(more or {}) do fields[name] = value end
  return fields
end

describe("ogl.tool", function()
  it("gives a tool with the fields that it was given, and gives a tool back as it is", function()
    local fields = weather { approval = true, timeout = 30, sequential = true, repeats = true, retries = 2, metadata = { source = "x" } }
    local tool = ogl.tool(fields)
    for name, value in pairs(fields) do assert.equal(value, tool[name]) end
    assert.is_true(tools.is(tool))
    assert.is_false(tools.is(fields))
    assert.equal(tool, ogl.tool(tool))
    assert.is_true(tools.is(ogl.tool { name = "external" }))
  end)

  for problem, fields in pairs {
    ["name: a text is needed"] = {}, ["name: expected string, got 5"] = { name = 5 },
    ['name: expected at most 64 letters, digits, _ and -, got "get weather"'] = { name = "get weather" },
    ['name: expected at most 64 letters, digits, _ and -, got ""'] = { name = "" },
    ['name: expected at most 64 letters, digits, _ and -, got "météo"'] = { name = "météo" },
    ["description: expected string, got table"] = { name = "a", description = {} }, ["runs: there is no such field"] = { name = "a", runs = print },
    ["run: expected function, got table"] = { name = "a", run = {} }, ["validate: expected function, got boolean"] = { name = "a", validate = true },
    ["approval: expected boolean or function, got string"] = { name = "a", approval = "always" },
    ["timeout: expected number, got string"] = { name = "a", timeout = "30" }, ["timeout: expected seconds above 0"] = { name = "a", timeout = 0 },
    ["retries: expected a number from 0 on"] = { name = "a", retries = -1 }, ["retries: expected integer, got 1.5"] = { name = "a", retries = 1.5 },
    ["sequential: expected boolean, got 1"] = { name = "a", sequential = 1 }, ["metadata: expected table, got string"] = { name = "a", metadata = "x" },
    ["type: a tool that the server runs is a plain table of the request"] = { type = "googleSearch" },
    ["parameters: expected table, got string"] = { name = "a", parameters = "object" },
    ["parameters: expected the schema of an object"] = { name = "a", parameters = { type = "array" } },
    ["parameters: expected a JSON Schema; its text is no JSON"] = { name = "a", parameters = json.raw '{"type":' },
  } do
    it("raises at the caller's line: " .. problem, function()
      local fine, raised
      local at = line() + 1
      fine, raised = pcall(function() ogl.tool(fields) end)
      assert.is_false(fine)
      assert.equal(("tool_spec.lua:%d: ogl.tool: %s"):format(at, problem), raised:match "tool_spec.*")
    end)
  end

  it("raises a wrong schema with its path", function()
    local parameters = { type = "object", properties = { town = { type = "object", properties = { zip = { type = "strnig" } } } } }
    local _, raised = pcall(ogl.tool, { name = "a", parameters = parameters })
    assert.matches("ogl.tool: parameters: the schema is wrong: .*zip.*type", raised)
    assert.has_error(function() ogl.tool() end)
  end)
end)

describe("the arguments of a tool", function()
  it("are what its schema and its own check take", function()
    local tool = ogl.tool(weather { validate = function(arguments) return arguments.town ~= "Atlantis", "there is no such town" end })
    assert.same({ town = "Lyon" }, tools.arguments(tool, '```json\n{"town":"Lyon"}\n```'))
    assert.same({ nil, "there is no such town" }, { tools.arguments(tool, '{"town":"Atlantis"}') })
  end)

  it("that do not fit are told with their paths", function()
    local tool = ogl.tool(weather())
    local value, problem = tools.arguments(tool, '{"town":5,"unit":"K"}')
    assert.is_nil(value)
    assert.matches("^the arguments do not fit the schema of get_weather: town: expected a string, got 5; unit: ", problem)
    assert.matches("town: is missing", select(2, tools.arguments(tool, "")))
  end)

  it("are any object where a tool has no schema, also one that came as text", function()
    assert.same({ x = 1 }, tools.arguments(ogl.tool { name = "a" }, '{"x":1}'))
    local tool = ogl.tool { name = "a", parameters = json.raw '{"type":"object","required":["x"]}' }
    assert.same({ x = true }, tools.arguments(tool, '{"x":true}'))
    assert.matches("x: is missing", select(2, tools.arguments(tool, "{}")))
  end)

  it("are not shown to the tool's own check before the schema's", function()
    local seen = 0
    local tool = ogl.tool(weather { validate = function() seen = seen + 1 end })
    tools.arguments(tool, "{}")
    tools.arguments(tool, '{"town":')
    assert.equal(0, seen)
    assert.same({ nil, "the arguments are not allowed" }, { tools.arguments(tool, '{"town":"x"}') })
    assert.equal(1, seen)
  end)

  it("are told what the tool's own check raises, without its place in the program", function()
    local function problem_of(raised, level)
      return select(2, tools.arguments(ogl.tool { name = "a", validate = function() error(raised, level) end }, "{}"))
    end
    assert.equal("not on Sundays", problem_of "not on Sundays")
    assert.equal("a: b", problem_of("a: b", 0))
    assert.equal("an object", problem_of(setmetatable({}, { __tostring = function() return "an object" end })))
  end)

  it("make no longer problem than a model should read", function()
    local tool = ogl.tool(weather())
    local long = ("k"):rep(100000)
    local _, problem = tools.arguments(tool, '{"town":"x","' .. long .. '":1}')
    assert.is_true(#problem <= 4096)
  end)

  it("may have null for what a strict tool does not require, at every level, but not for what may be null", function()
    local parameters = s.object {
      { "a", s.optional(s.string()) }, { "b", s.optional(s.nullable(s.string())) },
      { "c", s.array(s.object { { "d", s.optional(s.integer()) }, { "e", s.optional(s.ref "#") } }) },
    }
    local text = '{"a":null,"b":null,"c":[{"d":null,"e":null}]}'
    assert.same({ b = json.null, c = { {} } }, tools.arguments(ogl.tool { name = "a", strict = true, parameters = parameters }, text))
    assert.matches("a: expected a string, got null", select(2, tools.arguments(ogl.tool { name = "a", parameters = parameters }, text)))
  end)
end)

describe("a tool in a request", function()
  local tool = ogl.tool(weather { approval = function() end, validate = function() end, metadata = { secret = "not for models" } })
  local plain = { name = tool.name, description = tool.description, parameters = tool.parameters }

  for _, protocol in ipairs(structured.PROTOCOLS) do
    it("is declared as a plain one is: " .. protocol, function()
      local client = structured.client(protocol, {})
      local function body(declared) return assert(client:preview { messages = "x", tools = { declared }, strict = true }).body end
      assert.equal(body(plain), body(tool))
      assert.matches("get_weather", body(tool))
    end)
  end

  it("counts as a plain one for the cache and for estimates", function()
    local estimate = require "opengatellm.chat.estimate"
    assert.equal(estimate.prompt { tools = { plain } }, estimate.prompt { tools = { tool } })
    local answer = structured.answer_of("openai_chat", "whole", structured.text_events("x", 1))
    local client, transport = structured.client("openai_chat", { answer })
    local cached = client:use(ogl.middleware.cache {})
    assert(cached:chat { messages = "x", tools = { tool }, no_streaming = true })
    assert.is_true(assert(cached:chat { messages = "x", tools = { tool }, no_streaming = true }).cached)
    assert.is_true(assert(cached:chat { messages = "x", tools = { plain }, no_streaming = true }).cached)
    assert.equal(1, #transport.requests)
  end)

  it("that is the server's own keeps all its fields", function()
    local own = { type = "custom", name = "x", metadata = { a = 1 } }
    assert.equal(own, requests.declared(own))
    assert.equal(plain, requests.declared(plain))
  end)
end)
