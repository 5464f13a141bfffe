--- What a model writes: text in, in parts of any size; reasoning, text and calls of tools out.
--
--   local reader = output.new { thinking = true, tools = { get_weather = true } }
--   for _, item in ipairs(reader:feed "…") do … end       { kind = "text", text } | { kind = "reasoning", text } |
--   for _, item in ipairs(reader:finish()) do … end       { kind = "tool_call", name, arguments }
--
-- A thought stands at the beginning, between its marks. Calls are known by the marks of Hermes and Qwen, Llama 3 and Mistral, and only
-- where there are tools. A call is given once it is whole; what is no whole call stays text. Blanks around thoughts and calls are left out.
--
-- @module opengatellm.llama.output
local tool_forms = require "opengatellm.llama.tool_forms"

local M = {}

---@alias ogl.llama.Item {kind: "text"|"reasoning", text: string}|{kind: "tool_call", name: string, arguments: string}

---@class ogl.llama.Output
---@field mode "start"|"reasoning"|"answer"|"text"|"call"
---@field held string what was not given away yet
---@field blanks string those behind what was given last: they are given with what follows
---@field kind? "text"|"reasoning" what was given last
---@field tools? table<string, true>
---@field ended boolean
---@field items ogl.llama.Item[]
local Output = {}
Output.__index = Output

--- The longest call that is waited for, in bytes; a longer one stays text.
M.LONGEST = 2 ^ 20

--- Makes a reader.
---@param options? {thinking?: boolean, tools?: table<string, any>} whether the prompt has begun a thought already; the tools by their names
---@return ogl.llama.Output
function M.new(options)
  options = options or {}
  local mode = options.thinking and "reasoning" or "start"
  return setmetatable({ mode = mode, held = "", blanks = "", tools = options.tools, ended = false, items = {} }, Output)
end

--- Finds where a value of JSON ends, that begins with a bracket.
---@param from integer
---@return integer? last nil where it is not there yet
function Output:json_end(from)
  local scan = self.scan
  if not scan or scan.from ~= from then
    scan = { from = from, at = from, depth = 0, in_text = false }
    self.scan = scan
  end
  while not scan.last do
    local at = self.held:find(scan.in_text and '["\\]' or '["{}%[%]]', scan.at)
    if not at then
      scan.at = math.max(scan.at, #self.held + 1) -- an escape may reach beyond
      return nil
    end
    local byte = self.held:sub(at, at)
    scan.at = at + (byte == "\\" and 2 or 1)
    if byte == '"' then scan.in_text = not scan.in_text
    elseif byte:find "[{%[]" then scan.depth = scan.depth + 1
    elseif byte ~= "\\" then scan.depth = scan.depth - 1 end
    if scan.depth <= 0 and not scan.in_text then scan.last = at end
  end
  return scan.last
end

-- Items -------------------------------------------------------------------------------------------------------------------------

local function put(self, kind, text)
  local last = self.items[#self.items]
  if last and last.kind == kind then last.text = last.text .. text else self.items[#self.items + 1] = { kind = kind, text = text } end
end

-- Gives text. The blanks at its end wait for what follows; those in front of a thought, and between two kinds, are left out.
local function give(self, kind, text)
  if self.kind ~= kind and (self.kind or kind == "reasoning") then self.blanks, text = "", text:match "^%s*(.*)$" end
  local behind = text:match "^.*%S()" or 1
  if behind > 1 then
    put(self, kind, self.blanks .. text:sub(1, behind - 1))
    self.kind, self.blanks = kind, ""
  end
  self.blanks = self.blanks .. text:sub(behind)
end

local function give_call(self, call)
  self.items[#self.items + 1] = { kind = "tool_call", name = call.name, arguments = call.arguments }
  self.kind, self.blanks = "tool_call", ""
end

-- Takes bytes off the front of what is held.
local function take(self, count)
  local front = self.held:sub(1, count)
  self.held, self.scan = self.held:sub(count + 1), nil
  return front
end

-- Marks -------------------------------------------------------------------------------------------------------------------------

-- The first of some marks in what is held.
local function first_mark(self, marks)
  local first, found
  for _, mark in ipairs(marks) do
    local at = self.held:find(mark, 1, true)
    if at and (not first or at < first) then first, found = at, mark end
  end
  return first, found
end

-- How many bytes at the end of what is held may be the beginning of a mark.
local function open_end(self, marks)
  local longest = 0
  for _, mark in ipairs(self.ended and {} or marks) do
    for count = math.min(#mark - 1, #self.held), longest + 1, -1 do
      if mark:sub(1, count) == self.held:sub(-count) then
        longest = count
        break
      end
    end
  end
  return longest
end

-- Gives away what stands in front of the first mark; says which it is, and takes it.
local function give_up_to(self, kind, marks)
  local at, mark = first_mark(self, marks)
  give(self, kind, take(self, at and at - 1 or #self.held - open_end(self, marks)))
  if mark then take(self, #mark) end
  return mark
end

-- Modes: each works on what is held, and says whether another mode has to go on ----------------------------------------------------

local THOUGHTS = { ["<think>"] = "</think>", ["[THINK]"] = "[/THINK]" }
local OPENING, CLOSING = { "<think>", "[THINK]" }, { "</think>", "[/THINK]" }
local CALLS = { "<tool_call>", "[TOOL_CALLS]", "<|python_tag|>" }

local modes = {}

function modes.start(self)
  local blanks = self.held:match "^%s*"
  for _, mark in ipairs(OPENING) do
    local part = self.held:sub(#blanks + 1, #blanks + #mark)
    if part == mark then
      take(self, #blanks + #mark)
      self.mode, self.closing = "reasoning", { THOUGHTS[mark] }
      return true
    end
    if not self.ended and mark:sub(1, #part) == part then return false end
  end
  self.mode = "answer"
  return true
end

function modes.reasoning(self)
  if not give_up_to(self, "reasoning", self.closing or CLOSING) then return false end
  self.mode, self.kind = "answer", "reasoning"
  return true
end

-- The beginning of an answer: here, and only here, a call may stand without a mark.
function modes.answer(self)
  self.mode, self.form, self.mark = "text", tool_forms.bare, ""
  if self.tools then self.mode = "call" end
  return true
end

function modes.text(self)
  local mark = give_up_to(self, "text", self.tools and CALLS or {})
  if not mark then return false end
  self.mode, self.form, self.mark = "call", tool_forms.by_mark[mark], mark
  return true
end

function modes.call(self)
  local calls, behind = self.form(self, 1)
  if calls == nil and not self.ended and #self.held <= M.LONGEST then return false end
  self.mode = "text"
  if calls then
    for _, call in ipairs(calls) do give_call(self, call) end
    take(self, behind - 1)
  elseif self.mark ~= "" then
    give(self, "text", self.mark)
  end
  return true
end

local function work(self)
  while modes[self.mode](self) do end
  local items = self.items
  self.items = {}
  return items
end

--- Reads what the model has written next.
---@param text string
---@return ogl.llama.Item[]
function Output:feed(text)
  self.held = self.held .. text
  return work(self)
end

--- Reads the end of the answer: what is held back becomes what it can be.
---@return ogl.llama.Item[]
function Output:finish()
  self.ended = true
  local items = work(self)
  if self.blanks ~= "" and self.kind ~= "reasoning" then items[#items + 1] = { kind = "text", text = self.blanks } end
  self.blanks = ""
  return items
end

return M
