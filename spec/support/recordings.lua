--- The recorded answers of all protocols, for what has to leave them alone.
local helper = require "spec.support.material"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local M = {}

--- Calls a function for each recorded answer that is no error of the status, with a client that gets it for every request.
---@param visit fun(client: ogl.Client, id: string, body: string)
---@param chunk? integer bytes that come at once; default: as a socket gives them
---@return integer? count nil where the reference material is not here
function M.each_recording(visit, chunk)
  local path = helper.shared "fixtures/expected.jsonl"
  if not path then return nil end
  local count = 0
  for line in io.lines(path) do
    local exchange = json.decode(line)
    if exchange.status < 400 then
      local body = helper.read((path:gsub("expected%.jsonl$", "") .. exchange.body))
      local client = ogl.client {
        provider = { name = "p", protocol = exchange.protocol, auth = "none" }, base_url = "http://h", model = "m", retries = { max = 0 },
        transport = replay.new { headers = { ["content-type"] = exchange.stream and "text/event-stream" or "application/json" }, body = body, chunk = chunk },
      }
      visit(client, exchange.id, body)
      count = count + 1
    end
  end
  return count
end

return M
