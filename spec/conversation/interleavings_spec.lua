-- Any interleaving of approve, reject, resolve, cancel, crash and load: each call is answered once, in order, over all five protocols; no
-- call runs twice, and none that was denied runs.
local conversations = require "spec.support.conversations"
local history = require "opengatellm.conversation.history"
local ogl = require "opengatellm"

local RUNS = tonumber(os.getenv "OGL_RUNS") or 150

local function pick(list) return list[math.random(#list)] end

-- One life of a conversation: its model, its store, its tools, and what is known of each call.
local function new_life()
  local life = { n_calls = 0, ran = {}, denied = {}, resolved = {}, crashed = false }
  local names = { "free", "asks", "external", "alone", "ghost" }

  local function answer()
    if math.random(3) == 1 then return conversations.says "Well." end
    local list = {}
    for i = 1, math.random(3) do
      life.n_calls = life.n_calls + 1
      list[i] = { "call" .. life.n_calls, pick(names), { n = life.n_calls } }
    end
    return conversations.calls(list)
  end

  local clients = {}
  for i, protocol in ipairs(conversations.PROTOCOLS) do clients[i] = conversations.client({ answer }, protocol) end
  life.client = {
    provider = clients[1].provider, bounds = clients[1].bounds,
    chat = function(_, request)
      assert.is_nil(conversations.problem_of(request.messages))
      return pick(clients):chat(request)
    end,
    stream = function(_, request) return pick(clients):stream(request) end,
  }

  local function run(arguments)
    local id = "call" .. arguments.n
    life.ran[id] = (life.ran[id] or 0) + 1
    if math.random(3) == 1 then ogl.sleep(0) end
    if math.random(15) == 1 then life.crashed = true end -- the program dies in here: nothing after this is kept
    if math.random(6) == 1 then error "boom" end
    return "ran " .. id
  end

  life.options = {
    client = life.client, max_steps = 4, tool_retries = 100,
    tools = {
      conversations.tool("free", run), conversations.tool("asks", run, { approval = true }),
      conversations.tool("alone", run, { approval = true, sequential = true }),
      { name = "external", description = "d", parameters = { type = "object" } },
    },
    on_save = function(conversation)
      if life.crashed then return nil, "dead" end
      if math.random(25) == 1 then
        life.crashed = true
        return nil, "dead before it was stored"
      end
      life.text = assert(conversation:save())
      if math.random(25) == 1 then
        life.crashed = true
        return nil, "dead after it was stored"
      end
    end,
  }
  life.chat = ogl.conversation(life.options)
  life.text = assert(life.chat:save())
  return life
end

local acts = {}

function acts.send(life)
  local _, err = life.chat:send "x"
  assert.is_true(err == nil or err.code == "pending" or err.code == "save" or err.kind == "limit", tostring(err))
end

function acts.resume(life)
  local _, err = life.chat:resume()
  assert.is_true(err == nil or err.code == "nothing" or err.code == "save" or err.kind == "limit", tostring(err))
end

-- Decides a call that waits; one whose outcome nobody knows is not run again.
function acts.decide(life)
  local call = life.chat.pending[1] and pick(life.chat.pending)
  if not call then return end
  if call.reason == "approval" and math.random(3) > 1 then
    assert(life.chat:approve(call.id))
  elseif call.reason ~= "approval" and math.random(2) == 1 then
    assert(life.chat:resolve(call.id, "resolved"))
  else
    assert(life.chat:reject(call.id, "no"))
    if call.reason == "approval" then life.denied[call.id] = true end
  end
end

function acts.cancel(life) life.chat:cancel() end
function acts.store(life) life.text = assert(life.chat:save()) end
function acts.crash(life) life.crashed = true end

local NAMES = { "send", "send", "resume", "resume", "resume", "decide", "decide", "decide", "store", "store", "cancel", "crash" }

-- What the program that died knew goes with it: decisions that were not stored, too.
local function revive(life)
  life.crashed, life.denied = false, {}
  life.chat = assert(ogl.conversation.load(life.text, life.options))
end

local function check(life)
  for id, count in pairs(life.ran) do assert.equal(1, count, id .. " ran twice") end
  for id in pairs(life.denied) do assert.is_nil(life.ran[id], id .. " was denied, and ran") end
  local repaired = history.repair(life.chat.messages)
  assert.equal(repaired, history.repair(repaired))
  assert.is_nil(conversations.problem_of(repaired))
  for _, message in ipairs(life.chat.messages) do
    if message.role == "tool" and message.content == "ran " .. message.tool_call_id then assert.equal(1, life.ran[message.tool_call_id]) end
  end
end

describe("a conversation, whatever happens in whichever order,", function()
  for _, place in ipairs { { "in a blocking program", function(fn) fn() end }, { "in a task", ogl.run } } do
    it("answers each call once, in order, and runs none twice, " .. place[1], function()
      for seed = 1, RUNS do
        math.randomseed(seed)
        place[2](function()
          local life = new_life()
          for _ = 1, 30 do
            acts[pick(NAMES)](life)
            if life.crashed then revive(life) end
            check(life)
          end
        end)
      end
    end)
  end
end)
