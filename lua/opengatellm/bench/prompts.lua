--- Prompts: what the requests of a run ask, each by its number, so that every provider is asked the same.
--
--   local prompts = require "opengatellm.bench.prompts".new { list = { { messages = "Bonjour !" } }, seed = 42 }
--   prompts:request(17)      the 17th request, for client:stream or client:chat
--
-- Prompts come from a list, one after the other or by lot, or are synthetic. `unique` puts a line with a number of its own before each, so
-- that no server answers from its cache.
--
-- @module opengatellm.bench.prompts
local chances = require "opengatellm.bench.chance"
local estimate = require "opengatellm.chat.estimate"
local message = require "opengatellm.request.message"
local request = require "opengatellm.request"
local width = require "opengatellm.base.width"

local M = {}

local TEXT_COLUMNS = 80 -- of a line that describes a request

---@class ogl.bench.PromptOptions
---@field list? table[] prompts: messages (a text or a list), system, max_tokens, name, description
---@field synthetic? ogl.bench.Synthetic instead of a list
---@field seed integer
---@field by_lot? boolean
---@field unique? boolean
---@field images? string[] paths; each request has one of them
---@field output? {least: integer, most: integer} tokens that an answer may have
---@field fields? table of every request: system, temperature, max_tokens, extra, …

---@class ogl.bench.Prompts
---@field options ogl.bench.PromptOptions
local Prompts = {}
Prompts.__index = Prompts

--- Makes a source of requests.
---@param options ogl.bench.PromptOptions
---@return ogl.bench.Prompts
function M.new(options) return setmetatable({ options = options }, Prompts) end

-- The prompt of a number, and its own chance, which also draws its length of answer.
local function chosen(options, number)
  local chance = chances.new(options.seed * 1000003 + number)
  if options.synthetic then return { messages = options.synthetic:of(number) }, chance end
  local list = options.list
  local place = options.by_lot and chance:whole(#list) or (number - 1) % #list + 1
  return list[place], chance
end

-- Where to put what is added: the last message of the user; its content as a list of parts.
local function parts_of_user(messages)
  for i = #messages, 1, -1 do
    local one = messages[i]
    if one.role == "user" then
      if type(one.content) ~= "table" then one.content = { one.content } end
      return one.content
    end
  end
  messages[#messages + 1] = message.user {}
  return messages[#messages].content
end

local function add_number(messages, options, number)
  local line = ("[%d.%d]\n"):format(options.seed, number)
  for _, one in ipairs(messages) do
    if type(one.content) == "string" then
      one.content = line .. one.content
      return
    end
  end
  table.insert(parts_of_user(messages), 1, line)
end

--- Makes the request of a number.
---@param number integer from 1 on
---@return ogl.Request
function Prompts:request(number)
  local options = self.options
  local prompt, chance = chosen(options, number)
  local asked = request.copy(request.of { messages = prompt.messages })
  if options.unique then add_number(asked.messages, options, number) end
  if options.images then
    table.insert(parts_of_user(asked.messages), message.image { path = options.images[(number - 1) % #options.images + 1] })
  end
  local output = options.output
  local most = output and output.least - 1 + chance:whole(output.most - output.least + 1)
  return request.merge(options.fields, { system = prompt.system, max_tokens = prompt.max_tokens or most }, asked)
end

-- What a message says, in one text.
local function text_of(content)
  if type(content) == "string" then return content end
  local parts = {}
  for _, part in ipairs(type(content) == "table" and content or {}) do
    parts[#parts + 1] = type(part) == "string" and part or part.text or ("[%s]"):format(tostring(part.type))
  end
  return table.concat(parts, " ")
end

--- Describes the request of a number in one line: how long it is, how long its answer may be, and what it says.
---@param number integer
---@return string
function Prompts:line(number)
  local asked, parts = self:request(number), {}
  for i, one in ipairs(asked.messages) do parts[i] = ("%s: %s"):format(one.role, text_of(one.content)) end
  local text = width.harmless((table.concat(parts, " | "):gsub("%s+", " ")))
  return ("%4d  about %5d tokens  answer at most %-5s  %s"):format(number, estimate.prompt(asked), asked.max_tokens or "any",
    width.cut(text, TEXT_COLUMNS))
end

return M
