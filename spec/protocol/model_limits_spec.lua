-- What of a request a model takes: each row is a model, what is asked, what is left of it, and what is told.
local model_limits = require "opengatellm.protocol.model_limits"
local translation = require "opengatellm.protocol.translation"

local function fit(model, request, protocol, provider)
  local warnings, warn = translation.warnings()
  local fitted, row = model_limits.fit(request, protocol or "openai_chat", provider or { name = "p" }, model, warn)
  local told = {}
  for i, warning in ipairs(warnings) do told[i] = warning.code .. " " .. warning.field end
  return fitted, told, row
end

local OUT = "not_carried "
local TOOL = { { name = "f" } }

local CASES = { -- model, request, what is left, what is told
  -- Claude
  { "claude-opus-4-7", { temperature = 0.2, top_p = 0.9, top_k = 3 }, {}, { OUT .. "temperature", OUT .. "top_k", OUT .. "top_p" } },
  { "anthropic/claude-opus-5.5", { temperature = 0.2 }, {}, { OUT .. "temperature" } },
  { "claude-opus-4-8", { temperature = 1, top_p = 1 }, {}, {} }, -- the server's own values say nothing
  { "claude-sonnet-4-6", { temperature = 0.2, top_p = 0.9 }, { temperature = 0.2 }, { OUT .. "top_p" } },
  { "claude-opus-4-1", { temperature = 1, top_p = 0.9 }, { top_p = 0.9 }, {} },
  { "claude-sonnet-4-20250514", { temperature = 0.2, top_p = 0.9, top_k = 3 }, { temperature = 0.2, top_p = 0.9, top_k = 3 }, {} },
  { "claude-haiku-4-5", { reasoning = "low", temperature = 0.2, top_k = 5 }, { reasoning = "low" }, { OUT .. "temperature", OUT .. "top_k" } },
  { "claude-haiku-4-5", { reasoning = { budget = 2000 }, top_p = 0.97 }, { reasoning = { budget = 2000 }, top_p = 0.97 }, {} },
  { "claude-haiku-4-5", { reasoning = { budget = 2000 }, top_p = 0.5 }, { reasoning = { budget = 2000 } }, { OUT .. "top_p" } },
  { "claude-haiku-4-5", { reasoning = "none", top_k = 5 }, { reasoning = "none", top_k = 5 }, {} },
  { "claude-haiku-4-5", { reasoning = "low", tool_choice = "required" }, { tool_choice = "required" }, { OUT .. "reasoning" } },
  { "claude-haiku-4-5", { reasoning = "low", tool_choice = { name = "f" } }, { tool_choice = { name = "f" } }, { OUT .. "reasoning" } },
  { "claude-haiku-4-5", { reasoning = "low", tool_choice = "auto" }, { reasoning = "low", tool_choice = "auto" }, {} },
  { "claude-opus-5", { tool_choice = "required" }, { tool_choice = "required", reasoning = "none" }, {} },
  { "claude-fable-5-1", { tool_choice = "required" }, { tool_choice = "auto" }, { OUT .. "tool_choice" } },
  { "claude-3-5-haiku-latest", { reasoning = "low" }, {}, { OUT .. "reasoning" } },
  { "claude-3-5-haiku-latest", { reasoning = "none" }, {}, {} },
  { "claude-opus-4-6", { reasoning = "xhigh" }, { reasoning = "high" }, { "approximated reasoning.effort" } },
  { "claude-opus-4-7", { reasoning = "xhigh" }, { reasoning = "xhigh" }, {} },
  { "claude-opus-4-7", { reasoning = { effort = "max" } }, { reasoning = { effort = "max" } }, {} },
  { "claude-opus-4-7", { reasoning = "minimal" }, { reasoning = "low" }, { "approximated reasoning.effort" } },
  { "claude-3-haiku-20240307", { temperature = 1.5 }, { temperature = 1 }, { "approximated temperature" } },
  { "anthropic/claude-opus-4.1", { max_tokens = 64000 }, { max_tokens = 32000 }, { "approximated max_tokens" } },
  { "claude-3-haiku-20240307", { max_tokens = 4096 }, { max_tokens = 4096 }, {} },
  -- OpenAI
  { "gpt-5", { temperature = 0.2, logprobs = true, stop = "x", seed = 1 }, { seed = 1 }, { OUT .. "logprobs", OUT .. "stop", OUT .. "temperature" } },
  { "gpt-5-mini", { temperature = 1, presence_penalty = 0 }, { temperature = 1, presence_penalty = 0 }, {} }, -- which these take
  { "openai/gpt-5-nano", { reasoning = "none" }, { reasoning = "minimal" }, { "approximated reasoning.effort" } },
  { "gpt-5-pro", { reasoning = "low" }, { reasoning = "high" }, { "approximated reasoning.effort" } },
  { "gpt-5-codex", { reasoning = "minimal" }, { reasoning = "low" }, { "approximated reasoning.effort" } },
  { "gpt-5-chat-latest", { temperature = 0.2, reasoning = "low" }, { temperature = 0.2 }, { OUT .. "reasoning" } },
  { "gpt-5.1", { temperature = 0.2 }, { temperature = 0.2 }, {} },
  { "gpt-5.1", { temperature = 0.2, reasoning = "none" }, { temperature = 0.2, reasoning = "none" }, {} },
  { "gpt-5.1", { temperature = 0.2, reasoning = { effort = "low", summary = "auto" } }, { reasoning = { effort = "low", summary = "auto" } }, { OUT .. "temperature" } },
  { "gpt-5.1", { reasoning = "xhigh" }, { reasoning = "high" }, { "approximated reasoning.effort" } },
  { "gpt-5.2", { reasoning = "xhigh" }, { reasoning = "xhigh" }, {} },
  { "gpt-5.6", { temperature = 0.2 }, {}, { OUT .. "temperature" } },
  { "o3", { temperature = 0.2, stop = "x", parallel_tool_calls = false }, {}, { OUT .. "parallel_tool_calls", OUT .. "stop", OUT .. "temperature" } },
  { "o3-mini", { stop = "x", top_p = 0.5 }, { stop = "x" }, { OUT .. "top_p" } },
  { "o4-mini-2025-04-16", { reasoning = { effort = "minimal", budget = 9 } }, { reasoning = { effort = "low", budget = 9 } }, { "approximated reasoning.effort" } },
  { "gpt-4o", { reasoning = "low", temperature = 0.2, top_p = 0.9 }, { temperature = 0.2, top_p = 0.9 }, { OUT .. "reasoning" } },
  -- Gemini
  { "google/gemini-2.5-flash", { frequency_penalty = 1, temperature = 0 }, { temperature = 0 }, { OUT .. "frequency_penalty" } },
  { "gemini-2.0-flash", { frequency_penalty = 1, reasoning = "high" }, { frequency_penalty = 1 }, { OUT .. "reasoning" } },
  -- names that nobody knows
  { "m", { temperature = 7, top_p = 0.1, top_k = 1, reasoning = "xhigh", tool_choice = "required", stop = " " },
    { temperature = 7, top_p = 0.1, top_k = 1, reasoning = "xhigh", tool_choice = "required", stop = " " }, {} },
}

