-- Faults on both sides of the gateway in nginx: servers that do every wrong thing, and callers that do; whatever one of them does, the
-- streams of the others go on, and the worker lives.
local gateway = require "spec.support.nginx_gateway"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local nginx = require "spec.support.nginx"
local support = require "spec.support.gateway"

local absent = nginx.absent()
if absent then
  if not os.getenv "OGL_LUA" or os.getenv "OGL_LUA" == "luajit" then pending("faults at the gateway in nginx: " .. absent) end
  return
end

local ask, chat, open, read_body, read_head, send =
  gateway.ask, gateway.chat, gateway.open, gateway.read_body, gateway.read_head, gateway.send

-- Scenarios of the fault server: what a streamed answer and a whole one become. A number is the status of an error; "fine" is complete, in
-- the form that was asked for, although some of them always stream; "broken" is 200 and ends with an error.
local FAULTS = {
  { "reset_before_head", 502, 502 }, { "reset_after_head", 502, 502 }, { "cut_in_chunk", "broken", 502 }, { "bad_chunk", "broken", 502 },
  { "wrong_length_long", "fine or broken", 502 }, { "wrong_length_short", "fine", 502 }, { "giant_header:200000", "fine", "fine" },
  { "many_headers:2000", "fine", "fine" }, { "gzip", "fine", "fine" }, { "gzip_bomb:64", 502, 502 },
  { "no_done", "fine", "fine" }, { "no_marker", "broken", 502 }, { "cut_in_utf8", "broken", 502 }, { "sse_error_bare:3", "broken", 502 },
  { "sse_error_event:3", "broken", 502 }, { "sse_error_internal:3", "broken", 502 }, { "sse_bad_json:3", "fine", "fine" },
  { "sse_bad_utf8", "fine", "fine" }, { "crlf", "fine", "fine" }, { "comments", "fine", "fine" }, { "bytewise", "fine", "fine" },
  { "split_utf8", "fine", "fine" }, { "firehose:2", "fine", "fine" }, { "giant_line:2", "fine", "fine" },
  { "status_html:502", 502, 502 }, { "status_text:500", 500, 500 }, { "status_empty:500", 500, 500 }, { "status_sse:400", 400, 400 },
  { "status_openai:429", 429, 429 }, { "status_nested:500", 500, 500 }, { "status_list", 422, 422 }, { "status_big:500:2", 500, 500 },
  { "redirect:307", 502, 502 },
}

local FACES = { ["/v1/chat/completions"] = "openai_chat", ["/api/chat"] = "ollama" }

local folder

