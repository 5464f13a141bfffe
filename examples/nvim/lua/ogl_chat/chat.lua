--- One chat: a markdown buffer, what has been said, and the answer that is coming.
--
-- The buffer is a list of parts under headings. Below the last heading ("## You") stands what will be sent; everything above is for the
-- reader alone, and what the server gets is kept apart from it (`messages`).
--
-- @module ogl_chat.chat
local config = require "ogl_chat.config"
local writers = require "ogl_chat.writer"

local M = {}

local Chat = {}
Chat.__index = Chat

local YOU = "## You"
local space = vim.api.nvim_create_namespace "ogl_chat"

local n_chats = 0

local function make_buffer()
  n_chats = n_chats + 1
  local buffer = vim.api.nvim_create_buf(true, true)
  vim.api.nvim_buf_set_name(buffer, "ogl://chat/" .. n_chats)
  vim.bo[buffer].filetype, vim.bo[buffer].bufhidden = "markdown", "hide"
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, { YOU, "", "" })
  return buffer
end

--- Makes a chat.
function M.new()
  local self = setmetatable({ buffer = make_buffer(), messages = {}, task = nil, word = nil, asking = nil, conversation = nil }, Chat)
  local function map(keys, run, about)
    if keys then vim.keymap.set("n", keys, run, { buffer = self.buffer, desc = about }) end
  end
  map(config.values.mappings.send, function() self:send() end, "Send to the model")
  map(config.values.mappings.cancel, function() self:cancel() end, "Cancel the answer")
  vim.api.nvim_create_autocmd("BufWipeout", { buffer = self.buffer, callback = function() self:cancel() end })
  return self
end

function Chat:is_valid() return vim.api.nvim_buf_is_valid(self.buffer) end

--- Shows it: where it is, or in a split; the cursor goes to the end.
function Chat:show()
  local window = vim.fn.bufwinid(self.buffer)
  if window == -1 then
    vim.cmd(config.values.split .. " split")
    window = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(window, self.buffer)
    vim.wo[window].wrap, vim.wo[window].linebreak = true, true
  end
  vim.api.nvim_set_current_win(window)
  self:go_to_end()
end

--- Puts the cursor of every window that shows it on the last line, where it follows the answer.
function Chat:go_to_end()
  local last = vim.api.nvim_buf_line_count(self.buffer)
  for _, window in ipairs(vim.fn.win_findbuf(self.buffer)) do vim.api.nvim_win_set_cursor(window, { last, 0 }) end
end

-- How many lines there are up to the heading of the prompt and with it; 0 where the user has removed it.
local function heading(self)
  local lines = vim.api.nvim_buf_get_lines(self.buffer, 0, -1, false)
  for i = #lines, 1, -1 do
    if lines[i] == YOU then return i end
  end
  return 0
end

--- What stands in the prompt.
---@return string
function Chat:prompt() return vim.trim(table.concat(vim.api.nvim_buf_get_lines(self.buffer, heading(self), -1, false), "\n")) end

--- Writes into the prompt, in place of what is there.
---@param text string
function Chat:set_prompt(text)
  local lines = vim.split("\n" .. text, "\n", { plain = true })
  vim.api.nvim_buf_set_lines(self.buffer, heading(self), -1, false, lines)
end

local function complain(text) vim.notify("ogl: " .. text, vim.log.levels.ERROR) end

--- Whether an answer is coming, or the user is asked about a call.
function Chat:is_busy() return self.asking ~= nil or self.task ~= nil and not self.task.done end

--- Sends what stands in the prompt.
function Chat:send()
  if self:is_busy() then return complain "an answer is coming; cancel it first" end
  local question = self:prompt()
  if question == "" then return complain "there is no question" end
  local client, problem = config.client()
  if not client then return complain(problem) end
  if not config.model() then
    return require("ogl_chat.models").choose(function() self:send() end)
  end
  table.insert(self.messages, { role = "user", content = question })
  self:ask(client)
end

