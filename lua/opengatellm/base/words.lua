--- Lists of words that the code writes as one text, with blanks between them.
--
-- @module opengatellm.base.words
local M = {}

--- Makes a set whose keys are the words of a text.
---@param text string
---@return table<string, true>
function M.set(text)
  local set = {}
  for word in text:gmatch "%S+" do set[word] = true end
  return set
end

--- Makes a list of the words of a text, in their order.
---@param text string
---@return string[]
function M.list(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

return M
