--- Thousands of requests to the gateway in one worker of nginx: good ones of every route, errors, streams that break off, callers that go.
--- At the end its memory, its descriptors, its shared memory and its connections upstream are where they were.
--
--   requests.lua N
--
-- None of it depends on the speed of the machine. The last line is "N passed, N failed, N skipped".
local gateway = require "spec.support.nginx_gateway"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local nginx = require "spec.support.nginx"

local absent = nginx.absent() or not helper.memory() and "this system does not say what a process holds"
if absent then
  print("skipped: requests to the gateway: " .. absent)
  print "0 passed, 0 failed, 1 skipped"
  return
end

local COUNT = tonumber(arg[1])
local MIB = 1024 * 1024
local SPARE = { memory = 6 * MIB, descriptors = 8, shared = 64 * 1024, upstream = 4 } -- that it may hold more at the end
local ANEW = 500 -- requests after which callers connect again

-- The mix ---------------------------------------------------------------------------------------------------------------------

local chat = gateway.chat

-- Each row: path, body (a table, or text as it is), the status that it has to get.
local MIX = {
  { "/v1/chat/completions", chat("ok", false), 200 }, { "/v1/chat/completions", chat("made/ok", true), 200 },
  { "/api/chat", chat("made/ok", true), 200 }, { "/api/chat", chat("ok", false), 200 },
  { "/api/generate", { model = "made/ok", prompt = "Bonjour", stream = true }, 200 },
  { "/v1/responses", { model = "made/ok", input = "Bonjour", stream = true }, 200 },
  { "/api/embed", { model = "ok", input = { "a", "b" } }, 200 }, { "/api/chat", chat("anthropic/tools", true), 200 },
  { "/v1/chat/completions", chat("ollama/reasoning", true), 200 }, { "/v1/chat/completions", chat("gemini/text", false), 200 },
  { "/v1/chat/completions", chat("made/status:503", true), 503 }, { "/api/chat", chat("nowhere", true), 404 },
  { "/v1/chat/completions", '{"model":', 400 }, { "/api/chat", chat("made/close_mid_stream:3", true), 200 },
  { "/v1/chat/completions", chat("reset_mid_stream:3", true), 200 }, { "/api/chat", chat("stall_mid_stream:3", true), 200, goes = true },
}

local failures = {}

local function check(fine, message)
  if not fine then failures[#failures + 1] = message end
end

local function body_of(row) return type(row[2]) == "table" and json.encode(row[2]) or row[2] end

-- One request; a caller that goes takes its connection with it. Gives the connection for the next request.
local function ask(caller, row)
  caller = caller or gateway.open()
  gateway.send(caller, "POST", row[1], body_of(row), { ["Content-Type"] = "application/json" })
  local status, headers = gateway.read_head(caller)
  check(status == row[3], ("%s %s: %d"):format(row[1], body_of(row), status))
  if row.goes then
    caller:close()
    return nil
  end
  gateway.read_body(caller, headers)
  return caller
end

local function run(count)
  local caller
  for i = 1, count do
    if caller and i % ANEW == 0 then
      caller:close()
      caller = nil
    end
    caller = ask(caller, MIX[i % #MIX + 1])
  end
  if caller then caller:close() end
end

-- What is held ------------------------------------------------------------------------------------------------------------------

local function number_of(path) return tonumber((select(2, gateway.ask("GET", path)))) end

local function measured()
  number_of "/worker" -- collects the garbage
  local worker = select(3, gateway.ask("GET", "/health"))["x-worker"]
  return {
    memory = helper.memory(worker), descriptors = helper.open_descriptors(worker), shared = -number_of "/shared",
    upstream = helper.stats().open,
  }
end

local function has_settled(before)
  return helper.eventually(function()
    local now = measured()
    return now.upstream <= before.upstream + SPARE.upstream and now.descriptors <= before.descriptors + SPARE.descriptors
  end)
end

gateway.start()
run(math.max(2000, math.floor(COUNT / 10))) -- until everything that is kept is there
local before = measured()
run(COUNT)
check(has_settled(before), "descriptors, or connections upstream, are left")
local after = measured()
for name, spare in pairs(SPARE) do
  local more = after[name] - before[name]
  print(("%s: %d before, %d more after %d requests"):format(name, before[name], more, COUNT))
  check(more <= spare, ("%s: %d more"):format(name, more))
end
for i = 1, math.min(#failures, 10) do print("FAILED: " .. failures[i]) end
print(("%d passed, %d failed, 0 skipped"):format(COUNT, #failures))
nginx.stop()
os.exit(#failures == 0 and 0 or 1, true)
