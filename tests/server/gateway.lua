--- The gateway: what OGL makes of a provider's stream before the client sees it.
--
-- Life: `Gateway.new(call, router, options)` chooses the ids and names of one answer and has its `completion`
-- (script.lua), which writes the provider's frames. Each frame goes through `relay`; at the end comes `tail` (OGL's
-- usage, and `[DONE]` where that version sends it), or, if the provider fails in the middle, `failure`. It gives
-- bytes and sends nothing.
--
-- Old versions pass the provider's bytes on as they are. New ones read each chunk and write it anew with Python's
-- json.dumps, which puts spaces after colon and comma and leaves nothing but ASCII.

local json = require "server.json"
local script = require "server.script"

local Gateway = {}
Gateway.__index = Gateway

-- Ids ---------------------------------------------------------------------------------------------------------------

local answers = 0

local function hexadecimal()
  answers = answers + 1
  return ("%016x%016x"):format(0x5939e359cc544279, 0x8f00486d79af0000 + answers)
end

--- An id of OGL's own, as the routes other than chat have it.
function Gateway.request_id()
  return "request-" .. hexadecimal()
end

local IDS = {
  provider = function() return nil end, -- script.lua chooses one
  request = Gateway.request_id,
  gateway = hexadecimal,
}

-- Python's JSON -----------------------------------------------------------------------------------------------------

local function escape(char)
  local code = utf8.codepoint(char)
  if code < 0x10000 then return ("\\u%04x"):format(code) end
  code = code - 0x10000
  return ("\\u%04x\\u%04x"):format(0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
end

--- The end of the string that begins at `open`.
local function string_end(text, open)
  local position = open
  repeat
    position = text:find('["\\]', position + 1)
    local escaped = text:sub(position, position) == "\\"
    if escaped then position = position + 1 end
  until not escaped
  return position
end

--- Compact JSON as json.dumps would write the same value.
function Gateway.python(text)
  local pieces, position = {}, 1
  while position <= #text do
    local open = text:find('"', position, true)
    pieces[#pieces + 1] = text:sub(position, (open or #text + 1) - 1):gsub("[:,]", "%0 ")
    if not open then break end
    local close = string_end(text, open)
    pieces[#pieces + 1] = text:sub(open, close):gsub("[\xC2-\xF4][\x80-\xBF]+", escape)
    position = close + 1
  end
  return table.concat(pieces)
end

-- The answer --------------------------------------------------------------------------------------------------------

--- `options`: `model` (what the client said), `prompt` (tokens), `stream` (true for chunks).
function Gateway.new(call, router, options)
  local dialect = call.dialect
  local provider = call.play.fleet:provider_name(router)
  return setmetatable({
    dialect = dialect,
    router = router,
    completion = script.completion {
      model = options.model, prompt = options.prompt, usage = dialect.usage_chat, prices = call.play.fleet.prices(router),
      provider = dialect.chunk_name == "router" and router.name or provider,
      id = IDS[options.stream and dialect.chunk_id or dialect.answer_id](),
    },
  }, Gateway)
end

--- A frame of the provider as the client gets it.
function Gateway:relay(frame)
  if not self.dialect.python_chunks then return frame end
  return "data: " .. self.python(frame:match("^data: (.*)\n\n$")) .. "\n\n"
end

--- A line of the provider that is no data: it is passed on alone, whatever it belonged to.
function Gateway.relay_line(line)
  return line .. "\n\n"
end

--- OGL's usage since 0.9.0: the fields that OGL adds come last.
function Gateway:new_usage(count)
  local completion = self.completion
  return ('data: {"object": "chat.completion.chunk", "created": %d, "choices": [], "id": %s, "model": %s, '
    .. '"usage": %s}\n\n'):format(completion.created, script.quote(completion.id), script.quote(self.router.name),
      completion:usage_json(count))
end

--- The end of a stream. `count` is of completion tokens; `search`, if any, the list of search results; `is_done` if
--- the provider said `[DONE]`.
function Gateway:tail(count, search, is_done)
  local more = search and ', "search_results": ' .. self.python(json.encode(search))
  local is_new = self.dialect.chunk_usage_model == "router"
  local usage = is_new and self:new_usage(count) or self.completion:usage(count, more)
  return usage .. ((is_done or self.dialect.done_always) and script.DONE or "")
end

-- What goes wrong ---------------------------------------------------------------------------------------------------

--- The provider has gone in the middle of a stream: the last bytes that the client gets.
function Gateway:failure(words)
  local detail = '{"detail": ' .. script.quote(words) .. "}"
  if self.dialect.error_frame == "bare" then return detail end
  return "event: error\ndata: " .. detail .. "\n\n"
end

--- OGL itself has failed, in all versions alike.
Gateway.INTERNAL = 'event: error\ndata: {"error": {"message": "Internal Server Error"}}\n\n'

--- The body of a provider's error before the first chunk.
function Gateway:refused_body(body)
  return self.dialect.error_first_line and body:match("^[^\n]*") or body
end

return Gateway
