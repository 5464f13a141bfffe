-- A spec file that another program runs, with each of its tests as one of the program that asks.
local environment = require "spec.support.environment"
local runner = require "hosts.runner"

local M = {}

--- Declares the tests of a spec file as a carrier has them. The file runs there when the first of its tests asks for it.
---@param words {it: function, pending: function} busted's, which it gives to spec files alone
---@param path string
---@param carrier string its name in support/carriers.lua
---@param report fun(path: string): table rows {status, message} by the tests' names
function M.declare(words, path, carrier, report)
  local results, names
  environment.with({ OGL_CARRIER = carrier, OGL_SHARED = os.getenv "OGL_SHARED" }, function() names = runner.names(path) end)
  for _, name in ipairs(names) do
    words.it(name, function()
      results = results or report(path)
      local row = results[name] or { status = "failed", message = "it did not run" }
      if row.status == "pending" then return words.pending(row.message or "pending") end
      assert(row.status == "passed", row.message)
    end)
  end
end

return M
