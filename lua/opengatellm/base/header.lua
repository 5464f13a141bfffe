--- Headers of HTTP: which texts may stand in them.
--
-- @module opengatellm.base.header
local M = {}

--- Whether a text is a token of HTTP, as names of headers and methods are (RFC 9110, 5.6.2).
---@param text string
---@return boolean
function M.is_token(text) return text:find "^[%w!#$%%&'*+.^_`|~-]+$" ~= nil end

return M
