--- Visits: one request to the gateway, on its way to an answer.
--
-- @module opengatellm.gateway.visit
local core = require "opengatellm.core"
local host = require "opengatellm.host"
local problems = require "opengatellm.gateway.problem"
local random = require "opengatellm.base.random"

local M = {}

---@class ogl.GatewayRequest
---@field method string
---@field path string without the query
---@field query? string
---@field headers table<string, string> by lower-case name
---@field body? string
---@field source? fun(): {path?: string, data?: string}? gives the body that is a file (Gateway:takes_file); nil: it has none
---@field server? string address that it came to
---@field hostname? string of this machine

---@class ogl.GatewayVisit
---@field gateway ogl.Gateway
---@field request ogl.GatewayRequest
---@field face ogl.GatewayFace
---@field id string of the request
---@field began number seconds of the host's clock
---@field at integer the same moment in seconds since 1970
---@field found? ogl.GatewayTarget who is asked
---@field answered table<string, string> headers that say who answered
local Visit = {}
Visit.__index = Visit

local LONGEST_ID = 128
local counter = 0

local function hex(bytes) return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)) end

-- One read of random bytes serves a worker's life: its ids are told apart by the counter.
local prefix

local function new_id()
  prefix = prefix or hex(random.bytes(8) or tostring(os.time()))
  counter = counter + 1
  return ("%s%08x"):format(prefix, counter)
end

-- The caller's own id, where it can stand in a header and in a log.
local function id_of(headers)
  local given = headers["x-request-id"]
  if given and #given <= LONGEST_ID and given:find "^[%w._:-]+$" then return given end
  return new_id()
end

--- Begins a visit.
---@param gateway ogl.Gateway
---@param request ogl.GatewayRequest
---@return ogl.GatewayVisit
function M.new(gateway, request)
  local here = host.current(false)
  return setmetatable({
    gateway = gateway, request = request, id = id_of(request.headers), here = here, began = here.now(), at = os.time(), face = nil,
    found = nil, answered = {},
  }, Visit)
end

--- The time, with its fraction: the host's clock, which never goes back, added to when the request came.
---@return number seconds since 1970
function Visit:now() return self.at + self.here.now() - self.began end

--- Refuses the request.
---@param status integer
---@param message string
---@param code? string
---@return nil
---@return ogl.Error
function Visit.refuse(_, status, message, code) return nil, problems.new(status, message, code) end

--- The body as it came.
---@return string?
---@return ogl.Error? err
function Visit:text()
  local body = self.request.body
  if not body or body == "" then return self:refuse(400, "missing request body") end
  return body
end

--- Decodes the body: a JSON object.
---@return table?
---@return ogl.Error? err
function Visit:json()
  local body, err = self:text()
  if not body then return nil, err end
  local value, _, why = core.decode(body)
  if value == nil then return self:refuse(400, "the body is not JSON: " .. tostring(why)) end
  if type(value) ~= "table" or #value > 0 then return self:refuse(400, "the body is not a JSON object") end
  local _, twin = self:refuse_twin(value)
  if twin then return nil, twin end
  return value
end

local NAMES = { model = true, name = true, source = true, from = true }

--- Refuses fields beside the model's name that servers without regard for capitals would take for it: the routes did not see them.
---@param fields? table by name
---@return nil
---@return ogl.Error? err
function Visit:refuse_twin(fields)
  for name in pairs(fields or {}) do
    local small = type(name) == "string" and name:lower()
    if small ~= name and NAMES[small] then return self:refuse(400, ("%s: expected %s, in small letters"):format(name, small)) end
  end
end

--- Finds who answers for the model that the request names.
---@param name any
---@return ogl.GatewayTarget?
---@return ogl.Error? err
function Visit:target(name)
  if name == nil or name == "" then return self:refuse(400, "model is required", "missing_model") end
  if type(name) ~= "string" then return self:refuse(400, "model: expected a text", "invalid_model") end
  if name:find "%c" then return self:refuse(400, "model: it holds a control character", "invalid_model") end
  local found = self.gateway.routes:find(name, self.face.short_name and self.face.short_name(name))
  if found and found.model ~= "" then
    self.found = found
    return found
  end
  return nil, problems.new(404, self.face.unknown_model(name), "model_not_found")
end

--- The headers of the caller that the options let go upstream.
---@return table<string, string>? # nil: none
function Visit:forwarded()
  local found
  for _, name in ipairs(self.gateway.forward) do
    local value = self.request.headers[name]
    if type(value) == "string" and not value:find "%c" then
      found = found or {}
      found[name] = value
    end
  end
  return found
end

-- The try that answered: the last that did not fail.
local function answering(attempts)
  for i = #attempts, 1, -1 do
    if not attempts[i].kind and not attempts[i].cancelled then return attempts[i] end
  end
end

--- Notes who answered, for the headers of the answer.
---@param target ogl.GatewayTarget
---@param attempts? ogl.Attempt[]
---@param tries? integer how many there were, where `attempts` does not say
function Visit:note(target, attempts, tries)
  local last = attempts and answering(attempts)
  local model, client = last and last.model or target.model, target.client
  local fell_back = last and last.client ~= attempts[1].client
  self.answered = {
    ["x-gateway-model"] = model and not model:find "%c" and model or nil,
    ["x-gateway-provider"] = last and last.provider or not client.rows and client.provider.name or nil,
    ["x-gateway-attempts"] = tostring(tries or attempts and #attempts or 1),
    ["x-gateway-fallback"] = fell_back and last.client or nil,
    ["x-gateway-upstream-ms"] = tostring(math.floor((self.here.now() - self.began) * 1000 + 0.5)),
  }
end

--- Notes who was asked, where the error is that of a server.
---@param err ogl.Error
function Visit:note_failure(err)
  if self.found and err.provider then self:note(self.found, err.attempts) end
end

--- Tells the operator of an error, by the option `on_error`.
---@param err ogl.Error
function Visit:report(err)
  if self.gateway.on_error and not err.own and err.kind ~= "invalid" then self.gateway.on_error(err, self) end
end

return M
