-- Inside Neovim: the contract of transports, and what is Neovim's own.
local environment = require "spec.support.environment"
local helper = require "spec.helper"
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
  inside "tests/hosts/nvim_inside.lua"
  inside "tests/hosts/nvim_plugin.lua"
end)

describe("quitting Neovim in mid-stream", function()
  -- A script that has streams of every kind under way, and says `quit` when each has begun.
  local STREAMS = [[
    local ogl, begun = require "opengatellm", 0
    local function quit() %s end
    local client = ogl.client { model = "m", api_key = "k", proxy = "" }
    for _, scenario in ipairs { "stall_mid_stream:3", "firehose:512", "slow:100" } do
      local first = true
      client:with { base_url = "%s/" .. scenario }:stream({ messages = { ogl.user "Bonjour" }, keep = false }, {
        on_event = function()
          begun, first = begun + (first and 1 or 0), false
          if begun == 3 then quit() end
        end,
      })
    end
    ogl.spawn(ogl.sleep, 1000)
  ]]

  local function ends(quit)
    local script = helper.write(STREAMS:format(quit, helper.fault()))
    local code, output = neovim.run("-c 'luafile " .. script .. "'")
    assert.equal(0, code, output) -- 124: it did not end
    assert.equal("", output)
  end

  it("ends it at once, from inside of a callback", function() ends 'vim.cmd "qa!"' end)

  it("ends it at once, from elsewhere", function() ends 'vim.defer_fn(function() vim.cmd "qa!" end, 1)' end)
end)
