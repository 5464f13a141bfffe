--- Middleware: what stands around the calls of a client or a router, and may change what goes in and what comes out.
--
--   local careful = client:use(ogl.middleware.timeout { seconds = 30 }, ogl.middleware.cache {}, function(call, proceed)
--     return proceed(call)
--   end)
--
-- The table below names what ships with the library; each name is the file that has it, loaded when it is first used. A middleware of a
-- program's own is a function, or a table of functions: chain.lua has the contract.
--
-- @module opengatellm.middleware
local words = require "opengatellm.base.words"

local NAMES = words.set "cache citations coalesce cost defaults limiter log merge otel prometheus redact smooth think timeout"

---@class ogl.Middleware every field is optional
---@field name? string for errors
---@field request? fun(request: table, call: ogl.MiddlewareCall, state: table): table?, ogl.Error? another request; nil: the same
---@field wrap? fun(call: ogl.MiddlewareCall, proceed: (fun(call: ogl.MiddlewareCall): any, ogl.Error?), state: table): any, ogl.Error?
---@field event? ogl.EventFunction
---@field done? fun(answer: any, err: ogl.Error?, call: ogl.MiddlewareCall, state: table)

return setmetatable({}, {
  __index = function(self, name)
    if not NAMES[name] then return nil end
    local module = require("opengatellm.middleware." .. name)
    rawset(self, name, module.new)
    return module.new
  end,
})
