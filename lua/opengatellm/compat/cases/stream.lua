--- Cases of streams: that answers come piece by piece, that one may be left, and that tokens are counted.
--
-- @module opengatellm.compat.cases.stream
local verdict = require "opengatellm.compat.verdict"

local LAST = 60
local COUNT = ("Count from 1 to %d in digits, with blanks between them."):format(LAST)

-- Reads a stream to its end: how many events of each type came; or nil, err.
local function counted(stream)
  local counts = { text = 0, finish = 0 }
  local event, err = stream:next() -- a for loop cannot let the loop that watches Ctrl-C run on Lua 5.1
  while event do
    counts[event.type] = (counts[event.type] or 0) + 1
    event, err = stream:next()
  end
  if err then return nil, err end
  return counts
end

-- Whether the server answered whole although it was asked for a stream.
local function is_whole(stream)
  local content_type = stream.headers["content-type"]
  return type(content_type) == "string" and content_type:find "^application/json" ~= nil
end

local function problem_of(stream, counts, reply)
  if is_whole(stream) then return "it answered whole where it was asked for a stream" end
  if counts.text < 2 then return "the whole text came in one piece: something on the way holds it back" end
  if counts.finish ~= 1 then return ("expected one end, got %d"):format(counts.finish) end
  return verdict.lacks(reply.text, "1", tostring(LAST)) or verdict.ends_otherwise(reply, "stop")
end

local function stream_case(target)
  local stream, err = target:stream { messages = COUNT }
  if not stream then return verdict.of_error(err) end
  local counts, reply
  counts, err = counted(stream)
  if counts then reply, err = stream:reply() end
  if not reply then return verdict.of_error(err) end
  return verdict.of(problem_of(stream, counts, reply), ("%d pieces"):format(counts.text))
end

-- What is wrong with a count of tokens.
local function miscounted(usage, where)
  if not usage then return "no tokens were counted " .. where end
  local input, output, total = usage.input_tokens or 0, usage.output_tokens or 0, usage.total_tokens
  if input <= 0 or output <= 0 then return ("expected tokens in and out %s, got %d and %d"):format(where, input, output) end
  if total and total < input + output then
    return ("%d tokens in all %s are fewer than %d in and %d out"):format(total, where, input, output)
  end
end

local function usage(target)
  local question = { messages = target:question() }
  local reply, err = target:chat(question)
  if not reply then return verdict.of_error(err) end
  local stream, streamed
  stream, err = target:stream(question)
  if stream then streamed, err = stream:reply() end
  if not streamed then return verdict.of_error(err) end
  local problem = miscounted(reply.usage, "in a whole answer") or miscounted(streamed.usage, "in a stream")
  return verdict.of(problem, not problem and ("%d in, %d out"):format(reply.usage.input_tokens, reply.usage.output_tokens) or "")
end

-- Reads up to the first text; whether one came before the end, or nil, err.
local function reaches_text(stream)
  local event, err = stream:next()
  while event and event.type ~= "text" and event.type ~= "reasoning" do event, err = stream:next() end
  if err then return nil, err end
  return event ~= nil
end

local function cancel(target)
  local stream, err = target:stream { messages = "Count from 1 to 500 in digits, with blanks between them." }
  if not stream then return verdict.of_error(err) end
  local began
  began, err = reaches_text(stream)
  stream:close()
  if err then return verdict.of_error(err) end
  if not began then return "fail", "the stream ended without a text" end
  local reply
  reply, err = target:chat { messages = target:question() }
  if not reply then return "fail", "after a stream that was left: " .. select(2, verdict.of_error(err)) end
  return verdict.of(verdict.lacks(reply.text, target.token), "it answered at once after a stream that was left")
end

return {
  stream = { says = "an answer comes piece by piece", is_basic = true, run = stream_case },
  usage = { says = "tokens are counted, whole and streamed", is_basic = true, run = usage },
  cancel = { says = "a stream that is left does no harm", is_basic = true, run = cancel },
}
