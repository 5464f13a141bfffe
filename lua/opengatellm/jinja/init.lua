--- Jinja, as chat templates use it: what python3-jinja2 renders with the settings of transformers, byte for byte.
--
-- A template is a stranger's program. It reaches nothing but the values that it gets; its steps, its depth and what it makes are bounded.
-- Of each byte of the result it is known whether the template wrote it or a foreign text (text.lua).
--
-- @module opengatellm.jinja
local effort = require "opengatellm.jinja.effort"
local mistake = require "opengatellm.jinja.mistake"
local parser = require "opengatellm.jinja.parser"
local runner = require "opengatellm.jinja.runner"

local M = {}

---@class ogl.jinja.Template
---@field body table[]
local Template = {}
Template.__index = Template

--- Compiles a template.
---@param source string
---@return ogl.jinja.Template? template
---@return string? problem with its line
function M.compile(source)
  local fine, body = effort.within(math.huge, parser.parse, source)
  if not fine then return nil, mistake.words(body) end
  return setmetatable({ body = body }, Template)
end

--- Renders a template.
---@param variables table<string, any> what value.of makes, or functions of the arguments; Lua strings are the template's own
---@param steps? integer the most steps; default effort.STEPS
---@return ogl.jinja.Text? text
---@return string? problem with the line where it happened
---@return boolean? refused the template has raised it itself: the messages are not as it wants them
function Template:render(variables, steps)
  local run = {}
  local fine, result = effort.within(steps or effort.STEPS, runner.run, run, self.body, variables)
  if not fine then return nil, mistake.words(result, run.line), mistake.is_refusal(result) end
  return result
end

return M
