--- Faults of the stream: what goes wrong in an event stream, or only looks as if, while HTTP itself is well.
--
-- One function a scenario, `faults.name(request, response, args…)`; the args are strings from the path. Most begin
-- with `open` (the head, the first frame, some good text chunks) and end with `close` (the good tail) or with
-- something worse. `count` is always the number of text chunks before it happens. Bulk scenarios send blocks made
-- beforehand, so that the client is the slower side.

local answers = require "server.answers"
local loop = require "server.loop"
local script = require "server.script"

local faults = {}

local MIB = 1024 * 1024

--- Starts a good stream with `count` text chunks, and gives its maker.
local function open(request, response, count)
  local completion = answers.completion(request)
  response:stream()
  response:chunk(completion:start())
  for n = 1, tonumber(count) or 3 do response:chunk(answers.text_frame(completion, n)) end
  return completion
end

--- Ends a stream well: finish, usage, [DONE].
local function close(request, response, completion, count)
  for _, frame in ipairs(answers.tail(request, completion, tonumber(count) or 3)) do response:chunk(frame) end
  response:finish()
end

--- Sends a good stream whose every frame went through `change`.
local function changed(request, response, change)
  response:stream()
  for _, frame in ipairs(answers.frames(request)) do response:chunk(change(frame)) end
  response:finish()
end

-- The connection ends or sleeps in mid-stream -----------------------------------------------------------------------

--- reset_mid_stream:N: N text chunks, then RST.
function faults.reset_mid_stream(request, response, count)
  open(request, response, count)
  loop.sleep(0.05) -- a RST may overtake what the client has not read yet
  request.conn:reset()
end

--- close_mid_stream:N: N text chunks, then a clean end of HTTP; no finish_reason, no [DONE].
function faults.close_mid_stream(request, response, count)
  open(request, response, count)
  response:finish()
end

--- stall_mid_stream:N: N text chunks, then silence until the client goes away.
function faults.stall_mid_stream(request, response, count)
  open(request, response, count)
  request.conn:wait_gone()
end

-- The end is missing ------------------------------------------------------------------------------------------------

--- no_done: everything but [DONE].
function faults.no_done(request, response)
  local frames = answers.frames(request)
  response:stream()
  for position = 1, #frames - 1 do response:chunk(frames[position]) end
  response:finish()
end

