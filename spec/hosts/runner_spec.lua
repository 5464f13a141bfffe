-- tests/hosts/runner.lua, which runs specs where busted cannot: busted's words mean what they mean here.
local helper = require "spec.helper"
local runner = require "hosts.runner"

local SPEC = [[
local seen = {}
local function note(text) seen[#seen + 1] = text end
setup(function() note "setup" end)
before_each(function() note "outer" end)
after_each(function() note "after" end)
describe("a group", function()
  before_each(function() note "inner" end)
  after_each(function() note "inner after" end)
  it("passes", function()
    finally(function() note "finally" end)
    note "test"
    assert.equal(1, 1)
  end)
  it("fails", function() assert.equal(1, 2) end)
  it("raises", function() error "on purpose" end)
  it("raises a table", function() error { message = "a message" } end)
  it("waits for better days", function() return pending "not today" end)
end)
pending("a promise", function() end)
it("sees all that happened", function()
  assert.equal("setup outer inner test finally inner after after", table.concat(seen, " ", 1, 7))
end)
]]

describe("the runner of specs", function()
  local path = helper.write(SPEC)

  it("names the tests without running them", function()
    assert.same({
      "a group passes", "a group fails", "a group raises", "a group raises a table", "a group waits for better days", "a promise",
      "sees all that happened",
    }, runner.names(path))
  end)

  it("runs them in order, with their hooks, and tells how each ended", function()
    local statuses, messages = {}, {}
    for i, row in ipairs(runner.run(path)) do
      statuses[i], messages[i] = row.status, row.message
    end
    assert.same({ "passed", "failed", "failed", "failed", "pending", "pending", "passed" }, statuses)
    assert.truthy(messages[2]:find("Expected objects to be equal", 1, true))
    assert.truthy(messages[3]:find("on purpose", 1, true))
    assert.equal("a message", messages[4])
    assert.equal("not today", messages[5])
  end)

  it("runs those whose names hold a text", function()
    local report = runner.run(path, "a group raises")
    assert.equal(2, #report)
    assert.equal("a group raises", report[1].name)
  end)
end)
