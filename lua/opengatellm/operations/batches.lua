--- Batches: a file of requests that the server works through later, and the results.
--
-- Each line of the output is {id, custom_id, response = {status_code, request_id, body}, error}, in any order: `custom_id` says to which
-- request it belongs. The client reads line by line, so that the file is never whole in memory.
--
-- @module opengatellm.operations.batches
local answer = require "opengatellm.http.answer"
local call = require "opengatellm.http.call"
local core = require "opengatellm.core"
local download = require "opengatellm.http.download"
local errors = require "opengatellm.errors"
local shape = require "opengatellm.operations.shape"
local url = require "opengatellm.base.url"

local M = {}

---@class ogl.BatchResults
---@field close fun(self: ogl.BatchResults) ends it before its end
---@overload fun(): {id?: string, custom_id: string, response?: {status_code: integer, request_id?: string, body: table}, error?: table}?
local Results = {}
Results.__index = Results
Results.__name = "opengatellm.batch_results"

--- Sets the completion window to 24 hours, the only one that servers offer so far.
---@param options table of the call
---@return table options
function M.prepare(options)
  options.completion_window = options.completion_window or "24h"
  return options
end

local function lines_of(context, id)
  local path = "/files/" .. url.segment(id) .. "/content"
  return download.lines(context.client, { method = "GET", path = path, options = context.options, repeatable = "always" })
end

-- Makes the error if the server gave a file ID that would lead to another route.
local function strange(ids)
  for _, id in ipairs(ids) do
    local problem = url.problem(id)
    if problem then return errors.new { kind = "protocol", message = "the ID of a file of the batch: " .. problem } end
  end
end

local function unfinished(batch)
  local status = type(batch.status) == "string" and batch.status or "unknown"
  return errors.new {
    kind = "incomplete", code = "no_results", message = ("the batch has no output: it is %s"):format(status),
    retryable = ({ validating = true, in_progress = true, finalizing = true, cancelling = true })[status],
  }
end

--- Opens the results of a batch, as the server described it.
---@param batch table the server's answer
---@param context ogl.Context
---@return ogl.BatchResults?
---@return ogl.Error? err
function M.results(batch, context)
  local files = {}
  if type(batch.output_file_id) == "string" then files[1] = batch.output_file_id end
  if type(batch.error_file_id) == "string" and (context.options.errors or not files[1]) then files[#files + 1] = batch.error_file_id end
  if not files[1] then return nil, unfinished(batch) end
  local err = strange(files)
  if err then return nil, call.finish(context.client, err) end
  for i, id in ipairs(files) do files[i] = lines_of(context, id) end
  return setmetatable({ client = context.client, files = files, at = 1, count = 0 }, Results)
end

-- Closes the results, and raises an error.
local function fail(self, err)
  self:close()
  error(call.finish(self.client, err), 0)
end

-- Decodes a line. A line that names no request and holds an error means that the server sent an error in place of the output.
local function entry_of(self, line)
  local value, _, why = core.decode(line)
  if type(value) ~= "table" or value.custom_id == nil then
    local head = { status = 200, headers = {} }
    local err = answer.is_html(line) and answer.error(line, head) or answer.fault(line, value, head)
    if err then fail(self, err) end
  end
  if type(value) == "table" then return shape.strip(value) end
  local message = ("line %d of the batch's output is not a JSON object: %s"):format(self.count, why or type(value))
  fail(self, errors.new { kind = "protocol", message = message, body = line:sub(1, errors.BODY) })
end

function Results:__call()
  while self.files[self.at] do
    local line = self.files[self.at]()
    if not line then
      self.at = self.at + 1
    elseif line:find "%S" then
      self.count = self.count + 1
      return entry_of(self, line)
    end
  end
end

--- Closes the files of the results. A program may call it any number of times.
function Results:close()
  for _, lines in ipairs(self.files) do lines:close() end
  self.files = {}
end

Results.__close = Results.close

return M
