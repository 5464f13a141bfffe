--- `ogl models`: the models that the key may use, or those that are on this machine.
--
-- @module opengatellm.cli.models
local common = require "opengatellm.cli.common"
local local_models = require "opengatellm.llama.models"

local M = {}

--- Declares the options of `ogl models`.
---@param command table a command of argparse
function M.configure(command)
  common.configure(command)
  command:flag("--local", "List the GGUF files in the caches of Hugging Face, llama.cpp and Ollama instead.")
end

local function row(model)
  local aliases = type(model.aliases) == "table" and table.concat(model.aliases, ", ") or ""
  local context = type(model.max_context_length) == "number" and string.format("%d", model.max_context_length) or ""
  return string.format("%-40s %-30s %10s  %s", model.id, type(model.type) == "string" and model.type or "", context, aliases)
end

local function print_local()
  for _, model in ipairs(local_models.list()) do print(("%-60s %8.1f MB  %s"):format(model.name, model.size / 1e6, model.path)) end
  return 0
end

--- Prints the models that the server offers, or those of this machine.
---@param arguments table as argparse read them
---@return integer # the exit status of the program
function M.run(arguments)
  if arguments["local"] then return print_local() end
  local client, line = common.client(arguments)
  if not client then return common.fail(line, 2) end
  local models, err = client:models()
  if not models then return common.fail(err) end
  for _, model in ipairs(models) do print((row(model):gsub("%s+$", ""))) end
  return 0
end

return M
