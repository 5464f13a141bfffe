--- Findings of `ogl doctor`: what was looked at, what it is like, and what to do where it is not as it should be.
--
-- @module opengatellm.cli.doctor.finding
local M = {}

---@class ogl.doctor.Finding
---@field name string
---@field state "ok"|"warning"|"failed"|"absent"|"skipped"
---@field says string
---@field remedy? string of a warning and of a failure

--- Something that is as it should be.
---@param name string
---@param says string
---@return ogl.doctor.Finding
function M.ok(name, says) return { name = name, state = "ok", says = says } end

--- Something that may go wrong.
---@param name string
---@param says string
---@param remedy string
---@return ogl.doctor.Finding
function M.warning(name, says, remedy) return { name = name, state = "warning", says = says, remedy = remedy } end

--- Something without which calls fail.
---@param name string
---@param says string
---@param remedy string
---@return ogl.doctor.Finding
function M.failed(name, says, remedy) return { name = name, state = "failed", says = says, remedy = remedy } end

--- Something that is not there and need not be.
---@param name string
---@param says string what it would be for, and how to get it
---@return ogl.doctor.Finding
function M.absent(name, says) return { name = name, state = "absent", says = says } end

--- Something that could not be looked at.
---@param name string
---@param says string why
---@return ogl.doctor.Finding
function M.skipped(name, says) return { name = name, state = "skipped", says = says } end

return M
