--- Auth that needs code: for providers whose key, address or path has to be computed. Most providers need none: their `auth` is "bearer",
--- "none" or the header that takes the key.
--
-- Otherwise `auth` names a module of this folder ("opengatellm.auth.azure"); in a table of provider data of the user's own it may be
-- the module itself. A module is a table of functions:
--
--   credential(client, key) -> secret, scheme    called at each try, with the user's key or nil. The scheme is "bearer" or a header's
--                                                name. nil: the try sends no key. nil and an error: the try fails with it. The module
--                                                keeps a token that cost a request until shortly before it expires
--   address(settings, given) -> address          called when a client is made; optional. `given` is base_url or the variable's value;
--                                                returns nil and a problem if a setting is missing
--   path(client, wire) -> path                   called at each try, to change the path under the address; optional
--
-- No field of a client, no error and no file name holds a secret: it goes from here into the list of headers. `Call:finish` removes the
-- secrets that were sent from errors (http/call.lua).
--
-- @module opengatellm.auth
local M = {}

--- Gives the auth module of a provider, or nil if its auth is data.
---@param provider table
---@return table?
function M.of(provider)
  local auth = provider.auth
  if type(auth) == "table" then return auth end
  if type(auth) == "string" and auth:find "^opengatellm%.auth%." then return (require(auth)) end
end

return M
