-- The body of the request as JSON: nginx keeps a small one in memory (client_body_buffer_size), and puts a larger one into a file.
local json = require "opengatellm.json"

local M = {}

local function read()
  ngx.req.read_body()
  local path = ngx.req.get_body_file()
  if not path then return ngx.req.get_body_data() or "" end
  local file = assert(io.open(path, "rb"))
  local body = file:read "*a"
  file:close()
  return body
end

--- The object that was sent; an empty table where it was none.
---@return table
function M.object()
  local sent = json.decode(read())
  return type(sent) == "table" and sent or {}
end

return M
