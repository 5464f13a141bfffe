-- The commands; nothing else is loaded before one of them is used.
if vim.g.loaded_ogl_chat then return end
vim.g.loaded_ogl_chat = true

local function command(name, run, options) vim.api.nvim_create_user_command(name, run, options) end

command("OglChat", function(call) require("ogl_chat").open { fresh = call.bang } end,
  { bang = true, desc = "Open the chat (!: a new one)" })

command("OglAsk", function(call)
  local range = call.range > 0 and { first = call.line1, last = call.line2 } or nil
  require("ogl_chat").ask(call.args, range)
end, { nargs = "+", range = true, desc = "Ask in the chat, about the lines of a range" })

command("OglReview", function(call) require("ogl_chat.review").start(call.line1, call.line2, call.args) end,
  { nargs = "*", range = "%", desc = "Have the model list problems of the buffer, or of a range" })

command("OglModel", function(call) require("ogl_chat").model(call.args ~= "" and call.args or nil) end,
  { nargs = "?", desc = "Choose the model of the chat" })

command("OglCancel", function() require("ogl_chat").cancel() end, { desc = "Cancel the answer, or the review, that is coming" })
