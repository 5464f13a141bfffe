-- The model of the specs of models in this process: tests/llama/write_model.c wrote it, and its template picks a fixed answer by words of the
-- last message ("think", "unicode", "json", "long", "forever", "recette"). Where there are tools, it calls one after a user's message: once,
-- twice in one answer ("both"), with arguments that do not fit ("wrong").
local M = { PATH = "build/llama/scripted.gguf" }

M.HELLO = "Hello from a tiny scripted model. Nothing here is real!"

--- Says why these specs cannot run; nil where they can.
function M.absent()
  if not io.open(M.PATH, "rb") then return "no libllama for the tests (sh tests/llama/install.sh)" end
  local found, why = pcall(require, "opengatellm.llama")
  return not found and "opengatellm.llama is not built for this Lua: " .. tostring(why):match "^[^\n]*" or nil
end

--- A client for it, which takes the likeliest token and computes with one thread.
function M.client(options)
  local all = { provider = "llama", model = M.PATH, settings = { threads = 1, context = 2048, slots = 2 } }
  for name, value in pairs(options or {}) do all[name] = value end
  return require "opengatellm".client(all)
end

return M
