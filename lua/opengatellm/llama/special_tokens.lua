--- Special tokens in a rendered template: which parts of it are tokens, which is text.
--
-- Where the texts of a vocabulary's special tokens are known, each of them becomes a piece of its own, and all text between two of them one
-- piece: the words of the template and those of the user are then tokenized together, as if the whole had been given to the tokenizer.
--
-- @module opengatellm.llama.special_tokens
local text = require "opengatellm.jinja.text"

local M = {}

---@class ogl.llama.Piece
---@field text string
---@field special boolean whether special tokens count in it

---@class ogl.llama.SpecialTokens
---@field by_byte table<string, string[]> the tokens by their first byte, longer ones first
---@field first string the Lua pattern of all first bytes
local Tokens = {}
Tokens.__index = Tokens

--- Makes a set of special tokens.
---@param list string[] their texts
---@return ogl.llama.SpecialTokens
function M.new(list)
  local by_byte, firsts = {}, {}
  for _, token in ipairs(list) do
    local byte = token:sub(1, 1)
    if byte ~= "" and not by_byte[byte] then by_byte[byte], firsts[#firsts + 1] = {}, byte:gsub("%W", "%%%0") end
    if byte ~= "" then table.insert(by_byte[byte], token) end
  end
  for _, tokens in pairs(by_byte) do table.sort(tokens, function(a, b) return #a > #b end) end
  return setmetatable({ by_byte = by_byte, first = firsts[1] and "[" .. table.concat(firsts) .. "]" }, Tokens)
end

-- The token that begins at a byte.
local function token_at(self, bytes, at)
  for _, token in ipairs(self.by_byte[bytes:sub(at, at)]) do
    if bytes:sub(at, at + #token - 1) == token then return token end
  end
end

-- The next token from a byte on, and where it begins.
local function next_token(self, bytes, from)
  local at = self.first and bytes:find(self.first, from)
  while at do
    local token = token_at(self, bytes, at)
    if token then return token, at end
    at = bytes:find(self.first, at + 1)
  end
end

-- Adds text to the last piece if that is text, too.
local function add_text(pieces, bytes)
  local last = pieces[#pieces]
  if bytes == "" then return end
  if last and not last.special then last.text = last.text .. bytes else pieces[#pieces + 1] = { text = bytes, special = false } end
end

-- Adds what a template says: its tokens as pieces of their own.
local function add_own(self, pieces, bytes)
  local from = 1
  while true do
    local token, at = next_token(self, bytes, from)
    if not token then break end
    add_text(pieces, bytes:sub(from, at - 1))
    pieces[#pieces + 1] = { text = token, special = true }
    from = at + #token
  end
  add_text(pieces, bytes:sub(from))
end

--- Cuts a rendered template into pieces.
---@param rendered ogl.jinja.Text
---@return ogl.llama.Piece[]
function Tokens:pieces(rendered)
  local pieces = {}
  for _, run in ipairs(text.runs(rendered)) do
    if run.foreign then add_text(pieces, run.text) else add_own(self, pieces, run.text) end
  end
  return pieces
end

--- Cuts a rendered template into pieces without knowing the tokens: whatever the template says may hold some.
---@param rendered ogl.jinja.Text
---@return ogl.llama.Piece[]
function M.pieces(rendered)
  local pieces = {}
  for i, run in ipairs(text.runs(rendered)) do pieces[i] = { text = run.text, special = not run.foreign } end
  return pieces
end

return M
