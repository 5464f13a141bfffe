--- Text that comes in small pieces, written at the end of a buffer some times a second, as one change to undo.
--
--   local writer = writers.new(buffer, interval)
--   writer:add(text)       soon
--   writer:flush()         now
--
-- A window whose cursor is on the last line follows.
--
-- @module ogl_chat.writer
local M = {}

local Writer = {}
Writer.__index = Writer

---@param buffer integer
---@param interval integer milliseconds between two writes
function M.new(buffer, interval)
  return setmetatable({ buffer = buffer, interval = interval, pieces = {}, waiting = false, tick = nil }, Writer)
end

--- Adds text; the first is written at once, what follows in its turn.
function Writer:add(text)
  self.pieces[#self.pieces + 1] = text
  if self.waiting then return end
  self:flush()
  self.waiting = true
  vim.defer_fn(function()
    self.waiting = false
    if self.pieces[1] then self:add "" end
  end, self.interval)
end

-- Windows that look at the end.
local function followers(buffer)
  local last, list = vim.api.nvim_buf_line_count(buffer), {}
  for _, window in ipairs(vim.fn.win_findbuf(buffer)) do
    if vim.api.nvim_win_get_cursor(window)[1] == last then list[#list + 1] = window end
  end
  return list
end

-- The first change begins a new one to undo; what follows belongs to it, whatever keys came in between.
local function mind_undo(first)
  if first then vim.cmd "let &g:undolevels = &g:undolevels" else pcall(vim.cmd, "undojoin") end -- it raises after an undo
end

local function write(buffer, text)
  local last = vim.api.nvim_buf_line_count(buffer) - 1
  local column = #vim.api.nvim_buf_get_lines(buffer, last, last + 1, false)[1]
  vim.api.nvim_buf_set_text(buffer, last, column, last, column, vim.split(text, "\n", { plain = true }))
end

--- Writes what has been added.
function Writer:flush()
  local text = table.concat(self.pieces)
  self.pieces = {}
  if text == "" or not vim.api.nvim_buf_is_valid(self.buffer) then return end
  local windows = followers(self.buffer)
  vim.api.nvim_buf_call(self.buffer, function()
    mind_undo(self.tick ~= vim.api.nvim_buf_get_changedtick(self.buffer))
    write(self.buffer, text)
  end)
  self.tick = vim.api.nvim_buf_get_changedtick(self.buffer)
  local last = vim.api.nvim_buf_line_count(self.buffer)
  for _, window in ipairs(windows) do vim.api.nvim_win_set_cursor(window, { last, 0 }) end
end

return M
