--- Compaction: makes the messages of a conversation that outgrew the model's window fewer.
--
--   ogl.conversation { client = client, compact = ogl.compact.drop_oldest { tokens = 60000 } }
--   ogl.conversation { client = client, compact = ogl.compact.summary { client = small, keep = 2 } }
--
-- Both make functions from a conversation to the messages that it is to have; the conversation's own list stays as it is. Instructions
-- stay, calls and their results stay together (turns.lua).
--
-- @module opengatellm.conversation.compact
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local estimate = require "opengatellm.chat.estimate"
local excerpt = require "opengatellm.conversation.excerpt"
local messages = require "opengatellm.protocol.messages"
local requests = require "opengatellm.request"
local turns = require "opengatellm.conversation.turns"

local M = {}

-- Dropping ----------------------------------------------------------------------------------------------------------------

-- The messages from a place on, with the instructions before it, and those between two more places.
local function from_place(list, place, first, last)
  local out = {}
  for i, message in ipairs(list) do
    if i >= place or first and i >= first and i <= last or turns.is_instruction(message) then out[#out + 1] = message end
  end
  return out
end

local function fits(list, tokens) return estimate.prompt { messages = list } <= tokens end

-- The longest of the lists that begin at these places and fit; the shortest where none does. `make` makes the list of a place.
local function longest_that_fits(places, tokens, make)
  local low, high = 1, #places
  while low < high do
    local middle = math.floor((low + high) / 2)
    if fits(make(places[middle]), tokens) then high = middle else low = middle + 1 end
  end
  return make(places[low])
end

-- Drops the oldest steps of the last turn: one question may have had more calls than the window holds. The question stays.
local function drop_steps(list, start, tokens)
  local steps = {}
  for _, place in ipairs(turns.steps(list)) do
    if place > start then steps[#steps + 1] = place end
  end
  if not steps[1] then return from_place(list, start) end
  return longest_that_fits(steps, tokens, function(place) return from_place(list, place, start, steps[1] - 1) end)
end

local function drop_to_tokens(list, tokens)
  local starts = turns.starts(list)
  local last = starts[#starts]
  starts[1] = 1 -- what stands before the first turn goes with it
  local shorter = longest_that_fits(starts, tokens, function(place) return from_place(list, place) end)
  if not last or fits(shorter, tokens) then return shorter end
  return drop_steps(list, last, tokens)
end

-- The place from which the last turns are kept; 1 where there are no more than those.
local function kept_from(list, keep)
  local starts = turns.starts(list)
  return #starts > keep and starts[#starts - keep + 1] or 1
end

local function options_problem(options, fields)
  if type(options) ~= "table" then return "expected options, got " .. type(options) end
  local problem = requests.check_fields(options, fields)
  if problem then return problem end
  if options.keep and options.keep < 1 then return "keep: expected a number of turns from 1 on" end
  if options.tokens and options.tokens <= 0 then return "tokens: expected a number above 0" end
end

--- Makes a compaction that drops the oldest turns.
---@param options {keep?: integer, tokens?: number} one of both: the last turns stay; or as many as these tokens hold, by an estimate,
--- and of the last turn, where it is longer, its question and its last steps
---@return fun(conversation: {messages: ogl.Message[]}): ogl.Message[]
function M.drop_oldest(options)
  local problem = options_problem(options, { keep = "integer", tokens = "number" })
  if not problem and (options.keep == nil) == (options.tokens == nil) then problem = "either keep or tokens is needed" end
  if problem then error("ogl.compact.drop_oldest: " .. problem, 2) end
  local keep, tokens = options.keep, options.tokens
  return function(conversation)
    local list = conversation.messages
    if tokens then return drop_to_tokens(list, tokens) end
    return from_place(list, kept_from(list, keep))
  end
end

-- Summaries ---------------------------------------------------------------------------------------------------------------

local QUOTED = 4000 -- bytes that the summarizing model sees of a text: it reads what was too long for another

local PROMPT = "You are given the older part of a conversation between a user and an assistant that calls tools. Write a summary with "
  .. "which the assistant can go on without it: what the user wants, what was decided and why, facts, names, numbers and paths to "
  .. "their last letter, what tools changed, what is still to be done. Do not answer the user. Write the summary alone."

local INTRODUCTION = "This is a summary of the earlier part of our conversation, which was left out to save room:\n\n"

local function quote(text) return excerpt.of(core.utf8_repair(text), QUOTED) end

-- What a message says, as text; pictures and their like by their kind.
local function words_of(message)
  local words = {}
  for _, part in ipairs(messages.said(message)) do
    local kind = part.type
    if kind == "tool_call" then
      words[#words + 1] = ("[calls %s with %s]"):format(tostring(part.name), quote(tostring(part.arguments or "{}")))
    elseif (kind == "text" or kind == "refusal") and type(part.text) == "string" and part.text ~= "" then
      words[#words + 1] = quote(part.text)
    elseif kind == "image" or kind == "audio" or kind == "file" then
      words[#words + 1] = "[" .. kind .. "]"
    end
  end
  return table.concat(words, "\n")
end

-- The messages before a place as one text: a server might refuse the calls in them without the declarations of their tools.
local function transcript(list, place)
  local lines = {}
  for i = 1, place - 1 do
    local message = list[i]
    local words = not turns.is_instruction(message) and words_of(message) or ""
    if words ~= "" then lines[#lines + 1] = (message.role == "tool" and "result of a tool" or message.role) .. ": " .. words end
  end
  return table.concat(lines, "\n\n")
end

local function summarized(client, prompt, text)
  if not client then
    local message = "ogl.compact.summary: neither its options nor the conversation have a client"
    return nil, errors.new { kind = "config", code = "summary", message = message }
  end
  local reply, err = client:chat { system = prompt, messages = text }
  if not reply then return nil, err end
  if not reply.text or reply.text:find "^%s*$" then
    return nil, errors.new { kind = "provider", code = "summary", message = "the model gave no summary of the conversation" }
  end
  if reply.finish_reason == "length" then
    return nil, errors.new { kind = "incomplete", code = "summary", message = "the summary of the conversation was cut", partial = reply }
  end
  return reply
end

--- Makes a compaction that asks a model for a summary of all but the last turns, which goes in as a message of the user.
---@param options? {client?: ogl.Client|ogl.Router, prompt?: string, keep?: integer} who is asked, default: the conversation's client; the
--- instruction; turns that stay as they are, default 2
---@return fun(conversation: table): ogl.Message[]?, ogl.Error?, ogl.Usage? # messages; the error of a summary that failed; what it used
function M.summary(options)
  options = options or {}
  local problem = options_problem(options, { client = "table", prompt = "string", keep = "integer" })
  if problem then error("ogl.compact.summary: " .. problem, 2) end
  local prompt, keep = options.prompt or PROMPT, options.keep or 2
  return function(conversation)
    local list, client = conversation.messages, options.client or conversation.client
    local place = kept_from(list, keep)
    local text = transcript(list, place)
    if text == "" then return from_place(list, 1) end
    local reply, err = summarized(client, prompt, text)
    if not reply then return nil, err end
    local out, summary = from_place(list, place), { role = "user", content = INTRODUCTION .. reply.text }
    table.insert(out, #out - (#list - place), summary)
    return out, nil, reply.usage
  end
end

return M
