-- Runs: which cases run, what ends a run, and what it says of itself.
local cases = require "opengatellm.compat.cases"
local compat = require "opengatellm.compat"
local gateway = require "spec.support.gateway"
local server = require "spec.support.compat_server"
local targets = require "opengatellm.compat.target"

local function target_of(flaw, options)
  local all = { name = "memory", models = server.MODELS }
  all.client = gateway.client("openai_chat", server.new("openai_chat", flaw), { api_key = server.KEY })
  for name, value in pairs(options or {}) do all[name] = value end
  return targets.new(all)
end

local FORGETS = { asked = function(request) request.messages = { request.messages[#request.messages] } end }

local function names_of(provider)
  local names = {}
  for i, result in ipairs(provider.results) do names[i] = result.case end
  return names
end

describe("a run", function()
  it("goes through the cases in their order, without those that cost much", function()
    local report, expected = compat.run { target_of() }, cases.names()
    assert.same({ "image_generation", "image_edit" }, { table.remove(expected, #expected - 1), table.remove(expected) })
    assert.same(expected, names_of(report.providers[1]))
    assert.same({ pass = #expected, fail = 0, skip = 0 }, report.counts)
    assert.same({ "memory", "openai_compatible", "openai_chat", "http://server/v1", "m" },
      { report.providers[1].name, report.providers[1].kind, report.providers[1].protocol, report.providers[1].address, report.providers[1].model })
    assert.is_true(report.seconds >= 0 and report.providers[1].results[1].ms >= 0)
    assert.same({}, { report.interrupted, report.stopped })
  end)

  it("runs the cases that it is told to, and those that a target's settings ask for or leave out", function()
    assert.same({ "stop", "text" }, names_of(compat.run({ target_of() }, { cases = { "stop", "text" } }).providers[1]))
    local names = names_of(compat.run { target_of(nil, { cases = { text = false, image_edit = true } }) }.providers[1])
    assert.same({ "stream", "image_edit" }, { names[1], names[#names] })
    assert.same({ "stop", "text" }, names_of(compat.run({ target_of(nil, { cases = { text = false } }) }, { cases = { "stop", "text" } }).providers[1]))
    names = names_of(compat.run({ target_of(nil, { cases = { image_edit = true } }) }, { skip = { "text", "key" } }).providers[1])
    assert.same({ "stream", "tool_call", "image_edit" }, { names[1], names[8], names[#names] })
  end)

  it("tells what it finds as it goes", function()
    local told = {}
    compat.run({ target_of(FORGETS), target_of() }, {
      cases = { "text", "memory" }, on_provider = function(provider) told[#told + 1] = provider.name end,
      on_result = function(result) told[#told + 1] = result.case .. " " .. result.verdict end,
    })
    assert.same({ "memory", "text pass", "memory fail", "memory", "text pass", "memory pass" }, told)
  end)

  it("ends with the first failure where it shall", function()
    local report = compat.run({ target_of(FORGETS), target_of() }, { fail_fast = true })
    assert.same({ 1, { "text", "stream", "memory" }, true }, { #report.providers, names_of(report.providers[1]), report.stopped })
    assert.same({ pass = 2, fail = 1, skip = 0 }, report.counts)
  end)

  it("ends where it is interrupted, in the middle of a case that waits, and keeps what came before", function()
    local is_slow, begun = false, nil
    local host = require "opengatellm.host"
    local target = target_of { http = function()
      if is_slow then
        begun = true
        require "opengatellm".sleep(3600)
      end
    end }
    local began = host.current().now()
    local report = compat.run({ target, target_of() }, {
      cases = { "text", "stop" }, interrupted = function() return begun end, on_result = function() is_slow = true end,
    })
    assert.same({ 1, { "text" }, true }, { #report.providers, names_of(report.providers[1]), report.interrupted })
    assert.is_true(host.current().now() - began < 3600)
  end)

  it("goes on behind a case that raises, which has failed", function()
    local target = target_of()
    target.models = setmetatable({}, { __index = function(_, purpose) return purpose == "embeddings" and error "what is this?" or server.MODELS[purpose] end })
    local results = compat.run({ target }, { cases = { "embeddings", "text" } }).providers[1].results
    assert.same({ "fail", "pass" }, { results[1].verdict, results[2].verdict })
    assert.matches("^the case itself failed: .*what is this%?", results[1].detail)
    assert.matches("stack traceback", results[1].traceback)
  end)

  it("fails what a server cannot do without, where there is no model for it", function()
    local client = gateway.client("openai_chat", function() return server.refusal(404, "no such route") end, { api_key = server.KEY })
    client = client:with { model = "unused" }
    local report = compat.run({ targets.new { name = "m", client = client } }, { cases = { "text", "embeddings" } })
    assert.same({ "fail", "skip" }, { report.providers[1].results[1].verdict, report.providers[1].results[2].verdict })
    assert.matches("^no model is set, and the server does not list its own: ", report.providers[1].results[1].detail)
    assert.is_nil(report.providers[1].model)
  end)

  it("tries no other case where nothing reaches the server", function()
    local asked = 0
    local function away()
      asked = asked + 1
      return { err = require "opengatellm.base.failure".network("refused", "connection refused", false) }
    end
    for _, models in ipairs { server.MODELS, {} } do
      local client = gateway.client("openai_chat", away, { api_key = server.KEY })
      asked = 0
      local report = compat.run({ targets.new { name = "away", client = client, models = models } }, { cases = { "text", "stream", "embeddings" } })
      local results = report.providers[1].results
      assert.matches("connection refused", results[1].detail)
      assert.same({ "fail", "skip", "skip", "nothing reaches the server", 1 }, { results[1].verdict, results[2].verdict, results[3].verdict, results[3].detail, asked })
    end
  end)

  it("keeps what a server says to one short line", function()
    local report = compat.run({ target_of { http = function() return server.refusal(400, ("long\n\27[2J"):rep(1e4)) end } }, { cases = { "text" } })
    local detail = report.providers[1].results[1].detail
    assert.is_true(#detail < 410)
    assert.is_nil(detail:find "%c")
  end)

  it("writes no key, wherever the server says it", function()
    local report = compat.run({ target_of({ limited = function(plan) plan.pieces = { "your key is ", server.KEY, " and blue-team" } end }, { secrets = { "blue-team" } }) },
      { cases = { "text", "stream", "memory", "image" } })
    for _, result in ipairs(report.providers[1].results) do
      assert.equal("fail", result.verdict)
      assert.is_nil(result.detail:find(server.KEY, 1, true) or result.detail:find("blue-team", 1, true), result.detail)
    end
    assert.truthy(report.providers[1].results[1].detail:find("[REDACTED]", 1, true))
  end)
end)
