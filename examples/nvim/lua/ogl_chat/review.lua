--- A review: the model lists what is wrong in lines of a buffer, and each problem goes into a quickfix list as soon as it is written whole.
--
-- The list is the user's from the first problem on: it can be walked while more come. A new review is a new list; |:colder| shows the
-- one before.
--
-- @module ogl_chat.review
local config = require "ogl_chat.config"
local library = require "ogl_chat.library"

local M = {}

local SYSTEM = "You review text. List what is wrong in the numbered lines that you get, the worst first. List nothing that is well."

local task -- of the last review

local function complain(text) vim.notify("ogl: " .. text, vim.log.levels.ERROR) end

-- The lines with their numbers, since models count badly.
local function numbered(buffer, first, last)
  local lines = vim.api.nvim_buf_get_lines(buffer, first - 1, last, false)
  for i, line in ipairs(lines) do lines[i] = ("%d: %s"):format(first + i - 1, line) end
  return table.concat(lines, "\n")
end

local function question(buffer, first, last, wish)
  local name = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":t")
  return ("%s\n\n%s (%s):\n%s"):format(wish ~= "" and wish or "Review this.", name ~= "" and name or "text", vim.bo[buffer].filetype,
    numbered(buffer, first, last))
end

local function schema()
  local s = library.load().schema
  return s.array(s.object { { "line", s.integer "its number" }, { "text", s.string "the problem, in one sentence" } })
end

-- A new list, shown below, with the cursor where it was; its id, by which it is found whatever lists the user makes meanwhile.
local function new_list(title)
  vim.fn.setqflist({}, " ", { title = title, items = {} })
  local window = vim.api.nvim_get_current_win()
  vim.cmd "botright copen"
  vim.api.nvim_set_current_win(window)
  return vim.fn.getqflist({ id = 0 }).id
end

-- What a model says of lines that are not there, it says of the nearest.
local function add(list, buffer, first, last, problem)
  local line = math.max(first, math.min(problem.line, last))
  local item = { bufnr = buffer, lnum = line, text = problem.text, type = "W" }
  vim.fn.setqflist({}, "a", { id = list, items = { item } })
end

local function size(list) return vim.fn.getqflist({ id = list, size = 0 }).size end

local function finish(list, err)
  if err and err.kind ~= "cancelled" then return complain(tostring(err)) end
  vim.notify(("ogl: %d problems%s"):format(size(list), err and ", cancelled" or ""))
end

local function ask(client, buffer, first, last, wish)
  local list = new_list("ogl: " .. (wish ~= "" and wish or "review"))
  local request = {
    model = config.model(), system = SYSTEM, messages = question(buffer, first, last, wish), output = schema(),
  }
  local asked, result = pcall(client.stream, client, request, {
    on_element = function(problem) add(list, buffer, first, last, problem) end,
    on_done = function(_, err) finish(list, err) end,
  })
  if asked then task = result else complain(tostring(result)) end
end

--- Has lines of the present buffer reviewed.
---@param first integer
---@param last integer
---@param wish string what the model shall look for; "" for anything
function M.start(first, last, wish)
  if task and not task.done then return complain "a review is coming; cancel it first" end
  local client, problem = config.client()
  if not client then return complain(problem) end
  local buffer = vim.api.nvim_get_current_buf()
  local function go() ask(client, buffer, first, last, wish) end
  if not config.model() then return require("ogl_chat.models").choose(go) end
  go()
end

--- Cancels the review that is coming: its connection is closed, and what came stays in the list.
function M.cancel()
  if task then task:cancel() end
end

return M
