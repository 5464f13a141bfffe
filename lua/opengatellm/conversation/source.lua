--- Sources: the model's answer to one step of a turn.
--
-- Where tasks run, a source reads in a task of its own, so that whoever ends the turn also ends a read that waits, at once. In a blocking
-- program nobody else could, and it reads in the caller's.
--
-- @module opengatellm.conversation.source
local host = require "opengatellm.host"
local mistake = require "opengatellm.middleware.mistake"
local task = require "opengatellm.task"

local M = {}

---@class ogl.Source
---@field stream? ogl.Stream
---@field task? ogl.Task
local Source = {}
Source.__index = Source

local MOST = 256 -- events that wait for their reader, before the task waits for him

-- A mistake in the request is an error of the turn, since a program gave it long before.
local function ask(client, method, request)
  local answer, err = mistake.catch(client[method], client, request)
  if err then err.mistake = nil end
  return answer, err
end

local function whole(self) self.reply_value, self.err = ask(self.client, "chat", self.request) end

-- Waits until the reader has taken enough of what came.
local function wait_for_room(self)
  self.writer = self.writer or task.signal()
  return self.writer:wait(function() return self.last - self.first < MOST or self.closed end)
end

local function pump(self)
  local stream, err = ask(self.client, "stream", self.request)
  self.stream = stream
  local event
  if stream then
    self.task.owns = stream
    event, err = stream:next()
  end
  while event and not err do
    self.last = self.last + 1
    self.events[self.last] = event
    self.signal:wake()
    if self.last - self.first >= MOST then err = wait_for_room(self) end
    if not err then event, err = stream:next() end
  end
  if stream and not err then self.reply_value, err = stream:reply() end
  self.err = err
end

local function begin_task(self, work)
  local function run()
    work(self)
    self.ended = true
  end
  self.task = task.spawn(run)
  self.signal.running[self.task] = true
  local function ended(it)
    self.signal.running[it] = nil
    if not self.ended then
      local _, err = it:wait()
      self.ended, self.err = true, err
    end
    self.signal:wake()
  end
  if self.task.done then ended(self.task) else self.task.on_end = ended end
end

--- Whether a call of the client blocks the program.
---@param client ogl.Client|ogl.Router
---@return boolean
function M.is_blocking(client) return host.current(client.host or nil).blocking == true end

--- Asks the model, and waits for its whole reply, where nobody could end the wait.
---@param client ogl.Client|ogl.Router
---@param request ogl.Request
---@return ogl.Reply?
---@return ogl.Error? err
function M.whole(client, request) return ask(client, "chat", request) end

--- Asks the model.
---@param client ogl.Client|ogl.Router
---@param request ogl.Request
---@param signal ogl.Signal of the turn
---@param streamed boolean
---@return ogl.Source
function M.open(client, request, signal, streamed)
  local self = setmetatable({
    client = client, request = request, signal = signal, streamed = streamed, events = {}, first = 1, last = 0,
  }, Source)
  if M.is_blocking(client) then self.stream, self.err = ask(client, "stream", request)
  else begin_task(self, streamed and pump or whole) end
  return self
end

--- The next event, where the answer is read as a stream.
---@param stopped fun(): any whether the turn shall not wait on
---@return ogl.Event? event nil at the end, or where the turn was stopped
---@return ogl.Error? err
function Source:next(stopped)
  if not self.task then
    if self.err then return nil, self.err end
    return self.stream:next()
  end
  if self.first > self.last then
    local err = self.signal:wait(function() return self.first <= self.last or self.ended or stopped() end)
    if err then return nil, err end
  end
  if self.first > self.last then return nil, self.ended and self.err or nil end
  local event = self.events[self.first]
  self.events[self.first], self.first = nil, self.first + 1
  if self.writer then self.writer:wake() end
  return event
end

--- The whole reply.
---@param stopped fun(): any
---@return ogl.Reply?
---@return ogl.Error? err
function Source:reply(stopped)
  if not self.task then
    if self.err then return nil, self.err end
    return self.stream:reply()
  end
  local err = not self.ended and self.signal:wait(function() return self.ended or stopped() end)
  if err then return nil, err end
  return self.reply_value, self.err
end

--- Ends it, and closes its connection.
function Source:close()
  self.closed = true
  if self.task then return self.task:cancel() end
  if self.stream then self.stream:close() end
end

return M
