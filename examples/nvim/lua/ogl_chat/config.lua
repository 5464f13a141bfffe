--- What the user chose, and the client that follows from it.
--
-- @module ogl_chat.config
local library = require "ogl_chat.library"

local M = {}

local DEFAULTS = {
  model = nil,                                 -- default: $OGL_MODEL; else :OglModel asks
  system = nil,                                -- the system prompt
  split = "vertical botright",                 -- modifiers of :split; "" for below, "tab"
  interval = 30,                               -- milliseconds between two writes of a streamed answer
  mappings = { send = "<CR>", cancel = "<Esc>" }, -- in normal mode, in the chat's buffer; false for none
  tools = false,                               -- true: the model may read files and apply edits, each asked about
  client = {},                                 -- options of ogl.client: base_url, provider, timeouts, …
}

M.values = DEFAULTS

local NAMES = { model = true, system = true, split = true, interval = true, mappings = true, tools = true, client = true }

local client

--- Takes the user's options; raises for one that is unknown.
---@param options? table
function M.set(options)
  for name in pairs(options or {}) do
    if not NAMES[name] then error("ogl_chat.setup: there is no option '" .. tostring(name) .. "'", 3) end
  end
  M.values = vim.tbl_deep_extend("force", DEFAULTS, options or {})
  client = nil
end

--- The model that is asked; nil where none was chosen.
---@return string?
function M.model() return M.values.model or M.values.client.model or vim.env.OGL_MODEL end

--- Makes a model the one that is asked.
---@param name string
function M.choose(name) M.values = vim.tbl_extend("force", M.values, { model = name }) end

--- The client; nil and what is wrong, in words. The key is the library's affair: $OGL_TOKEN, or client.api_key as a function.
---@return ogl.Client?
---@return string?
function M.client()
  if client then return client end
  local ogl, problem = library.load()
  if not ogl then return nil, problem end
  local made, result = pcall(ogl.client, M.values.client)
  if not made then return nil, tostring(result) end
  client = result
  return client
end

return M