setup(function()
  local names = { "slow:10", "slow:100", "firehose:16" }
  for _, row in ipairs(FAULTS) do names[#names + 1] = row[1] end
  folder = select(2, gateway.start(names, 2))
end)

teardown(nginx.stop)

-- Streams that are open while something goes wrong elsewhere ------------------------------------------------------------------

-- Opens streams of both faces, all at once; each has begun.
local function open_streams(count, scenario)
  local streams = {}
  for i = 1, count do
    local path = i % 2 == 0 and "/api/chat" or "/v1/chat/completions"
    streams[i] = { caller = open(), path = path }
    send(streams[i].caller, "POST", path, json.encode(chat("made/" .. scenario, true)))
  end
  for _, stream in ipairs(streams) do
    local status, headers = read_head(stream.caller)
    assert.equal(200, status)
    stream.headers, stream.worker = headers, headers["x-worker"]
  end
  return streams
end

-- Reads a stream to its end: true where all of it came, as it should.
local function is_whole(stream)
  local fine, bytes = pcall(read_body, stream.caller, stream.headers)
  stream.caller:close()
  if not fine then return false end
  local reply, code = support.decode(FACES[stream.path], bytes, stream.headers["content-type"])
  return code == nil and reply.text == helper.TEXT
end

-- Does something while others stream, who must not see it.
local function beside_streams(act)
  local streams = open_streams(4, "slow:10")
  act()
  for _, stream in ipairs(streams) do assert.is_true(is_whole(stream)) end
end

-- An error in the face's own form, which names no address and no key.
local function check_error(path, bytes, where)
  local err = assert(json.decode(bytes), where .. ": " .. bytes).error
  local words = FACES[path] == "ollama" and err or err.message
  assert.is_true(type(words) == "string" and #words > 0, where)
  assert.is_nil(bytes:find("127.0.0.1", 1, true) or bytes:find("sk-upstream", 1, true), where .. ": " .. bytes)
end

-- Servers ---------------------------------------------------------------------------------------------------------------------

-- What an answer is, in the words of FAULTS.
local function outcome_of(path, streamed, status, bytes, content_type, where)
  if status ~= 200 then
    check_error(path, bytes, where)
    return status
  end
  if not streamed then assert.matches("^application/json", content_type, where) end
  local _, code, words = support.decode(FACES[path], bytes, content_type)
  if code then assert.equal("string", type(words), where) end
  return code and "broken" or "fine"
end

describe("a server that", function()
  for _, row in ipairs(FAULTS) do
    it("does " .. row[1] .. " harms nobody else", function()
      beside_streams(function()
        for path in pairs(FACES) do
          for _, model in ipairs { row[1], "made/" .. row[1] } do
            for i, streamed in ipairs { true, false } do
              local where = ("%s of %s, %s"):format(path, model, streamed and "streamed" or "whole")
              local status, bytes, headers = ask("POST", path, chat(model, streamed))
              local outcome = outcome_of(path, streamed, status, bytes, headers["content-type"], where)
              local wanted = row[i + 1]
              local fits = outcome == wanted or type(wanted) == "string" and wanted:find(" or ", 1, true) and wanted:find(outcome, 1, true)
              assert.truthy(fits, ("%s: %s, %s"):format(where, outcome, bytes:sub(-300)))
            end
          end
        end
      end)
    end)
  end
end)

-- Callers ---------------------------------------------------------------------------------------------------------------------

local BODY = json.encode(chat("ok", false))
local LENGTH = "Content-Length: " .. #BODY .. "\r\n"

-- Sends bytes, and gives the status and the body of each answer that comes until the connection ends.
local function answers_to(bytes)
  local caller, list = open(), {}
  caller:send(bytes)
  while true do
    local fine, status, headers = pcall(read_head, caller)
    if not fine then break end
    local read, body = pcall(read_body, caller, headers)
    list[#list + 1] = { status = status, body = read and body or "", headers = headers }
  end
  caller:close()
  return list
end

local function post(headers, body, path)
  return ("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n%s\r\n%s")
    :format(path or "/v1/chat/completions", headers, body)
end

local function chunked(body) return ("%x\r\n%s\r\n0\r\n\r\n"):format(#body, body) end

-- How many requests the upstream server has had.
local function upstream() return helper.stats().requests end

describe("a caller that smuggles", function()
  local SECOND = "POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
  local REQUESTS = {
    ["two lengths"] = post(LENGTH .. "Content-Length: 5\r\n", BODY),
    ["a length and chunks"] = post(LENGTH .. "Transfer-Encoding: chunked\r\n", chunked(BODY)),
    ["an unknown transfer coding"] = post("Transfer-Encoding: xchunked\r\n" .. LENGTH, BODY),
    ["chunks in a list of codings"] = post("Transfer-Encoding: chunked, identity\r\n", chunked(BODY)),
    ["a length that is no number"] = post("Content-Length: 1e3\r\n", BODY),
    ["a negative length"] = post("Content-Length: -1\r\n", BODY),
    ["a header without a name"] = post(": x\r\n" .. LENGTH, BODY),
    ["a zero byte in a header"] = post("X-A: a\0b\r\n" .. LENGTH, BODY),
    ["chunks whose size is no number"] = post("Transfer-Encoding: chunked\r\n", "zz\r\n" .. BODY .. "\r\n0\r\n\r\n"),
    ["two hosts"] = post("Host: evil.example\r\n" .. LENGTH, BODY),
    ["no host"] = "POST /v1/chat/completions HTTP/1.1\r\n" .. LENGTH .. "Connection: close\r\n\r\n" .. BODY,
  }
  for name, bytes in pairs(REQUESTS) do
    it(name .. " is refused once, and nothing goes upstream", function()
      local before = upstream()
      beside_streams(function()
        local list = answers_to(bytes .. SECOND)
        for i, answer in ipairs(list) do
          assert.is_true(answer.status >= 400 and answer.status < 600, name .. ": " .. answer.status)
          assert.is_true(i == 1, name)
        end
        assert.is_true(#list <= 1)
      end)
      assert.equal(before + 4, upstream()) -- the streams beside
    end)
  end

  it("headers for the server behind has none of them passed on", function()
    ask("POST", "/v1/chat/completions", chat("ok", false), {
      Authorization = "Bearer sk-caller", Cookie = "a=b", ["X-Forwarded-For"] = "1.2.3.4", ["X-Evil"] = "1", Expect = "nothing",
      ["Content-Type"] = "application/json", Upgrade = "h2c", ["X-Accel-Redirect"] = "/secret", ["OpenAI-Organization"] = "o",
    })
    local headers = helper.stats().last_request.headers
    assert.equal("Bearer sk-upstream", headers.authorization)
    for _, name in ipairs { "cookie", "x-forwarded-for", "x-evil", "upgrade", "x-accel-redirect", "openai-organization" } do
      assert.is_nil(headers[name], name)
    end
  end)
end)

describe("a caller whose request", function()
  for path in pairs(FACES) do
    it("is too long hears so in the face's words, with a length or in chunks: " .. path, function()
      beside_streams(function()
        for _, size in ipairs { 100001, 1100000 } do -- above the gateway's limit; above nginx's
          local long = ("x"):rep(size)
          for _, bytes in ipairs {
            post("Content-Length: " .. size .. "\r\n", long, path), post("Transfer-Encoding: chunked\r\n", chunked(long), path),
          } do
            local answer = answers_to(bytes)[1]
            if answer then -- nginx may reset what goes on sending
              assert.equal(413, answer.status)
              check_error(path, answer.body, path)
            end
          end
        end
      end)
    end)
  end

  it("has the wrong type is refused by OpenAI's face, and read by Ollama's, as at their own servers", function()
    for kind, wanted in pairs { ["text/plain"] = 415, ["multipart/form-data; boundary=x"] = 415, ["application/xml"] = 415, ["application/json; charset=utf-8"] = 200 } do
      local body = json.encode(chat("ok", false))
      assert.equal(wanted, (ask("POST", "/v1/chat/completions", body, { ["Content-Type"] = kind })), kind)
      assert.equal(200, (ask("POST", "/api/chat", body, { ["Content-Type"] = kind })), kind)
    end
  end)

  it("has the wrong method is refused", function()
    for path in pairs(FACES) do
      for _, method in ipairs { "GET", "PUT", "DELETE", "PATCH", "BREW" } do
        local status, bytes = ask(method, path, chat("ok", false), { ["Content-Type"] = "application/json" })
        assert.equal(405, status, method .. " " .. path)
        check_error(path, bytes, method)
      end
      assert.equal(405, (ask("TRACE", path)))
    end
  end)

  it("is not HTTP is refused", function()
    for _, bytes in ipairs { "\22\3\1\2\0\1\0\1\252\3\3", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ("x"):rep(100000), "\r\n\r\n\r\n\0\r\n\r\n" } do
      beside_streams(function()
        for _, answer in ipairs(answers_to(bytes)) do assert.is_true(answer.status >= 400) end
      end)
    end
  end)
end)

describe("a caller that", function()
  it("pipelines gets its answers in order", function()
    local requests = {}
    for i = 1, 20 do
      local body = json.encode(chat(i % 3 == 0 and "made/ok" or "ok", i % 2 == 0))
      requests[i] = ("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Request-Id: p%d\r\nContent-Length: %d\r\n\r\n%s")
        :format(i % 3 == 0 and "/api/chat" or "/v1/chat/completions", i, #body, body)
    end
    local caller = open()
    assert(caller:send(table.concat(requests)))
    for i = 1, 20 do
      local status, headers = read_head(caller)
      assert.same({ 200, "p" .. i }, { status, headers["x-request-id"] })
      read_body(caller, headers)
    end
    caller:close()
  end)

  it("closes its side counts as gone, and takes its request back", function()
    beside_streams(function()
      local before = helper.stats().open
      local caller = open()
      send(caller, "POST", "/api/chat", json.encode(chat("made/stall_mid_stream:3", true)))
      read_head(caller)
      caller:shutdown "send"
      assert.is_nil((caller:receive "*a"):find('"done":true', 1, true))
      caller:close()
      assert.is_true(helper.eventually(function() return helper.stats().open <= before end))
    end)
  end)

  it("goes in the middle of its request leaves nothing behind", function()
    local before = upstream()
    beside_streams(function()
      for _, bytes in ipairs { "POST /api/chat HTTP/1.1\r\nHost: loc", post(LENGTH, BODY:sub(1, 20)), post("Transfer-Encoding: chunked\r\n", "1f\r\n{") } do
        local caller = open()
        caller:send(bytes)
        caller:close()
      end
    end)
    assert.equal(before + 4, upstream())
  end)

  it("sends byte by byte is answered", function()
    local caller = open()
    for byte in post(LENGTH, BODY):gmatch "." do assert(caller:send(byte)) end
    local status, headers = read_head(caller)
    assert.equal(200, status)
    assert.equal(helper.TEXT, json.decode(read_body(caller, headers)).choices[1].message.content)
    caller:close()
  end)

  it("does not read slows its own stream alone, and its worker holds little of it", function()
    local caller = open()
    send(caller, "POST", "/v1/chat/completions", json.encode(chat("firehose:16", true)))
    local status, headers = read_head(caller)
    assert.equal(200, status)
    local before = helper.memory(headers["x-worker"])
    beside_streams(function() end)
    local after = helper.memory(headers["x-worker"])
    if after then assert.is_true(after - before < 8 * 2^20, after - before) end
    assert.truthy(read_body(caller, headers):find("[DONE]", 1, true))
    caller:close()
  end)
end)

-- Workers ---------------------------------------------------------------------------------------------------------------------

local function workers_of(streams)
  local found = {}
  for _, stream in ipairs(streams) do found[stream.worker] = true end
  return found
end

local function master() return helper.read(folder .. "/nginx.pid"):match "%d+" end

-- Waits until new connections go to workers that are none of these.
local function others_than(old)
  return helper.eventually(function() return not old[select(3, ask("GET", "/health"))["x-worker"]] end)
end

describe("nginx under load", function()
  it("reloads without harm to a stream, which its old worker ends", function()
    local streams = open_streams(30, "slow:100")
    local old = workers_of(streams)
    assert(os.execute("kill -HUP " .. master()))
    assert.is_true(others_than(old))
    assert.equal(200, (ask("POST", "/api/chat", chat("made/ok", false))))
    for _, stream in ipairs(streams) do assert.is_true(is_whole(stream)) end
  end)

  it("loses with a worker that is killed the streams of that worker alone", function()
    local stalled, slow = open_streams(10, "stall_mid_stream:3"), open_streams(20, "slow:100")
    local victim = stalled[1].worker
    assert(os.execute("kill -9 " .. victim))
    for _, stream in ipairs(stalled) do
      if stream.worker == victim then assert.is_false(is_whole(stream)) else stream.caller:close() end
    end
    for _, stream in ipairs(slow) do
      if stream.worker ~= victim then assert.is_true(is_whole(stream)) else stream.caller:close() end
    end
    assert.is_true(others_than { [victim] = true })
    for _ = 1, 20 do assert.equal(200, (ask("POST", "/v1/chat/completions", chat("made/ok", true)))) end
    assert.truthy(select(2, ask("GET", "/metrics")):find 'model="m"')
  end)
end)
