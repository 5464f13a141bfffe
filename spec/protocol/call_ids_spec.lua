local call_ids = require "opengatellm.protocol.call_ids"

local function calls(...)
  local list = {}
  for i, id in ipairs { ... } do list[i] = { id = id or nil, name = "f", arguments = "{}" } end
  return { role = "assistant", tool_calls = list }
end

local function result(id, text, name) return { role = "tool", tool_call_id = id, content = text or "ok", name = name } end

-- The ids of a conversation, in order: of calls, and of results.
local function ids(list, rule)
  local found = {}
  for _, message in ipairs(call_ids.fit(list, rule)) do
    for _, call in ipairs(message.tool_calls or {}) do found[#found + 1] = call.id or "-" end
    if message.role == "tool" then found[#found + 1] = (message.tool_call_id or "-") .. ":" .. message.content end
  end
  return found
end

local function ids_of_calls(list, rule)
  local found = {}
  for _, message in ipairs(call_ids.fit(list, rule)) do
    for _, call in ipairs(message.tool_calls or {}) do found[#found + 1] = call.id end
  end
  return found
end

describe("an id of a call", function()
  it("that fits stays, and so does the list", function()
    for rule, id in pairs { any = "a b.:" .. ("x"):rep(200), plain = "toolu_01-A", short = ("x"):rep(40), responses = ("x"):rep(64), nine = "Xy7Qa2LmN" } do
      local list = { calls(id), result(id) }
      assert.equal(list, call_ids.fit(list, rule), rule)
    end
    local talk = { { role = "user", content = "hi" }, { role = "assistant", content = "ho" } }
    assert.equal(talk, call_ids.fit(talk, "nine"))
  end)

  it("is made to fit, the same each time and with each of its results", function()
    local long = ("x"):rep(80)
    for _, row in ipairs {
      { "plain", "functions.ls:0", "^functions_ls_0$" }, { "plain", "é", "^[%w_-]+$" }, { "plain", long, "^[%w_-]+$", 64 },
      { "short", long, "^x+_%w+$", 40 }, { "responses", long, "^x+_%w+$", 64 }, { "nine", "toolu_1", "^%w%w%w%w%w%w%w%w%w$", 9 },
      { "nine", "call_0123", "^%w%w%w%w%w%w%w%w%w$", 9 },
    } do
      local list = { calls(row[2]), result(row[2]), result(row[2], "again") }
      local found = ids(list, row[1])
      assert.matches(row[3], found[1])
      assert.is_true(#found[1] <= (row[4] or 64))
      assert.same({ found[1] .. ":ok", found[1] .. ":again" }, { found[2], found[3] })
      assert.same(found, ids(list, row[1]))
      assert.equal(row[2], list[1].tool_calls[1].id) -- the caller's messages stay
    end
  end)

  it("is made where there is none, and where it is none", function()
    assert.same({ "ogl_call_1", "ogl_call_2" }, ids({ calls(false, false) }, "plain"))
    assert.same({ "ogl_call_1" }, ids({ { role = "assistant", tool_calls = { { id = "", name = "f" } } } }, "any"))
    local wire = { role = "assistant", tool_calls = { { type = "function", ["function"] = { name = "f", arguments = "{}" } } } }
    assert.same({ "ogl_call_1", "ogl_call_1:ok" }, ids({ wire, result "f" }, "any"))
  end)

  it("is another for each call of the conversation", function()
    local list = { calls("ogl_call_1", "ogl_call_2"), result("ogl_call_2", "b"), result("ogl_call_1", "a"), calls "ogl_call_1", result("ogl_call_1", "c") }
    assert.same({ "ogl_call_1", "ogl_call_2", "ogl_call_2:b", "ogl_call_1:a", "ogl_call_3", "ogl_call_3:c" }, ids(list, "plain"))
    assert.same({ "a", "a_2", "a:x", "a_2:y", "a_3", "a_3:z" }, ids({ calls("a", "a"), result("a", "x"), result("a", "y"), calls "a", result("a", "z") }, "any"))
    assert.same({ "a_b", "a_b_2" }, ids({ calls("a.b", "a:b") }, "plain"))
  end)

  it("stands in a reply's content and beside it, the same in both", function()
    local reply = calls("a.1", "a.2")
    reply.content = { { type = "text", text = "x" }, { type = "tool_call", id = "a.1", name = "f" }, { type = "tool_call", id = "a.2", name = "f" } }
    local out = call_ids.fit({ reply, result "a.2" }, "plain")
    assert.same({ "a_1", "a_2" }, { out[1].content[2].id, out[1].content[3].id })
    assert.same({ "a_1", "a_2" }, { out[1].tool_calls[1].id, out[1].tool_calls[2].id })
    assert.equal("a_2", out[2].tool_call_id)
  end)
end)

describe("a result", function()
  it("belongs to the call of its name where the call has no id, each to the next that waits", function()
    assert.same({ "ogl_call_1", "ogl_call_2", "ogl_call_1:one", "ogl_call_2:two" }, ids({ calls(false, false), result("f", "one"), result("f", "two") }, "plain"))
    assert.same({ "c1", "c1:ok" }, ids({ calls "c1", result "f" }, "any"))
    assert.same({ "c1", "c1:ok" }, ids({ calls "c1", result("unknown", "ok", "f") }, "any"))
  end)

  it("in the old form, by its function's name alone, is one like the others", function()
    local old = { role = "function", name = "f", content = "1" }
    assert.same({ "c1", "c1:1" }, ids({ calls "c1", old }, "any"))
    assert.same({ "ogl_call_1", "ogl_call_1:1" }, ids({ calls(false), old }, "any"))
    assert.equal("function", call_ids.fit({ old }, "any")[1].role) -- nobody waits for it
  end)

  it("of no call keeps its id, made to fit", function()
    assert.same({ "c1", "c1:ok", "x_y:ok" }, ids({ calls "c1", result "c1", result "x.y" }, "plain"))
  end)

  it("stands behind its calls, before what came between", function()
    local user = { role = "user", content = "wait" }
    local list = { calls("a", "b"), result("a", "1"), user, result("b", "2"), { role = "user", content = "go" } }
    local roles = {}
    for i, message in ipairs(call_ids.fit(list, "any")) do roles[i] = message.role .. (message.tool_call_id or "") end
    assert.same({ "assistant", "toola", "toolb", "user", "user" }, roles)
    assert.equal(list, call_ids.fit(list, "responses")) -- which has it where it came
  end)

  it("without ids stands in the order of the calls, with the name of its own", function()
    local list = { calls("x", "y"), result("y", "2"), result("x", "1") }
    list[1].protocol = "openai_chat"
    local out = call_ids.fit(list, "own")
    assert.same({ "1", "2", "f" }, { out[2].content, out[3].content, out[2].called })
    assert.same({}, { out[1].tool_calls[1].id, out[2].tool_call_id })
    list[1].protocol = "gemini"
    assert.same({ "x", "y", "y:2", "x:1" }, ids(list, "own"))
    local mixed = { calls(false, "y", false), result("f", "1"), result("y", "2"), result("f", "3") }
    assert.same({ "-", "y", "-", "-:1", "y:2", "-:3" }, ids(mixed, "own"))
  end)
end)

describe("a long conversation", function()
  it("costs no more than its length, whatever its ids are", function()
    local n = 20000
    local message, list = { role = "assistant", tool_calls = {} }, {}
    for i = 1, n do message.tool_calls[i] = { id = "same", name = "f", arguments = "{}" } end
    list[1] = message
    for i = 1, n do
      list[#list + 1] = { role = "user", content = "x" }
      list[#list + 1] = result("same", tostring(i))
    end
    local start = os.clock()
    for _, rule in ipairs { "plain", "own", "nine" } do
      local out = call_ids.fit(list, rule)
      assert.same({ "tool", tostring(n), "user" }, { out[n + 1].role, out[n + 1].content, out[n + 2].role })
    end
    assert.is_true(os.clock() - start < 60) -- it is a second; with each result looked for from the start it would be many minutes
  end)
end)

-- Conversations made of anything that servers and programs put there: what is sent has one id a call, which fits, and a result has
-- that of its call.
describe("any conversation", function()
  local PATTERNS = {
    any = "^.+$", plain = "^[%w_-]+$", short = "^.+$", responses = "^.+$", nine = "^%w%w%w%w%w%w%w%w%w$",
  }
  local LENGTHS = { any = 1000, plain = 64, short = 40, responses = 64, nine = 9 }
  local POOL = { "c1", "c.1", "c:1", "call_0", "ogl_call_1", "ogl_call_2", "Xy7Qa2LmN", ("long "):rep(30), "é" }

  -- Numbers that are the same on every machine.
  local function dice(seed)
    return function(n)
      seed = (seed * 16807) % 2147483647
      return seed % n + 1
    end
  end

  -- Each call and its result carry the same mark.
  local function conversation(roll)
    local list, mark = {}, 0
    for _ = 1, roll(5) do
      local message = { role = "assistant", tool_calls = {} }
      local answers = {}
      for i = 1, roll(4) do
        mark = mark + 1
        local id, name = POOL[roll(#POOL + 3)], "f" .. mark
        message.tool_calls[i] = { id = id, name = name, arguments = '{"mark":' .. mark .. "}" }
        answers[i] = result(id or name, tostring(mark))
      end
      if roll(2) == 1 then
        message.content = {}
        for i, call in ipairs(message.tool_calls) do message.content[i] = { type = "tool_call", id = call.id, name = call.name, arguments = call.arguments } end
      end
      list[#list + 1] = message
      for _, answer in ipairs(answers) do
        if roll(4) == 1 then list[#list + 1] = { role = "user", content = "by the way" } end
        list[#list + 1] = answer
      end
    end
    return list
  end

  for rule, pattern in pairs(PATTERNS) do
    it("fits the rule " .. rule, function()
      local roll = dice(4711)
      for _ = 1, 400 do
        local list = conversation(roll)
        local of_mark, taken = {}, {}
        for _, message in ipairs(call_ids.fit(list, rule)) do
          for i, call in ipairs(message.tool_calls or {}) do
            -- luassert is slow: it is asked where something is wrong, for its words
            if not call.id:find(pattern) then assert.matches(pattern, call.id) end
            if #call.id > LENGTHS[rule] then assert.equal(LENGTHS[rule], #call.id) end
            if taken[call.id] then assert.is_nil(taken[call.id]) end
            taken[call.id], of_mark[call.arguments:match "%d+"] = true, call.id
            if message.content and message.content[i].id ~= call.id then assert.equal(call.id, message.content[i].id) end
          end
          local wanted = of_mark[message.content]
          if message.role == "tool" and message.tool_call_id ~= wanted then assert.equal(wanted, message.tool_call_id) end
        end
        -- what a shorter conversation sends is what the longer one begins with
        local half = {}
        for i = 1, roll(#list) do half[i] = list[i] end
        local whole = ids_of_calls(list, rule)
        for i, id in ipairs(ids_of_calls(half, rule)) do
          if whole[i] ~= id then assert.equal(whole[i], id) end
        end
      end
    end)
  end
end)