--- no_marker: all the text, neither finish_reason nor [DONE].
function faults.no_marker(request, response)
  open(request, response, #answers.TOKENS)
  response:finish()
end

--- cut_in_utf8: HTTP ends cleanly inside a character.
function faults.cut_in_utf8(request, response)
  local completion = open(request, response, 3)
  local frame = completion:text("café")
  response:chunk(frame:sub(1, frame:find("\xC3", 1, true)))
  response:finish()
end

-- OGL's three errors in mid-stream ----------------------------------------------------------------------------------

local BUSY = '{"detail": "Model is too busy (RemoteProtocolError), please try again later."}'

--- sse_error_bare:N: OGL up to 0.9.0, bare JSON without field name and without newline.
function faults.sse_error_bare(request, response, count)
  open(request, response, count)
  response:chunk(BUSY)
  response:finish()
end

--- sse_error_event:N: newer OGL, an event named error.
function faults.sse_error_event(request, response, count)
  open(request, response, count)
  response:chunk("event: error\ndata: " .. BUSY .. "\n\n")
  response:finish()
end

--- sse_error_internal:N: a bug in the gateway, all versions.
function faults.sse_error_internal(request, response, count)
  open(request, response, count)
  response:chunk('event: error\ndata: {"error": {"message": "Internal Server Error"}}\n\n')
  response:finish()
end

-- One event is bad, the rest is well --------------------------------------------------------------------------------

--- sse_bad_json:N: after N text chunks one event that is no JSON, then two more text chunks and a good end.
function faults.sse_bad_json(request, response, count)
  local completion = open(request, response, count)
  response:chunk('data: {"id": "chatcmpl-1", "choices": [{"delta": {"content": "lost\n\n')
  response:chunk(completion:text(" Et"))
  response:chunk(completion:text(" voilà"))
  close(request, response, completion, (tonumber(count) or 3) + 2)
end

--- sse_bad_utf8: the second of three text chunks is `caf<C3>(<FF> ok`.
function faults.sse_bad_utf8(request, response)
  local completion = open(request, response, 1)
  response:chunk(completion:text("caf\xC3(\xFF ok"))
  response:chunk(completion:text(" fin"))
  close(request, response, completion, 3)
end

-- Good streams in unusual clothes -----------------------------------------------------------------------------------

--- crlf: lines end with CR LF.
function faults.crlf(request, response)
  changed(request, response, function(frame) return (frame:gsub("\n", "\r\n")) end)
end

--- comments: a ping before each event, and a comment inside it.
function faults.comments(request, response)
  changed(request, response, function(frame) return ": ping\n\n:inside\n" .. frame end)
end

--- slow:MS: MS milliseconds before each frame.
function faults.slow(request, response, milliseconds)
  changed(request, response, function(frame)
    loop.sleep((tonumber(milliseconds) or 100) / 1000)
    return frame
  end)
end

--- list:COUNT[:MS]: a text that is JSON, a list of COUNT elements with the members `line` (10, 20, …) and `text`, as the one member
--- of an object; MS milliseconds before each chunk.
function faults.list(request, response, count, milliseconds)
  local elements = {}
  for n = 1, tonumber(count) or 3 do elements[n] = ('{"line": %d, "text": "problem %d"}'):format(n * 10, n) end
  local tokens = script.tokens('{"value": [' .. table.concat(elements, ", ") .. "]}")
  local completion = answers.completion(request)
  response:stream()
  response:chunk(completion:start())
  for _, token in ipairs(tokens) do
    loop.sleep((tonumber(milliseconds) or 0) / 1000)
    response:chunk(completion:text(token))
  end
  close(request, response, completion, #tokens)
end

--- bytewise: the good answer (streamed or whole), every byte an HTTP chunk of its own.
function faults.bytewise(request, response)
  local body, content_type = answers.body(request)
  response:stream(content_type)
  for byte in body:gmatch(".") do
    response:chunk(byte)
    loop.pass()
  end
  response:finish()
end

--- split_utf8: the good answer, cut inside each of its characters that has more than one byte.
function faults.split_utf8(request, response)
  local body, content_type = answers.body(request)
  response:stream(content_type)
  local from = 1
  for inside in body:gmatch("()[\x80-\xBF]") do
    response:chunk(body:sub(from, inside - 1))
    loop.sleep(0.001) -- or the pieces would meet again in the client's socket
    from = inside
  end
  response:chunk(body:sub(from))
  response:finish()
end

-- Much --------------------------------------------------------------------------------------------------------------

--- Sends `block` until `bytes` bytes went out, as HTTP chunks of its size. A last piece that would be smaller is
--- not sent.
local function pour(response, block, bytes)
  for _ = 1, bytes // #block do response:chunk(block) end
end

--- firehose:N: about N MiB of good text chunks as fast as the client reads them, then a good end.
function faults.firehose(request, response, mebibytes)
  local completion, frames, size = answers.completion(request), {}, 0
  repeat
    frames[#frames + 1] = answers.text_frame(completion, #frames + 1)
    size = size + #frames[#frames]
  until size >= 65536
  local bytes = (tonumber(mebibytes) or 1) * MIB
  response:stream()
  response:chunk(completion:start())
  pour(response, table.concat(frames), bytes)
  close(request, response, completion, bytes // size * #frames)
end

--- giant_line:N: one text chunk with N MiB of `a` in a single line, then a good end: a client with room for it gets
--- it all.
function faults.giant_line(request, response, mebibytes)
  local completion = open(request, response, 0)
  local before, after = completion:text("@"):match("^(.*)@(.*)$")
  response:chunk(before)
  pour(response, ("a"):rep(65536), (tonumber(mebibytes) or 1) * MIB)
  response:chunk(after)
  close(request, response, completion, 1)
end

return faults
