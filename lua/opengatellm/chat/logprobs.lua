--- Logprobs: the pieces of a streamed answer's log probabilities, as one.
--
-- @module opengatellm.chat.logprobs
local core = require "opengatellm.core"

local M = {}

-- Joins lists; of anything else the last counts. The names are the protocol's: {content = {…}, refusal = {…}}, or {chosenCandidates = {…},
-- topCandidates = {…}}.
local function join(answer)
  local pieces = answer.logprobs
  if not pieces then return end
  answer.logprobs = {}
  for _, piece in ipairs(pieces) do
    for name, list in pairs(type(piece) == "table" and piece or {}) do
      local joined = answer.logprobs[name]
      if list == core.null then
        answer.logprobs[name] = joined or {}
      elseif type(list) == "table" and type(joined) == "table" then
        for _, item in ipairs(list) do joined[#joined + 1] = item end
      else
        answer.logprobs[name] = list
      end
    end
  end
end

--- Joins the pieces of a reply and of its choices, in place.
---@param reply ogl.Reply
function M.join(reply)
  join(reply)
  for _, choice in ipairs(reply.choices or {}) do join(choice) end
end

return M
