--- Keyword: rows by words in the question.
--
--   strategy = { "keyword", rules = { { words = { "SQL", "query" }, rows = { "code" } } } }
--
-- The first rule of which the question has a word puts its rows in front; the others follow in their order. Letter case does not count,
-- and a word is a whole one.
--
-- @module opengatellm.router.strategy.keyword
local question = require "opengatellm.router.strategy.question"
local sorting = require "opengatellm.router.strategy.sorting"

local M = {}

---@class ogl.KeywordRule
---@field words string[]
---@field rows string[] names

local function is_list_of_texts(value)
  if type(value) ~= "table" or value[1] == nil then return false end
  for _, text in ipairs(value) do
    if type(text) ~= "string" then return false end
  end
  return true
end

local function problem_of(rules, rows)
  if type(rules) ~= "table" or rules[1] == nil then return "rules: expected a list of { words = {…}, rows = {…} }" end
  local known = {}
  for _, row in ipairs(rows) do known[row.name] = true end
  for i, rule in ipairs(rules) do
    if type(rule) ~= "table" or not is_list_of_texts(rule.words) then return ("rules[%d].words: expected a list of texts"):format(i) end
    if not is_list_of_texts(rule.rows) then return ("rules[%d].rows: expected a list of names"):format(i) end
    for _, name in ipairs(rule.rows) do
      if not known[name] then return ("rules[%d].rows: there is no row '%s'"):format(i, name) end
    end
  end
end

local function has_word(text, word)
  local from, to = text:find(word, 1, true)
  while from do
    local before, behind = from > 1 and text:sub(from - 1, from - 1) or "", text:sub(to + 1, to + 1)
    if not before:find "[%w_]" and not behind:find "[%w_]" then return true end
    from, to = text:find(word, from + 1, true)
  end
  return false
end

local function rule_for(rules, text)
  for _, rule in ipairs(rules) do
    for _, word in ipairs(rule.words) do
      if has_word(text, word:lower()) then return rule end
    end
  end
end

--- Makes the strategy.
---@param options {rules: ogl.KeywordRule[]}
---@param rows ogl.Row[]
---@return ogl.Strategy?
---@return string? problem
function M.new(options, rows)
  local problem = problem_of(options.rules, rows)
  if problem then return nil, problem end
  return function(request, all)
    local rule = rule_for(options.rules, question.of(request):lower())
    if not rule then return all end
    local place = {}
    for i, name in ipairs(rule.rows) do place[name] = i end
    return sorting.by(all, function(row) return place[row.name] or math.huge end)
  end
end

return M
