--- Previews: a preview shows the request that a call would send, without its key, and sends nothing.
--
-- A preview is {method, url, headers, body}: `headers` is the list of {name, value} in the order of sending, with "***" for secrets;
-- `body` is the text. `tostring` prints it as HTTP writes it. `curl()` gives the command that sends the same with curl, which takes the
-- key from its variable.
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

-- Makes the headers with the mask in place of the key, so that the key is not asked for. A module of auth (auth/init.lua) sends its
-- tokens as "Bearer …".
local function masked_headers(client, wire)
  local headers, auth = {}, client.provider.auth
  local scheme = client.auth and (client.settings.auth or "bearer") or auth or "bearer"
  for i, row in ipairs(call.headers(client, wire, client.has_key() and MASK or nil, scheme)) do
    headers[i] = { row[1], SECRET[row[1]:lower()] and mask(row[2]) or row[2] }
  end
  return headers
end

--- Makes the preview of a call.
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
    body = wire.body, shell = function() return options, variable end, -- a function, so that no printer of tables shows it as sent
  }, Preview)
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- Writes a header for the shell, with the variable that holds the key in place of the mask.
local function header_argument(name, value, variable)
  local line = name .. ": " .. value
  if value:sub(-#MASK) ~= MASK then return "-H " .. quoted(line) end
  return ('-H "%s$%s"'):format(line:sub(1, -#MASK - 1), variable)
end

--- Writes the command that sends the same with curl; it takes the key from the provider's variable.
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
