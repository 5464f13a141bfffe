-- Stores inside nginx: the shared memory of its workers, and a real Redis; routers that share their breakers through them.
local helper = require "spec.helper"
local nginx = require "spec.support.nginx"
local ogl = require "opengatellm"
local socket = require "socket"

local absent = nginx.absent()
if absent then
  if not os.getenv "OGL_LUA" or os.getenv "OGL_LUA" == "luajit" then pending("stores in nginx: " .. absent) end
  return
end

local function command(name)
  local pipe = assert(io.popen("command -v " .. name))
  local path = pipe:read "*l"
  pipe:close()
  return path
end

local HAS_REDIS = command "redis-server" ~= nil and io.open "/usr/share/lua/5.1/nginx/redis.lua" ~= nil
local redis -- the name of the running server, for helper.stop

-- A Redis that writes nothing to the disk. The script ends by becoming it, so that what ends the script ends Redis.
local function start_redis()
  local folder = helper.directory()
  local lines = { "printf 'port %s\\nbind 127.0.0.1\\nsave \"\"\\ndir %s\\n' $1 " .. folder .. " >" .. folder .. "/redis-$1.conf",
    "exec redis-server " .. folder .. "/redis-$1.conf" }
  local port = helper.server("exec sh " .. helper.write(table.concat(lines, "\n") .. "\n") .. " %d"):match "%d+$"
  redis = "server" .. port
  return port
end

local function stop_redis(port)
  helper.stop(redis)
  assert.is_true(helper.eventually(function()
    local connection = socket.connect("127.0.0.1", port)
    if connection then connection:close() end
    return connection == nil
  end))
end

local function setup(port)
  return (nginx.start("tests/hosts/router.conf", { UPSTREAM = helper.fault(), REDIS = tostring(port or 1) }))
end

local function ask(address, path, query)
  local client = helper.client_of(address, { timeouts = { first_byte = 300, idle = 300 } })
  local value, err = client:request("GET", path, nil, { query = query, headers = { connection = "close" } })
  client:close()
  return assert(value, err)
end

teardown(nginx.stop)
after_each(helper.close)

-- The contract of a store, step by step, each of which may meet another worker.
local function keeps_the_contract(address, kind)
  local function step(method, key, value, seconds)
    local answer = ask(address, "/store/" .. kind, { method = method, key = key, value = value, seconds = seconds })
    assert.is_nil(answer.err)
    return answer.value
  end
  local key = helper.id()
  assert.is_nil(step("get", key))
  assert.is_true(step("set", key, "x", 100))
  assert.equal("x", step("get", key))
  assert.is_false(step("add", key, "y", 100))
  assert.equal("x", step("get", key))
  assert.is_true(step("delete", key))
  assert.is_true(step("delete", key))
  assert.is_true(step("add", key, 1.5, 100))
  assert.equal(1.5, tonumber(step("get", key)))
  assert.equal(2, step("incr", key .. "n", 2, 100))
  assert.equal(2.5, step("incr", key .. "n", 0.5, 100))
  assert.is_true(step("set", key .. "s", "short", 0.2))
  assert.is_true(helper.eventually(function() return step("get", key .. "s") == nil end))
  assert.equal(1, step("incr", key .. "i", 1, 0.2))
  assert.is_true(helper.eventually(function() return step("incr", key .. "i", 0, 0.2) == 0 end))
end

describe("the shared memory of nginx", function()
  it("is a store", function() keeps_the_contract(setup(), "shared") end)

  it("holds the breaker of a router for all workers", function()
    local address = setup()
    for _ = 1, 3 do local said = ask(address, "/chat/shared") assert.equal("bad good", said.attempts, tostring(said.err)) end
    local workers = {}
    assert.is_true(helper.eventually(function()
      local state = ask(address, "/state/shared")
      assert.equal("open", state.state)
      workers[state.worker] = true
      return next(workers, (next(workers))) ~= nil
    end))
    assert.equal("good", ask(address, "/chat/shared").attempts)
  end)
end)

describe("Redis", function()
  if not HAS_REDIS then return pending "no redis-server, or no lua-nginx-redis" end

  it("is a store", function() keeps_the_contract(setup(start_redis()), "redis") end)

  it("holds the breaker of routers in two instances of nginx, and may go without failing a request", function()
    local port = start_redis()
    local one, two = setup(port), setup(port)
    for _ = 1, 3 do assert.equal("bad good", ask(one, "/chat/redis").attempts) end
    assert.equal("open", ask(two, "/state/redis").state)
    local reply = ask(two, "/chat/redis")
    assert.same({ "good", {} }, { reply.attempts, reply.warnings })
    stop_redis(port)
    local warned = 0
    for _ = 1, 12 do -- each worker of the two goes on with what it knows, and says so once
      reply = ask(two, "/chat/redis")
      assert.truthy(reply.text:find("Bonjour", 1, true))
      warned = warned + #reply.warnings
      for _, warning in ipairs(reply.warnings) do assert.equal("store", warning.code) end
    end
    assert.is_true(warned >= 1 and warned <= 2, warned)
  end)
end)

describe("examples/openresty/approval.lua", function()
  if not HAS_REDIS then return pending "no redis-server, or no lua-nginx-redis" end

  local function post(address, path, value)
    local client = helper.client_of(address, { retries = { max = 0 } })
    local answer, err = client:request("POST", path, value)
    client:close()
    return answer, err and err.status
  end

  it("waits in Redis, and is finished by another request, in another nginx too", function()
    local port = start_redis()
    local variables = { OGL_URL = helper.ogl(), OGL_TOKEN = "sk-demo", OGL_MODEL = "gpt-oss-120b", OGL_REDIS = "127.0.0.1:" .. port }
    local one, two = nginx.example(variables), nginx.example(variables)
    local function asked()
      local answer = assert(post(one, "/ask", { question = "Un livre." }))
      assert.is_nil(answer.answer)
      assert.same({ { call = answer.waiting[1].call, name = "order", arguments = { title = "Paris" } } }, answer.waiting)
      return answer.id, answer.waiting[1].call
    end

    local id, call = asked()
    assert.equal(409, select(2, post(two, "/decide", { id = id, call = "other", approve = true })))
    local answer = assert(post(two, "/decide", { id = id, call = call, approve = true }))
    assert.same({ 'L\'outil a répondu : {"ordered":"Paris"}', 0 }, { answer.answer, #answer.waiting })
    assert.equal(409, select(2, post(one, "/decide", { id = id, call = call, approve = true })))

    id, call = asked() -- of two that decide at once, one is refused, at whichever step
    local seen = ogl.run(function()
      return ogl.map({ one, two }, function(address)
        return select(2, post(address, "/decide", { id = id, call = call, approve = true })) or 200
      end)
    end)
    local statuses = { seen[1].value, seen[2].value }
    table.sort(statuses)
    assert.same({ 200, 409 }, statuses)

    id, call = asked()
    answer = assert(post(two, "/decide", { id = id, call = call, approve = false, reason = "trop cher" }))
    assert.equal("L'outil a répondu : denied: trop cher", answer.answer)
    assert.equal(404, select(2, post(two, "/decide", { id = "none", call = call, approve = true })))
    assert.equal(400, select(2, post(two, "/decide", { id = id })))

    stop_redis(port)
    assert.equal(502, select(2, post(one, "/decide", { id = id, call = call, approve = true })))
  end)
end)
