--- What python3-jinja2 makes of templates, asked at the time of the test.
local json = require "opengatellm.json"
local temporary = require "spec.support.temporary"

local M = {}

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

--- Says whether python3-jinja2 is here.
---@return boolean
function M.is_here() return output_of "python3 -c 'import jinja2; print(1)' 2>/dev/null" == "1\n" end

--- Renders templates.
---@param jobs {source?: string, path?: string, values: string}[] `values` is JSON text: the order of its keys counts
---@return {text?: string, error?: string}[]
function M.render(jobs)
  local list = {}
  for i, job in ipairs(jobs) do list[i] = { source = job.source, path = job.path, values = json.raw(job.values) } end
  local path = temporary.write(json.encode(list))
  return assert(json.decode(output_of("python3 tests/llama/render.py " .. path)))
end

--- The folder with the chat templates of many models; nil where they cannot be had.
---@return string?
function M.templates()
  os.execute "sh tests/llama/setup.sh build/llama >/dev/null 2>&1" -- where it fails for the libraries, the templates are there
  local there = io.open "build/llama/templates"
  if not there then return nil end
  there:close()
  return "build/llama/templates"
end

return M
