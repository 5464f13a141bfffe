--- Limits: what ends a turn that would not end by itself. Each is an error of its own code, and the conversation stays as it is.
--
--   max_steps      requests of a turn
--   tokens, cost, tool_calls   of the whole conversation (its option `limits`)
--   tool_retries   how often in a row a tool is called wrongly; unknown tools count together, so that a new name brings no new budget
--   repeated       the same call with the same arguments had the same result three times in a row
--
-- @module opengatellm.conversation.limits
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"

local M = {}

local ROW = 3 -- equal results in a row that end a turn

local function limit(code, message) return errors.new { kind = "limit", code = code, message = message } end

-- The tokens of a conversation.
local function tokens_of(usage)
  return usage.total_tokens or (usage.input_tokens or 0) + (usage.output_tokens or 0)
end

--- Says whether calls would exceed their limit.
---@param conversation ogl.Conversation
---@param n_calls integer that are about to run
---@return ogl.Error?
function M.check_calls(conversation, n_calls)
  local most = conversation.options.limits and conversation.options.limits.tool_calls
  if most and conversation.n_calls + n_calls > most then
    return limit("tool_calls", ("%d calls more would exceed the limit of %d"):format(n_calls, most))
  end
end

--- Says which limit forbids the next request.
---@param conversation ogl.Conversation
---@return ogl.Error?
function M.check(conversation)
  local limits, usage = conversation.options.limits or {}, conversation.usage
  if limits.tokens and tokens_of(usage) >= limits.tokens then
    return limit("tokens", ("the conversation has used %d of %d tokens"):format(tokens_of(usage), limits.tokens))
  end
  if limits.cost and (usage.cost or 0) >= limits.cost then
    return limit("cost", ("the conversation has cost %g of %g"):format(usage.cost, limits.cost))
  end
  if conversation.number >= conversation.max_steps then
    return limit("max_steps", ("the turn has taken its %d steps"):format(conversation.max_steps))
  end
end

local UNKNOWN = "" -- the budget of all names that no tool has

--- Counts how a call ended.
---@param conversation ogl.Conversation
---@param record ogl.CallRecord
function M.count(conversation, record)
  local name = conversation.tools[record.name] and record.name or UNKNOWN
  if record.outcome == "retry" then conversation.retries[name] = (conversation.retries[name] or 0) + 1
  elseif record.outcome == "success" then conversation.retries[name] = nil end
end

--- Says which budget of retries is used up.
---@param conversation ogl.Conversation
---@return ogl.Error?
function M.exhausted(conversation)
  local usual = conversation.options.tool_retries or 3
  for name, count in pairs(conversation.retries) do
    local tool = conversation.tools[name]
    if count > (tool and tool.retries or usual) then
      local what = name == UNKNOWN and "tools that do not exist were" or ("the tool '%s' was"):format(name)
      return limit("tool_retries", ("%s called wrongly %d times in a row"):format(what, count))
    end
  end
end

local function text_of(content) return type(content) == "string" and content or json.encode(content) end

-- Whether a result is the one that was seen. A save holds only the hash of that.
local function is_same(seen, content)
  if seen.hash then return seen.hash == core.sha256(text_of(content)) end
  return seen.content == content or type(content) == "table" and text_of(seen.content) == text_of(content)
end

--- Looks at the results of a step, and says which call ran in a circle.
---@param conversation ogl.Conversation
---@param place integer of the message with the calls; their results stand behind it
---@return ogl.Error?
function M.circle(conversation, place)
  local before, now, err = conversation.seen, {}, nil
  for i, record in ipairs(conversation.records) do
    local tool, result = conversation.tools[record.name], conversation.messages[place + i]
    if result and not (tool and tool.repeats) then
      local key = record.name .. " " .. record.json
      local seen, count = now[key] or before[key], 1
      if seen and is_same(seen, result.content) then count = seen.count + 1 end
      now[key] = { count = count, content = result.content }
      if count >= ROW and not err then
        local message = "the call of %s had the same arguments and the same result %d times in a row"
        err = limit("repeated", message:format(record.name, count))
      end
    end
  end
  conversation.seen = now
  return err
end

--- What was seen, as a save holds it.
---@param seen table<string, {count: integer, content?: any, hash?: string}>
---@return table<string, {count: integer, hash: string}>
function M.hashed(seen)
  local out = {}
  for key, entry in pairs(seen) do out[key] = { count = entry.count, hash = entry.hash or core.sha256(text_of(entry.content)) } end
  return out
end

return M
