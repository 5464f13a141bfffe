--- Runs a spec file where busted cannot go: inside nginx, or any other program with a Lua of its own.
--
--   local runner = require "hosts.runner"
--   local names = runner.names "spec/transport/contract_spec.lua"      what there is, without running it
--   local report = runner.run "spec/transport/contract_spec.lua"       list of {name, status, message}
--
-- A status is "passed", "failed" or "pending". The spec has busted's words (describe, it, pending, before_each, after_each, setup,
-- teardown, finally, insulate) and luassert's assert; tests run one after another, in the order of the file. It needs luassert, and
-- nothing of its host: a test that waits does so by the host's own means.
--
-- @module hosts.runner
local M = {}

-- Collecting ------------------------------------------------------------------------------------------------------

local PENDING = {} -- marks the error that `pending` raises inside a test

local function new_group(parent, name)
  return { parent = parent, name = name, children = {}, before_each = {}, after_each = {}, setup = {}, teardown = {} }
end

-- The words of busted, which collect into `self.group`.
local function words_of(self)
  local words = {}

  function words.describe(name, body)
    local outer = self.group
    self.group = new_group(outer, name)
    table.insert(outer.children, self.group)
    body()
    self.group = outer
  end

  function words.it(name, body) table.insert(self.group.children, { test = true, parent = self.group, name = name, body = body }) end

  function words.pending(name, body)
    if self.running then error({ mark = PENDING, message = name }, 0) end
    table.insert(self.group.children, { test = true, parent = self.group, name = name, pending = true, body = body })
  end

  function words.finally(body) table.insert(self.running.finally, body) end

  for _, hook in ipairs { "before_each", "after_each", "setup", "teardown" } do
    words[hook] = function(body) table.insert(self.group[hook], body) end
  end
  words.lazy_setup, words.strict_setup = words.setup, words.setup
  words.lazy_teardown, words.strict_teardown = words.teardown, words.teardown
  words.insulate, words.expose, words.context = words.describe, words.describe, words.describe
  words.spec, words.test = words.it, words.it
  words.assert = require "luassert"
  return words
end

local function load_in(path, environment)
  if setfenv then return setfenv(assert(loadfile(path)), environment) end
  return assert(loadfile(path, "t", environment))
end

local function collect(path)
  local self = { group = new_group(nil, nil) }
  self.root = self.group
  load_in(path, setmetatable(words_of(self), { __index = _G }))()
  return self
end

local function full_name(node)
  if not node.parent then return node.name end
  local front = full_name(node.parent)
  return front and front .. " " .. node.name or node.name
end

-- Running ---------------------------------------------------------------------------------------------------------

local function message_of(why)
  if type(why) == "table" and why.mark == PENDING then return tostring(why.message or "pending"), "pending" end
  return tostring(type(why) == "table" and why.message or why), "failed"
end

local function traced(why)
  if type(why) == "table" then return why end -- luassert's, a library's own, or ours
  return debug.traceback(tostring(why), 2)
end

-- Every hook of a group and those around it, outer ones first, or last.
local function call_hooks(group, hook, inner_first)
  if not group then return end
  if not inner_first then call_hooks(group.parent, hook) end
  for _, body in ipairs(group[hook]) do body() end
  if inner_first then call_hooks(group.parent, hook, true) end
end

local function run_test(self, node, report)
  local row = { name = full_name(node), status = "passed" }
  report[#report + 1] = row
  if node.pending then
    row.status = "pending"
    return
  end
  self.running = { finally = {} }
  local function note(ran, why)
    if ran or row.status == "failed" then return end
    row.message, row.status = message_of(why)
  end
  note(xpcall(function()
    call_hooks(node.parent, "before_each")
    node.body()
  end, traced))
  for _, body in ipairs(self.running.finally) do note(xpcall(body, traced)) end
  note(xpcall(function() call_hooks(node.parent, "after_each", true) end, traced))
  self.running = nil
end

local function run_group(self, group, report, wanted)
  for _, body in ipairs(group.setup) do body() end
  for _, node in ipairs(group.children) do
    if not node.test then run_group(self, node, report, wanted)
    elseif not wanted or full_name(node):find(wanted, 1, true) then run_test(self, node, report) end
  end
  for _, body in ipairs(group.teardown) do body() end
end

local function add_names(group, names)
  for _, node in ipairs(group.children) do
    if node.test then names[#names + 1] = full_name(node) else add_names(node, names) end
  end
  return names
end

--- The names of all tests of a file.
---@param path string
---@return string[]
function M.names(path) return add_names(collect(path).root, {}) end

--- Runs the tests of a file; with `wanted`, those whose names hold that text.
---@param path string
---@param wanted? string
---@return {name: string, status: "passed"|"failed"|"pending", message: string?}[]
function M.run(path, wanted)
  local self, report = collect(path), {}
  run_group(self, self.root, report, wanted)
  return report
end

return M
