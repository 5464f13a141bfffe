--- The processor time of an `ogl` process from its start on, in milliseconds.
--
--   command.lua help      until `ogl --help` ends
--   command.lua chat      until `ogl chat` gives its request to libcurl
local exit = os.exit

local function tell()
  io.stdout:write(("%.1f\n"):format(os.clock() * 1000))
  exit(0)
end

local runs = {}

function runs.help()
  os.exit = tell -- luacheck: ignore 122
  print = function() end -- luacheck: ignore 121
  require("opengatellm.cli").main { "--help" }
end

function runs.chat()
  package.preload["opengatellm.transport.curl"] = function()
    local transport = dofile "lua/opengatellm/transport/curl.lua"
    return { new = function()
      local made = assert(transport.new())
      made.open = tell
      return made
    end }
  end
  require("opengatellm.cli").main { "chat", "-m", "m", "-u", "http://127.0.0.1:1", "hi" }
end

runs[arg[1]]()