describe("a model takes of a request", function()
  for i, case in ipairs(CASES) do
    it(case[1] .. " what it can, " .. i, function()
      local fitted, told = fit(case[1], case[2])
      assert.same(case[3], fitted)
      assert.same(case[4], told)
    end)
  end

  it("levels that only its own protocol has", function()
    assert.equal("high", fit("gemini-3-pro-preview", { reasoning = "medium" }, "gemini").reasoning)
    assert.equal("medium", fit("gemini-3.1-pro-preview", { reasoning = "medium" }, "gemini").reasoning)
    assert.equal("minimal", fit("gemini-3-flash-preview", { reasoning = "none" }, "gemini").reasoning)
    assert.equal("medium", fit("google/gemini-3-pro-preview", { reasoning = "medium" }).reasoning) -- a gateway's to say
  end)

  it("what holds at its own provider alone", function()
    local function at(provider, model, request)
      local fitted, told = fit(model, request, "openai_chat", { name = provider })
      return { fitted, told }
    end
    assert.same({ { reasoning = "none", tool_choice = "required" }, {} }, at("deepseek", "deepseek-v4-pro", { tool_choice = "required" }))
    assert.same({ { reasoning = "none", tool_choice = "required" }, { OUT .. "reasoning" } },
      at("openrouter", "deepseek/deepseek-v4-pro", { tool_choice = "required", reasoning = "high" }))
    assert.same({ { tool_choice = "required" }, {} }, at("deepseek", "deepseek-chat", { tool_choice = "required" }))
    assert.same({ { tool_choice = "required" }, {} }, at("vllm", "deepseek-v4-pro", { tool_choice = "required" }))
    assert.same({ {}, { OUT .. "temperature" } }, at("moonshot", "kimi-k2.6", { temperature = 0.5, n = 1 }))
    assert.same({ { reasoning = "low" }, { "approximated reasoning.effort" } }, at("moonshot", "kimi-k3.1-pro", { reasoning = "none" }))
    assert.same({ { temperature = 0.5 }, {} }, at("together", "moonshotai/kimi-k2.6", { temperature = 0.5 }))
  end)

  it("everything in extra, and the caller's table stays what it was", function()
    local request = { temperature = 0.2, tools = TOOL, extra = { temperature = 0.3 } }
    local fitted = fit("gpt-5", request)
    assert.same({ tools = TOOL, extra = { temperature = 0.3 } }, fitted)
    assert.equal(0.2, request.temperature)
    local plain = { messages = {}, max_tokens = 5 }
    assert.equal(plain, (fit("gpt-5", plain)))
  end)

  it("what its provider lets through, by every protocol", function()
    for _, protocol in ipairs { "openai_chat", "openai_responses", "anthropic", "gemini", "ollama" } do
      local fitted, told = fit("m", { top_k = 1, seed = 1 }, protocol, { name = "p", drop = { "top_k" } })
      assert.same({ { seed = 1 }, { OUT .. "top_k" } }, { fitted, told })
    end
  end)
end)
