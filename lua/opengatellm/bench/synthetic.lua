--- Synthetic texts of a wanted length in tokens, the same for the same seed and number.
--
--   local texts = synthetic.new { seed = 42, least = 200, most = 400, prefix = 100 }
--   texts:of(17)      the text of the 17th request
--
-- A text is of short common English words, each of which is one token for nearly every model, and a sentence at its end that asks for more.
-- How many tokens it really had, the server says. Texts of different numbers or seeds begin with different words, so that no server reads
-- them from its cache; a prefix is common to all texts of a seed, as system prompts are.
--
-- @module opengatellm.bench.synthetic
local chances = require "opengatellm.bench.chance"
local words = require "opengatellm.base.words"

local M = {}

local WORDS = words.list [[
  the and that have for not with you this but his from they say her she will one all would there their what out about who get which when
  make can like time just him know take people into year your good some could them see other than then now look only come its over think
  also back after use two how our work first well way even new want because any these give day most us great between need large under last
  never same another while house found still learn should world high every near add food below country plant school father keep tree start
  city earth light thought head story saw left few along might close night hard open example begin life always those both paper together
  got group often run important until children side feet car mile walk white sea began grow took river four carry state once book hear stop
]]

local REQUEST = "Go on with this text, at length, and do not stop." -- what a model is to do with it
local REQUEST_TOKENS = 12

---@class ogl.bench.Synthetic
local Synthetic = {}
Synthetic.__index = Synthetic

local function draw(chance, n)
  local list = {}
  for i = 1, n do list[i] = WORDS[chance:whole(#WORDS)] end
  return table.concat(list, " ")
end

--- Makes a source of texts.
---@param options {seed: integer, least: integer, most: integer, prefix: integer?} tokens
---@return ogl.bench.Synthetic
function M.new(options)
  local prefix = options.prefix or 0
  return setmetatable({
    seed = options.seed, least = options.least, most = options.most, prefix_tokens = prefix,
    prefix = prefix > 0 and draw(chances.new(options.seed), prefix) .. " " or "",
  }, Synthetic)
end

--- Gives the text of a request.
---@param number integer
---@return string
function Synthetic:of(number)
  local chance = chances.new(self.seed * 1000003 + number)
  local tokens = self.least - 1 + chance:whole(self.most - self.least + 1)
  local own = math.max(1, tokens - self.prefix_tokens - REQUEST_TOKENS)
  return ("%s%s. %s"):format(self.prefix, draw(chance, own), REQUEST)
end

return M
