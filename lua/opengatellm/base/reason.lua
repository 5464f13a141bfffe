--- Reasons: why a server refused a call, in the same word for every provider.
--
-- Servers name the same trouble by different statuses, types, codes and sentences. A program that reacts to it (a router that tries a
-- model with a longer context, a script that asks for another key) reads one word instead: `err.reason`. The table below holds what
-- servers send; its rows are tried in order, and the first that fits gives the reason.
--
--   context_length         the prompt is longer than the model reads
--   content_filter         the provider refused the content of the prompt or of the answer
--   quota                  a limit is reached that time does not lift soon: money, a budget, a limit of the day or longer
--   invalid_key            the key is missing, wrong or expired
--   model_not_found        there is no such model for this key
--   unsupported_parameter  the model or the server does not take a field; `err.fields` names it
--   overloaded             the server is too busy
--
-- Sources of the words: recorded errors of the reference material; error catalogues of OpenAI, Anthropic, Google, Mistral, Groq,
-- DeepSeek, MiniMax, Zhipu, Alibaba and OpenGateLLM; llama.cpp and vLLM.
--
-- @module opengatellm.base.reason
local core = require "opengatellm.core"
local quota = require "opengatellm.base.quota"
local words = require "opengatellm.base.words"

local M = {}

---@alias ogl.Reason
---| "context_length"|"content_filter"|"quota"|"invalid_key"|"model_not_found"|"unsupported_parameter"|"overloaded"

-- `codes`: values of the error's code and type, in lower case. `sentences`: patterns for the message in lower case. `statuses`: these
-- suffice alone. `unless`: statuses with which the row says nothing (a limit of tokens a minute speaks of tokens, too).
local ROWS = {
  {
    reason = "context_length", unless = { [401] = true, [403] = true, [429] = true },
    codes = words.set [[
      context_length_exceeded exceed_context_size_error context_window_exceeded model_context_window_exceeded contextwindowexceedederror
      max_tokens_exceeded context_length_exceeded_error string_above_max_length tokens_exceeded
    ]],
    sentences = {
      "maximum context length", "context window", "context length", "context size", "context limit", "maximum prompt length",
      "prompt is too long", "prompt too long", "prompt is longer than", "input is too long", "input too long", "input length.-exceed",
      "too many tokens.-prompt", "input token count.-exceed", "tokens? in the prompt.-exceed", "exceeds? the maximum number of tokens",
      "exceeds? the model'?s? max", "reduce the length of", "maximum allowed number of input tokens", "^max tokens exceeded",
      "超出.-上下文", "range of input length should be",
    },
  },
  {
    reason = "content_filter",
    codes = words.set [[
      content_filter content_filtered content_policy_violation responsibleaipolicyviolation responsible_ai_policy_violation
      moderation_blocked content_filter_error data_inspection_failed datainspectionfailed image_safety prohibited_content 1026 1027 1301
    ]],
    sentences = {
      "content management policy", "content filter", "content policy", "safety system", "responsible ai", "sensitive words",
      "sensitive content", "inappropriate content", "content exists risk", "was flagged", "flagged by", "flagged as", "moderation",
      "violates? .-polic", "blocked by .-safety", "prohibited content", "敏感",
    },
  },
  {
    reason = "quota", statuses = { [402] = true },
    codes = words.set [[
      insufficient_quota insufficient_user_quota insufficient_balance insufficient_credits insufficient_budget billing_error
      billing_hard_limit_reached billing_not_active payment_required credit_balance_too_low access_terminated exceeded_current_quota_error
      requests_per_day tokens_per_day insufficient_upload_quota arrearage 1008 1113
    ]],
    sentences = {
      "credit balance", "insufficient .-balance", "insufficient funds", "insufficient credit", "insufficient budget",
      "insufficient quota", "no balance", "out of credits?", "requires more credits", "spending limit", "budget.-exceeded",
      "exceeded.-budget", "usage limit", "余额不足", "account.-in arrears", "per day exceeded",
    },
    test = function(err)
      local limited = err.kind == "rate_limit" or err.status == 429 or (err.message or ""):lower():find "quota"
      return limited and quota.is_long(err.type, err.code, err.message, err.body)
    end,
  },
  {
    reason = "invalid_key", statuses = { [401] = true },
    codes = words.set [[
      invalid_api_key api_key_invalid authentication_error invalid_authentication invalid_authentication_error not_authenticated
      invalid_auth_scheme unauthenticated unauthorized incorrect_api_key expired_api_key account_expired invalidapikey 1004
    ]],
    sentences = {
      "invalid api[ %-_]?key", "incorrect api[ %-_]?key", "invalid x%-api%-key", "api[ %-_]?key.-not valid", "api[ %-_]?key.-invalid",
      "api[ %-_]?key.-expired", "api[ %-_]?key.-incorrect", "no api[ %-_]?key", "missing.-api[ %-_]?key", "unregistered callers",
      "not authenticated", "invalid authentication", "your account has expired",
    },
  },
  {
    reason = "model_not_found",
    codes = words.set [[
      model_not_found model_not_found_error deploymentnotfound deployment_not_found unknown_model invalid_model model_not_available
      model_not_permitted modelnotfound model_not_supported
    ]],
    sentences = {
      "%f[%w]model .-not found", "%f[%w]models?[ /].-is not found", "%f[%w]model .-does not exist", "%f[%w]model .-not exist",
      "no such model", "unknown model", "invalid model", "not a valid model", "no endpoints found", "deployment.-does not exist",
      "%f[%w]model .-has been deprecated", "%f[%w]model .-decommissioned", "permissions? to access the model",
      "do not have access to.-model", "model not exist",
    },
  },
  {
    reason = "unsupported_parameter", unless = { [401] = true, [403] = true, [404] = true, [429] = true },
    codes = words.set [[
      unsupported_parameter unknown_parameter unsupported_value unrecognized_parameter unsupportedparamserror extra_forbidden
      parameter_unknown
    ]],
    sentences = {
      "unsupported parameter", "unknown parameter", "unrecognized request argument", "unrecognized parameter", "unexpected parameter",
      "extra inputs are not permitted", "unknown name", "unsupported value", "parameter.-not supported", "parameter.-unsupported",
      "property.-is unsupported", "is not supported %a+ this model", "does not support parameter",
      "unexpected keyword argument", "unknown field",
    },
  },
  {
    reason = "overloaded", statuses = { [503] = true, [529] = true }, unless = { [400] = true, [401] = true, [403] = true, [404] = true },
    codes = words.set [[
      overloaded overloaded_error engine_overloaded engine_overloaded_error server_overloaded model_overloaded unavailable
      service_unavailable service_unavailable_error model_busy model_unavailable 503 529 1305
    ]],
    sentences = {
      "overload", "over capacity", "at capacity", "out of capacity", "no capacity", "too busy", "is busy", "high demand", "high load",
      "heavy load", "queue is full", "temporarily unavailable", "currently unavailable", "no slot available",
    },
  },
}

