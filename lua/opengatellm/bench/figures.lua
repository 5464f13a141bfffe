--- Figures: what is measured of a request, each with the formula that a report prints beside it.
--
-- The same name means different things elsewhere: vLLM calls `icl` ITL and `itl` TPOT, so that no name goes without its formula.
--
-- @module opengatellm.bench.figures
local M = {}

---@class ogl.bench.Figure
---@field name string
---@field title string
---@field unit string
---@field formula string
---@field better "lower"|"higher"|nil nil: neither

--- All figures, in the order of reports. "Start" is the moment of sending; in an open loop the scheduled one.
---@type ogl.bench.Figure[]
M.LIST = {
  { name = "ttft", title = "Time to first token", unit = "ms", better = "lower",
    formula = "first event with text, reasoning or a tool call − start" },
  { name = "ttfo", title = "Time to first output token", unit = "ms", better = "lower",
    formula = "first event with text or a tool call, reasoning left out − start" },
  { name = "itl", title = "Inter-token latency", unit = "ms", better = "lower",
    formula = "(last event − first event) ÷ (output tokens − 1), one value a request" },
  { name = "icl", title = "Inter-chunk latency", unit = "ms", better = "lower",
    formula = "gap between two events of an answer, those of all answers together" },
  { name = "tpot", title = "Time per output token", unit = "ms", better = "lower",
    formula = "(last event − start) ÷ output tokens, the first one included" },
  { name = "e2e", title = "End to end", unit = "ms", better = "lower",
    formula = "last event (of a whole answer: its end) − start" },
  { name = "user_rate", title = "Rate of one user", unit = "tokens/s", better = "higher",
    formula = "(output tokens − 1) ÷ (last event − first event), one value a request" },
  { name = "input_tokens", title = "Input tokens", unit = "tokens", formula = "the server's count, a request" },
  { name = "output_tokens", title = "Output tokens", unit = "tokens",
    formula = "the server's count, a request; where it gives none: events with text, marked chunks" },
}

---@class ogl.bench.Moments of one request, in seconds by one clock
---@field start number the moment of sending; in an open loop the scheduled one
---@field first? number of the first event with content
---@field output? number of the first that is no reasoning
---@field last? number of the last
---@field ended number when the answer was complete
---@field chunks integer how many events with content there were

-- What needs two tokens and two moments.
local function add_pace(values, moments, tokens)
  local seconds = moments.last - moments.first
  if not tokens or tokens < 2 or seconds <= 0 then return end
  values.itl = seconds / (tokens - 1) * 1e3
  values.user_rate = (tokens - 1) / seconds
end

--- Gives the figures of a request that succeeded: all but `icl`, which is one of many gaps.
---@param moments ogl.bench.Moments
---@param input? integer tokens
---@param output? integer tokens
---@return table<string, number>
function M.of(moments, input, output)
  local start, last = moments.start, moments.last or moments.ended
  local values = { e2e = (last - start) * 1e3, input_tokens = input, output_tokens = output }
  if output and output > 0 then values.tpot = values.e2e / output end
  if not moments.first then return values end
  values.ttft = (moments.first - start) * 1e3
  values.ttfo = moments.output and (moments.output - start) * 1e3
  add_pace(values, moments, output)
  return values
end

return M
