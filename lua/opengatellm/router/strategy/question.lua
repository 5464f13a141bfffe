--- Questions: the text of a request that strategies look at.
--
-- @module opengatellm.router.strategy.question
local M = {}

local function text_of(content)
  if type(content) == "string" then return content end
  local texts = {}
  for _, part in ipairs(content) do
    if type(part) == "string" then texts[#texts + 1] = part elseif part.type == "text" then texts[#texts + 1] = part.text end
  end
  return table.concat(texts, "\n")
end

--- The text of the last message of the user; of other requests, their input or query.
---@param request table
---@return string
function M.of(request)
  for i = #(request.messages or {}), 1, -1 do
    local message = request.messages[i]
    if message.role == "user" then return text_of(message.content) end
  end
  local input = request.input or request.query
  if type(input) == "table" then input = input[1] end
  return type(input) == "string" and input or ""
end

return M
