--- What the locations of tests/hosts/nginx.conf do.
--
-- @module hosts.nginx
local cjson = require "cjson"
local ogl = require "opengatellm"

local M = {}

local function answer(value)
  ngx.header["content-type"] = "application/json"
  ngx.print(cjson.encode(value))
end

-- An argument of the request's address; in every phase.
local function argument(name)
  local value = ngx.var["arg_" .. name]
  return value and ngx.unescape_uri(value)
end

local function request_body()
  ngx.req.read_body()
  return ngx.req.get_body_data() or "{}"
end

local function plain(err)
  if not err then return nil end
  return { kind = err.kind, code = err.code, message = err.message, retryable = err.retryable, sent = err.sent, status = err.status }
end

--- Runs a spec file: `?spec=` its path, `&only=` part of a name.
function M.run()
  local args = ngx.req.get_uri_args()
  answer { report = require "hosts.runner".run(args.spec, args.only) }
end

--- A chat with a client of the body's options: its text, or the error.
function M.call()
  local options = cjson.decode(request_body())
  options.model = options.model or "m"
  local reply, err = ogl.client(options):chat "Bonjour"
  answer { text = reply and reply.text, err = plain(err) }
end

--- The texts of a stream, each sent on as it comes, as a line `text …` in base64.
function M.stream()
  local client = ogl.client { base_url = argument "base", model = "m", api_key = "k", retries = { max = 0 } }
  local stream, err = client:stream "Bonjour"
  if not stream then return ngx.say("error ", err.kind) end
  for text in stream:texts { joined = false } do
    ngx.say("text ", ngx.encode_base64(text))
    ngx.flush(true)
  end
end

local shared -- one client for all requests of the worker, as a program would have it

--- A chat with the worker's own client: its text.
function M.count()
  shared = shared or ogl.client { base_url = argument "base", model = "m", api_key = "k" }
  local reply, err = shared:chat "Bonjour"
  ngx.print(reply and reply.text or tostring(err))
end

local coalesced -- one client for all requests of the worker, so that they can share a call

--- A stream that identical requests share: its texts.
function M.coalesced()
  coalesced = coalesced or ogl.client { base_url = argument "base", model = "m", api_key = "k" }:use(ogl.middleware.coalesce {})
  local stream, err = coalesced:stream "Bonjour"
  if not stream then return ngx.say("error ", err.kind) end
  local event
  event, err = stream:next()
  while event do
    if event.type == "text" then
      ngx.print(event.text)
      ngx.flush(true)
    end
    event, err = stream:next()
  end
  if err then ngx.say("error ", err.kind) end
end

-- Waits for a text on each of many connections, with less patience than this worker then has time for them.
local function readers(many, patience)
  local socket, transport = require "socket", require "opengatellm.transport.resty".new()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  local peers, threads = {}, {}
  for i = 1, many do
    local connection = assert(transport:connect {
      url = ("http://127.0.0.1:%d/"):format(port), proxy = "", timeouts = { connect = 20, idle = patience },
    })
    peers[i] = assert(listener:accept())
    threads[i] = ngx.thread.spawn(function() return connection:read() end)
  end
  listener:close()
  return peers, threads
end

--- The worker is busy for longer than a read may be silent, while all of the bytes lie in the sockets: how many reads lost them.
function M.busy()
  local peers, threads = readers(20, 0.2)
  for _, peer in ipairs(peers) do peer:send "here" end
  require "socket".sleep(0.4)
  local lost = 0
  for _, thread in ipairs(threads) do
    local fine, bytes = ngx.thread.wait(thread)
    if not fine or bytes ~= "here" then lost = lost + 1 end
  end
  for _, peer in ipairs(peers) do peer:close() end
  answer { lost = lost }
end

local function memory()
  local file = io.open "/proc/self/status"
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return tonumber(text:match "VmRSS:%s*(%d+) kB")
end

local function descriptors()
  local count = 0
  for _ in require "lfs".dir "/proc/self/fd" do count = count + 1 end
  return count
end

--- What the worker holds: KiB of memory, of it Lua's, open descriptors; and the modules of libcurl that are loaded.
function M.worker()
  collectgarbage()
  collectgarbage()
  local loaded = {}
  for name in pairs(package.loaded) do
    if name:find "^opengatellm.*curl" then loaded[#loaded + 1] = name end
  end
  answer {
    rss = memory(), lua = collectgarbage "count", descriptors = descriptors(), curl = table.concat(loaded, " "), pid = ngx.worker.pid(),
  }
end

-- Phases ----------------------------------------------------------------------------------------------------------

-- Asks in whatever phase this is; what came of it is kept for `seen`.
local function ask(name, base)
  local reply, err = ogl.client({ base_url = base, model = "m", api_key = "k", retries = { max = 0 } }):chat "Bonjour"
  ngx.shared.seen:set(name, cjson.encode { text = reply and reply.text, err = plain(err) })
end

-- Where there is no request to say it, no server is asked: the phase has to be refused before.
local function base_of(name)
  if name == "init" or name == "init_worker" then return "http://127.0.0.1:1" end
  if name == "ssl_cert" then return ngx.shared.seen:get "base" or "http://127.0.0.1:1" end
  return argument "base"
end

function M.phase(name) ask(name, base_of(name)) end

function M.in_timer() ask("timer", ngx.shared.seen:get "base") end

function M.balance() require "ngx.balancer".set_current_peer("127.0.0.1", tonumber(ngx.var.server_port)) end

--- What a phase saw; `?base=` keeps an address for phases that have no request of their own.
function M.seen()
  local base = argument "base"
  if base then ngx.shared.seen:set("base", base) end
  ngx.print(ngx.shared.seen:get(argument "phase" or "") or "{}")
end

return M
