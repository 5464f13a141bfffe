--- What surface_*_spec.lua run against: the scripted OpenGateLLM at each version, and a real one if there is one.
--
--   surface.skip = function(reason) return pending(reason) end
--   surface.cases("The account", { { "knows who it is", "read", function(at) … end }, … })
--
-- registers each case once a version, and once for the real instance if it may run there. `at` has the facts below as fields, and:
--
--   at.client         a client of the demonstration's user (at a real instance, of its key); the version is not pinned
--   at.admin          one of an administrator; not at a real instance
--   at:model(type)    the name of a model of that type
--   at:sent(f)        what is sent while f runs: a list of "METHOD address", without the question for the version
--   at:later(f)       f runs when the case is over, however it ended
--
-- A case may run at a real instance if it is marked "read", or "write" with OGL_TEST_WRITE=1; the others need what only the script
-- has. `only` and `unless` name a fact without or with which a version has no such case.
--
-- The real instance: OGL_TEST_URL, its key OGL_TEST_TOKEN, and OGL_TEST_RAG_URL where its OpenGateRAG has another address. Nothing that
-- fails there shows the key.
local busted = require "busted"
local helper = require "spec.helper"
local assert = require "luassert"
local server = require "opengatellm.operations.server"
local transport = require "opengatellm.transport"

local M = {}

--- Ends a case that cannot be run here. A spec has to set it to its own `pending`: only in its file the word means that.
M.skip = nil

-- Facts -----------------------------------------------------------------------------------------------------------

local LACKED = "admin.sso.get admin.sso.update keys.update organization"
local LEGACY = "legacy.chunk legacy.chunks legacy.parse"

-- What is said of a version holds for those after it, until another row says otherwise.
local FACTS = {
  {
    version = "0.4.1", found = "0.4.1", probed = "0.4.1", -- by its document; by questions, where that is hidden
    lacks = "admin.sso.get admin.sso.update health_models keys.update organization sso_login",
    rag_inside = true, legacy = true, health_models = false,
    chat_search = "plays",
    chat_requests = 1, other_requests = 1, -- whether usage counts them
    transcripts = { "json", "text", "verbose_json" },
    refusal_in_a_stream = "first line", -- of what the provider said
    empty_stream = "error",
    busy_seconds = nil,
    limits_of_chats = false, limits_of_others = false,
    keys_end = "deleted", keys_by_status = false, key_rename = false,
    usage_by = "request",
    login_unknown = "user_not_found",
    priority = true, qos = true, organization_needed = false, budget = true, public_collections = true, image_text = true, basic_auth = false,
    router_retries = false, messages = false,
    routers_in_use = false,
  },
  { version = "0.4.5", found = "0.4.5", probed = "0.4.5", lacks = LACKED .. " sso_login", health_models = true,
    transcripts = { "json", "text", "verbose_json", "diarized_json", "srt", "vtt" } },
  { version = "0.6", found = "0.6", probed = "0.6", lacks = "admin.sso.get admin.sso.update keys.update " .. LEGACY .. " organization",
    rag_inside = false, legacy = false, public_collections = false, basic_auth = true, chat_search = "refuses", other_requests = false, limits_of_others = true },
  { version = "0.7", found = "0.7", probed = "0.7", login_unknown = "invalid_login" },
  { version = "0.8", found = "0.8", probed = "0.8", usage_by = "day", expired_asked = "include_expired=true" },
  { version = "0.9.0", found = "0.9", probed = "0.9", lacks = "admin.sso.get admin.sso.update " .. LEGACY .. " organization",
    chat_search = false, chat_requests = false, expired_asked = false, refusal_in_a_stream = "whole", busy_seconds = 10, limits_of_chats = true,
    keys_end = "revoked", keys_by_status = true, key_rename = true, priority = false, qos = false, organization_needed = true, image_text = false,
    basic_auth = false,
    routers_in_use = true },
  { version = "0.9.2", found = "0.9.2", empty_stream = "nothing" }, -- no route of it tells it from 0.9.0
  { version = "main", found = "main", lacks = LEGACY, budget = false, router_retries = true, messages = true },
}

local versions, facts = {}, {}
for i, row in ipairs(FACTS) do
  local all = {}
  for name, value in pairs(facts[versions[i - 1]] or {}) do all[name] = value end
  for name, value in pairs(row) do all[name] = value end
  versions[i], facts[row.version] = row.version, all
end

--- Those that are played, oldest first.
M.VERSIONS = versions

-- The facts of the newest play that is no newer than a version.
local function facts_of(number)
  local found
  for _, version in ipairs(versions) do
    if server.parse(version) <= number then found = facts[version] end
  end
  return assert(found, "older than 0.4.1")
end

-- Servers ---------------------------------------------------------------------------------------------------------

local served = {}

--- The address of a scripted server with these options; it is there until `M.stop`.
function M.address(options)
  local arguments = "ogl.lua --pace 0 " .. options
  served[arguments] = true
  return helper.serve(arguments)
end

--- Ends all servers; for teardown.
function M.stop()
  for arguments in pairs(served) do helper.stop(arguments) end
  served = {}
end

-- A case ----------------------------------------------------------------------------------------------------------

local At = {}

-- Fields of `at` are its methods, then the facts.
local function new_at(known)
  local at = { log = {}, undo = {} }
  return setmetatable(at, { __index = function(_, name)
    if At[name] ~= nil then return At[name] end
    return known[name]
  end })
