-- Inside Neovim: the contract of transports, and what is Neovim's own.
local helper = require "spec.helper"
local neovim = require "spec.support.neovim"
local places = require "spec.support.inside"

local absent = neovim.absent()
if absent then
  if not os.getenv "OGL_LUA" or os.getenv "OGL_LUA" == "luajit" then pending("Neovim: " .. absent) end
  return
end

local function inside(path) places.declare({ it = it, pending = pending }, path, "neovim", neovim.report) end

describe("inside Neovim", function()
  inside "spec/transport/contract_spec.lua"
  inside "spec/transport/llama_spec.lua"
  inside "spec/hosts/closing_spec.lua"
  inside "spec/task_spec.lua"
  inside "spec/conversation/source_spec.lua"
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

describe("the plugin, installed", function()
  local HERE = { LUA_PATH = ";;", LUA_CPATH = ";;" } -- nothing shows the way to the library but the plugin

  local root = assert(io.popen "pwd"):read "*l"

  -- What a user's Neovim with that init.lua answers to a question.
  local function answer(init)
    local script = helper.write [[
      vim.cmd "OglChat"
      vim.cmd "OglAsk Bonjour"
      local function done() return #vim.tbl_filter(function(line) return line == "## You" end, vim.api.nvim_buf_get_lines(0, 0, -1, false)) == 2 end
      vim.wait(30000, done, 10)
      io.stdout:write(table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n"))
      vim.cmd "qa!"
    ]]
    local values = { OGL_URL = helper.fault "ok", OGL_TOKEN = helper.KEY, OGL_MODEL = "m", LUA_PATH = HERE.LUA_PATH, LUA_CPATH = HERE.LUA_CPATH }
    local code, output = neovim.run("-c 'luafile " .. script .. "'", values, init)
    assert.equal(0, code, output)
    return output
  end

  it("by hand, answers", function()
    local output = answer(('vim.opt.runtimepath:append "%s/examples/nvim"'):format(root))
    assert.truthy(output:find("## m\n\n" .. helper.TEXT, 1, true), output)
  end)

  it("by lazy.nvim, which sources no plugin/ that it does not know, answers", function()
    local output = answer(([[
      vim.go.loadplugins = false
      local plugin = { dir = "%s" }
      vim.opt.runtimepath:prepend(plugin.dir)
      vim.opt.runtimepath:append(plugin.dir .. "/examples/nvim")
      vim.cmd "runtime plugin/ogl_chat.lua"
      require("ogl_chat").setup {}
    ]]):format(root))
    assert.truthy(output:find("## m\n\n" .. helper.TEXT, 1, true), output)
  end)

  it("says what to do where the library was not built", function()
    local folder = helper.directory() .. "/elsewhere"
    assert(os.execute(("mkdir -p %s && cp -r examples %s"):format(folder, folder)))
    local init = ('vim.opt.runtimepath:append "%s/examples/nvim"'):format(folder)
    local code, output = neovim.run("-c 'checkhealth ogl_chat' -c '%print' -c 'qa!'", HERE, init)
    assert.equal(0, code, output)
    assert.truthy(output:find("run `make modules LUA=luajit` in " .. folder, 1, true), output)
  end)

  it("has a help file whose tags are all found", function()
    local folder = helper.directory() .. "/help"
    assert(os.execute(("mkdir -p %s && cp -r examples/nvim/doc %s"):format(folder, folder)))
    local script = helper.write(([[
      vim.opt.runtimepath:append "%s"
      vim.cmd "helptags %s/doc"
      for tag in io.open("%s/doc/ogl_chat.txt"):read("*a"):gmatch "|([%%w_.:-]*ogl_chat[^|]*)|" do vim.cmd("help " .. tag) end
      for _, tag in ipairs { ":OglChat", ":OglAsk", ":OglReview", ":OglModel", ":OglCancel", "ogl_chat.setup()" } do vim.cmd("help " .. tag) end
      io.stdout:write(vim.fn.expand "%%:t")
      vim.cmd "qa!"
    ]]):format(folder, folder, folder))
    local code, output = neovim.run("-c 'luafile " .. script .. "'")
    assert.equal("ogl_chat.txt", (output:match "[^\n]*$"), output)
    assert.is_nil(output:find("E%d+:"), output)
    assert.equal(0, code)
  end)
end)
