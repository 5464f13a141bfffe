--- The server's models, and the choice of one. The list is loaded while the editor goes on.
--
-- @module ogl_chat.models
local config = require "ogl_chat.config"
local library = require "ogl_chat.library"

local M = {}

local TALKS = { ["text-generation"] = true, ["image-text-to-text"] = true }

-- Those that a chat can ask; where the server does not say what a model is for, all.
local function that_talk(models)
  local names = {}
  for _, model in ipairs(models) do
    if not model.type or TALKS[model.type] then names[#names + 1] = model.id end
  end
  return names
end

--- Loads the list, and calls back with the names; or with nil and the error.
---@param done fun(names: string[]?, err: any)
---@return ogl.Task? task to cancel it
function M.load(done)
  local client, problem = config.client()
  if not client then return done(nil, problem) end
  return library.load().spawn(function()
    local models, err = client:models()
    vim.schedule(function() done(models and that_talk(models), err) end)
  end)
end

--- Makes a model the one that is asked.
---@param name string
function M.use(name)
  config.choose(name)
  vim.notify("ogl: " .. name)
end

--- Has the user choose; calls back once he has.
---@param chosen? fun()
function M.choose(chosen)
  M.load(function(names, err)
    if not names then return vim.notify("ogl: " .. tostring(err), vim.log.levels.ERROR) end
    vim.ui.select(names, { prompt = "Model" }, function(name)
      if not name then return end
      M.use(name)
      if chosen then chosen() end
    end)
  end)
end

return M
