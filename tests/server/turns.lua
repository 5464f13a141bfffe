--- The turns that encoded.lua answers with: what a model says, as events, and what a reader has to find in them.
--
-- A turn is {name, events, expect} and, where it fails before its first byte, `status`. `expect` holds text, reasoning, signature, refusal,
-- tools (a list of {id, name, arguments}), finish, usage and error {message, type}; what is not there must not be found. What a protocol
-- cannot say is for the spec to know (spec/net/clients_spec.lua).
--
-- @module server.turns

-- Turns ------------------------------------------------------------------------------------------------------------

local function turn(name, events, expect)
  table.insert(events, 1, { type = "start", id = "turn-" .. name, model = name })
  return { name = name, events = events, expect = expect }
end

local function finish(reason, raw) return { type = "finish", reason = reason, raw_reason = raw or reason } end

local function text(piece, index) return { type = "text", text = piece, index = index or 1 } end

local USAGE = { type = "usage", usage = { input_tokens = 21, output_tokens = 13, total_tokens = 34 } }
local USAGE_EXPECTED = { input = 21, output = 13 }

local turns = {}

turns[1] = turn("text", {
  text "Bon", text "jour !\nÇa coûte 3 €, c'est « donné » ", text "😀👩‍👩‍👧", text " \\ \"\t\226\128\168fin\1.",
  USAGE, finish "stop",
}, {
  text = "Bonjour !\nÇa coûte 3 €, c'est « donné » 😀👩‍👩‍👧 \\ \"\t\226\128\168fin\1.", finish = "stop", usage = USAGE_EXPECTED,
})

turns[2] = turn("reasoning", {
  { type = "reasoning", text = "Let me ", index = 1 }, { type = "reasoning", text = "see… ", index = 1 },
  { type = "reasoning", text = "4²?", index = 1 }, { type = "part_end", kind = "thinking", signature = "c2lnbmF0dXJl", index = 1 },
  text("Six", 2), text("teen.", 2),
  { type = "usage", usage = {
    input_tokens = 100, cached_input_tokens = 64, output_tokens = 50, reasoning_tokens = 32, total_tokens = 150,
  } },
  finish "stop",
}, {
  text = "Sixteen.", reasoning = "Let me see… 4²?", signature = "c2lnbmF0dXJl", finish = "stop",
  usage = { input = 100, cached = 64, output = 50, reasoning = 32 },
})

local WEATHER, WEATHER_TEXT = { city = "Sète", days = { 1, 2.5 }, note = '"😀"' }, '{"city":"Sète","days":[1,2.5],"note":"\\"😀\\""}'

-- One call after the other, as all models write them; that they have ended is told late, as a decoder of Chat Completions tells it.
turns[3] = turn("tools", {
  text "Un instant.",
  { type = "tool_call", id = "call_a1", name = "weather", index = 2 },
  { type = "tool_arguments", text = WEATHER_TEXT:sub(1, 20), index = 2 },
  { type = "tool_arguments", text = WEATHER_TEXT:sub(21, 41), index = 2 },
  { type = "tool_arguments", text = WEATHER_TEXT:sub(42), index = 2 },
  { type = "tool_call", id = "call_b2", name = "now", index = 3 },
  { type = "tool_arguments", text = "{", index = 3 }, { type = "tool_arguments", text = "}", index = 3 },
  { type = "tool_call", id = "call_c3", name = "bye", index = 4 },
  { type = "tool_call_end", id = "call_a1", name = "weather", arguments = WEATHER_TEXT, index = 2 },
  { type = "tool_call_end", id = "call_b2", name = "now", arguments = "{}", index = 3 },
  { type = "tool_call_end", id = "call_c3", name = "bye", arguments = "{}", index = 4 },
  USAGE, finish("tool_calls", "tool_use"),
}, {
  text = "Un instant.", finish = "tool_calls", usage = USAGE_EXPECTED,
  tools = {
    { id = "call_a1", name = "weather", arguments = WEATHER }, { id = "call_b2", name = "now", arguments = {} },
    { id = "call_c3", name = "bye", arguments = {} },
  },
})

turns[4] = turn("interleaved", {
  { type = "tool_call", id = "call_a1", name = "weather", index = 1 },
  { type = "tool_arguments", text = WEATHER_TEXT:sub(1, 20), index = 1 },
  { type = "tool_call", id = "call_b2", name = "now", index = 2 },
  { type = "tool_arguments", text = WEATHER_TEXT:sub(21), index = 1 },
  { type = "tool_call_end", id = "call_a1", name = "weather", arguments = WEATHER_TEXT, index = 1 },
  { type = "tool_call_end", id = "call_b2", name = "now", arguments = "{}", index = 2 },
  USAGE, finish("tool_calls", "tool_use"),
}, {
  finish = "tool_calls", usage = USAGE_EXPECTED,
  tools = { { id = "call_a1", name = "weather", arguments = WEATHER }, { id = "call_b2", name = "now", arguments = {} } },
})

turns[5] = turn("refusal", {
  { type = "refusal", text = "I can't ", index = 1 }, { type = "refusal", text = "help with that.", index = 1 },
  USAGE, finish "stop",
}, { refusal = "I can't help with that.", finish = "stop", usage = USAGE_EXPECTED })

turns[6] = turn("length", { text "Once upon a", USAGE, finish("length", "max_tokens") },
  { text = "Once upon a", finish = "length", usage = USAGE_EXPECTED })

turns[7] = turn("filtered", { text "The ", USAGE, finish "content_filter" },
  { text = "The ", finish = "content_filter", usage = USAGE_EXPECTED })

turns[8] = turn("empty", { USAGE, finish "stop" }, { finish = "stop", usage = USAGE_EXPECTED })

turns[9] = turn("refused", { { type = "error", message = "Slow down, « please ».", kind = "rate_limit_error", code = "429" } },
  { error = { message = "Slow down, « please ».", type = "rate_limit_error" } })
turns[9].status = 429

turns[10] = turn("broken", {
  text "Half a ", { type = "error", message = "The model \"fell over\".", kind = "overloaded_error", code = "503" },
}, { text = "Half a ", error = { message = "The model \"fell over\".", type = "overloaded_error" } })

for _, each in ipairs(turns) do turns[each.name] = each end

return turns
