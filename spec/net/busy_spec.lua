-- A program that is busy elsewhere for longer than its timeouts allow: what its peers sent meanwhile lies in the sockets, and no live
-- exchange is ended. The server is in this very process, so that it is the spec which decides what lies where, on a machine of any speed.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local socket = require "socket"

local HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
local LIMIT, BUSY = 1, 1.3 -- seconds

local DONE = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

local function event(text) return ('data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'):format(text) end

local function listen()
  local listener = assert(socket.bind("127.0.0.1", 0, 1024))
  listener:settimeout(0)
  local _, port = listener:getsockname()
  return listener, math.floor(port)
end

-- Waits until `fn` gives something, and lets the other tasks go on meanwhile. The bound is an end for a failure, not a measure.
local function wait_for(fn)
  for _ = 1, 10000 do
    local value = fn()
    if value then return value end
    assert(ogl.sleep(0.001))
  end
  error("what is waited for does not come", 0)
end

local function accept(listener)
  local peer = wait_for(function() return (listener:accept()) end)
  peer:settimeout(0)
  return peer
end

-- Reads the head of a request, unless a client has given up: luasec would read for ever what its peer has broken off.
local function read_request(peer, failures)
  local text = ""
  wait_for(function()
    assert(not failures[1], failures[1])
    local some, _, part = peer:receive(64 * 1024)
    text = text .. (some or part)
    return text:find("\r\n\r\n", 1, true)
  end)
end

