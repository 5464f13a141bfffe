--- Answers: whether what a server says with a good status is an error all the same.
--
-- Servers and what stands before them answer 200 with `{"error": …}`, with a code and a few words, with a page of HTML, with an event
-- of a stream. A JSON object is an error where it says so (`error`, `success: false`, a code in `base_resp`), or where it holds words
-- about the call and no answer: `{"code": 500, "msg": "…", "data": null}`, `{"detail": "…"}`. What the error says is read as it is from
-- an answer of 400 and above (errors.lua).
--
-- @module opengatellm.http.answer
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local words = require "opengatellm.base.words"

local M = {}

local set_of = words.set

-- Members in which a server speaks of a call, in the forms that are known.
local SPEAKS = set_of "detail message msg error_message error_msg errmsg error_description errors reason"
-- Members that stand beside those and are no answer.
local BESIDE = set_of [[
  error details error_code error_type errcode code type status status_code statusCode statusText status_msg success ok object param
  base_resp id request_id requestId trace_id traceId log_id timestamp path instance title help hint documentation_url messages
]]
-- Values of `code`, `status` and the like that tell of success.
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

-- Whether an object says itself that it is an error. A thing that tells how it fares tells so of its own failure.
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
---@param state? string member that tells how a thing fares: `error` and a message beside it are the thing's own
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

-- Whether a decoded value has an error and nothing beside.
local function is_only_fault(value)
  if type(value) ~= "table" or value[1] ~= nil or not says(value.error) then return false end
  for name in pairs(value) do
    if not SPEAKS[name] and not BESIDE[name] then return false end
  end
  return true
end

-- Texts ------------------------------------------------------------------------------------------------------------

local TAGS = set_of "html head body title meta h1 h2 h3 p div center pre table script style"

--- A text without the mark of its encoding and the white space before it.
local function begun(text) return (text:gsub("^\239\187\191", ""):gsub("^%s+", "")) end

--- Whether a text is a page, and no words: it begins as one, or the server says so.
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

--- The value of a text that is an object, a list or a string of JSON; nil where it is words, a number among them.
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

-- The JSON of an answer that begins as the events of a stream do, or as a line of a log.
local function framed(text)
  text = begun(text)
  if text:find "^event:" or text:find "^:" then text = text:match "\n(data:.*)$" or text end
  text = text:match "^data:%s*([^\r\n]+)" or text:match "^error:%s*([%[{].*)$"
  return text and text:find "^[%[{]" and text or nil
end

--- The error of words that a server sent in place of an answer.
---@param text string
---@param head {status: integer, headers: table}
---@param body? string all that it sent, where that is more
---@return ogl.Error
function M.error(text, head, body)
  local message, kind, code, fields = errors.read_body(head.status, begun(text))
  local said = { message = message, type = kind, code = code, fields = fields, body = (body or text):sub(1, errors.BODY) }
  return errors.inside(said, head.headers)
end

--- The error of an answer that is not what was expected, in the server's words; nil where it has none about the call.
---@param body string
---@param head {status: integer, headers: table}
---@return ogl.Error?
function M.told(body, head)
  return speaks(M.json(body)) and M.error(body, head) or nil
end

--- The error that an answer is, or nil.
---@param body string as it came
---@param value any what it is as JSON; nil where it is none
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
