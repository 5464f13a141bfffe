--- Faults of the wire: what goes wrong in TCP and in HTTP's framing, and the tools to look at the wire.
--
-- One function a scenario, `faults.name(request, response, args…)`; the args are strings from the path. The request
-- has been read whole when a scenario begins. Where an answer is spoilt it is streamed or whole as the request
-- wants it.

local cjson = require "cjson"
local answers = require "server.answers"
local gzip = require "server.gzip"
local http = require "server.http"
local loop = require "server.loop"

local faults = {}

local MIB = 1024 * 1024

-- A moment for the client to read what was sent, so that it meets the good part and the bad part in two reads: a
-- RST may overtake bytes, and a parser that fails may forget what came with them.
local function let_it_arrive()
  loop.sleep(0.05)
end

-- Well --------------------------------------------------------------------------------------------------------------

--- ok[:DIMENSIONS]: a healthy server.
faults.ok = answers.any

--- echo: the request as JSON, for any method and path.
function faults.echo(request, response)
  response:whole(200, cjson.encode(http.describe(request)))
end

--- keepalive: a whole chat answer that says which connection of the server it is, and which request of the connection.
function faults.keepalive(request, response)
  local conn = request.conn
  response:whole(200, answers.whole(request, ("conn %d request %d"):format(conn.number, conn.requests)))
end

-- The connection ends or sleeps -------------------------------------------------------------------------------------

--- reset_before_head: RST instead of an answer.
function faults.reset_before_head(request)
  request.conn:reset()
end

--- reset_after_head: the head of a good answer, then RST.
function faults.reset_after_head(request, response)
  response:stream(select(2, answers.body(request)))
  let_it_arrive()
  request.conn:reset()
end

--- stall_head: no answer, ever.
function faults.stall_head(request)
  request.conn:wait_gone()
end

--- stall_after_head: the head of a good answer and no body, ever.
function faults.stall_after_head(request, response)
  response:stream(select(2, answers.body(request)))
  request.conn:wait_gone()
end

-- The framing is broken ---------------------------------------------------------------------------------------------

--- cut_in_chunk: the connection closes in the middle of an HTTP chunk.
function faults.cut_in_chunk(request, response)
  local body, content_type = answers.body(request)
  response:stream(content_type)
  local half = #body // 2
  response:chunk(body:sub(1, half))
  let_it_arrive()
  request.conn:send_raw(("%x\r\n"):format(#body - half) .. body:sub(half + 1, half + 20))
  request.conn:close()
end

--- bad_chunk: half of the answer, then a chunk size that is no number.
function faults.bad_chunk(request, response)
  local body, content_type = answers.body(request)
  response:stream(content_type)
  response:chunk(body:sub(1, #body // 2))
  let_it_arrive()
  request.conn:send_raw("zz not a size\r\n" .. body:sub(#body // 2 + 1) .. "\r\n")
  request.conn:close()
end

local function wrong_length(request, response, difference)
  local body, content_type = answers.body(request)
  response:head(200, { { "content-type", content_type }, { "content-length", #body + difference } })
  request.conn:send_raw(body)
  let_it_arrive()
  request.conn:close()
end

--- wrong_length_long: Content-Length promises 100 bytes more than come.
function faults.wrong_length_long(request, response)
  wrong_length(request, response, 100)
end

--- wrong_length_short: Content-Length promises 20 bytes less than come.
function faults.wrong_length_short(request, response)
  wrong_length(request, response, -20)
end

-- The head is too large ---------------------------------------------------------------------------------------------

--- giant_header:N: a header of N bytes, then a good answer.
function faults.giant_header(request, response, bytes)
  response:add_header("x-giant", ("a"):rep(tonumber(bytes) or MIB))
  answers.any(request, response)
end

--- many_headers:N[:NAME]: N headers, or one of that name N times and empty, then a good answer.
function faults.many_headers(request, response, count, name)
  for n = 1, tonumber(count) or 1000 do response:add_header(name or "x-many-" .. n, name and "" or "value " .. n) end
  answers.any(request, response)
end

-- Compression -------------------------------------------------------------------------------------------------------

--- gzip: the good answer, gzipped if the client accepts that. It is correct gzip, of stored blocks.
function faults.gzip(request, response)
  local body, content_type = answers.body(request)
  if (request.headers["accept-encoding"] or ""):find("gzip", 1, true) then
    response:add_header("content-encoding", "gzip")
    body = gzip.store(body)
  end
  response:whole(200, body, content_type)
end

--- gzip_bomb:N: N MiB of JSON blanks, gzipped, asked for or not.
function faults.gzip_bomb(_, response, mebibytes)
  response:add_header("content-encoding", "gzip")
  response:whole(200, gzip.bomb(tonumber(mebibytes) or 100))
end

return faults