end

-- A transport that writes down what it is asked for.
local function watched(log)
  local inner = assert(transport.default())
  return {
    open = function(_, request)
      if not request.url:find "/openapi%.json$" then log[#log + 1] = request.method .. " " .. request.url end
      return inner:open(request)
    end,
    close = function() inner:close() end,
  }
end

--- A client like the case's own, with other options.
function At:other(options) return self.client:with(options) end

function At:sent(f)
  local from, sent = #self.log, {}
  f()
  for i = from + 1, #self.log do sent[#sent + 1] = self.log[i] end
  return sent
end

function At:later(f) table.insert(self.undo, 1, f) end

function At:model(kind)
  for _, model in ipairs(assert(self.client:models())) do
    if model.type == kind then return model.id end
  end
  return M.skip("there is no model of the type " .. kind)
end

local function run(at, case)
  local fine, problem = pcall(case[#case], at)
  for _, f in ipairs(at.undo) do pcall(f) end
  if not fine then error(problem, 0) end
end

-- The client of a version: with retrieval at its address, or by another.
local function scripted(version, apart)
  local at = new_at(facts[version])
  local options = { transport = watched(at.log), api_key = "sk-demo-surface-0123", model = "gpt-oss-120b", retries = { max = 0 } }
  local play = "--version " .. version
  if apart then options.rag_url = M.address("--rag-only " .. play) end
  at.address = M.address((at.rag_inside or apart) and play or "--rag " .. play)
  at.client = helper.client_of(at.address, options)
  at.admin = at.client:with { api_key = "sk-admin-surface-0123" }
  return at
end

local function fits(known, case)
  return (not case.only or known[case.only]) and not (case.unless and known[case.unless])
end

-- The real instance -------------------------------------------------------------------------------------------------

local REAL = { url = os.getenv "OGL_TEST_URL", key = os.getenv "OGL_TEST_TOKEN", write = os.getenv "OGL_TEST_WRITE" == "1" }

-- A failure without the key, which a server or a table may have repeated.
local function without_key(problem)
  local pattern = REAL.key:gsub("%p", "%%%0")
  if type(problem) == "string" then return (problem:gsub(pattern, "[REDACTED]")) end
  if type(problem) == "table" and type(problem.message) == "string" then problem.message = without_key(problem.message) end
  return problem
end

local function run_real(case)
  local log = {}
  local client = helper.client_of(REAL.url, {
    transport = watched(log), api_key = REAL.key, rag_url = os.getenv "OGL_TEST_RAG_URL",
  })
  local number, err = server.version(client)
  assert(number, tostring(err))
  local at = new_at(facts_of(number))
  at.client, at.log, at.live = client, log, true
  if not fits(at, case) then return M.skip("OpenGateLLM " .. server.text(number) .. " has none") end
  local fine, problem = pcall(run, at, case)
  if not fine then error(without_key(problem), 0) end
end

local function is_for_real(case) return case[2] == "read" or case[2] == "write" end

local function real_cases(cases)
  if not REAL.url or not REAL.key then
    return busted.it("is asked", function() M.skip "OGL_TEST_URL and OGL_TEST_TOKEN are not set" end)
  end
  for _, case in ipairs(cases) do
    if case[2] == "write" and not REAL.write then
      busted.it(case[1], function() M.skip "it writes: OGL_TEST_WRITE=1 is not set" end)
    elseif is_for_real(case) then
      busted.it(case[1], function() run_real(case) end)
    end
  end
end

-- Registration ------------------------------------------------------------------------------------------------------

--- Registers cases at all versions. `apart`: at those whose retrieval is a service of its own, with it at another address.
function M.cases(title, cases, apart)
  for _, version in ipairs(versions) do
    local known = facts[version]
    busted.describe(("%s of OpenGateLLM %s"):format(title, version), function()
      busted.after_each(helper.close)
      for _, case in ipairs(cases) do
        if fits(known, case) and not (apart and known.rag_inside) then
          busted.it(case[1], function() run(scripted(version, apart), case) end)
        end
      end
    end)
  end
  local for_real = false
  for _, case in ipairs(cases) do for_real = for_real or is_for_real(case) end
  if apart or not for_real then return end
  busted.describe(title .. " of the real instance", function()
    busted.after_each(helper.close)
    real_cases(cases)
  end)
end

-- What several specs expect -------------------------------------------------------------------------------------------

--- Expects a call to have failed: kind, and code if one is given. Gives the error.
function M.fails(kind, code, result, err)
  assert.is_nil(result)
  assert.equal("opengatellm.error", getmetatable(err).__name)
  assert.equal(kind .. " " .. (code or "-"), err.kind .. " " .. (code and tostring(err.code) or "-"), tostring(err))
  return err
end

--- Expects the figures of a usage that the gateway counted.
function M.check_usage(usage)
  for _, name in ipairs { "input_tokens", "output_tokens", "total_tokens", "cost", "energy_kwh", "co2_kg" } do
    assert.is_true(type(usage[name]) == "number" and usage[name] >= 0, name)
  end
  assert.equal(usage.input_tokens + usage.output_tokens, usage.total_tokens)
end

--- The items of an iterator.
function M.all(iterator)
  local list = {}
  for item in iterator do list[#list + 1] = item end
  return list
end

--- A field of each item.
function M.pluck(list, name)
  local values = {}
  for i, item in ipairs(list) do values[i] = item[name] end
  return values
end

return M