local function outcomes(tasks)
  local lost, texts = {}, {}
  for _, task in ipairs(tasks) do
    local reply, err = task:wait()
    texts[#texts + 1] = reply and reply.text or nil
    lost[#lost + 1] = err and tostring(err) or nil
  end
  return lost, texts
end

describe("a program that is busy for longer than", function()
  after_each(helper.close)

  it("`idle` loses no stream whose bytes lie in its socket, however many they are", function()
    local many = 300 -- more than are served in one go
    ogl.run(function()
      local listener, port = listen()
      local client = helper.client_of("http://127.0.0.1:" .. port, { timeouts = { idle = LIMIT, first_byte = 60, connect = 60 }, retries = { max = 0 } })
      local begun, tasks, peers = 0, {}, {}
      for i = 1, many do
        tasks[i] = ogl.spawn(function()
          local stream, err = client:stream "hi"
          if not stream then return nil, err end
          assert(stream:next())
          begun = begun + 1
          return stream:reply()
        end)
      end
      for i = 1, many do
        peers[i] = accept(listener)
        peers[i]:send(HEAD .. event "one")
      end
      -- on a slow machine streams could fall silent while others still begin
      wait_for(function()
        for _, peer in ipairs(peers) do peer:send ": still here\n\n" end
        return begun == many
      end)
      assert(ogl.sleep(0.3)) -- all wait, and libcurl's own timers of a connect, which would look at every socket, have rung
      for _, peer in ipairs(peers) do peer:send(event " two") end
      socket.sleep(BUSY)
      for _, peer in ipairs(peers) do
        peer:send(DONE)
        peer:close()
      end
      local lost, texts = outcomes(tasks)
      listener:close()
      assert.same({}, lost)
      for _, text in ipairs(texts) do assert.equal("one two", text) end
    end)
  end)

  local BODY = '{"choices":[{"index":0,"message":{"content":"yes"},"finish_reason":"stop"}]}'

  local function answer(peer)
    peer:send(helper.http(200, { { "content-type", "application/json" } }, BODY))
    peer:close()
  end

  -- Answers the requests that have gone out already, as they do where starting the chats took long; gives the peers that wait for theirs,
  -- and how many there were in all.
  local function answer_early(listener)
    local waiting, all = {}, 0
    for peer in function() return (listener:accept()) end do
      peer:settimeout(0)
      all = all + 1
      if peer:receive(1) then answer(peer) else waiting[#waiting + 1] = peer end
    end
    return waiting, all
  end

  -- 300 chats that begin, and whose requests go out after `busy` seconds: the errors of those that were lost, and how long the server took
  -- to answer all.
  local function chats(first_byte, busy)
    local many, lost, seconds = 300, nil, nil
    ogl.run(function()
      local listener, port = listen()
      local client = helper.client_of("http://127.0.0.1:" .. port, { timeouts = { first_byte = first_byte, connect = 60 }, retries = { max = 0 } })
      local tasks, waiting, seen = {}, nil, nil
      for i = 1, many do tasks[i] = ogl.spawn(function() return client:chat "hi" end) end
      ogl.spawn(function() -- in the same turn: all of them connect, and few have looked yet
        waiting, seen = answer_early(listener)
        socket.sleep(busy)
      end):wait()
      local since = socket.gettime()
      assert(ogl.sleep(0))
      for _, peer in ipairs(waiting) do answer(peer) end
      for _ = seen + 1, many do answer(accept(listener)) end
      lost = outcomes(tasks)
      seconds = socket.gettime() - since
      listener:close()
    end)
    return lost, seconds
  end

  it("`first_byte` loses no chat that began before, and whose request went out afterwards", function()
    local lost, seconds = chats(60, 0)
    assert.same({}, lost)
    local limit = math.max(LIMIT, 4 * seconds) -- a server that is slow itself would be rightly given up
    assert.same({}, (chats(limit, limit * BUSY)))
  end)

  local has_tls, ssl = pcall(require, "ssl")

  -- Shakes hands as far as what has come allows; whether that was all.
  local function shake(peer)
    local done, why = peer:dohandshake()
    if not done and why ~= "wantread" then error(why) end
    return done
  end

  -- A connection whose first bytes have come.
  local function accept_greeting(listener)
    local peer = accept(listener)
    wait_for(function() return socket.select({ peer }, nil, 0)[1] end)
    return peer
  end

  -- With TLS 1.2 the handshake needs two flights of the server's: the first lies in the socket when the busy time is over.
  local function handshakes(streamed)
    local folder = helper.certificates()
    local many = 20
    ogl.run(function()
      local listener, port = listen()
      local client = helper.client_of("https://127.0.0.1:" .. port, {
        timeouts = { connect = LIMIT, first_byte = 60 }, retries = { max = 0 }, ca_file = folder .. "/ca.pem",
      })
      local tasks, peers, failures = {}, {}, {}
      for i = 1, many do
        tasks[i] = ogl.spawn(function()
          local reply, err = client[streamed and "stream" or "chat"](client, "hi")
          if reply and streamed then reply, err = reply:reply() end
          failures[#failures + 1] = err
          return reply, err
        end)
      end
      local context = assert(ssl.newcontext {
        mode = "server", protocol = "tlsv1_2", certificate = folder .. "/server.pem", key = folder .. "/server.key",
      })
      for i = 1, many do
        peers[i] = assert(ssl.wrap(accept_greeting(listener), context))
        peers[i]:settimeout(0)
      end
      for _, peer in ipairs(peers) do assert.is_false(shake(peer)) end -- answers the hello: the client has to speak once more
      socket.sleep(BUSY)
      for _, peer in ipairs(peers) do
        wait_for(function() return shake(peer) end)
        read_request(peer, failures)
        peer:send(streamed and HEAD .. event "yes" .. DONE
          or helper.http(200, {}, '{"choices":[{"index":0,"message":{"content":"yes"},"finish_reason":"stop"}]}'))
        peer:close()
      end
      local lost = outcomes(tasks)
      listener:close()
      assert.same({}, lost)
    end)
  end

  it("`connect` breaks no handshake of TLS off whose bytes lie in the socket", function()
    if not has_tls then return pending "luasec is not here" end
    handshakes(true)
    handshakes(false)
  end)

  it("`connect` still gives up a peer that never answers", function()
    ogl.run(function()
      local listener, port = listen()
      local client = helper.client_of("https://127.0.0.1:" .. port, { timeouts = { connect = 0.2 }, retries = { max = 0 } })
      local task = ogl.spawn(function() return client:chat "hi" end)
      accept(listener)
      socket.sleep(0.4)
      local _, err = task:wait()
      listener:close()
      assert.equal("timeout connect", err.kind .. " " .. tostring(err.phase))
      assert.is_false(err.sent)
    end)
  end)

  it("all limits finds what came, in a program without a loop", function()
    local listener, port = listen()
    local client = helper.client_of("http://127.0.0.1:" .. port, { timeouts = { idle = LIMIT, first_byte = LIMIT, connect = LIMIT }, retries = { max = 0 } })
    local peers = {}
    local server = coroutine.wrap(function() -- answers while the client waits for its head: the kernel has taken all of it before
      for i = 1, 3 do
        peers[i] = assert(listener:accept())
        peers[i]:send(HEAD .. event "one" .. event " two" .. DONE)
      end
    end)
    local transport = client:get_transport()
    local exchanges = {}
    for i = 1, 3 do
      exchanges[i] = assert(transport:open {
        method = "GET", url = ("http://127.0.0.1:%d/"):format(port), headers = {}, proxy = "", stream = true,
        timeouts = { connect = LIMIT, first_byte = LIMIT, idle = LIMIT },
      })
    end
    listener:settimeout(5)
    server()
    socket.sleep(BUSY)
    for _, exchange in ipairs(exchanges) do
      assert.equal(200, (exchange:head()))
      assert.truthy(exchange:read():find(" two", 1, true))
      exchange:close()
    end
    for _, peer in ipairs(peers) do peer:close() end
    listener:close()
  end)
end)
