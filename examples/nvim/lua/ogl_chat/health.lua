--- :checkhealth ogl_chat
--
-- @module ogl_chat.health
local config = require "ogl_chat.config"
local library = require "ogl_chat.library"
local models = require "ogl_chat.models"

local M = { seconds = 3 } -- that a server has to answer

-- 0.7 has the module elsewhere, and 0.10 has new names for these.
local health = vim.health or require "health"
local say = {}
for _, name in ipairs { "start", "ok", "warn", "error" } do say[name] = health[name] or health["report_" .. name] end

local function check_library()
  local ogl, problem = library.load()
  if not ogl then
    say.error(problem)
    return nil
  end
  say.ok(("opengatellm %s, built for %s, with libcurl"):format(ogl.version, library.abi()))
  return ogl
end

-- Whether there is a key, never which.
local function check_key(client)
  if client.has_key() then say.ok "a key is set" else say.warn "no key is set: $OGL_TOKEN" end
end

-- The editor's loop turns meanwhile, and Ctrl-C ends the wait.
local function check_server(client)
  local names, err, ended
  local task = models.load(function(list, problem) names, err, ended = list, problem, true end)
  vim.wait(M.seconds * 1000, function() return ended end, 20)
  if task then task:cancel() end
  local server = tostring(client):match "http.*" or "the server"
  if names then say.ok(("%s answers, with %d models that talk"):format(server, #names))
  elseif ended then say.error(tostring(err))
  else say.error(("%s does not answer within %g s"):format(server, M.seconds)) end
end

function M.check()
  say.start "ogl_chat"
  if vim.fn.has "nvim-0.7" == 1 then say.ok "Neovim 0.7 or later" else say.error "Neovim 0.7 or later is needed" end
  if not check_library() then return end
  local client, problem = config.client()
  if not client then return say.error(problem) end
  check_key(client)
  if config.model() then say.ok("the model is " .. config.model()) else say.warn "no model is chosen: :OglModel, or $OGL_MODEL" end
  check_server(client)
end

return M
