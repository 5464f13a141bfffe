--- Transcoders, from memory: an answer in one protocol in, the same in another out, in reads of 16 KiB, on one core. Against a transcoder
--- from Chat Completions to Messages as one writes it in Lua first: find "data: ", decode with lua-cjson, make tables, encode them.
--- All in turn, median of 5.
--
-- usage: lua transcoders.lua [deltas]     prints a line a pair: from, to, MB/s of input; and for the one that Lua has too what that does
local cjson = require "cjson"
local chunks = require "bench.chunks"
local core = require "opengatellm.core"
local streams = require "bench.streams"

local N = tonumber(arg[1]) or 200000
local READ = 16 * 1024
local FROM, TO = "openai_chat", "anthropic" -- what Lua does too

local inputs = {}
for _, protocol in ipairs(streams.names) do
  local bytes, reads = streams[protocol](N), {}
  for from = 1, #bytes, READ do reads[#reads + 1] = bytes:sub(from, from + READ - 1) end
  inputs[protocol] = { bytes = bytes, reads = reads }
end

local function ours(from, to)
  local t = core.transcoder(from, to, "stream", { id = "id1", model = "m", created = 1, content_type = streams.content_type(from) })
  local reads, size = inputs[from].reads, 0
  for i = 1, #reads do size = size + #assert(t:feed(reads[i])) end
  size = size + #assert(t:finish())
  assert(not t:problem() and size > 0)
  t:close()
  return #inputs[from].bytes
end

-- In Lua ------------------------------------------------------------------------------------------------------------

local function event(data) return "event: " .. data.type .. "\ndata: " .. cjson.encode(data) .. "\n\n" end

local STOP = { stop = "end_turn", length = "max_tokens", tool_calls = "tool_use" }

-- What one chunk becomes; `state` holds what is open. Texts only: calls would make it slower still.
local function translate(state, chunk, out)
  if not state.started then
    state.started = true
    out[#out + 1] = event { type = "message_start", message = {
      id = chunk.id, type = "message", role = "assistant", model = chunk.model, content = cjson.empty_array or {},
      usage = { input_tokens = 0, output_tokens = 0 },
    } }
  end
  local choice = chunk.choices[1]
  if choice and choice.delta.content then
    if not state.open then
      state.open = true
      out[#out + 1] = event { type = "content_block_start", index = 0, content_block = { type = "text", text = "" } }
    end
    out[#out + 1] = event { type = "content_block_delta", index = 0, delta = { type = "text_delta", text = choice.delta.content } }
  end
  local reason = choice and choice.finish_reason
  if reason and reason ~= cjson.null then state.reason = STOP[reason] or reason end
end

local function close(state, out)
  if state.open then out[#out + 1] = event { type = "content_block_stop", index = 0 } end
  out[#out + 1] = event { type = "message_delta", delta = { stop_reason = state.reason }, usage = { output_tokens = 0 } }
  out[#out + 1] = event { type = "message_stop" }
end

local function in_lua()
  local reads, state, rest, size = inputs[FROM].reads, {}, "", 0
  for i = 1, #reads do
    local text, out, at = rest .. reads[i], {}, 1
    while true do
      local from, to = text:find("\n\n", at, true)
      if not from then break end
      local data = text:sub(at + #"data: ", from - 1)
      at = to + 1
      if data == "[DONE]" then close(state, out) else translate(state, cjson.decode(data), out) end
    end
    rest = text:sub(at)
    size = size + #table.concat(out)
  end
  assert(size > 0)
  return #inputs[FROM].bytes
end

-- Measuring ---------------------------------------------------------------------------------------------------------

local function rate(run, ...)
  collectgarbage()
  collectgarbage()
  local start = os.clock()
  local bytes = run(...)
  return bytes / (os.clock() - start) / 1e6
end

-- The pairs that there are: a protocol without an encoder is no target yet.
local pairs_of, seen, lua = {}, {}, {}
for _, from in ipairs(streams.names) do
  for _, to in ipairs(streams.names) do
    if pcall(core.encoder, to, "stream", {}) then
      pairs_of[#pairs_of + 1] = { from, to }
      seen[#pairs_of] = {}
    end
  end
end
for i = 1, 5 do
  for k, pair in ipairs(pairs_of) do seen[k][i] = rate(ours, pair[1], pair[2]) end
  lua[i] = rate(in_lua)
end
for k, pair in ipairs(pairs_of) do
  local theirs = pair[1] == FROM and pair[2] == TO and (" %.1f"):format(chunks.median(lua)) or ""
  print(("%s %s %.0f%s"):format(pair[1], pair[2], chunks.median(seen[k]), theirs))
end
