-- Responses over WebSockets, with a server that nobody here wrote: npm's ws, scripted by tests/clients/responses.mjs.
local carriers = require "spec.support.carriers"
local core = require "opengatellm.core"
local coroutines = require "opengatellm.host.coroutines"
local environment = require "spec.support.environment"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"
local counting_carrier = require "spec.support.counting_carrier"
local transports = require "opengatellm.transport"
local websocket = require "opengatellm.transport.websocket"

local TEXT = "Bonjour ! Ça coûte 3 €. 😀"
local FIRST = "Bonjour ! " -- of it, before the scenarios that break off do so

local function missing()
  local file = io.open "tests/clients/node_modules/ws/package.json"
  if not file then return "npm's ws is not installed (sh tests/clients/install.sh)" end
  file:close()
end

local server -- its address; started for the first test

-- luv and cqueues once: what differs between the Luas is in the contract.
local ONCE = { luv = true, cqueues = true }

for _, where in ipairs(carriers.list()) do
  if where.network and (not ONCE[where.name] or (os.getenv "OGL_LUA" or "lua5.4") == "lua5.4") then
    describe("Responses over WebSockets, host " .. (where.host or where.name), function()
      local made

      before_each(function() made = {} end)
      after_each(function()
        helper.close()
        for _, transport in ipairs(made) do transport:close() end
      end)

      local function case(title, body)
        it(title, function()
          local problem = missing()
          if problem then return pending(problem) end
          server = server or helper.server "node tests/clients/responses.mjs %d"
          where.inside(body)
        end)
      end

      local function new_transport()
        local carrier = counting_carrier.over(assert(require "opengatellm.transport.curl".new()))
        local transport = assert(websocket.new { carrier = carrier })
        made[#made + 1] = transport
        return transport, carrier
      end

      local function client_of(options, path)
        local transport, carrier = new_transport()
        local all = { provider = "openai", transport = transport, model = "plain", retries = { max = 0 } }
        for name, value in pairs(options or {}) do all[name] = value end
        return helper.client_of(server .. (path or ""), all), carrier
      end

      local function ask(client, model, fields)
        local request = { model = model, messages = { ogl.user "hi" } }
        for name, value in pairs(fields or {}) do request[name] = value end
        return client:chat(request)
      end

      local function failure(client, model, fields)
        local reply, err = ask(client, model, fields)
        assert.is_nil(reply)
        return err
      end

      -- What the server knows of the connections with this key.
      local function connections(key)
        local found = {}
        for _, each in ipairs(helper.ask("/stats", server).connections) do
          if each.authorization == "Bearer " .. key then found[#found + 1] = each end
        end
        return found
      end

      local function with_key(options)
        local key = "sk-" .. helper.id()
        local all = { api_key = key }
        for name, value in pairs(options or {}) do all[name] = value end
        local client, carrier = client_of(all)
        return client, key, carrier
      end

      case("answers a chat, as a stream and whole", function()
        local client = client_of()
        local reply = assert(ask(client, "plain"))
        assert.same({ TEXT, "stop", 5, 200, true }, { reply.text, reply.finish_reason, reply.usage.total_tokens, reply.status, reply.complete })
        local stream, texts = assert(client:stream { model = "plain", messages = { ogl.user "hi" } }), {}
        local event = stream:next()
        while event do
          texts[#texts + 1] = event.text
          event = stream:next()
        end
        assert.same({ "Bonjour ! ", "Ça coûte ", "3 €. 😀" }, texts)
      end)

      case("sends the body as a message, the headers with the upgrade, and offers no extension", function()
        local client, key = with_key()
        assert(client:stream { model = "plain", messages = { ogl.user "héhé" }, store = false, extra = { generate = true } }):reply()
        local connection = connections(key)[1]
        assert.is_nil(connection.extensions)
        assert.same({ { type = "response.create", model = "plain", store = false, generate = true, input = { { role = "user", content = "héhé" } } } }, connection.requests)
      end)

      for _, scenario in ipairs { "fragments", "pings", "pretty", "slow" } do
        case("reads " .. scenario, function()
          local client = client_of()
          for _ = 1, 2 do assert.equal(TEXT, assert(ask(client, scenario)).text) end
        end)
      end

      case("ends with the event that ends an answer", function()
        local client = client_of()
        local reply = assert(ask(client, "ended:incomplete"))
        assert.same({ TEXT, "length" }, { reply.text, reply.finish_reason })
        local err = failure(client, "ended:failed")
        assert.same({ "provider", "server_error", "it broke", TEXT }, { err.kind, err.code, err.message, err.partial.text })
      end)

      -- Sockets -------------------------------------------------------------------------------------------------------

      case("asks a hundred times on one socket", function()
        local client, key, carrier = with_key()
        for i = 1, 100 do assert.equal("1 " .. i, (assert(ask(client, "echo")).text:gsub("^%d+ (%d+) .*$", "1 %1"))) end
        assert.equal(1, carrier.connected)
        assert.equal(100, #connections(key)[1].requests)
      end)

      case("has one socket for each answer that is under way, and keeps them", function()
        local client, key, carrier = with_key()
        for _ = 1, 2 do
          local streams = {}
          for i = 1, 5 do streams[i] = assert(client:stream { model = "plain", messages = { ogl.user "hi" } }) end
          for i = 5, 1, -1 do assert.equal(TEXT, assert(streams[i]:reply()).text) end
        end
        assert.equal(5, carrier.connected)
        assert.equal(5, #connections(key))
      end)

      case("goes on from a response where that is in memory", function()
        local client, _, carrier = with_key()
        local a, b = assert(client:stream { model = "echo", messages = { ogl.user "a" } }), assert(client:stream { model = "echo", messages = { ogl.user "b" } })
        local first, second = assert(a:reply()), assert(b:reply())
        for _, each in ipairs { first, second } do
          local place = each.text:match "^%d+"
          local on = assert(ask(client, "echo", { previous_response_id = each.id }))
          assert.equal(place .. " 2 " .. each.id, on.text:match "^%d+ %d+ %S+")
        end
        assert.equal(2, carrier.connected)
      end)

      case("shares no socket between keys", function()
        local client, key, carrier = with_key()
        local other = client:with { api_key = key .. "2" }
        for _ = 1, 2 do
          assert(ask(client, "plain"))
          assert(ask(other, "plain"))
        end
        assert.equal(2, carrier.connected)
        assert.equal(2, #connections(key)[1].requests)
        assert.equal(2, #connections(key .. "2")[1].requests)
      end)

      case("shares no socket between hosts, nor between requests of nginx", function()
        local client, _, carrier = with_key()
        assert(ask(client, "plain"))
        assert(ask(client:with { host = helper.simulated_host() }, "plain"))
        assert.equal(2, carrier.connected)
        local globals, host = getfenv and getfenv(0) or debug.getregistry()[2], helper.simulated_host()
        host.name = "nginx"
        finally(function() globals.ngx = nil end)
        for i = 1, 2 do
          globals.ngx = { ctx = {} }
          for _ = 1, 2 do assert(ask(client:with { host = host }, "plain")) end
          assert.equal(2 + i, carrier.connected)
        end
      end)

      case("opens another where the server has closed the one that waited", function()
        for _, how in ipairs { "1000", "1001", "1011", "end" } do
          local client, _, carrier = with_key()
          for _ = 1, 3 do assert.equal(TEXT, assert(ask(client, "gone:" .. how)).text) end
          assert.equal(3, carrier.connected)
        end
      end)

      for scenario, status in pairs { expired = 400, expired_flat = 200 } do
        case("opens another where its hour is over, once: " .. scenario, function()
          local client, _, carrier = with_key()
          for i = 1, 3 do
            assert.equal(TEXT, assert(ask(client, scenario)).text)
            assert.equal(i, carrier.connected)
          end
          local err = failure(client, scenario .. ":at_once")
          assert.same({ status, "websocket_connection_limit_reached" }, { err.status or 200, err.code })
          assert.equal(4, carrier.connected)
        end)
      end

      case("opens no other where a code of the server's own closed it", function()
        for _, code in ipairs { "3000", "4001", "1008" } do
          local client, _, carrier = with_key { retries = { max = 2 }, host = helper.simulated_host() }
          assert(ask(client, "close_later:" .. code))
          local err = failure(client, "close_later:" .. code)
          assert.same({ "network", "closed_early", false, 1 }, { err.kind, err.code, err.retryable, carrier.connected })
        end
      end)

      case("takes nothing that belongs to the answer before", function()
        local client = client_of()
        for _ = 1, 5 do assert.equal(TEXT, assert(ask(client, "more")).text) end
      end)

      case("ends the socket of an answer that is left in the middle", function()
        local client, key, carrier = with_key()
        local stream = assert(client:stream { model = "stall", messages = { ogl.user "hi" } })
        assert(stream:next())
        stream:close()
        assert.equal("closed", select(2, stream:next()).kind)
        -- 1001, or 1006: what it had sent and nobody had read takes the good-bye with it
        assert.is_true(helper.eventually(function() return connections(key)[1].closed ~= nil end))
        assert.equal(TEXT, assert(ask(client, "plain")).text)
        assert.equal(2, carrier.connected)
      end)

      case("closes the sockets that wait with the transport, and says good-bye", function()
        local client, key = with_key()
        assert(ask(client, "plain"))
        client:close()
        assert.is_true(helper.eventually(function() return connections(key)[1].closed == 1000 end))
        local transport = new_transport()
        transport:close()
        local exchange, err = transport:open { method = "POST", url = server .. "/v1/responses", body = "{}", headers = {} }
        assert.is_nil(exchange)
        assert.equal("closed", err.kind)
      end)

      -- Refusals --------------------------------------------------------------------------------------------------------

      for _, how in ipairs { "refuse", "refuse_chunked" } do
        case("gives a refused upgrade as HTTP would: " .. how, function()
          local function refused(status)
            return failure(client_of({}, ("/%s/%d"):format(how, status)), "plain")
          end
          local err = refused(401)
          assert.same({ "auth", 401, "some_code", "some_error", "refused with 401", false }, { err.kind, err.status, err.code, err.type, err.message, err.retryable })
          err = refused(429)
          assert.same({ "rate_limit", 429, 7, true }, { err.kind, err.status, err.retry_after, err.retryable })
          assert.equal("application/json", err.headers["content-type"])
          assert.same({ "http", true }, { refused(503).kind, refused(503).retryable })
          assert.same({ "http", 404, false }, { refused(404).kind, refused(404).status, refused(404).retryable })
        end)
      end

      case("gives a refused message as HTTP would, and keeps the socket", function()
        local client, _, carrier = with_key()
        local err = failure(client, "refuse:429")
        assert.same({ "rate_limit", 429, "some_code", "refused with 429", 7, true }, { err.kind, err.status, err.code, err.message, err.retry_after, err.retryable })
        assert.equal("req_1", err.request_id)
        assert.same({ "auth", 401 }, { failure(client, "refuse:401").kind, failure(client, "refuse:401").status })
        assert.equal(1, carrier.connected)
        assert.equal("rate_limit", failure(client, "told_first").kind)
        assert.same({ "http", 500, true }, { failure(client, "refuse:500").kind, failure(client, "refuse:500").status, failure(client, "refuse:500").retryable })
      end)

      case("sends a refused message again, as over HTTP", function()
        local host = helper.simulated_host()
        local client = with_key { retries = { max = 2 }, host = host }
        assert.equal(TEXT, assert(ask(client, "refuse_once:429")).text)
        assert.equal(1, #host.waits)
      end)

      case("gives an error inside of an answer, and what came before it", function()
        local client, _, carrier = with_key()
        local err = failure(client, "flat")
        assert.same({ "provider", "some_code", "it broke" }, { err.kind, err.code, err.message })
        err = failure(client, "late")
        assert.same({ "provider", "server_error", FIRST }, { err.kind, err.code, err.partial.text })
        assert.equal(TEXT, assert(ask(client, "plain")).text)
        assert.equal(3, carrier.connected)
      end)

      case("gives what stands behind an error inside of an answer, and keeps the socket then", function()
        local client, _, carrier = with_key()
        for _ = 1, 2 do
          local err = failure(client, "behind:failed")
          assert.same({ "provider", "server_error", "refused with 500", FIRST }, { err.kind, err.code, err.message, err.partial.text })
          assert.equal(5, err.partial.usage.total_tokens)
        end
        assert.equal(TEXT, assert(ask(client, "plain")).text)
        assert.equal(1, carrier.connected)
        for _, what in ipairs { "silence", "end", "wrong" } do
          local err = failure(client, "behind:" .. what)
          assert.same({ "provider", "server_error", "refused with 500", FIRST }, { err.kind, err.code, err.message, err.partial.text })
          assert.equal(TEXT, assert(ask(client, "plain")).text)
        end
        assert.equal(4, carrier.connected)
      end)

      case("holds back only so much of what comes before an answer", function()
        local client = client_of()
        assert.equal(TEXT, assert(ask(client, "chatter")).text)
        local stream = assert(client:stream { model = "chatter:refusal", messages = { ogl.user "hi" } })
        assert.equal(200, stream.status)
        local _, err = stream:reply()
        assert.same({ "rate_limit", "rate_limit_exceeded" }, { err.kind, err.code })
      end)

      -- Breaks ------------------------------------------------------------------------------------------------------------

      case("says how it was closed before there was an answer", function()
        for _, row in ipairs { { "1000", true }, { "1001", true }, { "1011", true }, { "1008", false }, { "3000", false }, { "4999", false }, { "none", true } } do
          local err = failure(client_of(), "close:" .. row[1])
          assert.same({ "network", "closed_early", row[2], true }, { err.kind, err.code, err.retryable, err.sent })
          assert.equal(row[1] ~= "none", err.message:find(row[1] .. ": so it is", 1, true) ~= nil)
        end
      end)

      case("says how it was closed in mid-answer, and gives what came", function()
        for _, row in ipairs { { "1000", true }, { "1001", true }, { "1011", true }, { "1008", false }, { "4000", false }, { "end", true } } do
          local err = failure(client_of(), "cut:" .. row[1])
          assert.same({ "network", "cut", row[2], true, FIRST }, { err.kind, err.code, err.retryable, err.sent, err.partial.text })
        end
      end)

      case("asks again where nothing had been given", function()
        local client, _, carrier = with_key { retries = { max = 2 }, host = helper.simulated_host() }
        assert.equal("cut", failure(client, "cut:1011").code)
        assert.equal(1, carrier.connected)
        assert.equal("closed_early", failure(client, "close:1011").code)
        assert.equal(4, carrier.connected)
      end)

      case("refuses what is no WebSocket, and what is too large", function()
        for _, row in ipairs {
          { "utf8", "network", "malformed" }, { "masked", "network", "malformed" }, { "reserved", "network", "malformed" }, { "close", "network", "malformed" },
          { "huge", "limit", "body" },
        } do
          local err = failure(client_of(), "wrong:" .. row[1])
          assert.same({ row[2], row[3], false }, { err.kind, err.code, err.retryable })
          err = failure(client_of(), "wrong_later:" .. row[1])
          assert.same({ row[2], row[3], FIRST }, { err.kind, err.code, err.partial.text })
        end
        assert.equal("malformed", failure(client_of(), "binary").code)
        local err = failure(client_of { limits = { body = 300 } }, "plain")
        assert.same({ "limit", "body", false }, { err.kind, err.code, err.retryable })
      end)

      case("refuses an upgrade that is not one", function()
        for _, what in ipairs { "accept", "extension", "protocol", "upgrade" } do
          local err = failure(client_of({}, "/wrong/" .. what), "plain")
          assert.same({ "protocol", "handshake", false, false }, { err.kind, err.code, err.sent, err.retryable })
        end
        local err = failure(helper.client_of(helper.body("text/plain", "a page"), {
          provider = "openai", transport = new_transport(), no_v1 = true, retries = { max = 0 },
        }), "plain")
        assert.same({ "protocol", "handshake", false }, { err.kind, err.code, err.sent })
      end)

      case("knows that a refused connection has sent nothing", function()
        local client = helper.client_of("http://127.0.0.1:" .. helper.free_port(), { provider = "openai", transport = new_transport(), retries = { max = 0 } })
        local err = failure(client, "plain")
        assert.same({ "network", "connect", false, true }, { err.kind, err.code, err.sent, err.retryable })
      end)

      case("gives up an upgrade, an answer that does not begin, one that falls silent, and one that lasts", function()
        for _, row in ipairs {
          { "connect", "plain", { connect = 0.2 }, "/silent" }, { "first_byte", "silent", { first_byte = 0.2 } }, { "idle", "stall", { idle = 0.2 } },
          { "total", "stall", { total = 0.2 } }, { "total", "plain", { total = 0.2 }, "/silent" },
        } do
          local phase, model, timeouts, path = row[1], row[2], row[3], row[4]
          local err = failure(client_of({ timeouts = timeouts }, path), model)
          assert.same({ "timeout", phase, phase == "connect" }, { err.kind, err.phase, err.retryable })
          assert.truthy(err.message:find("timeouts." .. phase, 1, true))
        end
      end)

      -- The rest ----------------------------------------------------------------------------------------------------------

      case("leaves to HTTP what is no creation of a response", function()
        local client, _, carrier = with_key()
        assert.equal("plain", assert(client:models())[1].id)
        local reply = assert(ask(client, "plain", { extra = { background = true } }))
        assert.equal("by HTTP", reply.text)
        assert.equal("by HTTP", assert(client:request("POST", "/v1/responses", "no JSON")).output[1].content[1].text)
        assert.equal(0, carrier.connected)
      end)

      -- Runs with raw connections under the usual transport, whether or not it makes them itself.
      local function with_connections(body)
        local default = transports.default
        if assert(default()).connect then return body() end
        transports.default = function() return counting_carrier.over(assert(default())) end
        local fine, problem = pcall(body)
        transports.default = default
        assert(fine, problem)
      end

      case("is a transport by name", function()
        with_connections(function()
          local client = helper.client_of(server, { provider = "openai", transport = "websocket", model = "plain", retries = { max = 0 } })
          assert.equal(TEXT, assert(client:chat "hi").text)
          assert.equal(TEXT, assert(client:with { temperature = nil, timeouts = { idle = 10 } }:chat "hi").text)
          assert.equal("plain", assert(client:models())[1].id)
        end)
        assert.has_error(function() ogl.client { transport = "pigeon" } end)
        assert.has_error(function() ogl.client { transport = 1 } end)
      end)

      case("needs a transport underneath that makes connections", function()
        local transport = assert(websocket.new { carrier = replay.new {} })
        local err = failure(helper.client_of(server, { provider = "openai", transport = transport }), "plain")
        assert.same({ "unsupported", "connect", false }, { err.kind, err.code, err.sent })
      end)

      -- Runs examples/websocket.lua, as it is; the lines that it printed.
      local function run_example()
        local lines, source = {}, helper.read "examples/websocket.lua"
        local own = setmetatable({ print = function(text) lines[#lines + 1] = tostring(text) end }, { __index = _G })
        local chunk = setfenv and setfenv(assert(loadstring(source, "example")), own) or assert(load(source, "example", "t", own))
        chunk()
        return lines
      end

      case("has an example, which asks twice on one socket", function()
        if coroutines.NARROW and where.host ~= "plain" then return end -- it is run inside of pcall
        local lines
        environment.with({ OPENAI_BASE_URL = server, OPENAI_API_KEY = helper.KEY, OGL_MODEL = "echo" }, function()
          with_connections(function() lines = run_example() end)
        end)
        local connection = lines[1]:match "^(%d+) 1  .*capitale"
        assert.truthy(connection, lines[1])
        assert.truthy(lines[2]:find("^" .. connection .. " 2 resp_%d+ .*habitants"), lines[2])
        assert.is_nil(lines[2]:find("capitale", 1, true))
      end)

      case("raises for headers that could break out of their line", function()
        local transport, carrier = new_transport()
        assert.has_error(function()
          transport:open { method = "POST", url = server .. "/v1/responses", body = "{}", headers = { { "a", "b\r\nc: d" } } }
        end)
        assert.equal(0, carrier.connected)
      end)

      case("tells of its progress", function()
        local seen = { up = {}, down = {} }
        local transport = new_transport()
        local exchange = assert(transport:open {
          method = "POST", url = server .. "/v1/responses", body = '{"model":"plain"}', headers = {},
          on_progress = function(direction, done) table.insert(seen[direction], done) end,
        })
        local size, bytes = 0, exchange:read()
        while bytes do
          size = size + #bytes
          bytes = exchange:read()
        end
        assert.equal(#'{"type":"response.create","model":"plain"}', seen.up[1])
        assert.equal(size, seen.down[#seen.down])
        assert.same({}, { exchange:read() })
      end)

      case("shows nobody its key", function()
        local client, key = with_key()
        local stream = assert(client:stream { model = "stall", messages = { ogl.user "hi" } })
        assert(ask(client, "plain"))
        for _, value in ipairs { client, stream, client:get_transport(), failure(client, "refuse:401"), failure(client, "cut:1000") } do
          assert.is_false(helper.mentions(value, key))
        end
        stream:close()
      end)

      case("speaks over TLS", function()
        if not pcall(require, "ssl") then return pending "no luasec here" end
        local path = helper.certificates()
        local secure = helper.server(("node tests/clients/responses.mjs %%d %s/server.pem %s/server.key"):format(path, path))
        local function client_with(options)
          local all = { provider = "openai", transport = new_transport(), retries = { max = 0 } }
          for name, value in pairs(options) do all[name] = value end
          return helper.client_of(secure:gsub("^http", "https"), all)
        end
        local client = client_with { ca_file = path .. "/ca.pem" }
        for _ = 1, 2 do assert.equal(TEXT, assert(ask(client, "plain")).text) end
        assert.equal("tls", failure(client_with {}, "plain").kind)
      end)

      -- Recorded answers --------------------------------------------------------------------------------------------------

      -- The messages of a recorded stream, a line each; nil where it is none.
      local function lines_of(sse)
        local framer, lines = core.framer("whatwg", "text/event-stream"), {}
        framer:feed(sse)
        framer:finish()
        for frame in function() return framer:next() end do
          if frame.data ~= "[DONE]" then lines[#lines + 1] = frame.data end
        end
        return table.concat(lines, "\n") .. "\n"
      end

      local function recordings()
        local list, folder = {}, helper.shared "fixtures/README.md"
        if not folder then return list end
        local pipe = assert(io.popen("grep -rl '\"type\":\"response.completed\"' --include='*.sse' " .. folder:gsub("README.md$", "")))
        for path in pipe:lines() do list[#list + 1] = path end
        pipe:close()
        return list
      end

      -- A reply without what the exchange says of itself.
      local function bare(reply)
        local out = {}
        for field, value in pairs(reply) do out[field] = value end
        out.status, out.headers, out.request_id = nil, nil, nil
        return out
      end

      case("gives the same replies as over SSE, for all that was recorded", function()
        local list, client = recordings(), client_of()
        if not list[1] then return pending "the reference material is not here (OGL_SHARED)" end
        local compared = 0
        for _, path in ipairs(list) do
          local sse = helper.read(path)
          local by_http = helper.client_of(helper.body("text/event-stream", sse), { provider = "openai", no_v1 = true, retries = { max = 0 } })
          local wanted = assert(by_http:stream { model = "m", messages = { ogl.user "hi" } }):reply()
          local _, answers = sse:gsub('"type": ?"response%.created"', "")
          -- else the recording breaks off, or holds two answers: on a socket the second would be that of the next question
          if wanted and answers == 1 then
            local lines = helper.write(lines_of(sse))
            assert.same(bare(wanted), bare(assert(ask(client, "file", { system = lines }))), path)
            compared = compared + 1
          end
        end
        assert.is_true(compared > 20)
      end)
    end)
  end
end

