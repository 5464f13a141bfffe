local event_chain = require "opengatellm.chat.event_chain"
local output_tool = require "opengatellm.chat.output_tool"

-- What the function of the output tool makes of events.
local function pass(events)
  local functions, states = output_tool.add { tool = "output" }
  local chain, out = event_chain.new(functions, {}, nil, states), {}
  for _, event in ipairs(events) do assert(chain:put(event)) end
  assert(chain:finish())
  for event in function() return chain:take() end do out[#out + 1] = event end
  return out
end

describe("the output tool", function()
  it("makes text of its arguments, and a plain end", function()
    assert.same({
      { type = "text", text = '{"a":', index = 1 }, { type = "text", text = "1}", index = 1 }, { type = "finish", reason = "stop" },
    }, pass {
      { type = "tool_call", id = "c", name = "output", index = 1 }, { type = "tool_arguments", text = '{"a":', index = 1 },
      { type = "tool_arguments", text = "1}", index = 1 }, { type = "tool_call_end", id = "c", name = "output", arguments = '{"a":1}', index = 1 },
      { type = "part_end", kind = "tool_call", signature = "s", index = 1 }, { type = "finish", reason = "tool_calls" },
    })
  end)

  it("takes arguments that come at the end alone", function()
    local out = pass {
      { type = "tool_call", id = "c", name = "output", index = 2 },
      { type = "tool_call_end", id = "c", name = "output", arguments = "{}", index = 2 },
    }
    assert.same({ { type = "text", text = "{}", index = 2 } }, out)
  end)

  it("counts once a choice, and leaves other tools' calls alone", function()
    local other = { type = "tool_call", id = "o", name = "f", index = 3 }
    local arguments = { type = "tool_arguments", text = "{}", index = 3 }
    local ending = { type = "finish", reason = "tool_calls" }
    assert.same({ { type = "text", text = "1", index = 1 }, other, arguments, ending, { type = "text", text = "2", index = 1, choice = 2 } }, pass {
      { type = "tool_call", id = "a", name = "output", index = 1 }, { type = "tool_arguments", text = "1", index = 1 },
      { type = "tool_call", id = "b", name = "output", index = 2 }, { type = "tool_arguments", text = "twice", index = 2 },
      other, arguments, ending,
      { type = "tool_call", id = "d", name = "output", index = 1, choice = 2 }, { type = "tool_arguments", text = "2", index = 1, choice = 2 },
    })
  end)

  it("stands behind the functions of a call, with a state of its own", function()
    local first = function(event) return event end
    local functions, states = output_tool.add({ tool = "output" }, { first }, { { its = true } })
    assert.same({ 2, 2, true }, { #functions, #states, states[1].its })
    assert.equal(first, functions[1])
  end)
end)
