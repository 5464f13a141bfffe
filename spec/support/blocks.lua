--- The code blocks of a page in Markdown, and how a Lua block of it is run.
--
--   for _, block in ipairs(blocks.of "README.md") do … end
--   local said = blocks.run(block, { client = client })          what the block printed and wrote
--
-- A block is fenced by three backticks at the start of a line. "lua" after them is a block that runs; "lua norun" is one that cannot
-- (it needs another program, or is a part of something). A block "text" right below a Lua block is what that block prints.

local helper = require "spec.helper"

local M = {}

---@class Block
---@field page string
---@field line integer of its opening fence
---@field language string "" where the fence names none
---@field norun boolean
---@field text string
---@field headings integer of the page, above the block
---@field output? string what the page says that the block prints

local FENCE = "^```%s*(%S*)%s*(.-)%s*$"

local function open_block(page, line, language, mark, headings)
  return { page = page, line = line, language = language, norun = mark == "norun", mark = mark, lines = {}, headings = headings }
end

-- The block of what a Lua block prints stands right below it, but for an empty line.
local function give_outputs(found)
  for i, block in ipairs(found) do
    local above = found[i - 1]
    if block.language == "text" and above and above.language == "lua" and block.line - above.last <= 2 then above.output = block.text end
  end
end

--- The blocks of a page, in order.
---@param page string a path
---@param text? string of the page; default: the file's
---@return Block[]
function M.of(page, text)
  local found, open, number, headings = {}, nil, 0, 0
  for line in (text or helper.read(page)):gmatch "([^\n]*)\n" do
    number = number + 1
    local language, mark = line:match(FENCE)
    if open and language == "" then
      open.text, open.last = table.concat(open.lines, "\n"), number
      found[#found + 1], open = open, nil
    elseif open then
      table.insert(open.lines, line)
    elseif language then
      open = open_block(page, number, language, mark, headings)
    elseif line:find "^#+ " then
      headings = headings + 1
    end
  end
  assert(not open, page .. ": the last block is not closed")
  give_outputs(found)
  return found
end

-- The globals of a block: those of Lua, with what it prints kept, and `names` beside them.
local function environment_of(names, out)
  local function write(...)
    for i = 1, select("#", ...) do out[#out + 1] = tostring((select(i, ...))) end
  end
  local function print_line(...)
    local texts = {}
    for i = 1, select("#", ...) do texts[i] = tostring((select(i, ...))) end
    write(table.concat(texts, "\t"), "\n")
  end
  local environment = {
    print = print_line, io = setmetatable({ write = write, flush = function() end }, { __index = io }),
    os = setmetatable({ exit = function() error("the block called os.exit", 2) end }, { __index = os }),
  }
  for name, value in pairs(names) do environment[name] = value end
  return setmetatable(environment, { __index = _G })
end

--- Runs a Lua block in globals of its own, and gives what it wrote. Raises what the block raises, with the page's line.
---@param block Block
---@param names table<string, any> globals that the page takes for granted
---@return string
function M.run(block, names)
  local out = {}
  local environment = environment_of(names, out)
  local source = ("\n"):rep(block.line) .. block.text -- lines of errors are those of the page
  local chunk
  if setfenv then chunk = setfenv(assert(loadstring(source, "@" .. block.page)), environment)
  else chunk = assert(load(source, "@" .. block.page, "t", environment)) end
  chunk()
  return table.concat(out)
end

return M
