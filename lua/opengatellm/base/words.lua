--- Words: tables of data that are written as one text of words with blanks between them.
--
-- @module opengatellm.base.words
local M = {}

--- The words as keys.
---@param text string
---@return table<string, true>
function M.set(text)
  local set = {}
  for word in text:gmatch "%S+" do set[word] = true end
  return set
end

--- The words in their order.
---@param text string
---@return string[]
function M.list(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

return M
