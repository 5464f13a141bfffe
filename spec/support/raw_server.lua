--- A server that answers with bytes which a spec wrote itself.
local servers = require "spec.support.servers"
local temporary = require "spec.support.temporary"

local M = {}

-- Answers every request with the bytes of the file that the first segment of its path names, and closes.
local PROGRAM = [[
package.path = "tests/?.lua;" .. package.path
local http, loop, program = require "server.http", require "server.loop", require "server.program"
local server = http.listen { handler = function(request)
  local file = assert(io.open(arg[1] .. "/" .. request.path:match "^/(file%d+)", "rb"))
  request.conn:send_raw(file:read "a")
  request.conn:close()
end }
program.exit_at_eof()
program.announce(server)
loop.run()
]]

--- The address at which any request gets exactly these bytes, and then the end of the connection.
---@param bytes string
---@return string address
function M.raw(bytes)
  local name = temporary.write(bytes):match "[^/]+$"
  local port = servers.port_of("raw", function() return ("lua5.4 %s %s"):format(temporary.write(PROGRAM), temporary.directory()) end)
  return "http://127.0.0.1:" .. port .. "/" .. name
end

--- An answer as HTTP writes it. It says that the connection ends with it, as `raw` ends it.
---@param status integer
---@param headers [string, string][]
---@param body string
---@return string bytes
function M.http(status, headers, body)
  local lines = { ("HTTP/1.1 %d Status"):format(status) }
  for _, row in ipairs(headers) do lines[#lines + 1] = row[1] .. ": " .. row[2] end
  lines[#lines + 1] = "content-length: " .. #body
  lines[#lines + 1] = "connection: close"
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

--- The address of an answer of 200 with that body.
---@param content_type string
---@param body string
---@return string address
function M.body(content_type, body) return M.raw(M.http(200, { { "content-type", content_type } }, body)) end

return M
