--- Translation: fits a request to a protocol, and warns of each field that the protocol cannot carry.
--
-- A request may have come by another protocol than it goes out by (`request.protocol`): fields that only that one has are left out, or
-- replaced by the nearest that this one has.
--
-- @module opengatellm.protocol.translation
local messages = require "opengatellm.protocol.messages"
local requests = require "opengatellm.request"

local M = {}

-- A list of warnings is callable, and adds one when called. It is not a closure, because LuaJIT compiles no trace that makes closures.
local warnings_mt = { __call = function(list, field, text, code)
  list[#list + 1] = { code = code or "not_carried", field = field, message = text }
end }

--- Makes a list of warnings, and a function that adds one: without `code`, that a field was left out (`not_carried`).
---@return {code: string, field: string, message: string}[] warnings
---@return fun(field: string, text: string, code?: string) warn
function M.warnings()
  local warnings = setmetatable({}, warnings_mt)
  return warnings, warnings
end

local function by_field(a, b) return a.field < b.field end

--- Sorts warnings by their fields, so that the same request always gives the same list.
---@param warnings {field: string}[]
function M.sort_warnings(warnings) table.sort(warnings, by_field) end

--- Gives a request's `reasoning` as a table; a word becomes its effort.
---@param reasoning string|table
---@return {effort?: string, budget?: integer, summary?: string}
function M.reasoning(reasoning) return type(reasoning) == "string" and { effort = reasoning } or reasoning end

--- Says whether a request came by another protocol than this.
---@param request ogl.Request
---@param protocol string
---@return boolean
function M.is_foreign(request, protocol) return request.protocol ~= nil and request.protocol ~= protocol end

-- Adds the members of a value to a field that our own fields have already filled in part.
local function merge_into(body, key, value)
  for name, inner in pairs(value) do body[key][name] = inner end
end

-- Objects of a protocol whose members partly have names of ours: their other members are named one by one in warnings.
local SHARED = { generationConfig = true, toolConfig = true, options = true, thinking = true, output_config = true, text = true }

local function warn_of_extra(request, protocol, warn)
  local names = {}
  for name, value in pairs(request.extra) do
    if SHARED[name] and type(value) == "table" then
      for inner in pairs(value) do names[#names + 1] = name .. "." .. inner end
    else
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    warn("extra." .. name, ("%s is a field of %s: it was left out for %s"):format(name, request.protocol, protocol))
  end
end

--- Merges `extra` over a body. If the request came to us, objects are merged member by member, since `extra` holds the members that
--- have no name here. The extra of a request of another protocol is left out, with warnings.
---@param body table
---@param request ogl.Request
---@param protocol string
---@param warn fun(field: string, message: string)
function M.add_extra(body, request, protocol, warn)
  if not request.extra then return end
  if M.is_foreign(request, protocol) then return warn_of_extra(request, protocol, warn) end
  for key, value in pairs(request.extra) do
    local both = request.protocol and type(value) == "table" and type(body[key]) == "table"
    if both and not value[1] and not body[key][1] then merge_into(body, key, value) else body[key] = value end
  end
end

--- Gives the effort nearest to a budget of reasoning, for protocols without budgets.
---@param budget integer tokens
---@return "none"|"low"|"medium"|"high"
function M.effort_of(budget)
  if budget == 0 then return "none" end
  return budget <= 2048 and "low" or budget <= 8192 and "medium" or "high"
end

-- Warns of the fields of messages and tools that only the request's own protocol knows.
local function warn_of_rest(request, protocol, warn, carries_marks)
  local names, seen = messages.extra_names(request.messages, protocol), {}
  for _, tool in ipairs(request.tools or {}) do
    for name in pairs(tool.extra or {}) do names[#names + 1] = name end
    for name in pairs(tool.inner_extra or {}) do names[#names + 1] = name end
  end
  for _, name in ipairs(names) do
    if not seen[name] and not (carries_marks and name == "cache_control") then
      warn("messages." .. name, ("%s is a field of %s: it was left out for %s"):format(name, request.protocol, protocol))
    end
    seen[name] = true
  end
end

--- Fits a request that came by another protocol: leaves out tools in that server's own form, and a choice of tools or a service tier
--- that only that one has. It also warns of the fields of messages and tools that will be left out.
---@param request ogl.Request
---@param protocol string
---@param warn fun(field: string, message: string)
---@param has? {marks?: boolean, budget?: boolean} whether the protocol has marks for the prompt cache, and budgets of reasoning
---@return ogl.Request
function M.translated(request, protocol, warn, has)
  if not M.is_foreign(request, protocol) then return request end
  warn_of_rest(request, protocol, warn, has and has.marks)
  local out, tools = requests.merge(request), {}
  for i, tool in ipairs(request.tools or {}) do
    if not tool.type or tool.type == "function" then tools[#tools + 1] = tool
    else warn(("tools[%d]"):format(i), ("a tool of type %s is one of %s: it was left out"):format(tool.type, request.protocol)) end
  end
  if request.tools then out.tools = tools end
  if type(request.tool_choice) == "table" and request.tool_choice.type or request.tool_choice and not tools[1] then
    if request.tool_choice ~= "none" and request.tool_choice ~= "auto" then
      warn("tool_choice", "it names a tool that was not sent: the choice was left out")
    end
    out.tool_choice = nil
  end
  local budget = type(request.reasoning) == "table" and request.reasoning.budget
  if budget and not (has and has.budget) then
    out.reasoning = { effort = request.reasoning.effort or M.effort_of(budget), summary = request.reasoning.summary }
    local text = ("%s has no budget for reasoning: the effort %s was sent"):format(protocol, out.reasoning.effort)
    warn("reasoning.budget", text, "approximated")
  end
  if request.service_tier and request.service_tier ~= "auto" then
    warn("service_tier", request.service_tier .. " is a service tier of " .. request.protocol .. ": it was left out")
    out.service_tier = nil
  end
  return out
end

--- Warns of the fields that a protocol cannot carry. false, and `n` of 1, ask for the default and need no warning.
---@param request ogl.Request
---@param names table<string, boolean>
---@param protocol string
---@param warn fun(field: string, message: string)
function M.warn_of(request, names, protocol, warn)
  local found = {}
  for field, value in next, request do
    if names[field] and value and not (field == "n" and value == 1) then found[#found + 1] = field end
  end
  table.sort(found)
  for _, field in ipairs(found) do warn(field, protocol .. " has no " .. field .. ": it was left out") end
end

return M
