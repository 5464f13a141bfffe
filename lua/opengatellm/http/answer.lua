--- Answers: whether a server's answer with a good status is an error all the same.
--
-- Servers, and the proxies before them, answer 200 with `{"error": …}`, with a code and a few words, with a page of HTML, with an event
-- of a stream. A JSON object is an error if it says so (`error`, `success: false`, a code in `base_resp`), or if it holds words about
-- the call and no answer: `{"code": 500, "msg": "…", "data": null}`, `{"detail": "…"}`. The message is read in the same way as that of
-- an answer of 400 and above (errors.lua).
--
-- @module opengatellm.http.answer
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local words = require "opengatellm.base.words"

local M = {}

local set_of = words.set

-- Members in which the known servers write about a call.
local SPEAKS = set_of "detail message msg error_message error_msg errmsg error_description errors reason"
-- Members that stand beside those, and that belong to no answer.
local BESIDE = set_of [[
  error details error_code error_type errcode code type status status_code statusCode statusText status_msg success ok object param
  base_resp id request_id requestId trace_id traceId log_id timestamp path instance title help hint documentation_url messages
]]
-- Values of `code`, `status` and the like that mean success.
local FINE = set_of "0 200 201 202 204 ok success succeeded true up healthy pass green alive ready running"

local function is_empty(value)
  return value == nil or value == json.null or value == "" or value == false or type(value) == "table" and next(value) == nil
end

-- Whether a value says more than nothing: {"code": 0, "message": ""} does not.
local function says(value)
  if type(value) ~= "table" then return not is_empty(value) and value ~= 0 end
  for _, member in pairs(value) do
    if says(member) then return true end
  end
  return false
end

local function is_fine(value)
  if type(value) ~= "string" and type(value) ~= "number" then return false end
  return FINE[tostring(value):lower():gsub("%.0$", "")] or false
end

-- Whether an object says that it is an error. If it has a state (a batch, a job), its `error` describes a failure of that job, not of the
-- call.
local function is_declared(object, state)
  local base = object.base_resp
  if type(base) == "table" and not is_empty(base.status_code) and not is_fine(base.status_code) then return true end
  if says(object.error) then return not (state and type(object[state]) == "string") end
  return object.object == "error" or object.type == "error" or object.success == false
end

-- Whether an object has words about the call, and nothing of an answer.
local function is_bare(object, state)
  local telling = false
  for name, value in pairs(object) do
    if SPEAKS[name] then telling = telling or says(value)
    elseif not BESIDE[name] and not is_empty(value) then return false end
  end
  if not telling or object.success == true or object.ok == true or object.status == true then return false end
  if state and object.id and type(object[state]) == "string" then return false end
  return not (is_fine(object.code) or is_fine(object.status) or is_fine(object.status_code))
end

--- Whether a decoded answer is an error; of a list, its first item.
---@param value any
---@param state? string name of the member that holds the state of a job: `error` beside it describes the job, not the call
---@return boolean
function M.is_fault(value, state)
  if type(value) ~= "table" then return false end
  if value[1] ~= nil then return type(value[1]) == "table" and M.is_fault(value[1]) end
  return is_declared(value, state) or is_bare(value, state)
end

local function speaks(value)
  for name in pairs(type(value) == "table" and SPEAKS or {}) do
    if says(value[name]) then return true end
  end
  return false
end

-- Whether a decoded value has an error, and no other member that could be an answer.
local function is_only_fault(value)
  if type(value) ~= "table" or value[1] ~= nil or not says(value.error) then return false end
  for name in pairs(value) do
    if not SPEAKS[name] and not BESIDE[name] then return false end
  end
  return true
end

-- Texts ------------------------------------------------------------------------------------------------------------

local TAGS = set_of "html head body title meta h1 h2 h3 p div center pre table script style"

-- Removes the byte order mark and the white space at the front of a text.
local function begun(text) return (text:gsub("^\239\187\191", ""):gsub("^%s+", "")) end

--- Whether a text is a page of HTML or XML: it begins as one, or the server says so.
---@param text string
---@param head? {headers: table}
---@return boolean
function M.is_html(text, head)
  local kind = head and head.headers["content-type"]
  if type(kind) == "string" and kind:lower():find "^%s*text/html" and not text:find "^%s*[%[{]" then return true end
  text = begun(text):lower()
  return text:find "^<!doctype" ~= nil or text:find "^<%?xml" ~= nil or text:find "^<!%-%-" ~= nil
    or TAGS[text:match "^<(%w+)[%s>/]" or ""] or false
end

--- Decodes a text that is an object, a list or a string of JSON; gives nil for any other text, a number too.
---@param text string
---@return any
function M.json(text)
  text = begun(text)
  if text:find '^[%[{"]' then return (core.decode(text)) end
end

--- Whether a text, which may be any file, is an error and nothing else: `{"error": …}`.
---@param text string
---@return boolean
function M.is_pure(text) return is_only_fault(M.json(text)) end

-- Finds the JSON in an answer that begins like the events of a stream, or like a line of a log.
local function framed(text)
  text = begun(text)
  if text:find "^event:" or text:find "^:" then text = text:match "\n(data:.*)$" or text end
  text = text:match "^data:%s*([^\r\n]+)" or text:match "^error:%s*([%[{].*)$"
  return text and text:find "^[%[{]" and text or nil
end

--- Makes the error of a text that a server sent in place of an answer.
---@param text string
---@param head {status: integer, headers: table}
---@param body? string the whole body, where the text is a part of it
---@return ogl.Error
function M.error(text, head, body)
  local message, kind, code, fields = errors.read_body(head.status, begun(text))
  local said = { message = message, type = kind, code = code, fields = fields, body = (body or text):sub(1, errors.BODY) }
  return errors.inside(said, head.headers)
end

--- Makes the error of an unexpected answer from the message that the server wrote into it; gives nil if it has no message.
---@param body string
---@param head {status: integer, headers: table}
---@return ogl.Error?
function M.told(body, head)
  return speaks(M.json(body)) and M.error(body, head) or nil
end

--- Makes the error if an answer is one; gives nil if it is not.
---@param body string as it came
---@param value any the decoded body; nil if it is not JSON
---@param head {status: integer, headers: table}
---@param state? string see is_fault
---@return ogl.Error?
function M.fault(body, value, head, state)
  local text = body
  if value == nil then
    text = framed(body)
    value = text and core.decode(text)
  end
  if not M.is_fault(value, state) then return nil end
  return M.error(text, head, body)
end

return M
