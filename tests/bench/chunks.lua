--- The input of the benchmarks: a stream of Chat Completions chunks of about 290 bytes, as OpenAI and vLLM write them.
--
-- @module bench.chunks
local M = {}

-- Texts of tokens, as a tokeniser cuts French and English: one in sixteen has a character above ASCII, one in sixteen an escape.
local TEXTS = {
  " the", " de", "ation", " of", " la", ",", " to", " et", " model", "s", " les", ".", " réponse", "ing", "\\n\\n", " question",
}

local CHUNK = 'data: {"id":"chatcmpl-AbCdEf0123456789AbCdEf0123456","object":"chat.completion.chunk","created":1790949988,'
  .. '"model":"mistralai/Ministral-3-8B-Instruct-2512","system_fingerprint":"fp_0123456789","choices":[{"index":0,'
  .. '"delta":{"content":"%s"},"logprobs":null,"finish_reason":null}]}\n\n'

local LAST = 'data: {"id":"chatcmpl-AbCdEf0123456789AbCdEf0123456","object":"chat.completion.chunk","created":1790949988,'
  .. '"model":"mistralai/Ministral-3-8B-Instruct-2512","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

--- The text of the i-th chunk, as it stands inside a JSON string.
---@param i integer
function M.text(i) return TEXTS[(i * 7) % #TEXTS + 1] end

--- The bytes of a stream of n chunks of text.
---@param n integer
---@return string
function M.make(n)
  local parts = {}
  for i = 1, n do parts[i] = CHUNK:format(M.text(i)) end
  parts[n + 1] = LAST
  return table.concat(parts)
end

--- The median of a list of numbers.
function M.median(list)
  table.sort(list)
  return list[(#list + 1) / 2] or (list[#list / 2] + list[#list / 2 + 1]) / 2
end

return M
