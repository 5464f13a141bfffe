--- Problems: what a caller of the gateway is told of an error: the status, and words that name no address of ours.
--
-- @module opengatellm.gateway.problem
local errors = require "opengatellm.errors"

local M = {}

local LONGEST = 2000 -- bytes of a message: an upstream may send a page

local STATUS = {
  invalid = 400, unsupported = 400, auth = 502, rate_limit = 429, timeout = 504, config = 500, cancelled = 503, closed = 503, file = 500,
}

-- Errors whose words tell of the gateway's own network or configuration: they are for its log.
local OWN = {
  network = "the upstream server cannot be reached, or broke the connection off", tls = "the upstream server cannot be trusted",
  timeout = "the upstream server did not answer in time", config = "the gateway has no way to the upstream server",
  file = "the gateway cannot read a file",
}

--- The status that a caller gets for an error: that of the upstream server where there is one.
---@param err ogl.Error
---@return integer
function M.status(err)
  if err.status and err.status >= 400 and err.status < 600 then return err.status end
  if err.kind == "limit" and err.sent == false then return 429 end
  if err.kind == "unsupported" and err.sent then return 502 end -- the answer is what nobody can read, not the request
  return STATUS[err.kind] or 502
end

--- Says whether an error is that the gateway's own limiter is full, so that the same request may pass soon.
---@param err ogl.Error
---@return boolean
function M.is_busy(err) return err.kind == "limit" and err.sent == false and err.retryable == true end

--- The words that a caller gets for an error, in one line.
---@param err ogl.Error
---@return string
function M.message(err)
  local text = not err.status and OWN[err.kind] or tostring(err.message)
  text = text:gsub("^client:%w+: ", ""):gsub("^router:%w+: ", ""):gsub("[%c]+", " ")
  return #text > LONGEST and text:sub(1, LONGEST):gsub("[\128-\255]+$", "") .. " …" or text
end

--- Makes the error of a call whose caller has gone.
---@return ogl.Error
function M.gone() return errors.new { kind = "closed", message = "the caller has gone" } end

--- The words for a body that is too long.
---@param limit integer bytes
---@return string
function M.too_long(limit) return ("the body is longer than %d bytes"):format(limit) end

--- Makes the error of a request that the gateway itself refuses.
---@param status integer
---@param message string
---@param code? string
---@return ogl.Error
function M.new(status, message, code)
  return errors.new { kind = "invalid", status = status, message = message, code = code, own = true }
end

--- The seconds after which a caller may ask again, as a header's text.
---@param err ogl.Error
---@return string? # nil where nobody knows
function M.retry_after(err) return err.retry_after and ("%d"):format(math.ceil(err.retry_after)) or nil end

return M
