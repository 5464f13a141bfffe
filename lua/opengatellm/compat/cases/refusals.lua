--- Cases of requests that a server has to refuse.
--
-- @module opengatellm.compat.cases.refusals
local verdict = require "opengatellm.compat.verdict"

local NOBODY = "ogl-compat-no-such-model"
-- Where the messages of a request stand, in each protocol: a number there is no request.
local NO_MESSAGES = { messages = 5, input = 5, contents = 5 }

-- How the one who asked is refused: a status, or "file" where the provider looks for the model's file by itself.
local function refusal_of(err) return err.kind == "file" and "file" or err.status end

-- What is wrong with an answer that has to be an error of the one who asked.
local function problem_of(reply, err, what)
  if reply then return what .. " was answered" end
  if err.kind == "file" then return nil end
  if not err.status then return ("%s: expected an answer of 400 to 499, got %s"):format(what, tostring(err)) end
  if err.status < 400 or err.status > 499 then return ("%s: expected 400 to 499, got %d"):format(what, err.status) end
  if tostring(err.message):gsub("%s", "") == "" then return what .. ": the error says nothing" end
end

local function errors(target)
  local reply, err = target:chat { messages = target:question(), model = NOBODY }
  local problem = problem_of(reply, err, "a model that does not exist")
  if problem then return "fail", problem end
  local first = refusal_of(err)
  reply, err = target:chat { messages = target:question(), extra = NO_MESSAGES }
  problem = problem_of(reply, err, "a request without messages")
  return verdict.of(problem, not problem and ("%s for a model, %s for a request"):format(first, refusal_of(err)) or "")
end

local WRONG_KEY = "ogl-compat-wrong-key"

local function key(target)
  if not target.client.has_key() then return "skip", "no key is set" end
  if (target.client.provider.auth or ""):find("%.auth%.") then return "skip", "its credentials are more than a key" end
  local reply, err = target.client:with({ api_key = WRONG_KEY }):chat(target:request { messages = target:question() })
  local problem = problem_of(reply, err, "a wrong key")
  if not problem and err.kind ~= "auth" and err.reason ~= "invalid_key" then
    problem = ("a wrong key: expected 401 or 403, got %d"):format(err.status)
  end
  return verdict.of(problem, not problem and ("%d for a wrong key"):format(err.status) or "")
end

return {
  errors = { says = "what cannot be answered is refused, with the reason", is_basic = true, run = errors },
  key = { says = "a wrong key is refused", run = key },
}
