local turns = require "opengatellm.protocol.turns"

-- A draft, and the warnings that it gets.
local function new(row)
  local warnings = {}
  local function warn(field, message, code) warnings[#warnings + 1] = { field, message, code } end
  return { out = {}, system = {}, row = row or {}, model = "m-1", warn = warn }, warnings
end

describe("a conversation as turns", function()
  it("adds each message by its role, in order, until one is an error", function()
    local seen = {}
    local function note(name)
      return function(_, message)
        seen[#seen + 1] = name .. " " .. message.content
        if message.content == "bad" then return "an error" end
      end
    end
    local add = { system = note "system", user = note "user", assistant = note "assistant", tool = note "tool" }
    local list = {
      { role = "system", content = "a" }, { role = "developer", content = "b" }, { role = "user", content = "c" },
      { role = "assistant", content = "d" }, { role = "tool", content = "e", tool_call_id = "1" }, { role = "someone", content = "f" },
    }
    assert.is_nil(turns.add_all((new()), list, "plain", add))
    assert.same({ "system a", "system b", "user c", "assistant d", "tool e", "user f" }, seen)
    assert.equal("an error", turns.add_all((new()), { { role = "user", content = "bad" }, { role = "user", content = "x" } }, "plain", add))
    assert.equal("user bad", seen[#seen])
  end)

  it("moves instructions to the front, and says so where something stands before them", function()
    local draft, warnings = new()
    turns.add_instructions(draft, { "a" }, "p")
    assert.same({}, warnings)
    draft.out[1] = { role = "user" }
    turns.add_instructions(draft, { "b", "c" }, "p")
    assert.same({ "a", "b", "c" }, draft.system)
    assert.same({ { "messages", "p has instructions only before the conversation: they were moved there", "approximated" } }, warnings)
  end)

  it("drops what the assistant began to say, only where the model does not go on with it", function()
    for _, case in ipairs { { {}, true, false }, { { prefill = false }, false, false }, { { prefill = false }, true, true } } do
      local draft, warnings = new(case[1])
      draft.out = { { role = "user" }, { role = "assistant" } }
      assert.equal(case[3], turns.drop_prefill(draft, case[2]))
      assert.equal(case[3] and 1 or 2, #draft.out)
      assert.equal(case[3] and 1 or 0, #warnings)
    end
    local draft = new { prefill = false }
    draft.out = { { role = "assistant" } } -- alone it is all that there is to send
    assert.is_false(turns.drop_prefill(draft, true))
  end)

  it("sends instructions alone as a message of the user", function()
    local function message_of(parts) return { role = "user", parts = parts } end
    local draft, warnings = new()
    turns.promote_instructions(draft, "p", message_of)
    assert.same({}, draft.out)
    draft.system = { "a" }
    turns.promote_instructions(draft, "p", message_of)
    assert.same({ { role = "user", parts = { "a" } } }, draft.out)
    assert.same({}, draft.system)
    assert.equal(1, #warnings)
    draft.system = { "b" }
    turns.promote_instructions(draft, "p", message_of)
    assert.same({ "b" }, draft.system) -- there is a message already
  end)
end)
