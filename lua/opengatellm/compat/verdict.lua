--- Verdicts: what a case says of a server, "pass", "fail" or "skip", with one sentence.
--
-- A server that says clearly that it has no such thing is skipped; one that fails, answers something else or keeps silent has failed.
--
-- @module opengatellm.compat.verdict
local kind = require "opengatellm.schema.kind"

local M = {}

---@alias ogl.compat.Verdict "pass"|"fail"|"skip"

local NO_ROUTE = { [404] = true, [405] = true, [501] = true }
local REFUSES = { "not support", "unsupported", "not available", "not implemented", "not enabled" }

-- Whether an error says that the server, or its model, has no such thing.
local function is_refusal(err, is_route)
  if err.kind == "unsupported" or err.reason == "unsupported_parameter" then return true end
  if is_route and NO_ROUTE[err.status] then return err.reason ~= "model_not_found" end
  if not err.status or err.status < 400 or err.status >= 500 and err.status ~= 501 then return false end
  local message = tostring(err.message):lower()
  for _, words in ipairs(REFUSES) do
    if message:find(words, 1, true) then return true end
  end
  return false
end

local AWAY = { network = true, tls = true, timeout = true }

--- Says whether an error means that nothing reaches the server, so that no other question will.
---@param err ogl.Error
---@return boolean
function M.is_away(err) return AWAY[err.kind] == true and err.sent == false end

--- Judges a call that gave an error.
---@param err ogl.Error
---@param is_route? boolean the call has a route of its own, which some servers do not have
---@return ogl.compat.Verdict
---@return string detail
---@return boolean is_away nothing reaches the server
function M.of_error(err, is_route)
  return is_refusal(err, is_route) and "skip" or "fail", (tostring(err):gsub("^opengatellm: ", "")), M.is_away(err)
end

--- Judges a call by what was found wrong with its answer.
---@param problem? string nil: nothing
---@param detail string of an answer that is right
---@return ogl.compat.Verdict
---@return string detail
function M.of(problem, detail)
  if problem then return "fail", problem end
  return "pass", detail
end

--- Says what is wrong with a text that has to hold some words, in upper or lower case.
---@param text string
---@param ... string the words
---@return string? problem
function M.lacks(text, ...)
  for _, words in ipairs { ... } do
    if not text:lower():find(words:lower(), 1, true) then return ('expected "%s" in the answer, got %s'):format(words, kind.shown(text)) end
  end
end

--- Says what is wrong with the reason for which an answer ended.
---@param reply ogl.Reply
---@param reason ogl.FinishReason
---@return string? problem
function M.ends_otherwise(reply, reason)
  if reply.finish_reason == reason then return nil end
  return ('expected the reason "%s" at the end of the answer, got %s'):format(reason, kind.shown(reply.finish_reason))
end

--- Says that a request went out without a field, since its server or model does not take it.
---@param reply ogl.Reply
---@param field string
---@return string? what
function M.left_out(reply, field)
  for _, warning in ipairs(reply.warnings) do
    if warning.field == field and warning.code == "not_carried" then return warning.message end
  end
end

return M
