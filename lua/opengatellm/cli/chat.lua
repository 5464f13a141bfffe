--- `ogl chat "…"`: asks, streams the answer into the terminal, and prints what it cost.
--
-- The answer goes to standard output; reasoning, usage and warnings to standard error, dimmed where that is a terminal and NO_COLOR
-- is not set.
--
-- @module opengatellm.cli.chat
local common = require "opengatellm.cli.common"
local ogl = require "opengatellm"
local system = require "opengatellm.system"

local M = {}

--- Declares the arguments and options of `ogl chat`.
---@param command table a command of argparse
function M.configure(command)
  command:argument("question", "What to ask; - reads standard input."):args "+"
  command:option("-m --model", "Model; default: $OGL_MODEL, or the first that writes text.")
  command:option("-s --system", "Instructions that tell the model how to behave.")
  command:option("--max-tokens", "Longest answer."):convert(tonumber)
  command:option("--reasoning", "Effort: low, medium or high.")
  command:flag("--no-reasoning", "Do not show the model's reasoning.")
  command:flag("-q --quiet", "Print only the answer.")
  common.configure(command)
end

local DIM, PLAIN = "\27[2m", "\27[0m"

local function question_of(arguments)
  local text = table.concat(arguments.question, " ")
  if text == "-" then return (io.read("*a") or ""):gsub("%s+$", "") end
  return text
end

--- Makes the line of numbers under an answer.
---@param usage? ogl.Usage
---@return string?
function M.usage_line(usage)
  if not usage then return nil end
  local parts = {}
  local function add(format, value)
    if value then parts[#parts + 1] = string.format(format, value) end
  end
  add("%d in", usage.input_tokens)
  add("%d out", usage.output_tokens)
  add("%d reasoning", usage.reasoning_tokens)
  add("%d tokens", usage.total_tokens)
  add("cost %.6g", usage.cost)
  add("%.3g kWh", usage.energy_kwh)
  add("%.3g kg CO2eq", usage.co2_kg)
  return parts[1] and table.concat(parts, " · ") or nil
end

local STANDARD_ERROR = 2

local function is_dimmed() return not os.getenv "NO_COLOR" and system.isatty(STANDARD_ERROR) end

-- Writes dimmed text to standard error.
local function aside(text, dim)
  io.stdout:flush()
  io.stderr:write(dim and DIM or "", text, dim and PLAIN or "")
end

local function show(stream, arguments, dim)
  local last
  local quiet = arguments.quiet or arguments.no_reasoning
  for event in stream:events() do
    if event.type == "text" then
      if last == "reasoning" then aside("\n\n", false) end
      io.stdout:write(event.text)
      io.stdout:flush()
      last = "text"
    elseif event.type == "reasoning" and not quiet then
      aside(event.text, dim)
      last = "reasoning"
    elseif event.type == "tool_call_end" then
      io.stdout:write(event.name, "(", event.arguments, ")\n")
    end
  end
  io.stdout:write "\n"
  return stream:reply()
end

local function epilogue(reply, arguments, dim)
  if arguments.quiet then return end
  local line = M.usage_line(reply.usage)
  if line then aside(line .. "\n", dim) end
  for _, warning in ipairs(reply.warnings) do aside("warning: " .. warning.message .. "\n", dim) end
end

--- Asks the question and prints the answer as it arrives.
---@param arguments table as argparse read them
---@return integer # the exit status of the program
function M.run(arguments)
  local client, line = common.client(arguments)
  if not client then return common.fail(line, 2) end
  local model, err = common.model(client, arguments.model)
  if not model then return common.fail(err) end
  local stream
  stream, err = client:stream {
    model = model, system = arguments.system, messages = { ogl.user(question_of(arguments)) }, max_tokens = arguments.max_tokens,
    reasoning = arguments.reasoning,
  }
  if not stream then return common.fail(err) end
  local dim = is_dimmed()
  local fine, reply = pcall(show, stream, arguments, dim)
  if not fine then
    io.stdout:write "\n"
    return common.fail(reply)
  end
  epilogue(reply, arguments, dim)
  return 0
end

return M
