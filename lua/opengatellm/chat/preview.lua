--- Previews: what a call would send, shown and not sent. No key is in it.
--
-- A preview is {method, url, headers, body}: `headers` is the list of {name, value} as they go out, secrets as "***"; `body` is the
-- text. `tostring` prints it as HTTP writes it, `curl()` the command that sends the same with curl, the key taken from its variable.
--
-- @module opengatellm.chat.preview
local call = require "opengatellm.http.call"

local M = {}

---@class ogl.Preview
---@field method string
---@field url string
---@field headers {[1]: string, [2]: string}[]
---@field body? string
local Preview = {}
Preview.__index = Preview
Preview.__name = "opengatellm.preview"

local MASK = "***"
-- Headers that hold secrets, whoever set them.
local SECRET = {
  authorization = true, ["proxy-authorization"] = true, ["x-api-key"] = true, ["api-key"] = true, ["x-goog-api-key"] = true, cookie = true,
}

-- "Bearer sk-…" keeps its scheme.
local function mask(value) return (value:match "^(%a+ )%S" or "") .. MASK end

-- The header that takes the provider's key is made with the mask in its place: the key itself is not asked for. A module of auth that
-- makes tokens (auth/init.lua) sends them as a bearer's.
local function masked_headers(client, wire)
  local headers, auth = {}, client.provider.auth
  local scheme = client.auth and (client.settings.auth or "bearer") or auth or "bearer"
  for i, row in ipairs(call.headers(client, wire, client.has_key() and MASK or nil, scheme)) do
    headers[i] = { row[1], SECRET[row[1]:lower()] and mask(row[2]) or row[2] }
  end
  return headers
end

--- The preview of a call.
---@param client ogl.Client
---@param wire ogl.Wire
---@return ogl.Preview?
---@return ogl.Error? err
function M.of(client, wire)
  local address, err = call.url(client, wire)
  if not address then return nil, err end
  local way = client.way()
  local variable = client.provider.key_env and client.provider.key_env[1] or "API_KEY"
  local options = { unix_socket = way.unix_socket, ca_file = way.tls.ca_file, insecure = not way.tls.verify, stream = wire.stream }
  return setmetatable({
    method = wire.method, url = address, headers = masked_headers(client, wire),
    body = wire.body, shell = function() return options, variable end, -- a function: it is not part of what is sent
  }, Preview)
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- A header for the shell: where the mask is, the variable that holds the key stands.
local function header_argument(name, value, variable)
  local line = name .. ": " .. value
  if value:sub(-#MASK) ~= MASK then return "-H " .. quoted(line) end
  return ('-H "%s$%s"'):format(line:sub(1, -#MASK - 1), variable)
end

--- The command that sends the same with curl; the key comes from the provider's variable.
---@return string
function Preview:curl()
  local options, variable = self.shell()
  local parts = { "curl" .. (options.stream and " -N" or ""), "-X " .. self.method, quoted(self.url) }
  if options.unix_socket then parts[#parts + 1] = "--unix-socket " .. quoted(options.unix_socket) end
  if options.ca_file then parts[#parts + 1] = "--cacert " .. quoted(options.ca_file) end
  if options.insecure then parts[#parts + 1] = "--insecure" end
  for _, row in ipairs(self.headers) do parts[#parts + 1] = header_argument(row[1], row[2], variable) end
  if self.body then parts[#parts + 1] = "--data-binary " .. quoted(self.body) end
  return table.concat(parts, " \\\n  ")
end

function Preview:__tostring()
  local lines = { self.method .. " " .. self.url }
  for _, row in ipairs(self.headers) do lines[#lines + 1] = row[1] .. ": " .. row[2] end
  return table.concat(lines, "\n") .. (self.body and "\n\n" .. self.body or "")
end

return M
