--- The inputs of the benchmarks of protocols: a stream of n text deltas in each, in the shapes of recordings (OpenAI's gpt-4.1, Anthropic's
--- claude-opus-4-8 with its padding, Google's gemini-2.5-pro, Ollama's gemma3) with the words of chunks.lua.
--
-- @module bench.streams
local chunks = require "bench.chunks"

local M = {}

-- A stream: what comes before, n times `piece(i, text)`, what comes after.
local function stream(n, before, piece, after)
  local parts = { before }
  for i = 1, n do parts[i + 1] = piece(i, chunks.text(i)) end
  parts[n + 2] = after
  return table.concat(parts)
end

local function frame(name, data) return ("event: %s\ndata: %s\n\n"):format(name, data) end

-- What OpenAI and Anthropic put behind a chunk so that its length does not tell the token's.
local function padding(i) return (i * 7) % 14 + 1 end

M.openai_chat = chunks.make

function M.openai_responses(n)
  local item, response = "msg_0200025d411b0585016a3c13b6174481a392b9817b2c15a5b4", '"id":"resp_0200025d411b0585016a3c13b4018c81a3852ca4",'
    .. '"object":"response","created_at":1782322100,"model":"gpt-4.1-2025-04-14"'
  return stream(n, frame("response.created", '{"type":"response.created","response":{' .. response
      .. ',"status":"in_progress","output":[],"usage":null},"sequence_number":0}')
    .. frame("response.output_item.added", '{"type":"response.output_item.added","item":{"id":"' .. item
      .. '","type":"message","status":"in_progress","content":[],"role":"assistant"},"output_index":0,"sequence_number":1}')
    .. frame("response.content_part.added", '{"type":"response.content_part.added","content_index":0,"item_id":"' .. item
      .. '","output_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""},"sequence_number":2}'),
    function(i, text)
      return frame("response.output_text.delta", ('{"type":"response.output_text.delta","content_index":0,"delta":"%s","item_id":"%s",'
        .. '"logprobs":[],"obfuscation":"%s","output_index":0,"sequence_number":%d}'):format(text, item,
        ("wsLlw7mQ0xAbCd"):sub(1, padding(i)), i + 2))
    end,
    frame("response.completed", '{"type":"response.completed","response":{' .. response
      .. ',"status":"completed","output":[],"usage":{"input_tokens":10,"output_tokens":20,"total_tokens":30}},"sequence_number":9}'))
end

function M.anthropic(n)
  return stream(n, frame("message_start", '{"type":"message_start","message":{"model":"claude-opus-4-8","id":"msg_0001","type":"message",'
      .. '"role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":31,"output_tokens":1}}}')
    .. frame("content_block_start", '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'),
    function(i, text)
      return frame("content_block_delta", '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"' .. text .. '"}'
        .. (" "):rep(padding(i)) .. "}")
    end,
    frame("content_block_stop", '{"type":"content_block_stop","index":0}') .. frame("message_delta",
      '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":20}}')
    .. frame("message_stop", '{"type":"message_stop"}'))
end

function M.gemini(n)
  local function chunk(text, more, count)
    return ('data: {"candidates": [{"content": {"parts": [{"text": "%s"}],"role": "model"},%s"index": 0}],"usageMetadata": {'
      .. '"promptTokenCount": 272,"candidatesTokenCount": %d,"totalTokenCount": %d,"promptTokensDetails": [{"modality": "TEXT",'
      .. '"tokenCount": 14},{"modality": "IMAGE","tokenCount": 258}],"thoughtsTokenCount": 1114},"modelVersion": "gemini-2.5-pro",'
      .. '"responseId": "PwGzacKDPOmtz7IPmcKhqAM"}\r\n\r\n'):format(text, more, count, count + 1386)
  end
  return stream(n, "", function(i, text) return chunk(text, "", i) end, chunk(".", '"finishReason": "STOP",', n + 1))
end

function M.ollama(n)
  local function line(i, text, more)
    return ('{"model":"gemma3:1b","created_at":"2025-08-20T13:47:%02d.%06dZ","message":{"role":"assistant","content":"%s"},%s}\n'):format(
      math.floor(i / 200) % 60, i * 5021 % 1000000, text, more)
  end
  return stream(n, "", function(i, text) return line(i, text, '"done":false') end,
    line(n, "", '"done_reason":"stop","done":true,"total_duration":15381256875,"prompt_eval_count":18,"eval_count":203'))
end

--- The protocols, the one that the others are compared with first.
M.names = { "openai_chat", "openai_responses", "anthropic", "gemini", "ollama" }

--- The Content-Type of a protocol's stream.
function M.content_type(protocol) return protocol == "ollama" and "application/x-ndjson" or "text/event-stream" end

return M
