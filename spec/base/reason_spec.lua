-- Reasons: one word for why a server refused, whatever words it used.
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local reason = require "opengatellm.base.reason"

-- What a recorded error is, by the front of its message; the rest have no reason.
local RECORDED = {
  { "Unsupported parameter: 'max_tokens'", "unsupported_parameter" },
  { "The model `gpt-4.1-nano-wrong`", "model_not_found" },
  { "API key not valid", "invalid_key" },
  { "models/gemini-5.0-flash is not found", "model_not_found" },
  { "models/unknown is not found", "model_not_found" },
  { "models/test-model-name is not found", "model_not_found" },
  { "Image generation failed", "content_filter" },
  { "Method doesn't allow unregistered callers", "invalid_key" },
  { "Rate limit exceeded: limit_rpm", "overloaded" }, -- "High demand for …"
  { "request (12020 tokens) exceeds", "context_length" },
  { "The model `gpt-3.5-turbo-0613` has been deprecated", "model_not_found" },
  { "The API deployment for this resource", "model_not_found" },
  { "The response was filtered", "content_filter" },
  { "You exceeded your current quota", "quota" },
}

local function expected_of(message)
  for _, row in ipairs(RECORDED) do
    if message:sub(1, #row[1]) == row[1] then return row[2] end
  end
end

local function error_of(status, said)
  if status < 400 then return errors.inside({ message = said.message, type = said.type, code = said.code }, {}) end
  return errors.from_status(status, {}, json.encode { error = { message = said.message, type = said.type, code = said.code, param = said.param } })
end

describe("a reason", function()
  it("is found in every recorded error that has one, and in no other", function()
    local path = helper.shared "fixtures/expected.jsonl"
    if not path then return pending "the recordings are not here" end
    local seen, n = {}, 0
    for line in io.lines(path) do
      local exchange = json.decode(line)
      local said = exchange.expect.error
      if type(said) == "table" then
        local found = error_of(exchange.status, said).reason
        assert.equal(expected_of(said.message), found, exchange.id .. ": " .. said.message)
        n, seen[found or "none"] = n + 1, true
      end
    end
    assert.is_true(n >= 30)
    for _, word in ipairs { "context_length", "content_filter", "quota", "model_not_found", "unsupported_parameter", "invalid_key" } do
      assert.is_true(seen[word], word)
    end
  end)

  -- status, type, code, message -> reason
  for _, row in ipairs {
    { 400, nil, nil, "prompt is too long: 215000 tokens > 200000 maximum", "context_length" },
    { 400, nil, nil, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.", "context_length" },
    { 400, nil, nil, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", "context_length" },
    { 400, nil, nil, "This model's maximum prompt length is 131072 but the request contains 537812 tokens.", "context_length" },
    { 413, nil, nil, "Please reduce the length of the messages or completion.", "context_length" },
    { 429, "tokens", "rate_limit_exceeded", "Rate limit reached on tokens per min: the context window is no help", nil },
    { 400, "invalid_request_error", nil, "Output blocked by content filtering policy", "content_filter" },
    { 400, nil, nil, "Content Exists Risk", "content_filter" },
    { 400, nil, "data_inspection_failed", "Output data may contain inappropriate content.", "content_filter" },
    { 400, "invalid_request_error", nil, "Your credit balance is too low to access the Anthropic API.", "quota" },
    { 402, nil, nil, "Insufficient Balance", "quota" },
    { 402, nil, nil, "pay", "quota" },
    { 400, nil, nil, "Insufficient budget.", "quota" },
    { 429, nil, nil, "Request limit per day exceeded.", "quota" },
    { 429, nil, nil, "Request limit per minute exceeded.", nil },
    { 401, nil, nil, "no", "invalid_key" },
    { 403, nil, nil, "Invalid API key.", "invalid_key" },
    { 403, nil, nil, "User has no admin rights.", nil },
    { 404, nil, nil, "Model mistral-small not found.", "model_not_found" },
    { 404, nil, nil, "Not Found", nil },
    { 404, nil, nil, "Collection 3 not found.", nil },
    { 400, nil, "1500", "Invalid model: mistral-tiny-9", "model_not_found" },
    { 400, nil, nil, "thinking: Extra inputs are not permitted", "unsupported_parameter", "thinking" },
    { 400, nil, nil, [[Invalid JSON payload received. Unknown name "topQ" at 'generation_config': Cannot find field.]], "unsupported_parameter", "topQ" },
    { 400, nil, nil, "property 'logprobs' is unsupported", "unsupported_parameter", "logprobs" },
    { 400, nil, "unsupported_value", "Unsupported value: 'temperature' does not support 0.2 with this model.", "unsupported_parameter", "temperature" },
    { 400, nil, nil, "Unrecognized request argument supplied: foo", "unsupported_parameter", "foo" },
    { 529, "overloaded_error", nil, "Overloaded", "overloaded" },
    { 503, nil, nil, "Model is too busy, please try again later", "overloaded" },
    { 200, "overloaded_error", nil, "Overloaded", "overloaded" },
    { 500, nil, nil, "Internal Server Error", nil },
    { 400, nil, nil, "messages: at least one message is required", nil },
  } do
    it(("of %d %q"):format(row[1], row[4]), function()
      local err = error_of(row[1], { type = row[2], code = row[3], message = row[4] })
      assert.equal(row[5], err.reason)
      assert.equal(row[6], row[6] and err.fields[1].path)
    end)
  end

  it("names the field that the server's own member names", function()
    local err = error_of(400, { code = "unsupported_parameter", message = "Not this one.", param = "max_tokens" })
    assert.same({ { path = "max_tokens", message = "Not this one." } }, err.fields)
  end)

  it("is none of a server's where our own side failed", function()
    assert.is_nil(reason.of(errors.new { kind = "network", message = "the connection was closed: server overloaded" }))
  end)

  it("is found in a long message in time that does not grow with it", function()
    assert.is_nil(error_of(400, { message = ("model "):rep(50000) }).reason)
  end)
end)
