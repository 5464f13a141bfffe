-- Trials in simulated time, through the real client and the real decoder.
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local reservoirs = require "opengatellm.bench.reservoir"
local trials = require "opengatellm.bench.trial"

local text = helper.text_frame

-- Asks a server that answers so, at second 5; gives the trial and the gaps.
local function asked(answer, options)
  options = options or { whole = false }
  local gaps = reservoirs.new(100)
  local trial = helper.simulated_time(function(now)
    local client = ogl.client {
      provider = "openai_compatible", base_url = "http://simulated", api_key = "sk-x", model = "m", retries = { max = 0 },
      transport = helper.simulated_server(now, function() return answer end),
    }
    local ask = trials.asker(client, not options.whole, now)
    ogl.sleep(5)
    local task = ogl.spawn(ask, { messages = "hi", keep = options.whole }, 4, gaps)
    if options.cut then
      ogl.sleep(options.cut)
      task:cancel()
    end
    return (assert(task:wait()))
  end)
  return trial, gaps.list
end

describe("a trial", function()
  it("notes the moments of a stream's events, its usage and its gaps", function()
    local trial, gaps = asked({
      head = 1, { 0.5, text("let me see", true) }, { 0.25, text("hm", true) }, { 2, text "Bon" }, { 0.5, text "jour" },
      { 1, helper.end_frames(9, 4) },
    })
    assert.equal("success", trial.status)
    assert.same({ start = 4, first = 6.5, output = 8.75, last = 9.25, ended = 10.25, chunks = 4 }, trial.moments)
    assert.same({ 0.25, 2, 0.5 }, gaps)
    assert.same({ 9, 4 }, { trial.usage.input_tokens, trial.usage.output_tokens })
  end)

  it("of a whole answer knows its end alone", function()
    local body = '{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],'
      .. '"usage":{"prompt_tokens":3,"completion_tokens":1}}'
    local trial, gaps = asked({ type = "application/json", head = 2, { 1, body } }, { whole = true })
    assert.same({ "success", { start = 4, ended = 8, chunks = 0 }, 1, {} }, { trial.status, trial.moments, trial.usage.output_tokens, gaps })
  end)

  it("is an error where the server refuses, or cuts the stream", function()
    local refused = asked({ status = 503, type = "application/json", head = 1, { 0, '{"error":{"message":"busy"}}' } })
    assert.same({ "error", "http", 6 }, { refused.status, refused.err.kind, refused.moments.ended })
    local cut = asked({ { 1, text "Bon" }, { 1, errors.new { kind = "network", code = "reset", message = "reset" } } })
    assert.same({ "error", "network", 6 }, { cut.status, cut.err.kind, cut.moments.last })
    local silent = asked({ { 1, text "Bon" } })
    assert.same({ "error", "incomplete" }, { silent.status, silent.err.kind })
  end)

  it("is incomplete where the bench itself has cut it, before the head and within the stream", function()
    for seconds, chunks in pairs { [0.5] = 0, [3] = 1 } do
      local trial = asked({ head = 1, { 1, text "Bon" }, { 5, text "jour" } }, { whole = false, cut = seconds })
      assert.same({ "incomplete", 5 + seconds, chunks }, { trial.status, trial.moments.ended, trial.moments.chunks })
    end
  end)
end)
