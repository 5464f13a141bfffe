-- Readers that nobody here wrote: the official npm clients (tests/clients) read scripted turns (tests/server/turns.lua) that our encoders
-- wrote, and so does our own client, under the Lua that runs the specs.
local cjson = require "cjson"
local helper = require "spec.helper"
local turns = require "server.turns"

-- What a protocol says of a turn: `finish` is its word for ours; what it cannot carry is listed.
local WIRE = {
  openai_chat = { finish = { stop = "stop", tool_calls = "tool_calls", length = "length", content_filter = "content_filter" } },
  openai_responses = {
    finish = { stop = "completed", tool_calls = "completed", length = "max_output_tokens", content_filter = "content_filter" },
  },
  anthropic = {
    finish = { stop = "end_turn", tool_calls = "tool_use", length = "max_tokens", content_filter = "refusal" }, refusal_is_text = true,
    signs = true,
  },
  gemini = {
    finish = { stop = "STOP", tool_calls = "STOP", length = "MAX_TOKENS", content_filter = "SAFETY" }, refusal_is_text = true,
    no_error_type = true, -- it has words of its own for it
  },
  ollama = {
    finish = { stop = "stop", tool_calls = "stop", length = "length", content_filter = "stop" }, refusal_is_text = true,
    no_details = true, no_error_type = true,
  },
}

local PROVIDERS = {
  openai_chat = "openai_compatible", openai_responses = "responses_compatible", anthropic = "anthropic_compatible", gemini = "gemini",
  ollama = "ollama",
}

-- Official clients that take a call to have ended when another begins, and say so in their own events: what they make of calls that come
-- interleaved is right at the end alone.
local ONE_AFTER_THE_OTHER = { openai_chat = true, anthropic = true }

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function missing()
  if not exists "tests/clients/node_modules/.package-lock.json" then return "the npm clients are not installed (sh tests/clients/install.sh)" end
  if not exists "build/lua5.4/opengatellm/core.so" then return "the server needs the modules of lua5.4" end
end

-- A text or nothing.
local function some(value) return value ~= nil and value ~= cjson.null and value ~= "" and value or nil end

local function arguments(value) return type(value) == "string" and helper.decode(value) or value end

-- A reading as far as `expect` goes: an absent text is none.
local function seen_of(reading)
  local seen = { text = some(reading.text), reasoning = some(reading.reasoning), refusal = some(reading.refusal) }
  for i, call in ipairs(reading.tools or {}) do
    seen.tools = seen.tools or {}
    seen.tools[i] = { id = call.id, name = call.name, arguments = arguments(call.arguments) }
  end
  return seen
end

local function expected_of(turn, wire)
  local expect = turn.expect
  local wanted = { text = expect.text, reasoning = expect.reasoning, refusal = expect.refusal, tools = expect.tools }
  if wire.refusal_is_text and expect.refusal then wanted.text, wanted.refusal = expect.refusal, nil end
  return wanted
end

local function check_usage(expect, seen, wire, where)
  if not expect then return end
  assert.is_table(seen, where)
  assert.same({ expect.input, expect.output }, { seen.input, seen.output }, where)
  if wire.no_details then return end
  assert.same({ expect.cached or 0, expect.reasoning or 0 }, { some(seen.cached) or 0, some(seen.reasoning) or 0 }, where)
end

local function check_error(turn, reading, wire, where)
  assert.is_table(reading.error, where)
  assert.equal(turn.expect.error.message, reading.error.message, where)
  if not wire.no_error_type then assert.equal(turn.expect.error.type, reading.error.type, where) end
  if turn.status then assert.equal(turn.status, reading.error.status, where) end
  if reading.streamed then assert.equal(some(turn.expect.text), some(reading.text), where) end
end

local function check(reading)
  local turn, wire = turns[reading.turn], WIRE[reading.protocol]
  local where = ("%s, %s, %s"):format(reading.client, reading.turn, reading.streamed and "streamed" or "whole")
  local lenient = reading.turn == "interleaved" and reading.streamed and ONE_AFTER_THE_OTHER[reading.protocol]
  if not lenient then assert.same({}, reading.complaints, where) end
  if turn.expect.error then return check_error(turn, reading, wire, where) end
  assert.is_nil(reading.error and some(reading.error), where)
  assert.same(expected_of(turn, wire), seen_of(reading), where)
  if wire.signs and reading.client ~= "ours" then assert.equal(turn.expect.signature, some(reading.signature), where) end
  assert.equal(wire.finish[turn.expect.finish], reading.finish, where)
  check_usage(turn.expect.usage, reading.usage, wire, where)
end

describe("the official clients", function()
  local readings

  -- All readings, made once: protocol → list.
  local function read_all()
    local process = assert(io.popen("node tests/clients/read.mjs " .. helper.serve "encoded.lua" .. " 2>&1"))
    local by_protocol, other = {}, {}
    for line in process:lines() do
      local known, reading = pcall(helper.decode, line)
      if known then
        by_protocol[reading.protocol] = by_protocol[reading.protocol] or {}
        table.insert(by_protocol[reading.protocol], reading)
      else
        other[#other + 1] = line
      end
    end
    process:close()
    assert.equal("", table.concat(other, "\n"))
    return by_protocol
  end

  for protocol in pairs(WIRE) do
    it("read what we write of " .. protocol, function()
      local problem = missing()
      if problem then return pending(problem) end
      readings = readings or read_all()
      local list = assert(readings[protocol], protocol)
      assert.equal(2 * #turns, #list)
      for _, reading in ipairs(list) do check(reading) end
    end)
  end
end)

describe("our client", function()
  after_each(helper.close)

  local function reading_of(client, protocol, turn, streamed)
    local request = { model = turn.name, messages = { { role = "user", content = "?" } }, max_tokens = 100 }
    local reply, err
    if streamed then
      local stream
      stream, err = client:stream(request)
      if stream then reply, err = stream:reply() end
    else
      reply, err = client:chat(request)
    end
    local found = reply or err.partial or {}
    local usage = found.usage or {}
    return {
      client = "ours", protocol = protocol, turn = turn.name, streamed = streamed, text = found.text, reasoning = found.reasoning,
      refusal = found.refusal, tools = found.tool_calls, finish = found.finish_reason, complaints = {},
      error = err and { message = err.message, type = err.type, status = err.status },
      usage = {
        input = usage.input_tokens, cached = usage.cached_input_tokens, output = usage.output_tokens, reasoning = usage.reasoning_tokens,
      },
    }
  end

  -- Our own reader names finish reasons alike for all protocols; what the wire cannot tell apart stays what it is there.
  -- A Responses object that failed says so in its status, and that is its reason.
  local function finish_of(protocol, turn)
    local reason = turn.expect.finish
    if protocol == "ollama" and reason == "content_filter" then return "stop" end
    if protocol == "openai_responses" and turn.expect.error then return "error" end
    return reason
  end

  for protocol, provider in pairs(PROVIDERS) do
    it("reads what we write of " .. protocol, function()
      if not exists "build/lua5.4/opengatellm/core.so" then return pending "the server needs the modules of lua5.4" end
      local base = helper.serve "encoded.lua"
      local client = helper.client_of(base, { provider = provider, retries = { max = 0 } })
      for _, turn in ipairs(turns) do
        for _, streamed in ipairs { false, true } do
          local reading = reading_of(client, protocol, turn, streamed)
          if reading.finish then
            assert.equal(finish_of(protocol, turn), reading.finish, turn.name)
            reading.finish = WIRE[protocol].finish[turn.expect.finish]
          end
          check(reading)
        end
      end
    end)
  end
end)
