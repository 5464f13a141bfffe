local ogl = require "opengatellm"
local request = require "opengatellm.request"

local function with(fields)
  fields.messages = fields.messages or { ogl.user "hi" }
  return fields
end

describe("request.check", function()
  it("passes every documented field", function()
    assert.is_nil(request.check(with {
      model = "m", system = "s", max_tokens = 1, temperature = 0.5, top_p = 1, top_k = 4, stop = { "a" }, seed = 7, presence_penalty = 0,
      frequency_penalty = 0, logit_bias = {}, logprobs = true, top_logprobs = 2, n = 2, user = "u", metadata = {}, service_tier = "auto",
      store = false, previous_response_id = "r", include = {}, tools = { { name = "f", parameters = {} }, { type = "search" } }, tool_choice = "auto",
      parallel_tool_calls = true, output = "json", reasoning = { effort = "low", budget = 5 }, extra = {}, headers = { ["x-a"] = "b" },
      timeouts = { total = 5, idle = false }, strict = true, keep = false, no_streaming = true,
    }))
  end)

  it("names the field that is wrong, and the first of several", function()
    local cases = {
      { "modle: there is no such field", { modle = "m" } }, { "a: there is no such field", { b = 1, a = 1, c = 1 } },
      { "max_tokens: expected integer, got 1.5", { max_tokens = 1.5 } }, { "temperature: expected number, got string", { temperature = "hot" } },
      { "temperature: expected number", { temperature = 0 / 0 } }, { "stop: expected string or table", { stop = 1 } },
      { "model: it holds a line end", { model = "m\r\nX-Evil: 1" } }, { "model: it holds", { model = "m\0" } },
      { "headers['x']: it holds", { headers = { x = "a\nb" } } }, { "no header name", { headers = { ["x y"] = "a" } } },
      { "no header name", { headers = { ["x\r\ny"] = "a" } } }, { "timeouts.slow", { timeouts = { slow = 1 } } },
      { "timeouts.idle: expected seconds", { timeouts = { idle = -1 } } }, { "tools[1].name", { tools = { {} } } },
      { "tools[1].parameters", { tools = { { name = "f", parameters = "x" } } } }, { "reasoning", { reasoning = "deep" } },
      { "reasoning.budget", { reasoning = { budget = "x" } } }, { 'output: expected "json"', { output = "xml" } },
    }
    for _, case in ipairs(cases) do assert.matches(case[1], request.check(with(case[2])) or "nothing", 1, true) end
  end)
end)

describe("request.merge", function()
  it("lets later tables win, false included, and changes none", function()
    local a = { x = 1, y = 2 }
    assert.same({ x = false, y = 2, z = 3 }, request.merge(a, nil, { x = false, z = 3 }))
    assert.same({ x = 1, y = 2 }, a)
  end)
end)
