--- Transcoders as one writes them in Lua first: cut the frames out, decode each with lua-cjson, make the target's tables, encode them.
--- Texts and the end only: calls, thoughts and usage would make it slower still.
--
-- @module bench.by_hand
local cjson = require "cjson"

local M = {}

-- Sources: the text of a decoded frame, or the reason at its end -------------------------------------------------------

local READ = {}

function READ.openai_chat(chunk)
  local choice = chunk.choices[1]
  local reason = choice and choice.finish_reason
  return choice and choice.delta.content, reason ~= cjson.null and reason
end

function READ.openai_responses(event)
  if event.type == "response.output_text.delta" then return event.delta end
  return nil, event.type == "response.completed" and "stop"
end

function READ.anthropic(event)
  if event.type == "content_block_delta" then return event.delta.text end
  return nil, event.type == "message_delta" and "stop"
end

function READ.gemini(chunk)
  local candidate = chunk.candidates[1]
  return candidate.content.parts[1].text, candidate.finishReason and "stop"
end

function READ.ollama(line) return line.message.content, line.done and "stop" end

-- Targets: what is sent for a text, and at the end ---------------------------------------------------------------------

local WRITE = {}

local function data(value) return "data: " .. cjson.encode(value) .. "\n\n" end
local function event(value) return "event: " .. value.type .. "\ndata: " .. cjson.encode(value) .. "\n\n" end

local function chunk(choice)
  return data { id = "id1", object = "chat.completion.chunk", created = 1, model = "m", choices = { choice } }
end

WRITE.openai_chat = {
  text = function(_, text) return chunk { index = 0, delta = { content = text } } end,
  finish = function(_, reason) return chunk { index = 0, delta = {}, finish_reason = reason } .. "data: [DONE]\n\n" end,
}

WRITE.openai_responses = {
  text = function(state, text)
    state.n = (state.n or 0) + 1
    state[#state + 1] = text
    return event {
      type = "response.output_text.delta", item_id = "msg_1", output_index = 0, content_index = 0, delta = text, sequence_number = state.n,
    }
  end,
  finish = function(state)
    local part = { type = "output_text", text = table.concat(state), annotations = {} }
    local item = { id = "msg_1", type = "message", role = "assistant", status = "completed", content = { part } }
    return event {
      type = "response.completed", sequence_number = state.n + 1, response = { id = "id1", status = "completed", output = { item } },
    }
  end,
}

WRITE.anthropic = {
  text = function(_, text) return event { type = "content_block_delta", index = 0, delta = { type = "text_delta", text = text } } end,
  finish = function()
    return event { type = "content_block_stop", index = 0 } .. event { type = "message_delta", delta = { stop_reason = "end_turn" } }
      .. event { type = "message_stop" }
  end,
}

local function candidate(text, reason)
  local content = { role = "model", parts = { { text = text } } }
  return data { candidates = { { index = 0, content = content, finishReason = reason } }, modelVersion = "m" }
end

WRITE.gemini = {
  text = function(_, text) return candidate(text) end,
  finish = function() return candidate("", "STOP") end,
}

local function line(text, reason)
  local message = { role = "assistant", content = text }
  return cjson.encode {
    model = "m", created_at = "1970-01-01T00:00:01Z", message = message, done = reason ~= nil, done_reason = reason,
  } .. "\n"
end

WRITE.ollama = {
  text = function(_, text) return line(text) end,
  finish = function(_, reason) return line("", reason) end,
}

-- Frames ----------------------------------------------------------------------------------------------------------------

local ENDS = { gemini = "\r\n\r\n", ollama = "\n" }

local function put(out, state, write, text, reason)
  if text and text ~= "" then out[#out + 1] = write.text(state, text) end
  if reason then out[#out + 1] = write.finish(state, reason) end
end

--- Transcodes an answer that comes in reads; how many bytes come out.
---@param from string
---@param to string
---@param reads string[]
---@return integer
function M.transcode(from, to, reads)
  local read, write, mark = READ[from], WRITE[to], ENDS[from] or "\n\n"
  local state, rest, size = {}, "", 0
  for i = 1, #reads do
    local text, out, at = rest .. reads[i], {}, 1
    while true do
      local stop, last = text:find(mark, at, true)
      if not stop then break end
      local start = from == "ollama" and at or select(2, text:find("data: ", at, true)) + 1
      local json = text:sub(start, stop - 1)
      at = last + 1
      if json ~= "[DONE]" then put(out, state, write, read(cjson.decode(json))) end
    end
    rest = text:sub(at)
    size = size + #table.concat(out)
  end
  return size
end

return M
