--- Cases of answers that are texts: what a model says, remembers and sees, and where it ends.
--
-- @module opengatellm.compat.cases.text
local message = require "opengatellm.request.message"
local picture = require "opengatellm.compat.picture"
local verdict = require "opengatellm.compat.verdict"

local function text(target)
  local reply, err = target:chat { messages = target:question() }
  if not reply then return verdict.of_error(err) end
  return verdict.of(verdict.lacks(reply.text, target.token) or verdict.ends_otherwise(reply, "stop"), "it said " .. target.token)
end

-- The digits alone: some models write 42,817.
local function has_number(said, number) return said:gsub("%D", ""):find(tostring(number), 1, true) ~= nil end

local function memory(target)
  local messages = { message.user(("Remember the number %d. Answer with OK and nothing else."):format(target.number)) }
  local reply, err = target:chat { messages = messages }
  if not reply then return verdict.of_error(err) end
  messages[2], messages[3] = reply, message.user "Which number was it? Answer with the number and nothing else."
  reply, err = target:chat { messages = messages }
  if not reply then return verdict.of_error(err) end
  if has_number(reply.text, target.number) then return "pass", ("it remembered %d"):format(target.number) end
  return "fail", verdict.lacks(reply.text, tostring(target.number))
end

-- The colour that a text names first: some models say which others it is not.
local function first_colour(said)
  local first, at
  for colour in picture.COLOURS:gmatch "%a+" do
    local found = said:lower():find(colour, 1, true)
    if found and (not at or found < at) then first, at = colour, found end
  end
  return first
end

local function image(target)
  local question = ("Which of these colours fills this picture: %s? Answer with one word."):format(picture.COLOURS)
  local reply, err = target:chat {
    model = target:model "vision", messages = { message.user(question, message.image { data = picture.bytes(), mime = "image/png" }) },
  }
  if not reply then return verdict.of_error(err) end
  return verdict.of(verdict.lacks(first_colour(reply.text) or reply.text, picture.COLOUR), "it saw " .. picture.COLOUR)
end

local function reasoning(target)
  local reply, err = target:chat { messages = "How many of the numbers from 1 to 30 are prime?", reasoning = "low" }
  if not reply then return verdict.of_error(err) end
  local left_out = verdict.left_out(reply, "reasoning")
  if left_out then return "skip", left_out end
  local tokens = reply.usage and reply.usage.reasoning_tokens or 0
  if reply.reasoning and reply.reasoning ~= "" then return "pass", ("%d bytes of reasoning"):format(#reply.reasoning) end
  return verdict.of(tokens == 0 and "no reasoning came, and none was counted" or nil, ("%d tokens of reasoning, not shown"):format(tokens))
end

local function stop(target)
  local reply, err = target:chat { messages = "Count from 1 to 9 in digits, with blanks between them.", stop = { "5" } }
  if not reply then return verdict.of_error(err) end
  local left_out = verdict.left_out(reply, "stop")
  if left_out then return "skip", left_out end
  local problem = verdict.lacks(reply.text, "4") or reply.text:find "[5-9]" and "the answer went on behind the 5 that had to stop it"
  return verdict.of(problem or verdict.ends_otherwise(reply, "stop"), "it stopped before the 5")
end

local MOST = 16 -- tokens; OpenAI's Responses take no smaller limit

local function max_tokens(target)
  local reply, err = target:chat { messages = "Count from 1 to 500 in digits, with blanks between them.", max_tokens = MOST }
  if not reply then return verdict.of_error(err) end
  local counted = reply.usage and reply.usage.output_tokens
  local problem = counted and counted > MOST and ("expected at most %d tokens, got %d"):format(MOST, counted)
  local detail = counted and ("it was cut; %d tokens were counted"):format(counted) or "it was cut"
  return verdict.of(problem or verdict.ends_otherwise(reply, "length"), detail)
end

return {
  text = { says = "a question is answered", is_basic = true, run = text },
  memory = { says = "an answer may depend on turns before", is_basic = true, run = memory },
  image = { says = "a picture is seen", run = image },
  reasoning = { says = "a model thinks, and its thoughts or their number are told", run = reasoning },
  stop = { says = "a text stops the answer", run = stop },
  max_tokens = { says = "an answer is cut where it has to be, and says so", is_basic = true, run = max_tokens },
}
