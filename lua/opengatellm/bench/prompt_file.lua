--- Files of prompts: JSON Lines, each a text or an object.
--
--   "Bonjour !"
--   {"prompt": "Bonjour !", "system": "Be brief.", "max_tokens": 50}
--   {"messages": [{"role": "user", "content": "Bonjour !"}]}
--
-- @module opengatellm.bench.prompt_file
local files = require "opengatellm.base.file"
local json = require "opengatellm.json"
local request = require "opengatellm.request"

local M = {}

local MOST = 64 * 1024 * 1024 -- bytes of a file: it is held in memory

-- A prompt of a decoded line; or nil and what was expected.
local function prompt_of(value)
  if type(value) == "string" then return { messages = value } end
  if type(value) ~= "table" then return nil, "expected a text or an object" end
  local messages = value.messages or value.prompt or value.text
  if type(messages) ~= "string" and type(messages) ~= "table" then return nil, "expected a member prompt (a text) or messages (a list)" end
  local prompt = request.of { messages = messages, system = value.system, max_tokens = value.max_tokens }
  local problem = request.check(prompt)
  if problem then return nil, problem end
  return prompt
end

--- Reads prompts from a text.
---@param text string
---@param name string of the file, for messages
---@return table[]? prompts
---@return string? problem one line: file, line, what was expected
function M.parse(text, name)
  local prompts, number = {}, 0
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    number = number + 1
    if line:find "%S" then
      local value, problem = json.decode(line)
      local prompt
      if value == nil then problem = "not JSON: " .. tostring(problem) else prompt, problem = prompt_of(value) end
      if not prompt then return nil, ("%s:%d: %s"):format(name, number, problem) end
      prompts[#prompts + 1] = prompt
    end
  end
  if #prompts == 0 then return nil, name .. ": there is no prompt in it" end
  return prompts
end

--- Reads the prompts of a file.
---@param path string
---@return table[]? prompts
---@return string? problem one line
function M.read(path)
  local text, problem = files.read(path, MOST + 1)
  if not text then return nil, ("%s: %s"):format(path, problem) end
  if #text > MOST then return nil, ("%s: it is larger than %d MiB"):format(path, MOST / 1024 / 1024) end
  return M.parse(text, path)
end

return M