-- Kinds that no server's words make: what our own side found has no reason of a server.
local OURS = words.set "network tls timeout incomplete limit cancelled closed file config"

local function has_code(row, err)
  return row.codes[tostring(err.code or ""):lower()] or row.codes[tostring(err.type or ""):lower()]
end

local function has_sentence(row, text)
  for _, pattern in ipairs(row.sentences) do
    if text:find(pattern) then return true end
  end
  return false
end

local LONGEST = 2000 -- bytes of a message that patterns look at

local function fits(row, err, text)
  if row.unless and row.unless[err.status or tonumber(err.code) or 0] then return false end
  return has_code(row, err) or row.statuses and row.statuses[err.status] or has_sentence(row, text) or row.test and row.test(err) or false
end

--- Finds the reason of an error that a server worded.
---@param err ogl.Error
---@return ogl.Reason? reason nil where the words fit no row
function M.of(err)
  if OURS[err.kind] then return nil end
  local text = tostring(err.message or ""):sub(1, LONGEST):lower()
  for _, row in ipairs(ROWS) do
    if fits(row, err, text) then return row.reason end
  end
end

-- Where servers put the name of a field into a sentence.
local NAMED = {
  "[Uu]nsupported parameters?:? ['\"`]([%w_%.%-]+)", "[Uu]nknown parameter:? ['\"`]([%w_%.%-]+)", "[Uu]nknown name \\?[\"']([%w_%.%-]+)",
  "[Uu]nrecognized request arguments? supplied: ([%w_%.%-]+)", "[Uu]nsupported value:? ['\"`]([%w_%.%-]+)",
  "^([%w_%.%-]+): Extra inputs are not permitted", "property ['\"`]([%w_%.%-]+)", "['\"`]([%w_%.%-]+)['\"`]:? [^'\"`]-not support",
  "parameters? ['\"`]([%w_%.%-]+)", "keyword argument ['\"`]([%w_%.%-]+)", "[Uu]nknown field:? \\?['\"`]([%w_%.%-]+)",
}

-- The member `param` of a server's error: the field that it refused.
local function param_of(body)
  local value = body and body:find '"param"' and core.decode((body:gsub("^%s+", "")))
  local said = type(value) == "table" and (type(value.error) == "table" and value.error or value)
  return said and type(said.param) == "string" and said.param ~= "" and said.param or nil
end

local function name_in(message)
  for _, pattern in ipairs(NAMED) do
    local name = message:sub(1, LONGEST):match(pattern)
    if name then return name end
  end
end

--- Sets the reason of an error that a server worded, and the fields that it does not take.
---@param err ogl.Error
---@return ogl.Error err the same table
function M.set(err)
  err.reason = M.of(err)
  if err.reason ~= "unsupported_parameter" or err.fields then return err end
  local message = tostring(err.message or "")
  local name = param_of(err.body) or name_in(message)
  err.fields = name and { { path = name, message = message } } or nil
  return err
end

return M
