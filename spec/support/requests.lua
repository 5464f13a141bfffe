--- The recorded requests of the reference material, for the specs of decode_request.
local helper = require "spec.helper"
local json = require "opengatellm.json"

local M = {}

--- Our protocols, and what the recordings call them.
M.FOLDERS = {
  openai_chat = "openai-chat", openai_responses = "openai-responses", anthropic = "anthropic-messages", gemini = "gemini", ollama = "ollama",
}

-- What is no request of a chat: no request was recorded (vercel_ai, anthropic_python: only whether it was a stream), its body was too
-- large for the recording (`_omitted`), or it belongs to another route in the same folder (messages of threads).
local function is_chat(request)
  return type(request) == "table" and (request.messages or request.input or request.contents or request.prompt) ~= nil
end

-- A recorded mistake, which the server refused.
local function is_refused(exchange) return exchange.status == 400 or exchange.status == 422 end

--- Every recorded request of a protocol: {name, path, body}, and how many exchanges had none; nil where the material is not here.
function M.all(protocol)
  local root = helper.shared "fixtures/expected.jsonl"
  if not root then return nil end
  local found, without = {}, 0
  local pipe = assert(io.popen(("ls %s/*/%s/*.json"):format(root:gsub("/[^/]+$", ""), M.FOLDERS[protocol])))
  for path in pipe:lines() do
    local exchange = json.decode(helper.read(path))
    if is_chat(exchange.request) then
      found[#found + 1] = {
        name = path:match "([^/]+/[^/]+/[^/]+)%.json$", path = exchange.path, body = exchange.request, refused = is_refused(exchange),
      }
    else
      without = without + 1
    end
  end
  pipe:close()
  return found, without
end

--- A value without nulls, which say nothing.
function M.without_nulls(value)
  if type(value) ~= "table" then return value end
  local out = setmetatable({}, getmetatable(value))
  for key, inner in pairs(value) do
    if inner ~= json.null then out[key] = M.without_nulls(inner) end
  end
  return out
end

--- A copy of a value as JSON has it.
function M.copy(value) return json.decode(json.encode(value)) end

return M
