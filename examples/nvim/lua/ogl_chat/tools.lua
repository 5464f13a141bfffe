--- What the model may do in the editor, where the option `tools` is on. Each asks the user first; an edit changes a buffer, and is
-- written to no file before the user does it.
--
-- @module ogl_chat.tools
local M = {}

-- The buffer of a file, loaded; nil where there is no such file.
local function buffer_of(path)
  local whole = vim.fn.fnamemodify(path, ":p")
  if vim.fn.bufexists(whole) == 0 and vim.fn.filereadable(whole) == 0 then return nil, "there is no file " .. path end
  local buffer = vim.fn.bufadd(whole)
  vim.fn.bufload(buffer)
  return buffer
end

local function text_of(buffer) return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\n") end

local function read(arguments)
  local buffer, problem = buffer_of(arguments.path)
  if not buffer then return nil, problem end
  return text_of(buffer)
end

-- The row and the column of a byte of a text, from 0.
local function place_of(text, byte)
  local before = text:sub(1, byte - 1)
  local _, row = before:gsub("\n", "")
  return row, #before:match "[^\n]*$"
end

local function edit(arguments)
  local buffer, problem = buffer_of(arguments.path)
  if not buffer then return nil, problem end
  local text = text_of(buffer)
  local first, last = text:find(arguments.old, 1, true)
  if not first then return nil, "the old text does not stand in " .. arguments.path end
  if text:find(arguments.old, first + 1, true) then return nil, "the old text stands there more than once: give more around it" end
  local row, column = place_of(text, first)
  local row_end, column_end = place_of(text, last + 1)
  vim.bo[buffer].buflisted = true
  vim.api.nvim_buf_set_text(buffer, row, column, row_end, column_end, vim.split(arguments.new, "\n", { plain = true }))
  return "done; the user has yet to write the file"
end

--- The tools.
---@param ogl ogl
---@return table[]
function M.list(ogl)
  local s = ogl.schema
  local path = s.string "of a file, from the editor's folder"
  return {
    ogl.tool {
      name = "read_file", description = "Reads a file, as it stands in the editor.", approval = true,
      parameters = s.object { { "path", path } }, run = read,
    },
    ogl.tool {
      name = "apply_edit", description = "Replaces a text that stands once in a file.", approval = true, sequential = true,
      parameters = s.object { { "path", path }, { "old", s.string { min_length = 1 } }, { "new", s.string() } }, run = edit,
    },
  }
end

local ANSWERS = { "yes", "no", "always" }

-- What the user reads of a call.
local function question_of(call)
  local arguments = call.arguments
  if call.name ~= "apply_edit" then return ("ogl: %s %s?"):format(call.name, call.json) end
  return ("ogl: edit %s?\n- %s\n+ %s"):format(arguments.path, (arguments.old:gsub("\n", "\n- ")), (arguments.new:gsub("\n", "\n+ ")))
end

--- Has the user decide on the calls that wait, one after another.
---@param conversation ogl.Conversation
---@param done fun() all are decided
function M.decide(conversation, done)
  local call = conversation.pending[1]
  if not call then return done() end
  vim.ui.select(ANSWERS, { prompt = question_of(call) }, function(answer)
    if conversation.pending[1] ~= call then return end -- it was cancelled meanwhile
    if answer == "yes" or answer == "always" then conversation:approve(call.id, { always = answer == "always" })
    else conversation:reject(call.id, "the user said no") end
    M.decide(conversation, done)
  end)
end

return M
