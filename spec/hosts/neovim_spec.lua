-- Inside Neovim: the contract of transports, and what is Neovim's own.
local environment = require "spec.support.environment"
local neovim = require "spec.support.neovim"
local runner = require "hosts.runner"

local absent = neovim.absent()
if absent then
  if not os.getenv "OGL_LUA" or os.getenv "OGL_LUA" == "luajit" then pending("Neovim: " .. absent) end
  return
end

-- Runs a spec inside, when the first of its tests asks for it; each of its tests is one here.
local function inside(path)
  local results, names
  environment.with({ OGL_CARRIER = "neovim", OGL_SHARED = os.getenv "OGL_SHARED" }, function() names = runner.names(path) end)
  for _, name in ipairs(names) do
    it(name, function()
      results = results or neovim.report(path)
      local row = results[name]
      if row.status == "pending" then return pending(row.message or "pending") end
      assert(row.status == "passed", row.message)
    end)
  end
end

describe("inside Neovim", function()
  inside "spec/transport/contract_spec.lua"
end)
