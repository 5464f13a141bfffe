--- Files: of the tree, and of the reference material ($OGL_SHARED, default ../shared), which may not be there.
local cjson = require "cjson"

local M = {}

--- The value of a JSON text, by another reader than ours.
M.decode = cjson.decode

--- The bytes of a file.
---@param path string
---@return string
function M.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- The path of a file of the reference material; nil where it is not.
---@param path string
---@return string?
function M.shared(path)
  local full = (os.getenv "OGL_SHARED" or "../shared") .. "/" .. path
  local file = io.open(full)
  if not file then return nil end
  file:close()
  return full
end

--- A recorded exchange of the reference material; nil where it is not.
---@param protocol string
---@param name string
---@return table? request that was sent
---@return table? reply as the decoder makes it of the recorded body
function M.recorded(protocol, name)
  local path = M.shared("fixtures/" .. name .. ".json")
  if not path then return nil end
  local core, json = require "opengatellm.core", require "opengatellm.json"
  local exchange = json.decode(M.read(path))
  local decoder = core.decoder(protocol, exchange.stream and "text/event-stream" or "application/json")
  decoder:feed(M.read(path:gsub("[^/]+$", "") .. exchange.body_file))
  decoder:finish()
  decoder:skip()
  local reply = decoder:reply()
  reply.protocol = protocol
  return exchange.request, reply
end

return M
