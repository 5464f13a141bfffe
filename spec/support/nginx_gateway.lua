--- The gateway inside nginx for specs (tests/hosts/gateway.conf), in front of the servers of the specs, and callers that write HTTP by hand.
local helper = require "spec.helper"
local json = require "opengatellm.json"
local nginx = require "spec.support.nginx"
local socket = require "socket"

local M = {}

local SCENARIOS = { "ok", "stall_mid_stream:3", "close_mid_stream:3", "reset_mid_stream:3", "status:503", "slow:20", "stall_head" }

local address

--- Starts it; `nginx.stop` ends it.
---@param scenarios? string[] more of the fault server's, each a model
---@param workers? integer default 1
---@return string address
---@return string folder with error.log and access.log
function M.start(scenarios, workers)
  local names = table.concat(SCENARIOS, " ") .. " " .. table.concat(scenarios or {}, " ")
  local folder
  address, folder = nginx.start("tests/hosts/gateway.conf", {
    UPSTREAM = helper.fault(), OGL = helper.ogl(), TURNS = helper.serve "encoded.lua", SCENARIOS = names, WORKERS = tostring(workers or 1),
  })
  return address, folder
end

--- A connection to it, or to another address.
function M.open(where)
  local host, port = (where or address):match "//(.*):(%d+)"
  local caller = assert(socket.connect(host, port))
  caller:settimeout(30)
  return caller
end

--- Sends a request with these headers.
function M.send(caller, method, path, body, headers, version)
  local lines = { ("%s %s HTTP/%s"):format(method, path, version or "1.1"), "Host: localhost" }
  if body then lines[#lines + 1] = "Content-Length: " .. #body end
  for name, value in pairs(headers or {}) do lines[#lines + 1] = name .. ": " .. value end
  assert(caller:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")))
end

--- Reads the head of an answer: its status, and its headers by lower-case name.
function M.read_head(caller)
  local status, headers = tonumber((assert(caller:receive "*l"):match " (%d+)")), {}
  while true do
    local line = assert(caller:receive "*l")
    if line == "" then return status, headers end
    local name, value = line:match "^([^:]+):%s*(.*)$"
    headers[name:lower()] = value
  end
end

--- Reads the body of an answer with that head; and in how many chunks it came.
function M.read_body(caller, headers)
  if headers["transfer-encoding"] ~= "chunked" then return assert(caller:receive(tonumber(headers["content-length"]) or "*a")) end
  local pieces = {}
  while true do
    local size = tonumber(assert(caller:receive "*l"), 16)
    if size > 0 then pieces[#pieces + 1] = assert(caller:receive(size)) end
    caller:receive "*l"
    if size == 0 then return table.concat(pieces), #pieces end
  end
end

--- Asks on a connection of its own; a table is sent as JSON. Gives status, body, headers and the number of chunks.
function M.ask(method, path, body, headers, where)
  local caller = M.open(where)
  M.send(caller, method, path, type(body) == "table" and json.encode(body) or body, headers)
  local status, answered = M.read_head(caller)
  local bytes, pieces = "", nil
  if method ~= "HEAD" then bytes, pieces = M.read_body(caller, answered) end
  caller:close()
  return status, bytes, answered, pieces
end

--- The body of a chat of either face.
function M.chat(model, stream) return { model = model, stream = stream, messages = { { role = "user", content = "Bonjour" } } } end

return M
