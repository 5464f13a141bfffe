--- Indexing: waits until the server has indexed an uploaded document, and checks chunks that a program gives ready made.
--
-- The server answers at once and indexes later (about 2.4 s for a small file, as recorded); until then the document has no chunks and
-- no search finds it. `wait` asks for the document until the number of its chunks does not change any more.
--
-- @module opengatellm.operations.indexing
local errors = require "opengatellm.errors"
local filter = require "opengatellm.base.filter"
local host = require "opengatellm.host"

local M = {}

local WAIT = 120 -- seconds that `wait = true` means
local FIRST, LONGEST = 0.25, 4 -- seconds between two questions

local function late(id, seconds)
  return errors.new {
    kind = "timeout", code = "not_indexed", partial = { id = id },
    message = ("document %d was made, but is not indexed after %g s; ask again with documents:get, or allow more with wait"):format(id, seconds),
  }
end

-- Asks until two answers in a row have the same number of chunks, at least one.
local function wait_for(client, id, seconds, call_options)
  local clock, chunks, pause = host.current(client.host), 0, FIRST
  local finish = clock.now() + seconds
  while true do
    local document, err = client.documents:get(id, call_options)
    if not document then
      err.partial = err.partial or { id = id }
      return nil, err
    end
    local count = document.chunks or 0
    if count > 0 and count == chunks then return document end
    if clock.now() + pause > finish then return nil, late(id, seconds) end
    chunks = count
    clock.sleep(pause)
    pause = math.min(pause * 2, LONGEST)
  end
end

--- Gives the answer to an upload; with `wait`, the document once the server has indexed it.
---@param answer table
---@param context ogl.Context
function M.finish(answer, context)
  local wait = context.options.wait
  if not wait then return answer end
  if type(answer.id) ~= "number" then return nil, "the id of a document" end
  local options = { headers = context.options.headers, timeouts = context.options.timeouts }
  local document, err = wait_for(context.client, answer.id, wait == true and WAIT or wait, options)
  return document, err
end

--- Checks a list of chunks as the server would.
---@param options table of the call
function M.check_chunks(options)
  for i, chunk in ipairs(options.chunks) do
    local where = ("chunks[%d]"):format(i)
    if type(chunk.content) ~= "string" then return nil, where .. ".content", "expected string, got " .. type(chunk.content) end
    local problem = type(chunk.metadata) == "table" and filter.metadata_problem(chunk.metadata)
    if problem then return nil, where .. ".metadata", problem end
  end
  return options
end

return M
