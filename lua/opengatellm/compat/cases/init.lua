--- The cases, in the order in which they run.
--
-- A case is { says, needs?, is_basic?, is_costly?, run(target) -> verdict, detail }. `needs` is what its model is for, "text" unless it
-- says so. A server cannot do without what is `is_basic`: where it refuses that, it has failed. What is `is_costly` runs only where it is
-- asked for. Cases run in a task, so that Ctrl-C can end one that waits: on Lua 5.1 none may wait inside pcall or a for loop's iterator.
--
-- @module opengatellm.compat.cases
local M = {}

---@class ogl.compat.Case
---@field name string
---@field says string what holds where it passes
---@field needs "text"|"embeddings"|"rerank"|"images"
---@field is_basic? boolean
---@field is_costly? boolean
---@field run fun(target: ogl.compat.Target): ogl.compat.Verdict, string

local ORDER = {
  "text", "stream", "memory", "usage", "stop", "max_tokens", "cancel", "errors", "key", "tool_call", "parallel_tools", "forced_tool",
  "structured_output", "image", "reasoning", "embeddings", "rerank", "image_generation", "image_edit",
}

local GROUPS = { "text", "stream", "tools", "vectors", "images", "refusals" }

local all = {}

for _, group in ipairs(GROUPS) do
  for name, case in pairs(require("opengatellm.compat.cases." .. group)) do
    case.name, case.needs = name, case.needs or "text"
    all[name] = case
  end
end

--- Lists the names of all cases in their order.
---@return string[]
function M.names()
  local names = {}
  for i, name in ipairs(ORDER) do names[i] = name end
  return names
end

--- Finds a case.
---@param name string
---@return ogl.compat.Case? # nil where there is none
function M.find(name) return all[name] end

return M
