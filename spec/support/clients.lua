--- Clients of the servers, and what a spec asks the fault server about them.
local fault_server = require "spec.support.fault_server"

local M = {}

--- What every client of a spec has for a key.
M.KEY = "sk-SECRET-0123456789abcdef"

local clients = {} -- those that `close` has to close

local function make(base_url, options)
  local all = { base_url = base_url, api_key = M.KEY, model = "gpt-oss-120b", proxy = "", timeouts = { first_byte = 60, idle = 60 } }
  for name, value in pairs(options or {}) do all[name] = value end
  return require "opengatellm".client(all)
end

--- A client of any address; `close` closes it.
---@param base_url string
---@param options? table
function M.client_of(base_url, options)
  clients[#clients + 1] = make(base_url, options)
  return clients[#clients]
end

--- A client of the fault server, at a scenario.
---@param scenario string
---@param options? table
function M.client(scenario, options) return M.client_of(fault_server.fault(scenario), options) end

--- Closes the clients of the test that ran, and collects what they left, so that no connection reaches into the next test; for
--- after_each. A test without a client is not made to wait for the collector.
function M.close()
  if #clients == 0 then return end
  for _, client in ipairs(clients) do client:close() end
  clients = {}
  collectgarbage()
end

--- The answer of a server to `GET path`, decoded.
---@param path string
---@param base? string default: the fault server
---@param options? table of the client that asks
function M.ask(path, base, options)
  local client = make(base or fault_server.fault(), options)
  local value, err = client:request("GET", path, nil, { headers = { connection = "close" } })
  client:close()
  return assert(value, err)
end

--- The counts of the fault server: accepted, open, requests, last_request.
function M.stats(base, options) return M.ask("/stats", base, options) end

--- The requests whose address holds `id`, oldest first.
function M.requests(id, base, options)
  local found = {}
  for _, request in ipairs(M.ask("/stats/requests", base, options)) do
    if request.target:find(id, 1, true) then found[#found + 1] = request end
  end
  return found
end

return M