-- The conversation of a chat whose model has tools. It keeps what has been said by itself.
local function conversation_of(self, client)
  local ogl = require("ogl_chat.library").load()
  self.conversation = self.conversation or ogl.conversation {
    client = client, system = config.values.system, tools = require("ogl_chat.tools").list(ogl),
    messages = vim.list_slice(self.messages, 1, #self.messages - 1),
    prepare_step = function() return { model = config.model() } end,
  }
  return self.conversation
end

-- What the server gets: all that has been said, below the system prompt.
local function request_of(self)
  local messages = vim.list_extend({}, self.messages)
  if config.values.system then table.insert(messages, 1, { role = "system", content = config.values.system }) end
  return { model = config.model(), messages = messages }
end

--- Asks with what has been said so far.
---@param client ogl.Client
function Chat:ask(client)
  local writer = writers.new(self.buffer, config.values.interval)
  self:go_to_end()
  self:status "waiting"
  writer:add(("\n\n## %s\n\n"):format(config.model()))
  if config.values.tools then return self:act(client, writer) end
  local callbacks = self:callbacks(writer, function(reply, err) self:finish(writer, reply, err) end)
  local asked, task = pcall(client.stream, client, request_of(self), callbacks)
  if asked then self.task = task else self:finish(writer, nil, task) end
end

-- What is done with the events of an answer, and with its end.
function Chat:callbacks(writer, on_done)
  return {
    on_event = function(event)
      if event.type == "reasoning" then self:status "thinking" end
      if event.type ~= "text" or event.choice then return end
      self:status "writing"
      writer:add(event.text)
    end,
    on_done = on_done,
  }
end

--- Asks a model that has tools: what it calls is asked about, and then it goes on.
function Chat:act(client, writer)
  local conversation = conversation_of(self, client)
  local callbacks, go
  local function ended(reply, err)
    if not reply or not conversation.pending[1] then return self:finish(writer, reply, err) end
    self.asking = writer
    self:status "asking"
    require("ogl_chat.tools").decide(conversation, function()
      self.asking = nil
      go()
    end)
  end
  callbacks = self:callbacks(writer, ended)
  callbacks.on_tool = function(event)
    if event.type == "tool_result" then writer:add(("> %s: %s\n\n"):format(event.name, event.outcome)) end
  end
  function go(question)
    local task, err = conversation:stream(question, callbacks)
    if task then self.task = task else self:finish(writer, nil, err) end
  end
  go(self.messages[#self.messages].content)
end

--- Cancels the answer that is coming: its connection is closed, and what came stays.
function Chat:cancel()
  if self.task then self.task:cancel() end
  if not self.asking then return end
  local writer = self.asking
  self.asking = nil
  self.conversation:cancel()
  self:finish(writer, nil, { kind = "cancelled" })
end

-- What came of an answer becomes part of what has been said; a question that got nothing is taken back.
local function remember(self, reply, err)
  local partial = not reply and type(err) == "table" and err.partial
  if reply then
    table.insert(self.messages, reply)
  elseif partial and partial.text ~= "" then
    table.insert(self.messages, { role = "assistant", content = partial.text })
  else
    table.remove(self.messages)
  end
end

local function words_of(err)
  if type(err) == "table" and err.kind == "cancelled" then return "*cancelled*" end
  return "**error:** " .. tostring(err):gsub("\n", "\n> ")
end

--- The end of an answer, however it ended: the next prompt.
function Chat:finish(writer, reply, err)
  self.task = nil
  remember(self, reply, err)
  if not self:is_valid() then return end
  if not reply then writer:add((self.word == "writing" and "\n\n> " or "> ") .. words_of(err)) end
  writer:add("\n\n" .. YOU .. "\n\n")
  writer:flush()
  self:status(nil)
  if not reply and words_of(err) ~= "*cancelled*" then complain(tostring(err)) end
end

--- Says beside the question what is going on.
---@param word? string nil: nothing
function Chat:status(word)
  if word == self.word or not self:is_valid() then return end
  self.word = word
  vim.api.nvim_buf_clear_namespace(self.buffer, space, 0, -1)
  if not word then return end
  vim.api.nvim_buf_set_extmark(self.buffer, space, math.max(0, heading(self) - 1), 0, { virt_text = { { word .. " …", "Comment" } } })
end

return M
