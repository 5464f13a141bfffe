--- The output tool: events of a call whose arguments are the answer, as if the model had written them as text.
--
-- @module opengatellm.chat.output_tool
local requests = require "opengatellm.request"

local M = {}

local function text_of(event, text) return { type = "text", text = text, index = event.index, choice = event.choice } end

local read = {}

-- Only the first call of a choice is the answer; a second one gives nothing more.
function read.tool_call(event, state, output)
  local choice = event.choice or 1
  if event.name ~= output.tool then
    state.others[choice] = true
    return event
  end
  state.skipped[choice .. ":" .. event.index] = true
  if state.calls[choice] then return nil end
  state.calls[choice] = { index = event.index, given = false }
  if choice == 1 then output.call = { id = event.id, name = event.name } end
end

-- The call that an event belongs to, if it is the answer.
local function call_of(event, state)
  local call = state.calls[event.choice or 1]
  return call and call.index == event.index and call
end

local function is_skipped(event, state) return event.index and state.skipped[(event.choice or 1) .. ":" .. event.index] end

function read.tool_arguments(event, state)
  local call = call_of(event, state)
  if not call then return not is_skipped(event, state) and event or nil end
  call.given = true
  return text_of(event, event.text)
end

function read.tool_call_end(event, state, output)
  local call = call_of(event, state)
  if not call then return not is_skipped(event, state) and event or nil end
  if not event.choice then output.call.arguments = event.arguments end -- apart from what the model said before
  if not call.given and event.arguments ~= "" then return text_of(event, event.arguments) end
end

function read.part_end(event, state) return not is_skipped(event, state) and event or nil end

function read.finish(event, state)
  local choice = event.choice or 1
  if event.reason == "tool_calls" and state.calls[choice] and not state.others[choice] then
    return requests.merge(event, { reason = "stop" })
  end
  return event
end

-- The event function of a call that is asked for its output as a tool's arguments.
local function reads(output)
  return function(event, _, state)
    if not event then return nil end
    if not state.calls then state.calls, state.skipped, state.others = {}, {}, {} end
    local reader = read[event.type]
    if not reader then return event end
    return reader(event, state, output)
  end
end

--- Adds the function that reads the tool's call as text to those of a call, as the first that its events pass; where there is no tool,
--- gives the functions as they are.
---@param output ogl.Output|nil
---@param functions? ogl.EventFunction[]
---@param states? table[]
---@return ogl.EventFunction[]? functions
---@return table[]? states one for each
function M.add(output, functions, states)
  if not (output and output.tool) then return functions, states end
  local all, of_each = {}, {}
  for i, each in ipairs(functions or {}) do all[i], of_each[i] = each, states and states[i] or {} end
  table.insert(all, reads(output))
  table.insert(of_each, {})
  return all, of_each
end

return M
