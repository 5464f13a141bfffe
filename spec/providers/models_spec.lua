local models = require "opengatellm.providers.models"

describe("the plain name of a model", function()
  for model, plain in pairs {
    ["claude-opus-4-7"] = "claude-opus-4.7", ["anthropic/claude-opus-4.7"] = "claude-opus-4.7", ["Claude-Opus-4.7"] = "claude-opus-4.7",
    ["us.anthropic.claude-opus-4-6-v1:0"] = "claude-opus-4.6", ["us-gov.anthropic.claude-opus-4-6"] = "claude-opus-4.6",
    ["arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0"] = "claude-sonnet-4.0",
    ["anthropic.claude-sonnet-4-5-20250929-v1:0"] = "claude-sonnet-4.5", ["claude-sonnet-4-5@20250929"] = "claude-sonnet-4.5",
    ["claude-opus-4@20250514"] = "claude-opus-4.0", ["claude-3-7-sonnet-latest"] = "claude-sonnet-3.7", ["claude-3-opus-20240229"] = "claude-opus-3.0",
    ["anthropic/claude-4.7-opus-20260416"] = "claude-opus-4.7", ["claude-opus-4-10"] = "claude-opus-4.10", ["claude-sonnet-5"] = "claude-sonnet-5.0",
    ["claude-fable-5-1"] = "claude-fable-5.1", ["claude-2.1"] = "claude-text-2.1", ["claude-instant-1.2"] = "claude-instant-1.2",
    ["claude-opus-4-6-thinking"] = "claude-opus-4.6", ["claude-opus-5[1m]"] = "claude-opus-5.0", ["claude"] = "claude",
    ["gpt-5-2025-08-07"] = "gpt-5", ["openai/gpt-5.1-chat-latest"] = "gpt-5.1-chat", ["openai.gpt-oss-120b-1:0"] = "gpt-oss-120b-1",
    ["ft:gpt-4o-mini-2024-07-18:org:name:id"] = "gpt-4o-mini", ["openai/o3-mini:free"] = "o3-mini", ["models/gemini-2.5-pro"] = "gemini-2.5-pro",
    ["publishers/google/models/gemini-3-pro-preview"] = "gemini-3-pro-preview", ["mistralai/Mistral-Small-3.2"] = "mistral-small-3.2", [""] = "",
  } do
    it("of " .. model .. " is " .. plain, function() assert.equal(plain, models.plain_name(model)) end)
  end
end)

describe("a row of a model", function()
  local function of(model, protocol, provider) return models.of(protocol or "openai_chat", { name = provider }, model) end

  it("is the same by every spelling", function()
    local want = of "claude-opus-4-7"
    for _, model in ipairs { "anthropic/claude-opus-4.7", "anthropic.claude-opus-4-7-v1:0", "claude-opus-4-7@20260416", "claude-4.7-opus" } do
      assert.same(want, of(model))
    end
    assert.is_true(want.drop.temperature)
  end)

  it("takes the first word on each field", function()
    assert.same({ "low", "medium", "high", "max" }, of("claude-opus-4-6").efforts)
    assert.equal("both", of("claude-opus-4-6").way)
    assert.equal("idle", of("claude-opus-4-6").forced) -- of all of them
    assert.is_false(of("claude-opus-5-5").forced)
    assert.same({}, of("gpt-5-chat-latest").drop)
  end)

  it("may hold by some protocols and providers alone", function()
    assert.equal("nine", of("mistral-small").call_ids)
    assert.is_nil(of("mistral-small", "ollama").call_ids)
    assert.equal("nine", of("my-own", "openai_chat", "mistral").call_ids)
    assert.is_nil(of("my-own").call_ids)
    assert.is_false(of("claude-3-5-sonnet-20241022", "anthropic").output)
    assert.is_nil(of("claude-3-5-sonnet-20241022").output)
  end)

  it("is empty where nobody knows the name", function()
    for _, model in ipairs { "m", "", "gpt-oss-120b", "llama-4", "gpt5", "opus", ("x"):rep(10000), ("claude-opus-4-7/"):rep(100000) } do
      assert.same({ concerns = {} }, of(model), model:sub(1, 20))
    end
  end)

  it("is found once a name, and no more than a thousand names are kept", function()
    assert.equal(of "gpt-5", of "gpt-5")
    for i = 1, 2500 do of("gpt-5-" .. i) end
    assert.is_true(models.kept() <= 1000)
    local before = models.kept()
    of(("y"):rep(201))
    assert.equal(before, models.kept())
    assert.same({ "minimal", "low", "medium", "high" }, of("gpt-5").efforts)
  end)
end)
