--- Faults of status: errors that the server says aloud, in each form that a client meets; refusals that end; redirects.
--
-- One function a scenario, `faults.name(request, response, args…)`; the args are strings from the path. Refusals
-- (`storm`, `retry_date`, `retry_ms`, `ratelimit`) count the requests of each whole scenario text, so a test that
-- wants a count of its own adds an argument of its own (`storm:2:429:0.01:id17`). The counts live as long as the
-- server.

local answers = require "server.answers"
local http = require "server.http"
local script = require "server.script"

local faults = {}

local MIB = 1024 * 1024

-- OGL's own words.
local DETAILS = {
  [400] = "Insufficient budget.",
  [401] = "Invalid API key.",
  [403] = "Your account has expired. Please contact support to renew your account.",
  [404] = "Model not-there not found.",
  [409] = "Key already exists.",
  [413] = "batch size 65 > maximum allowed batch size 64",
  [422] = "Model has wrong type. Expected: text-generation. Actual: text-embeddings-inference.",
  [424] = "Model provider vllm not reachable (502): Bad Gateway",
  [429] = "Request limit per minute exceeded.",
  [500] = "An unexpected error occurred",
  [503] = "Model is too busy, please try again later.",
}

local NGINX_TITLES = {
  [413] = "Request Entity Too Large",
  [502] = "Bad Gateway",
  [503] = "Service Temporarily Unavailable",
  [504] = "Gateway Time-out",
}

local function number(text, default)
  return math.tointeger(tonumber(text)) or default
end

local function detail(status)
  return DETAILS[status] or ("Error %d of the model provider."):format(status)
end

local function refuse(response, status, text)
  response:whole(status, '{"detail":' .. script.quote(text or detail(status)) .. "}")
end

-- One error, many forms ---------------------------------------------------------------------------------------------

--- status:CODE[:RETRY_AFTER]: OGL's own form.
function faults.status(_, response, code, retry_after)
  if retry_after then response:add_header("retry-after", retry_after) end
  refuse(response, number(code, 500))
end

--- status_html:CODE: the page of a proxy.
function faults.status_html(_, response, code)
  local status = number(code, 504)
  local title = NGINX_TITLES[status] or "Error"
  local page = "<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n<center><h1>%d %s</h1></center>\r\n"
    .. "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
  response:whole(status, page:format(status, title, status, title), "text/html")
end

--- status_text:CODE: plain text, as Starlette does.
function faults.status_text(_, response, code)
  response:whole(number(code, 500), "Internal Server Error", "text/plain; charset=utf-8")
end

--- status_sse:CODE: JSON that calls itself an event stream: OGL, when the provider fails before the first byte.
function faults.status_sse(_, response, code)
  response:whole(number(code, 503), '{"detail": "Model is too busy (ReadTimeout), please try again later."}',
    "text/event-stream; charset=utf-8")
end

--- status_openai:CODE: the form of OpenAI, relayed from a provider.
function faults.status_openai(_, response, code)
  response:whole(number(code, 400), '{"error":{"message":"This model\'s maximum context length is 8192 tokens.",'
    .. '"type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}')
end

--- status_list: 422 of the validation, two complaints.
function faults.status_list(_, response)
  response:whole(422, '{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{}},'
    .. '{"type":"less_than_equal","loc":["body","temperature"],"msg":"Input should be less than or equal to 2",'
    .. '"input":3.0,"ctx":{"le":2.0}}]}')
end

--- status_nested:CODE: a provider's error inside `detail`.
function faults.status_nested(_, response, code)
  response:whole(number(code, 400), '{"detail":{"error":{"message":"The provider refused the request.",'
    .. '"type":"BadRequestError","param":null,"code":400}}}')
end

--- status_empty:CODE: no body.
function faults.status_empty(_, response, code)
  response:whole(number(code, 502), "", "text/plain")
end

--- status_big:CODE:N: a body of N MiB.
function faults.status_big(request, response, code, mebibytes)
  local before, after, bytes = '{"detail":"', '"}', number(mebibytes, 1) * MIB
  response:head(number(code, 500), {
    { "content-type", "application/json" }, { "content-length", #before + bytes + #after },
  })
  request.conn:send_raw(before)
  local block = ("e"):rep(65536)
  for _ = 1, bytes // #block do request.conn:send_raw(block) end
  request.conn:send_raw(after)
  response.complete = true
end

--- per_day: a limit that no patience helps against.
function faults.per_day(_, response)
  refuse(response, 429, "Request limit per day exceeded.")
end

-- Refusals that end -------------------------------------------------------------------------------------------------

local refusals = {}

--- True for the first `count` requests of the scenario text.
local function refused(request, count)
  local seen = (refusals[request.scenario] or 0) + 1
  refusals[request.scenario] = seen
  return seen <= number(count, 1)
end

--- storm:K:CODE[:RETRY_AFTER[:ID]]: the first K requests get CODE, then ok.
function faults.storm(request, response, count, code, retry_after)
  if not refused(request, count) then return answers.any(request, response) end
  if tonumber(retry_after) then response:add_header("retry-after", retry_after) end
  refuse(response, number(code, 429))
end

--- retry_date:K:SECONDS[:ID]: 503 with Retry-After as a date. A date has whole seconds: the client may wait one less.
function faults.retry_date(request, response, count, seconds)
  if not refused(request, count) then return answers.any(request, response) end
  response:add_header("retry-after", os.date(http.date_format, os.time() + number(seconds, 1)))
  refuse(response, 503)
end

--- retry_ms:K:MS[:ID]: 429 with retry-after-ms.
function faults.retry_ms(request, response, count, milliseconds)
  if not refused(request, count) then return answers.any(request, response) end
  response:add_header("retry-after-ms", milliseconds or "10")
  refuse(response, 429)
end

--- ratelimit:K:RESET[:ID]: 429 with OGL's headers: ten requests a minute, all used, new ones in RESET (`1h2m3s`);
--- tokens without limit. The good answers after it carry them too, as OGL's do.
function faults.ratelimit(request, response, count, reset)
  local is_refused = refused(request, count)
  response:add_header("x-ratelimit-limit-request", "10")
  response:add_header("x-ratelimit-remaining-request", is_refused and "0" or "9")
  response:add_header("x-ratelimit-reset-requests", reset or "1s")
  response:add_header("x-ratelimit-limit-token", "None")
  response:add_header("x-ratelimit-remaining-token", "0")
  response:add_header("x-ratelimit-reset-token", "0s")
  if is_refused then return refuse(response, 429) end
  answers.any(request, response)
end

-- Redirects ---------------------------------------------------------------------------------------------------------

local function redirect(request, response, code, host)
  local scheme = request.conn.tls and "https" or "http"
  response:add_header("location", ("%s://%s/ok%s"):format(scheme, host, request.route))
  response:whole(number(code, 307), "", "text/plain")
end

--- redirect:CODE: to the same route of `ok`, same host.
function faults.redirect(request, response, code)
  redirect(request, response, code, request.headers["host"] or "127.0.0.1")
end

--- redirect_other:CODE:PORT: to another port, which is another host to a careful client.
function faults.redirect_other(request, response, code, port)
  redirect(request, response, code, "127.0.0.1:" .. (port or "1"))
end

return faults
