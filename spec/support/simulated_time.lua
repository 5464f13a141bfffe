-- Simulated time for everything that waits by the scheduler of plain Lua programs: tasks, sleeps, timeouts, and a server in memory. The
-- clock moves only when all tasks sleep, so that minutes take none, and each run is the same.
local core_task = require "opengatellm.task"
local host = require "opengatellm.host"

local M = {}

---@param run fun(now: fun(): number, work: fun(seconds: number)): any runs in a task; `now` is the clock, `work` keeps the processor busy
---@return any what it returns
function M.simulated_time(run)
  local scheduler, plain, now = host.scheduler(), require "opengatellm.host.plain", 0
  local real_now, real_sleep = scheduler.now, plain.sleep
  scheduler.now = function() return now end
  plain.sleep = function(seconds) now = now + seconds end
  local results = { pcall(core_task.run, run, scheduler.now, plain.sleep) }
  scheduler.now, plain.sleep = real_now, real_sleep
  if not results[1] then error(results[2], 0) end
  return results[2]
end

local Exchange = {}
Exchange.__index = Exchange

function Exchange:head()
  local rested, err = core_task.sleep(self.answer.head or 0)
  if not rested then return nil, err end
  return self.answer.status or 200, { ["content-type"] = self.answer.type or "text/event-stream" }
end

function Exchange:read()
  self.at = self.at + 1
  local piece = self.answer[self.at]
  if not piece then return nil end
  local rested, err = core_task.sleep(piece[1])
  if not rested then return nil, err end
  if type(piece[2]) == "table" then return nil, piece[2] end
  return piece[2]
end

function Exchange.close() end

--- A transport with a server in simulated time: `answer(now, n)` says what the n-th request gets, as a list of { seconds after the piece
--- before, bytes or an error } with the fields `head` (seconds), `status` and `type`.
---@param now fun(): number
---@param answer fun(now: number, n: integer, request: table): table
---@return table transport with the list `requests` of the times at which they came
function M.simulated_server(now, answer)
  local transport = { requests = {} }
  function transport.open(_, request)
    table.insert(transport.requests, now())
    return setmetatable({ answer = answer(now(), #transport.requests, request), at = 0 }, Exchange)
  end
  return transport
end

--- The frame of a chunk with a text, as OpenAI's chat has it; reasoning where it says so.
---@param text string
---@param is_reasoning? boolean
---@return string
function M.text_frame(text, is_reasoning)
  return ('data: {"choices":[{"index":0,"delta":{"%s":"%s"}}]}\n\n'):format(is_reasoning and "reasoning_content" or "content", text)
end

--- The frames that end an answer, with a usage where tokens are given.
---@param input? integer
---@param output? integer
---@return string
function M.end_frames(input, output)
  local usage = input and ('data: {"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d}}\n\n'):format(input, output) or ""
  return 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n' .. usage .. "data: [DONE]\n\n"
end

return M
