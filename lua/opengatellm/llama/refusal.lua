--- Refusals: what a Chat Completions server would answer to a request that it cannot fulfil.
--
-- @module opengatellm.llama.refusal
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"

local M = {}

---@class ogl.llama.Refusal
---@field status integer
---@field body string JSON

--- Makes a refusal.
---@param status integer
---@param message string
---@param code? string
---@return ogl.llama.Refusal
function M.new(status, message, code)
  local said = { message = message, type = status == 404 and "not_found_error" or "invalid_request_error", code = code }
  return { status = status, body = core.encode { error = said } }
end

--- Refuses a field of a request.
---@param problem string
---@return ogl.llama.Refusal
function M.field(problem) return M.new(400, problem, "invalid_field") end

-- What a job that could not be done says of itself; "%d"s are the tokens of the prompt and those that a chat holds.
local TOO_LONG = "the prompt has %d tokens, and the context of this model holds %d: settings = { context = … } makes it longer, where "
  .. "the model has learned it"

local FAILURES = {
  memory = { kind = "limit", message = "there is no memory for this answer: a shorter context or fewer slots take less" },
  failed = { kind = "limit", message = "libllama could not compute the answer: its memory is full, or this model needs what it cannot do" },
  grammar = { kind = "unsupported", message = "libllama cannot read the grammar of this answer, or the model's tokens cannot follow it" },
  closed = { kind = "closed", message = "the client was closed" },
  cancelled = { kind = "closed", message = "the client was closed" },
  forked = { kind = "config", message = "the process has forked, and the model computes in its parent: make a client in the child" },
}

--- Says why a job ended without an answer.
---@param ending string of csrc/lua/llama_job.c
---@param tokens integer of the prompt
---@param room integer tokens that a chat holds
---@return ogl.llama.Refusal|ogl.Error
function M.of(ending, tokens, room)
  if ending == "context" then return M.new(400, TOO_LONG:format(tokens, room), "context_length_exceeded") end
  if ending == "empty" then return M.new(400, "the prompt is empty", "empty_prompt") end
  local failure = FAILURES[ending]
  return errors.new { kind = failure.kind, code = ending, message = failure.message }
end

return M
