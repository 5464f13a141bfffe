--- A chat with OpenGateLLM, or any other LLM server, in a buffer. The help file is doc/ogl_chat.txt.
--
-- @module ogl_chat
local chats = require "ogl_chat.chat"
local config = require "ogl_chat.config"
local models = require "ogl_chat.models"
local review = require "ogl_chat.review"

local M = {}

local current -- the chat that was used last

--- Takes options; needed only where the defaults do not do.
---@param options? table see ogl_chat/config.lua
function M.setup(options) config.set(options) end

--- Shows the chat.
---@param options? {fresh?: boolean} fresh: a new one
---@return table chat
function M.open(options)
  if not current or not current:is_valid() or options and options.fresh then current = chats.new() end
  current:show()
  return current
end

-- A question about lines of the present buffer.
local function about(question, range)
  local lines = vim.api.nvim_buf_get_lines(0, range.first - 1, range.last, false)
  return ("%s\n\n```%s\n%s\n```"):format(question, vim.bo.filetype, table.concat(lines, "\n"))
end

--- Asks in the chat, and shows it.
---@param question string
---@param range? {first: integer, last: integer} lines that go with it
function M.ask(question, range)
  local text = range and about(question, range) or question
  local chat = M.open()
  if chat:is_busy() then return vim.notify("ogl: an answer is coming; cancel it first", vim.log.levels.ERROR) end
  chat:set_prompt(text)
  chat:show()
  chat:send()
end

--- Makes a model the one that is asked; without a name the user chooses.
---@param name? string
function M.model(name)
  if name then return models.use(name) end
  models.choose()
end

--- Cancels the answer that is coming, and the review.
function M.cancel()
  if current then current:cancel() end
  review.cancel()
end

return M
