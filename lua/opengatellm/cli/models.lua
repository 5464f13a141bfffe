--- `ogl models`: the models that the key may use.
--
-- @module opengatellm.cli.models
local common = require "opengatellm.cli.common"

local M = {}

--- Declares the options of `ogl models`.
---@param command table a command of argparse
function M.configure(command) common.configure(command) end

local function row(model)
  local aliases = type(model.aliases) == "table" and table.concat(model.aliases, ", ") or ""
  local context = type(model.max_context_length) == "number" and string.format("%d", model.max_context_length) or ""
  return string.format("%-40s %-30s %10s  %s", model.id, type(model.type) == "string" and model.type or "", context, aliases)
end

--- Prints the models that the server offers.
---@param arguments table as argparse read them
---@return integer # the exit status of the program
function M.run(arguments)
  local client, line = common.client(arguments)
  if not client then return common.fail(line, 2) end
  local models, err = client:models()
  if not models then return common.fail(err) end
  for _, model in ipairs(models) do print((row(model):gsub("%s+$", ""))) end
  return 0
end

return M
