--- The scripted OpenGateLLM: a server that plays the API of several versions of OGL, without a model.
--
--   lua5.4 tests/server/ogl.lua [--version 0.8] [--rag] [--rag-only] [--index-after N] [--hide-version]
--                               [--port N] [--unix PATH] [--pace MS] [--until-eof]
--
-- Life: prints `port N` and serves until a signal ends it, or (`--until-eof`) until standard input ends. What it is
-- told (users, keys, collections, usage…) it keeps in memory until then. `--pace` is the mean time between two tokens
-- in milliseconds; the default of 22 reads like a model, 0 is for tests.
--
-- This file puts the play together and brings a request to its route; the routes are in the ogl_*.lua. What a version
-- does differently stands in dialect.lua and nowhere else. Without `--version` it is 0.8, with OpenGateRAG beside it
-- as DINUM has it. README.md lists the keys and the words that make it fail.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../?.lua;" .. package.path

local Accounts = require "server.accounts"
local dialects = require "server.dialect"
local Fleet = require "server.fleet"
local gate = require "server.gate"
local http = require "server.http"
local json = require "server.json"
local Ledger = require "server.ledger"
local Library = require "server.library"
local loop = require "server.loop"
local program = require "server.program"
local refusal = require "server.refusal"
local Router = require "server.router"

local DEFAULT_VERSION = "0.8"
local RAG_VERSION = "0.1.0" -- OpenGateRAG counts its own

local MODULES = { "monitor", "inference", "chat", "media", "account", "keys", "admin", "fleet" }

local options = program.options(arg, {
  version = 1, rag = 0, ["rag-only"] = 0, ["index-after"] = 1, ["hide-version"] = 0,
  port = 1, unix = 1, pace = 1, ["until-eof"] = 0,
})

-- A call ------------------------------------------------------------------------------------------------------------

-- What a route's function gets: `request`, `response`, `play`, `dialect`, and who called: `user`, `key`.
local Call = {}
Call.__index = Call

--- Answers with JSON.
function Call:answer(status, value)
  self.response:whole(status, json.encode(value))
end

--- Answers with nothing.
function Call:none()
  self.response:empty(204)
end

-- The play ----------------------------------------------------------------------------------------------------------

--- Everything that lives as long as the server.
local function new_play()
  local dialect = dialects.of(options.version or DEFAULT_VERSION)
  local play = {
    dialect = dialect, accounts = Accounts.new(dialect), fleet = Fleet.new(dialect), ledger = Ledger.new(),
    library = Library.new(tonumber(options["index-after"]) or 2), pace = (tonumber(options.pace) or 22) / 1000,
  }
  play.accounts:grant(play.fleet.routers.things)
  return play
end

local play = new_play()

local function document(call)
  local is_rag = options["rag-only"]
  call:answer(200, json.record("openapi", "3.1.0",
    "info", json.record("title", is_rag and "OpenGateRAG" or "OpenGateLLM",
      "version", is_rag and RAG_VERSION or options.version or DEFAULT_VERSION),
    "paths", play.router:paths()))
end

--- The rows of all routes that are there.
local function rows_of(dialect)
  local rows = {}
  local function add(name)
    for _, row in ipairs(require("server.ogl_" .. name)(dialect)) do rows[#rows + 1] = row end
  end
  for _, name in ipairs(options["rag-only"] and {} or MODULES) do add(name) end
  local with_rag = options.rag or options["rag-only"] or not options.version or dialect.rag_inside
  if with_rag then add "rag" end
  return rows
end

-- Requests ----------------------------------------------------------------------------------------------------------

local function route(request, response)
  local call = setmetatable({ request = request, response = response, play = play, dialect = play.dialect }, Call)
  if request.path == "/openapi.json" and not options["hide-version"] then return document(call) end
  local found, captures = play.router:find(request.method, request.path)
  if not found then
    refusal.refuse(captures and 405 or 404, captures and "Method Not Allowed" or "Not Found")
  end
  if not found.row.open then call.user, call.key = gate.enter(play, request, found.row) end
  found.row[3](call, table.unpack(Router.values(found, captures)))
end

play.router = Router.new(rows_of(play.dialect))

local server = http.listen { port = tonumber(options.port), unix = options.unix, handler = route }
if options["until-eof"] then program.exit_at_eof() end
program.announce(server)
loop.run()
server:stop()
