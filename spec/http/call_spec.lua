-- Calls and their tries: what is of one try is in no other, however many run at once.
local ogl = require "opengatellm"

local MESSAGE = { messages = { { role = "user", content = "hi" } } }

-- A transport whose server echoes what it was sent for the key, in the head, the body and the stream of every answer. `answer(n, echo)` gives
-- {status, body, wait} of the n-th request: an answer may have to wait while others come.
local function echoing(answer)
  local requests = {}
  local transport = { requests = requests }
  function transport.open(_, request)
    local n = #requests + 1
    local headers = {}
    for _, row in ipairs(request.headers) do headers[row[1]] = row[2] end
    requests[n] = { key = headers.authorization }
    local plan = answer(n, headers.authorization)
    local given = false
    return {
      head = function()
        if plan.wait then ogl.sleep(plan.wait) end
        return plan.status, { ["content-type"] = plan.type or "application/json", ["x-request-id"] = headers.authorization }
      end,
      read = function()
        if given then return nil end
        given = true
        return plan.body
      end,
      close = function() end,
    }
  end
  return transport
end

local function keys_in_turn()
  local n = 0
  return function()
    n = n + 1
    return ("sk-secret-%04d"):format(n)
  end
end

local function client_of(transport, more)
  local options = {
    base_url = "http://localhost:9", model = "m", transport = transport, api_key = keys_in_turn(), retries = { max = 0 },
    host = more and more.host,
  }
  for name, value in pairs(more or {}) do options[name] = value end
  return ogl.client(options)
end

-- Whether a key stands anywhere in a value.
local function leaks(value, seen)
  seen = seen or {}
  if type(value) == "string" then return value:find "sk%-secret" ~= nil end
  if type(value) ~= "table" or seen[value] then return false end
  seen[value] = true
  if tostring(value):find "sk%-secret" then return true end
  for key, field in pairs(value) do
    if leaks(key, seen) or leaks(field, seen) then return true end
  end
  return false
end

describe("a secret", function()
  it("is of one try: two calls at once with two keys, whose server echoes them, show none", function()
    for _, way in ipairs {
      { status = 401, body = '{"error":{"message":"no such key: %s","code":"%s"}}' },
      { status = 200, type = "text/event-stream", body = 'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' },
      { status = 200, type = "text/event-stream", body = 'data: {"error":{"message":"no such key: %s"}}\n\n' },
      { status = 200, body = '{"error":{"message":"no such key: %s"}}' },
      { status = 200, body = "<html>%s" },
      { status = 500, body = "%s" },
    } do
      local transport = echoing(function(n, key)
        return { status = way.status, type = way.type, body = way.body:gsub("%%s", key), wait = n == 1 and 0.02 or 0 }
      end)
      local client = client_of(transport)
      ogl.run(function()
        local results = ogl.all {
          function() return client:chat(MESSAGE) end, function() return client:chat(MESSAGE) end,
          function() return client:models() end, function() return client:request("GET", "/x") end,
        }
        for i = 1, 3 do
          assert.is_nil(results[i].value)
          assert.is_false(leaks(results[i].err))
        end
      end)
      assert.equal(4, #transport.requests)
      local seen = {}
      for _, each in ipairs(transport.requests) do
        assert.is_nil(seen[each.key])
        seen[each.key] = true
      end
    end
  end)

  it("of an earlier try shows in no error of a later one", function()
    local first
    local transport = echoing(function(n, key)
      first = first or key
      return { status = n == 1 and 503 or 401, body = ('{"error":{"message":"%s, and before %s"}}'):format(key, first) }
    end)
    local host = { name = "simulated", blocking = true, now = function() return 0 end, sleep = function() end }
    local _, err = client_of(transport, { retries = { max = 1 }, host = host }):chat(MESSAGE)
    assert.equal(401, err.status)
    assert.equal(2, #transport.requests)
    assert.is_false(leaks(err))
  end)

  it("is in nothing of a stream that a printer of tables finds", function()
    local stream = assert(client_of(require "opengatellm.transport.replay".new { body = "data: [DONE]\n\n" }):stream(MESSAGE))
    stream.exchange.transport.requests = nil -- the replay keeps what it was asked
    assert.is_false(leaks(stream))
    stream:close()
  end)
end)

describe("what a transport is asked", function()
  it("is of one try, and stays as it was while the transport reads it and others are asked", function()
    local bodies, n = {}, 0
    local transport = {}
    function transport.open(_, request)
      n = n + 1
      if n == 1 then ogl.sleep(0.02) end -- as one that dials first
      bodies[#bodies + 1] = request.body
      return {
        head = function() return 200, {} end, read = function() return nil end, close = function() end,
      }
    end
    local client = client_of(transport)
    ogl.run(function()
      ogl.all { function() return client:chat "first" end, function() return client:chat "second" end }
    end)
    assert.truthy(bodies[1]:find("second", 1, true))
    assert.truthy(bodies[2]:find("first", 1, true))
  end)
end)
