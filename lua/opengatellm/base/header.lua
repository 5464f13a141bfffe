--- HTTP headers: which characters their names may hold.
--
-- @module opengatellm.base.header
local M = {}

--- Says whether a text is an HTTP token, as the names of headers and methods have to be (RFC 9110, 5.6.2).
---@param text string
---@return boolean
function M.is_token(text) return text:find "^[%w!#$%%&'*+.^_`|~-]+$" ~= nil end

return M
