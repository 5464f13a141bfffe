--- The fault server: one server that does every wrong thing, each at its own path.
--
--   lua5.4 tests/server/fault.lua [--port N] [--unix PATH] [--tls CERT KEY] [--client-ca CA] [--until-eof]
--
-- Life: prints `port N` and serves until `GET /quit`, and until nothing happened for 120 seconds or, with `--until-eof`,
-- until standard input ends. A path is `/<scenario>[:arg[:arg]…]/<route>`, so a client whose base URL is
-- `http://127.0.0.1:N/slow:50` meets the scenario `slow` with 50 on whatever route it asks for. The scenarios are
-- in faults_stream.lua, faults_wire.lua, faults_status.lua, faults_upload.lua and faults_files.lua, one function each;
-- README.md lists them.
--
-- Questions to the server itself, which are not counted and not recorded:
--   GET /stats            connections accepted, open now, requests, last_request
--   GET /stats/requests   the last requests (at most 100), oldest first
--   GET /stats/reset      counts from here on
--   GET /quit             the end

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../?.lua;" .. package.path

local cjson = require "cjson"
local http = require "server.http"
local loop = require "server.loop"
local program = require "server.program"
local script = require "server.script"

local IDLE_SECONDS = 120

local SCENARIOS = {}
for _, name in ipairs { "stream", "wire", "status", "upload", "files" } do
  for scenario, run in pairs(require("server.faults_" .. name)) do SCENARIOS[scenario] = run end
end

-- The scenarios that read the body of a request by themselves.
local READERS = {}
for _, name in ipairs { "upload", "files" } do
  for scenario in pairs(require("server.faults_" .. name)) do READERS[scenario] = true end
end

local server

local function answer(response, value)
  response:whole(200, cjson.encode(value))
end

-- The server's own questions ----------------------------------------------------------------------------------------

local CONTROL = {}

CONTROL["/stats"] = function(response)
  local last = server.log[#server.log]
  answer(response, {
    accepted = server.accepted, open = server.open, requests = server.requests,
    last_request = last or cjson.null,
  })
end

CONTROL["/stats/requests"] = function(response)
  local list = {}
  for position, request in ipairs(server.log) do list[position] = cjson.encode(request) end
  response:whole(200, "[" .. table.concat(list, ",") .. "]")
end

CONTROL["/stats/reset"] = function(response)
  server:forget()
  answer(response, { reset = true })
end

CONTROL["/quit"] = function(response)
  answer(response, { bye = true })
  loop.stop()
end

-- Dispatch ----------------------------------------------------------------------------------------------------------

--- `storm:2:429` → "storm", { "2", "429" }. An argument may be empty.
local function parse(scenario)
  local name, rest = scenario:match("^([^:]*):?(.*)$")
  local arguments = {}
  for argument in (rest .. ":"):gmatch("([^:]*):") do
    arguments[#arguments + 1] = argument ~= "" and argument or false
  end
  return name, arguments
end

local function handle(request, response)
  if CONTROL[request.path] then return CONTROL[request.path](response) end
  local scenario, route = request.path:match("^/([^/]+)(.*)$")
  request.scenario, request.route = http.unescape(scenario or ""), route or ""
  local name, arguments = parse(request.scenario)
  local run = SCENARIOS[name]
  if run then return run(request, response, table.unpack(arguments)) end
  response:whole(404, '{"detail":' .. script.quote("No scenario " .. name) .. "}")
end

local options = program.options(arg, { port = 1, unix = 1, tls = 2, ["client-ca"] = 1, ["until-eof"] = 0 })

server = http.listen {
  port = tonumber(options.port),
  unix = options.unix,
  tls = options.tls and { certificate = options.tls[1], key = options.tls[2], ca = options["client-ca"] },
  handler = handle,
  is_control = function(request) return CONTROL[request.path] ~= nil end,
  takes_pieces = function(request) return READERS[request.path:match("^/([%w_]*)")] ~= nil end,
}
-- A parent that holds our input ends us with itself, and may let us rest for as long as it likes; without one we end by ourselves.
if options["until-eof"] then program.exit_at_eof() else program.exit_when_idle(server, IDLE_SECONDS) end
program.announce(server)
loop.run()
server:stop()
