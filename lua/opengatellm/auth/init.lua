--- Auth that needs code: where a provider's key, address or path is more than data. Most providers have no need of it: their `auth`
--- is "bearer", "none" or the header that takes the key.
--
-- Otherwise `auth` names a module of this folder ("opengatellm.auth.azure"); in a table of provider data of the user's own it may be
-- the module itself. A module is a table of functions:
--
--   credential(client, key) -> secret, scheme    asked at each try, with the user's key or nil. The scheme is "bearer" or a header's
--                                                name. nil: nothing is sent. nil and an error: the try fails with it. What costs a
--                                                request is cached here until shortly before it expires
--   address(settings, given) -> address          when a client is made; optional. `given` is base_url or what a variable holds;
--                                                nil and a problem where something is missing
--   path(client, wire) -> path                   at each try, for what stands under the address; optional
--
-- A secret stands in no field of a client, in no error and in no name of a file: it goes from here into the list of headers. What
-- was sent is taken out of errors by call.finish.
--
-- @module opengatellm.auth
local M = {}

--- The module of a provider, or nil where its auth is data.
---@param provider table
---@return table?
function M.of(provider)
  local auth = provider.auth
  if type(auth) == "table" then return auth end
  if type(auth) == "string" and auth:find "^opengatellm%.auth%." then return (require(auth)) end
end

return M
